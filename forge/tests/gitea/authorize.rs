use forge::{ForgeError, GiteaOptions, GiteaRegrant};

use crate::support::{CALLBACK, CHALLENGE, Play, error_of, pair, query};

#[tokio::test]
async fn approving_leads_back_with_a_code_and_the_state() {
    let play = Play::gitea().await;
    let url = play.authorize(&[("scope", "write:user"), ("state", "a&b=c")]);
    let back = play.gitea.approve(&url, "ada").await.unwrap();
    assert!(back.as_str().starts_with(CALLBACK));
    assert_eq!(query(&back, "state").as_deref(), Some("a&b=c"));
    assert!(query(&back, "code").unwrap().starts_with("gta_"));
    assert_eq!(query(&back, "error"), None);
}

#[tokio::test]
async fn denying_leads_back_with_access_denied() {
    let play = Play::gitea().await;
    let url = play.authorize(&[("state", "s")]);
    let back = play.gitea.deny(&url, "ada").await.unwrap();
    assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
    let why = query(&back, "error_description");
    assert_eq!(why.as_deref(), Some("the request is denied"));
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
    assert_eq!(query(&back, "code"), None);
    assert!(!play.gitea.has_grant("ada", &play.app.client_id));
}

#[tokio::test]
async fn who_granted_before_is_not_asked_again() {
    let play = Play::gitea().await;
    play.link("ada", "write:user").await;
    let url = play.authorize(&[("scope", "write:user")]);
    let back = play.gitea.deny(&url, "ada").await.unwrap();
    assert!(query(&back, "code").is_some());
}

async fn dead_end(play: &Play, url: &str) -> String {
    match play.gitea.approve(url, "ada").await.unwrap_err() {
        ForgeError::DeadEnd { status: 400, page } => page,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_wrong_redirect_uri_is_a_page_and_leads_nowhere() {
    let play = Play::gitea().await;
    for wrong in ["", "http://127.0.0.1:8080/oauth/callback/gitea/more", "x"] {
        let url = play.authorize_as_is(&[
            ("client_id", &play.app.client_id),
            ("redirect_uri", wrong),
            ("response_type", "code"),
        ]);
        let page = dead_end(&play, &url).await;
        assert!(page.contains("Unregistered Redirect URI"), "{wrong}");
    }
    let second = "http://127.0.0.1:8080/second";
    play.gitea.add_callback(&play.app.client_id, second);
    let url = play.authorize_as_is(&[
        ("client_id", &play.app.client_id),
        ("redirect_uri", second),
        ("response_type", "code"),
    ]);
    let back = play.gitea.approve(&url, "ada").await.unwrap();
    assert!(back.as_str().starts_with(second));
}

#[tokio::test]
async fn an_unknown_client_is_a_page() {
    let play = Play::gitea().await;
    let fields = [("client_id", "x"), ("redirect_uri", CALLBACK)];
    let page = dead_end(&play, &play.authorize_as_is(&fields)).await;
    assert!(page.contains("Client ID not registered"));
}

#[tokio::test]
async fn only_codes_are_given_and_only_known_challenges_are_taken() {
    let play = Play::gitea().await;
    let url = play.authorize_as_is(&[
        ("client_id", &play.app.client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "token"),
    ]);
    let back = play.gitea.approve(&url, "ada").await.unwrap();
    let error = query(&back, "error");
    assert_eq!(error.as_deref(), Some("unsupported_response_type"));
    let odd = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S512"),
    ];
    let back = play.gitea.approve(&play.authorize(&odd), "ada").await;
    let error = query(&back.unwrap(), "error");
    assert_eq!(error.as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_challenge_without_a_method_is_not_looked_at() {
    let play = Play::gitea().await;
    let url = play.authorize(&[("code_challenge", CHALLENGE)]);
    let back = play.gitea.approve(&url, "ada").await.unwrap();
    let code = query(&back, "code").unwrap();
    pair(play.spend(&code, &[]).await).await;
}

#[tokio::test]
async fn an_app_without_a_secret_has_to_use_pkce() {
    let play = Play::gitea().await;
    let app = play.gitea.register_public_app("CLI", "http://127.0.0.1/");
    let ask = |more: &[(&str, &str)]| {
        let usual = [
            ("client_id", &*app.client_id),
            ("redirect_uri", "http://127.0.0.1:5555/"),
            ("response_type", "code"),
        ];
        play.authorize_as_is(&[&usual, more].concat())
    };
    let back = play.gitea.approve(&ask(&[]), "ada").await.unwrap();
    let why = query(&back, "error_description");
    assert_eq!(why.as_deref(), Some("PKCE is required for public clients"));
    let pkce = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let back = play.gitea.approve(&ask(&pkce), "ada").await.unwrap();
    assert_eq!(back.port(), Some(5555));
    assert!(query(&back, "code").is_some());
}

#[tokio::test]
async fn newer_servers_change_the_scopes_of_a_grant() {
    let play = Play::gitea().await;
    let client = &play.app.client_id;
    play.gitea.granted_before("ada", client, "read:user");
    let token = play.link("ada", "write:user").await.access;
    assert_eq!(
        play.post(&token, "t", &crate::support::key(1))
            .await
            .status(),
        201
    );
}

#[tokio::test]
async fn older_servers_keep_the_scopes_and_do_not_say_so() {
    let play = Play::forgejo().await;
    let client = &play.app.client_id;
    play.gitea.granted_before("ada", client, "read:user");
    let token = play.link("ada", "write:user").await.access;
    assert_eq!(
        play.post(&token, "t", &crate::support::key(1))
            .await
            .status(),
        403
    );
}

#[tokio::test]
async fn older_servers_refuse_other_scopes_to_an_app_without_a_secret() {
    let play = Play::with(GiteaOptions {
        regrant: GiteaRegrant::Keeps,
        ..GiteaOptions::gitea()
    })
    .await;
    let app = play.gitea.register_public_app("CLI", CALLBACK);
    play.gitea
        .granted_before("ada", &app.client_id, "read:user");
    let url = play.authorize_as_is(&[
        ("client_id", &app.client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "write:user"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let back = play.gitea.approve(&url, "ada").await.unwrap();
    assert_eq!(query(&back, "error").as_deref(), Some("server_error"));
    let why = query(&back, "error_description");
    assert_eq!(why.as_deref(), Some("a grant exists with different scope"));
}

#[tokio::test]
async fn who_may_not_sign_in_cannot_approve() {
    let play = Play::gitea().await;
    play.gitea.prohibit_login("ada");
    let dead_end = play.gitea.approve(&play.authorize(&[]), "ada").await;
    assert!(matches!(
        dead_end.unwrap_err(),
        ForgeError::DeadEnd { status: 200, .. }
    ));
}

#[tokio::test]
async fn the_page_says_nothing_unescaped_and_works_once() {
    let play = Play::gitea().await;
    let app = play.gitea.register_app("<script>", CALLBACK);
    let url = play.authorize_as_is(&[
        ("client_id", &app.client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "<b>"),
    ]);
    let page = play.http.get(url).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script>") && !page.contains("<b>"));
    let (_, rest) = page.split_once("name=\"_csrf\" value=\"").unwrap();
    let ticket = rest.split_once('"').unwrap().0;
    let form = [("_csrf", ticket), ("login", "ada"), ("granted", "true")];
    let target = format!("{}/login/oauth/authorize", play.gitea.base_url());
    let submit = || play.http.post(&target).form(&form).send();
    assert_eq!(submit().await.unwrap().status(), 303);
    assert_eq!(submit().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_code_is_of_no_use_once_the_grant_is_gone() {
    let play = Play::gitea().await;
    let code = play.code("ada", "write:user").await;
    play.gitea.revoke_grant("ada", &play.app.client_id);
    let (error, why) = error_of(play.spend(&code, &[]).await).await;
    assert_eq!(error, "unauthorized_client");
    assert_eq!(why, "client is not authorized");
}
