use forge::{Flavour, ForgeError, GitHubOptions, RedirectRule};
use reqwest::StatusCode;
use url::Url;

use crate::support::{CALLBACK, CHALLENGE, Play, query};

#[tokio::test]
async fn approving_leads_back_with_a_code_and_the_state() {
    let play = Play::dot_com().await;
    let url = play.authorize(&[
        ("redirect_uri", CALLBACK),
        ("scope", "user"),
        ("state", "a&b=c"),
    ]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert!(back.as_str().starts_with(CALLBACK));
    assert_eq!(query(&back, "state").as_deref(), Some("a&b=c"));
    assert_eq!(query(&back, "code").unwrap().len(), 20);
    assert_eq!(query(&back, "error"), None);
}

#[tokio::test]
async fn without_a_redirect_uri_the_registered_callback_is_used() {
    let play = Play::dot_com().await;
    let back = play
        .github
        .approve(&play.authorize(&[]), "ada")
        .await
        .unwrap();
    assert!(back.as_str().starts_with(CALLBACK));
    assert_eq!(query(&back, "state"), None);
}

#[tokio::test]
async fn denying_leads_back_with_access_denied() {
    let play = Play::dot_com().await;
    let url = play.authorize(&[("redirect_uri", CALLBACK), ("state", "s")]);
    let back = play.github.deny(&url, "ada").await.unwrap();
    assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
    let description = "The user has denied your application access.";
    assert_eq!(
        query(&back, "error_description").as_deref(),
        Some(description)
    );
    assert!(query(&back, "error_uri").is_some());
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
    assert_eq!(query(&back, "code"), None);
}

#[tokio::test]
async fn an_exact_app_refuses_a_path_below_its_callback() {
    let play = Play::dot_com().await;
    let below = format!("{CALLBACK}/more");
    let url = play.authorize(&[("redirect_uri", &below), ("state", "s")]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert_eq!(back.path(), "/oauth/callback/github");
    assert_eq!(
        query(&back, "error").as_deref(),
        Some("redirect_uri_mismatch")
    );
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
}

#[tokio::test]
async fn an_exact_app_may_have_more_callbacks() {
    let play = Play::dot_com().await;
    let second = "http://127.0.0.1:8080/oauth/callback/second";
    play.github.add_callback(&play.app.client_id, second);
    let url = play.authorize(&[("redirect_uri", second)]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert!(back.as_str().starts_with(second));
}

#[tokio::test]
async fn a_prefix_app_admits_paths_below_and_any_loopback_port() {
    let play = Play::enterprise().await;
    let url = play.authorize(&[("redirect_uri", "http://127.0.0.1:9/oauth/callback/github/x")]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert_eq!(back.port(), Some(9));
    assert!(query(&back, "code").is_some());
    for wrong in [
        "http://127.0.0.1:8080/oauth",
        "http://localhost:8080/oauth/callback/github",
        "x",
    ] {
        let url = play.authorize(&[("redirect_uri", wrong)]);
        let back = play.github.approve(&url, "ada").await.unwrap();
        assert_eq!(
            query(&back, "error").as_deref(),
            Some("redirect_uri_mismatch"),
            "{wrong}"
        );
        assert!(back.as_str().starts_with(CALLBACK));
    }
}

#[tokio::test]
async fn a_suspended_app_is_turned_away() {
    let play = Play::dot_com().await;
    play.github.suspend_app(&play.app.client_id);
    let url = play.authorize(&[("state", "s")]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert_eq!(
        query(&back, "error").as_deref(),
        Some("application_suspended")
    );
    assert_eq!(query(&back, "state").as_deref(), Some("s"));
    play.github.unsuspend_app(&play.app.client_id);
    assert!(query(&play.github.approve(&url, "ada").await.unwrap(), "code").is_some());
}

#[tokio::test]
async fn an_unknown_app_gets_a_page_that_is_not_there() {
    let play = Play::dot_com().await;
    let url = format!(
        "{}/login/oauth/authorize?client_id=nobody",
        play.github.base_url()
    );
    let dead_end = play.github.approve(&url, "ada").await.unwrap_err();
    assert!(matches!(dead_end, ForgeError::DeadEnd { status: 404, .. }));
}

#[tokio::test]
async fn a_suspended_person_cannot_approve() {
    let play = Play::dot_com().await;
    play.github.suspend_user("ada");
    let dead_end = play
        .github
        .approve(&play.authorize(&[]), "ada")
        .await
        .unwrap_err();
    let ForgeError::DeadEnd { status, page } = dead_end else {
        panic!("{dead_end}")
    };
    assert_eq!(status, 403);
    assert!(page.contains("Sorry. Your account was suspended."));
}

#[tokio::test]
async fn only_s256_challenges_are_taken() {
    let play = Play::dot_com().await;
    let plain = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "plain"),
    ];
    let silent = [("code_challenge", CHALLENGE)];
    let short = [
        ("code_challenge", "short"),
        ("code_challenge_method", "S256"),
    ];
    for wrong in [&plain[..], &silent[..], &short[..]] {
        let dead_end = play
            .github
            .approve(&play.authorize(wrong), "ada")
            .await
            .unwrap_err();
        assert!(
            matches!(dead_end, ForgeError::DeadEnd { status: 400, .. }),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn enterprise_server_ignores_challenges() {
    let play = Play::enterprise().await;
    let plain = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "plain"),
    ];
    let back = play
        .github
        .approve(&play.authorize(&plain), "ada")
        .await
        .unwrap();
    assert!(query(&back, "code").is_some());
}

#[tokio::test]
async fn the_page_is_a_form_that_works_once() {
    let play = Play::dot_com().await;
    play.github.add_user("bob");
    let url = play.authorize(&[
        ("login", "bob"),
        ("prompt", "select_account"),
        ("scope", "repo"),
    ]);
    let page = play
        .http
        .get(&url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("<option value=\"bob\" selected>"));
    assert!(page.contains("<option value=\"ada\">"));
    assert!(page.contains("<li>repo</li>"));
    let (_, rest) = page
        .split_once("name=\"authenticity_token\" value=\"")
        .unwrap();
    let ticket = rest.split_once('"').unwrap().0;
    let form = [
        ("authenticity_token", ticket),
        ("login", "bob"),
        ("authorize", "1"),
    ];
    let submit = || {
        let target = Url::parse(&url)
            .unwrap()
            .join("/login/oauth/authorize")
            .unwrap();
        play.http.post(target).form(&form).send()
    };
    assert_eq!(submit().await.unwrap().status(), StatusCode::FOUND);
    assert_eq!(
        submit().await.unwrap().status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn the_page_says_nothing_unescaped() {
    let play = Play::dot_com().await;
    let app = play
        .github
        .register_app("<script>", CALLBACK, RedirectRule::Exact);
    let url = format!(
        "{}/login/oauth/authorize?client_id={}&scope=%3Cb%3E",
        play.github.base_url(),
        app.client_id
    );
    let page = play
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(!page.contains("<script>") && !page.contains("<b>"));
}

#[tokio::test]
async fn a_callback_keeps_its_own_query() {
    let play = Play::with(GitHubOptions::dot_com(), RedirectRule::Exact).await;
    let callback = "http://127.0.0.1:8080/back?tenant=7";
    play.github.add_callback(&play.app.client_id, callback);
    let url = play.authorize(&[("redirect_uri", callback)]);
    let back = play.github.approve(&url, "ada").await.unwrap();
    assert_eq!(query(&back, "tenant").as_deref(), Some("7"));
    assert!(query(&back, "code").is_some());
}

#[tokio::test]
async fn both_flavours_approve() {
    for flavour in [Flavour::DotCom, Flavour::Enterprise] {
        let play = Play::of(flavour).await;
        assert!(!play.code("ada", "read:user").await.is_empty());
    }
}
