use forge::GiteaOptions;

use crate::support::{CALLBACK, CHALLENGE, Play, VERIFIER, error_of, pair, query};

#[tokio::test]
async fn a_code_gives_a_pair_for_an_hour() {
    let play = Play::gitea().await;
    let pair = play.link("ada", "write:user").await;
    assert_eq!(pair.access.matches('.').count(), 2);
    assert!(pair.access.len() > 400 && pair.access != pair.refresh);
    assert_eq!(play.get("/user", &pair.access).await.status(), 200);
    play.passes(3599);
    assert_eq!(play.get("/user", &pair.access).await.status(), 200);
    play.passes(1);
    assert_eq!(play.get("/user", &pair.access).await.status(), 401);
}

#[tokio::test]
async fn a_refresh_token_opens_no_door() {
    let play = Play::gitea().await;
    let pair = play.link("ada", "write:user").await;
    assert_eq!(play.get("/user", &pair.refresh).await.status(), 401);
}

#[tokio::test]
async fn a_code_works_once() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    pair(play.spend(&code, &[]).await).await;
    let (error, why) = error_of(play.spend(&code, &[]).await).await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "client is not authorized");
}

#[tokio::test]
async fn a_code_runs_out_after_ten_minutes() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    play.passes(600);
    let (error, why) = error_of(play.spend(&code, &[]).await).await;
    assert_eq!(error, "invalid_grant");
    assert_eq!(why, "authorization code expired");
}

#[tokio::test]
async fn an_unknown_client_and_a_wrong_secret_have_two_names() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    let ask = async |id: &str, secret: &str| {
        let form = [
            ("client_id", id),
            ("client_secret", secret),
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
            ("code", &code),
        ];
        error_of(play.token_as_is(&form).await).await
    };
    let id = &*play.app.client_id;
    let (error, why) = ask("nobody", "x").await;
    assert_eq!(error, "invalid_client");
    assert_eq!(why, "cannot load client with client id: \"nobody\"");
    let (error, why) = ask(id, "wrong").await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "invalid client secret");
    let (error, why) = ask(id, "").await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "invalid empty client secret");
    // None of it used the code up.
    pair(play.spend(&code, &[]).await).await;
}

#[tokio::test]
async fn the_verifier_has_to_match_either_way() {
    let play = Play::gitea().await;
    for (challenge, method) in [(CHALLENGE, "S256"), (VERIFIER, "plain")] {
        let pkce = [
            ("code_challenge", challenge),
            ("code_challenge_method", method),
        ];
        let back = play.gitea.approve(&play.authorize(&pkce), "ada").await;
        let code = query(&back.unwrap(), "code").unwrap();
        for wrong in [&[][..], &[("code_verifier", "wrong")]] {
            let (error, why) = error_of(play.spend(&code, wrong).await).await;
            assert_eq!(error, "unauthorized_client");
            assert_eq!(why, "failed PKCE code challenge");
        }
        let right = [("code_verifier", VERIFIER)];
        pair(play.spend(&code, &right).await).await;
    }
}

#[tokio::test]
async fn the_redirect_uri_is_judged_again() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    let ask = async |redirect: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", redirect),
            ("code", &*code),
        ];
        error_of(play.token(&form).await).await
    };
    let (error, why) = ask("http://127.0.0.1:1/").await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "unexpected redirect URI");
    let (error, why) = ask("").await;
    assert_eq!(error, "invalid_grant");
    assert!(why.starts_with("redirect_uri differs"));
}

#[tokio::test]
async fn forgejo_does_without_a_redirect_uri_and_its_codes_keep() {
    let play = Play::forgejo().await;
    let code = play.code("ada", "write:user").await;
    play.passes(3600);
    let form = [("grant_type", "authorization_code"), ("code", &*code)];
    pair(play.token(&form).await).await;
}

#[tokio::test]
async fn another_app_cannot_spend_a_code() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    let other = play.gitea.register_app("Other", CALLBACK);
    let form = [
        ("client_id", &*other.client_id),
        ("client_secret", &other.client_secret),
        ("grant_type", "authorization_code"),
        ("redirect_uri", CALLBACK),
        ("code", &code),
    ];
    let (error, why) = error_of(play.token_as_is(&form).await).await;
    assert_eq!((&*error, &*why), ("invalid_grant", "invalid grant"));
}

#[tokio::test]
async fn other_grant_types_are_not_known() {
    let play = Play::gitea().await;
    for kind in ["", "password"] {
        let (error, _) = error_of(play.token(&[("grant_type", kind)]).await).await;
        assert_eq!(error, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn credentials_may_come_as_basic_authorization_and_must_agree() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    let url = format!("{}/login/oauth/access_token", play.gitea.base_url());
    let form = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", CALLBACK),
        ("code", &*code),
    ];
    let (id, secret) = (&play.app.client_id, &play.app.client_secret);
    let call = || play.http.post(&url).basic_auth(id, Some(secret));
    let twisted = [&form[..], &[("client_id", "other")]].concat();
    let (error, _) = error_of(call().form(&twisted).send().await.unwrap()).await;
    assert_eq!(error, "invalid_request");
    pair(call().form(&form).send().await.unwrap()).await;
}

#[tokio::test]
async fn where_oauth_is_off_there_is_no_endpoint() {
    let play = Play::with(GiteaOptions {
        oauth: false,
        ..GiteaOptions::gitea()
    })
    .await;
    assert_eq!(play.spend("x", &[]).await.status(), 404);
}
