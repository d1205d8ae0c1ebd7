use forge::GiteaOptions;
use reqwest::{Method, header};

use crate::support::{Play, json_of, key, refused};

#[tokio::test]
async fn me_is_who_the_token_speaks_for() {
    let play = Play::gitea().await;
    play.gitea.name_user("ada", "Ada Lovelace");
    let body = json_of(play.get("/user", &play.ada().await).await).await;
    assert_eq!(body["login"], "ada");
    assert_eq!(body["full_name"], "Ada Lovelace");
    assert!(body["id"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_login_may_change_and_the_number_stays() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let before = json_of(play.get("/user", &token).await).await;
    play.gitea.rename_user("ada", "lovelace");
    let after = json_of(play.get("/user", &token).await).await;
    assert_eq!(after["login"], "lovelace");
    assert_eq!(after["id"], before["id"]);
}

#[tokio::test]
async fn without_a_token_or_with_a_dead_one_nobody_enters() {
    let play = Play::gitea().await;
    let answer = play.http.get(play.gitea.api("/user")).send().await.unwrap();
    let body = json_of(answer).await;
    assert_eq!(body["message"], "token is required");
    let swagger = format!("{}/api/swagger", play.gitea.base_url());
    assert_eq!(body["url"], swagger);
    let dead = refused(play.get("/user", "eyJ.a.b").await, 401).await;
    assert_eq!(dead, "user does not exist [uid: 0, name: ]");
}

#[tokio::test]
async fn the_scheme_may_be_token() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let asks = |scheme: &str| {
        let value = format!("{scheme} {token}");
        let call = play.http.get(play.gitea.api("/user"));
        call.header(header::AUTHORIZATION, value).send()
    };
    for scheme in ["bearer", "token", "Token"] {
        assert_eq!(asks(scheme).await.unwrap().status(), 200);
    }
    assert_eq!(asks("Digest").await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_narrow_token_is_told_which_scope_it_lacks() {
    let play = Play::gitea().await;
    let token = play.link("ada", "read:user").await.access;
    assert_eq!(play.get("/user/keys", &token).await.status(), 200);
    let words = refused(play.post(&token, "t", &key(1)).await, 403).await;
    assert_eq!(
        words,
        "token does not have at least one of required scope(s), required=[write:user], token \
         scope=read:user"
    );
    let words = refused(play.delete("/user/keys/1", &token).await, 403).await;
    assert!(words.contains("required=[write:user]"));
}

#[tokio::test]
async fn forgejo_words_it_its_own_way() {
    let play = Play::forgejo().await;
    let token = play.link("ada", "read:repository").await.access;
    assert_eq!(
        refused(play.get("/user", &token).await, 403).await,
        "token does not have at least one of required scope(s): [read:user]"
    );
}

#[tokio::test]
async fn a_token_without_a_scope_of_the_api_may_do_everything() {
    for scopes in ["", "openid profile", "nonsense"] {
        let play = Play::gitea().await;
        let token = play.link("ada", scopes).await.access;
        assert_eq!(play.post(&token, "t", &key(1)).await.status(), 201);
    }
}

#[tokio::test]
async fn old_servers_know_no_scopes() {
    let play = Play::with(GiteaOptions {
        scopes: false,
        ..GiteaOptions::gitea()
    })
    .await;
    let token = play.link("ada", "read:user").await.access;
    assert_eq!(play.post(&token, "t", &key(1)).await.status(), 201);
}

#[tokio::test]
async fn who_may_not_sign_in_is_refused_everywhere() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    play.gitea.prohibit_login("ada");
    for path in ["/user", "/user/keys", "/version"] {
        let words = refused(play.get(path, &token).await, 403).await;
        assert!(words.starts_with("This account is prohibited from signing in"));
    }
    play.gitea.allow_login("ada");
    assert_eq!(play.get("/user", &token).await.status(), 200);
    play.gitea.must_change_password("ada");
    let words = refused(play.get("/user", &token).await, 403).await;
    assert!(words.starts_with("You must change your password."));
}

#[tokio::test]
async fn a_path_or_a_method_that_is_not_there() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    assert_eq!(
        refused(play.get("/nothing", &token).await, 404).await,
        "not found"
    );
    // No delete without an id.
    assert_eq!(play.delete("/user/keys", &token).await.status(), 405);
    let call = play.call(Method::PUT, "/user/keys/1", &token);
    assert_eq!(call.send().await.unwrap().status(), 405);
}
