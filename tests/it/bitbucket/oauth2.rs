use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::BitbucketOptions;
use lanyard::providers::GrantVerdict;

use super::support::{CALLBACK, Canned, Play, after, answer, assert_blames, came, query};

#[tokio::test]
async fn a_code_becomes_a_pair() {
    for options in [
        BitbucketOptions::data_center(),
        BitbucketOptions::data_center().below("/bitbucket"),
    ] {
        let play = Play::with(options, Protocol::Oauth2).await;
        let begun = play.adapter.begin(&play.app, "the-state").await.unwrap();
        let asked = |name| query(&begun.authorize_url, name);
        assert_eq!(asked("scope").as_deref(), Some("ACCOUNT_WRITE"));
        assert_eq!(asked("response_type").as_deref(), Some("code"));
        assert_eq!(asked("code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(asked("redirect_uri").as_deref(), Some(CALLBACK));
        let tokens = play.link("ada").await;
        assert_eq!(tokens.expires_at, Some(after(3600)));
        assert_eq!(tokens.token_secret, None);
        let scopes = tokens.scopes.unwrap();
        assert_eq!(scopes, ["ACCOUNT_WRITE"]);
        assert!(
            play.adapter
                .missing_scopes(play.app.wants(), Some(&scopes))
                .is_empty()
        );
        let narrow = ["REPO_READ".to_owned()];
        assert_eq!(
            play.adapter.missing_scopes(play.app.wants(), Some(&narrow)),
            ["ACCOUNT_WRITE"]
        );
        assert!(play.list(&tokens.access).await.is_ok());
    }
}

#[tokio::test]
async fn an_admin_may_switch_pkce_off() {
    let mut play = Play::coded().await;
    play.app.pkce = Some(false);
    let begun = play.adapter.begin(&play.app, "s").await.unwrap();
    assert!(begun.kept.is_none());
    assert_eq!(query(&begun.authorize_url, "code_challenge"), None);
    assert!(play.list(&play.link("ada").await.access).await.is_ok());
}

#[tokio::test]
async fn a_code_is_good_for_ten_seconds() {
    let play = Play::coded().await;
    let (begun, came) = play.consent("ada").await;
    play.passes(9);
    assert!(play.exchange(&came, &begun).await.is_ok());
    let (begun, late) = play.consent("ada").await;
    play.passes(10);
    let failure = play.exchange(&late, &begun).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
}

#[tokio::test]
async fn a_refresh_sends_the_redirect_url_and_takes_what_comes_back() {
    let kept = BitbucketOptions {
        rotates_refresh: false,
        ..BitbucketOptions::data_center()
    };
    for (options, rotates) in [(BitbucketOptions::data_center(), true), (kept, false)] {
        let play = Play::with(options, Protocol::Oauth2).await;
        let old = play.link("ada").await;
        let new = play.refresh(&old).await.unwrap();
        assert_ne!(new.access, old.access);
        assert_eq!(new.refresh != old.refresh, rotates);
        assert!(play.list(&new.access).await.is_ok());
        assert_eq!(play.refresh(&old).await.is_ok(), !rotates);
    }
}

#[tokio::test]
async fn a_token_that_ran_out_is_refreshed_for_ninety_days() {
    let play = Play::coded().await;
    let old = play.link("ada").await;
    play.passes(3600);
    let failure = play.list(&old.access).await.unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Expired);
    let new = play.refresh(&old).await.unwrap();
    assert!(play.list(&new.access).await.is_ok());
    play.passes(90 * 86_400);
    let failure = play.refresh(&new).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
}

#[tokio::test]
async fn a_new_client_secret_costs_nobody_their_grant() {
    let mut play = Play::coded().await;
    let tokens = play.link("ada").await;
    let secret = play.bitbucket.change_secret(&play.app.client_id);
    let failure = play.refresh(&tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
    play.app.client_secret = secret.into();
    assert!(play.refresh(&tokens).await.is_ok());
}

#[tokio::test]
async fn a_changed_redirect_url_is_the_admins_to_mend() {
    let mut play = Play::coded().await;
    let tokens = play.link("ada").await;
    play.app.redirect_url = "http://127.0.0.1:8080/oauth/callback".parse().unwrap();
    let failure = play.refresh(&tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::RedirectUriMismatch,
        GrantVerdict::Unknown,
    );
}

#[tokio::test]
async fn what_comes_back_in_place_of_a_code_is_judged() {
    let play = Play::coded().await;
    let begun = play.adapter.begin(&play.app, "s").await.unwrap();
    let url = begun.authorize_url.as_str();
    let back = play.bitbucket.deny(url, "ada").await.unwrap();
    let error = query(&back, "error").unwrap();
    for (error, blame, code) in [
        (&*error, Blame::Grant, ReasonCode::ScopeMissing),
        ("invalid_scope", Blame::App, ReasonCode::AppScopeMissing),
        ("server_error", Blame::Provider, ReasonCode::ProviderError),
        ("<script>", Blame::Provider, ReasonCode::ProviderProtocol),
    ] {
        let failure = play.adapter.turned_away(error);
        assert_eq!((failure.failure.blame, failure.failure.code), (blame, code));
        assert_eq!(failure.failure.detail, None, "no word of it is kept");
    }
}

#[tokio::test]
async fn a_link_without_the_scope_is_turned_away() {
    let mut play = Play::coded().await;
    let client = play
        .bitbucket
        .add_incoming_link("Narrow", CALLBACK, &["REPO_READ"]);
    play.app.client_id = client.client_id;
    let begun = play.adapter.begin(&play.app, "s").await.unwrap();
    let url = begun.authorize_url.as_str();
    let back = play.bitbucket.approve(url, "ada").await.unwrap();
    assert_eq!(query(&back, "error").as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn scopes_that_the_answer_leaves_out_are_those_that_were_asked_for() {
    let canned = Canned::answering(Protocol::Oauth2, |_| {
        answer(
            200,
            &[],
            r#"{"access_token":"a","token_type":"Bearer","expires_in":"3600"}"#,
        )
    })
    .await;
    let back = format!("{CALLBACK}?code=c").parse().unwrap();
    let exchanged = canned
        .adapter
        .exchange(&canned.app, &came(&back), None)
        .await;
    let tokens = exchanged.unwrap();
    assert_eq!(
        tokens.scopes.as_deref(),
        Some(&["ACCOUNT_WRITE".to_owned()][..])
    );
    assert_eq!(tokens.expires_at, Some(after(3600)));
    assert_eq!(tokens.refresh, None);
    let failure = canned.adapter.refresh(&canned.app, &tokens).await;
    assert_eq!(failure.unwrap_err().grant, GrantVerdict::Lost);
    let body = &canned.seen()[0].body;
    assert!(
        body.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A8080"),
        "{body}"
    );
    assert!(!body.contains("code_verifier"), "{body}");
}

#[tokio::test]
async fn answers_that_are_not_the_token_endpoints_cost_nobody_their_grant() {
    for (status, body) in [
        (200, "<html>log in</html>"),
        (200, r#"{"token_type":"bearer"}"#),
        (200, r#"{"access_token":"a b","token_type":"bearer"}"#),
        (200, r#"{"access_token":"a","token_type":"mac"}"#),
        (404, r#"{"status-code":404,"message":"null for uri"}"#),
        (400, "<html>bad request</html>"),
        (400, r#"{"error":"unheard_of"}"#),
    ] {
        let canned = Canned::answering(Protocol::Oauth2, move |_| answer(status, &[], body)).await;
        let back = format!("{CALLBACK}?code=c").parse().unwrap();
        let exchanged = canned
            .adapter
            .exchange(&canned.app, &came(&back), None)
            .await;
        assert_blames(
            &exchanged.unwrap_err(),
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
    }
}
