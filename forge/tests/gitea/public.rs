use forge::{Fault, Gitea, GiteaOptions};

use crate::support::{ED25519, Play, json_of, refused};

#[tokio::test]
async fn the_version_tells_the_product() {
    for (play, version) in [
        (Play::gitea().await, "1.26.2"),
        (Play::forgejo().await, "12.0.4+gitea-1.22.0"),
    ] {
        let url = play.gitea.api("/version");
        let body = json_of(play.http.get(url).send().await.unwrap()).await;
        assert_eq!(body["version"], version);
    }
}

#[tokio::test]
async fn a_closed_server_tells_nobody() {
    let play = Play::with(GiteaOptions {
        sign_in_to_view: true,
        ..GiteaOptions::gitea()
    })
    .await;
    let url = play.gitea.api("/version");
    let words = refused(play.http.get(url).send().await.unwrap(), 403).await;
    assert_eq!(words, "Only signed in user is allowed to call APIs.");
    let token = play.ada().await;
    assert_eq!(play.get("/version", &token).await.status(), 200);
}

#[tokio::test]
async fn it_says_how_it_is_and_where_it_stands() {
    let play = Play::gitea().await;
    let base = play.gitea.base_url().to_owned();
    let get = async |path: &str| {
        let answer = play.http.get(format!("{base}{path}")).send().await.unwrap();
        json_of(answer).await
    };
    assert_eq!(get("/api/healthz").await["status"], "pass");
    let discovered = get("/.well-known/openid-configuration").await;
    assert_eq!(discovered["issuer"], base);
    let token = format!("{base}/login/oauth/access_token");
    assert_eq!(discovered["token_endpoint"], token);
    play.gitea.believes_to_be_at("https://old.example");
    let discovered = get("/.well-known/openid-configuration").await;
    assert_eq!(discovered["issuer"], "https://old.example");
}

#[tokio::test]
async fn a_server_below_a_path_is_nowhere_else() {
    let play = Play::with(GiteaOptions::gitea().below("/git")).await;
    assert!(play.gitea.base_url().ends_with("/git"));
    let token = play.ada().await;
    assert_eq!(play.post(&token, "t", ED25519).await.status(), 201);
    let outside = play.gitea.base_url().strip_suffix("/git").unwrap();
    for path in ["/api/v1/user", "/login/oauth/authorize", "/"] {
        let answer = play.http.get(format!("{outside}{path}"));
        assert_eq!(answer.send().await.unwrap().status(), 404, "{path}");
    }
    // Routes are named without the path, and faults find them.
    assert_eq!(play.gitea.calls("POST /user/keys"), 1);
    assert_eq!(play.gitea.calls(Gitea::TOKEN_ROUTE), 1);
    play.gitea.fail_with(Fault::BadGateway);
    assert_eq!(play.get("/user", &token).await.status(), 502);
}
