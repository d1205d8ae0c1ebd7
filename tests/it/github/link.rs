use domain::{Blame, ReasonCode};
use forge::{GitHubOptions, RedirectRule, TokenLife};
use lanyard::providers::{Came, GrantVerdict};

use super::support::{
    CALLBACK, Canned, Play, after, answer, app, assert_blames, key, new_key, query, reaching,
};

#[tokio::test]
async fn a_person_links_and_is_known_by_number() {
    for play in [Play::dot_com().await, Play::enterprise().await] {
        let id = play.github.add_user("ada").id;
        let tokens = play.link("ada").await;
        assert_eq!(
            tokens.scopes.unwrap(),
            ["admin:public_key", "read:user"],
            "sorted, as granted"
        );
        let who = play
            .adapter
            .identify(&play.app, &tokens.access)
            .await
            .unwrap();
        assert_eq!(who.external_id, id.to_string());
        assert_eq!(who.login, "ada");
        let scopes = who.scopes.unwrap();
        assert_eq!(scopes, ["admin:public_key", "read:user"]);
        assert!(
            play.adapter
                .missing_scopes(play.app.wants(), Some(&scopes))
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_rename_changes_the_login_and_not_the_number() {
    let play = Play::dot_com().await;
    let token = play.ada().await;
    let identify = || play.adapter.identify(&play.app, &token);
    let before = identify().await.unwrap();
    play.github.rename_user("ada", "countess");
    play.github.add_user("ada");
    let after = identify().await.unwrap();
    assert_eq!(after.external_id, before.external_id);
    assert_eq!(after.login, "countess");
}

#[tokio::test]
async fn scopes_are_as_the_header_says_but_not_for_a_github_app() {
    let canned = Canned::answering(|_| {
        let body = r#"{"id":17,"login":"ada","name":""}"#;
        answer(200, &[("x-oauth-scopes", "")], body)
    })
    .await;
    for (token, scopes) in [("gho_x", Some(vec![])), ("ghu_x", None)] {
        let who = canned.adapter.identify(&canned.app, &token.into()).await;
        let who = who.unwrap();
        assert_eq!(who.scopes, scopes);
        assert_eq!(who.name, None, "an empty name is none");
    }
}

#[tokio::test]
async fn enterprise_server_says_of_itself_that_an_account_is_suspended() {
    let canned = Canned::answering(|_| {
        let body = r#"{"id":17,"login":"ada","suspended_at":"2026-09-01T12:00:00Z"}"#;
        answer(200, &[], body)
    })
    .await;
    let token = "gho_x".into();
    let failure = canned
        .adapter
        .identify(&canned.app, &token)
        .await
        .unwrap_err();
    assert_eq!(failure.failure.code, ReasonCode::AccountSuspended);
}

#[tokio::test]
async fn somebody_without_a_number_is_nobody() {
    for body in [
        r#"{"login":"ada"}"#,
        r#"{"id":"17","login":"ada"}"#,
        r#"{"id":-1,"login":"ada"}"#,
        r#"{"id":1.5,"login":"ada"}"#,
    ] {
        let canned = Canned::answering(move |_| answer(200, &[], body)).await;
        let who = canned.adapter.identify(&canned.app, &"gho_x".into()).await;
        let code = who.unwrap_err().failure.code;
        assert_eq!(code, ReasonCode::ProviderProtocol, "{body}");
    }
}

#[tokio::test]
async fn the_authorize_url_asks_for_scopes_and_names_the_redirect_url() {
    let play = Play::dot_com().await;
    let url = play
        .adapter
        .begin(&play.app, "s&t=a te")
        .await
        .unwrap()
        .authorize_url;
    assert_eq!(query(&url, "client_id"), Some(play.app.client_id.clone()));
    assert_eq!(query(&url, "redirect_uri").as_deref(), Some(CALLBACK));
    assert_eq!(query(&url, "state").as_deref(), Some("s&t=a te"));
    assert_eq!(
        query(&url, "scope").as_deref(),
        Some("admin:public_key read:user")
    );
    assert!(!url.as_str().contains(play.app.client_secret.expose_str()));
}

#[tokio::test]
async fn pkce_is_used_where_it_is_known_to_work_or_an_admin_says_so() {
    let adapter = reaching(&lanyard::providers::Outbound::default());
    for (base, pkce, used) in [
        ("https://github.com", None, true),
        ("https://acme.ghe.com", None, true),
        ("https://git.acme.example", None, false),
        ("https://git.acme.example", Some(true), true),
        ("https://github.com", Some(false), false),
    ] {
        let mut app = app(&base.parse().unwrap(), "id", "secret");
        app.pkce = pkce;
        let begun = adapter.begin(&app, "state").await.unwrap();
        let method = query(&begun.authorize_url, "code_challenge_method");
        assert_eq!(begun.kept.is_some(), used, "{base}");
        assert_eq!(method.as_deref(), used.then_some("S256"));
        if let Some(verifier) = begun.kept {
            assert!((43..=128).contains(&verifier.expose().len()));
            let challenge = query(&begun.authorize_url, "code_challenge").unwrap();
            assert_ne!(challenge, verifier.expose_str());
        }
    }
}

#[tokio::test]
async fn every_link_has_a_verifier_of_its_own() {
    let mut play = Play::dot_com().await;
    play.app.pkce = Some(true);
    let first = play.adapter.begin(&play.app, "one").await.unwrap().kept;
    let second = play.adapter.begin(&play.app, "two").await.unwrap().kept;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_code_without_its_verifier_is_worth_nothing() {
    let mut play = Play::dot_com().await;
    play.app.pkce = Some(true);
    let (_, code) = play.consent("ada").await;
    let stolen = play.adapter.exchange(&play.app, &code, None).await;
    let failure = stolen.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
    let (begun, code) = play.consent("ada").await;
    let verifier = begun.kept.as_ref();
    let exchanged = play.adapter.exchange(&play.app, &code, verifier).await;
    assert!(exchanged.is_ok());
}

#[tokio::test]
async fn a_code_works_once_and_for_ten_minutes() {
    let play = Play::dot_com().await;
    let exchange = async |code: &Came| play.adapter.exchange(&play.app, code, None).await;
    let (_, code) = play.consent("ada").await;
    assert!(exchange(&code).await.is_ok());
    let again = exchange(&code).await.unwrap_err();
    let (_, late) = play.consent("ada").await;
    play.clock.advance(std::time::Duration::from_secs(601));
    let late = exchange(&late).await.unwrap_err();
    for failure in [again, late] {
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::GrantExpired,
            GrantVerdict::Lost,
        );
        let words = failure.failure.detail.unwrap();
        assert_eq!(words, "The code passed is incorrect or expired.");
    }
}

#[tokio::test]
async fn a_wrong_client_secret_is_the_apps_fault_and_no_grants() {
    let mut play = Play::dot_com().await;
    let (_, code) = play.consent("ada").await;
    play.app.client_secret = "wrong".into();
    let failure = play
        .adapter
        .exchange(&play.app, &code, None)
        .await
        .unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
}

#[tokio::test]
async fn another_redirect_url_than_the_registered_one_is_the_apps_fault() {
    let mut play = Play::dot_com().await;
    let (_, code) = play.consent("ada").await;
    play.app.redirect_url = "http://127.0.0.1:8080/elsewhere".parse().unwrap();
    let failure = play
        .adapter
        .exchange(&play.app, &code, None)
        .await
        .unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::RedirectUriMismatch,
        GrantVerdict::Unknown,
    );
}

#[tokio::test]
async fn an_unverified_mail_address_keeps_a_person_from_linking() {
    let play = Play::dot_com().await;
    let (_, code) = play.consent("ada").await;
    play.github.unverify_email("ada");
    let failure = play
        .adapter
        .exchange(&play.app, &code, None)
        .await
        .unwrap_err();
    assert_eq!(failure.failure.blame, Blame::Grant);
    assert!(failure.failure.detail.unwrap().contains("verified"));
}

#[tokio::test]
async fn fewer_scopes_than_asked_for_are_named() {
    let play = Play::dot_com().await;
    play.github
        .grants_at_most("ada", "read:public_key read:user");
    let scopes = play.link("ada").await.scopes.unwrap();
    assert_eq!(scopes, ["read:public_key", "read:user"]);
    assert_eq!(
        play.adapter.missing_scopes(play.app.wants(), Some(&scopes)),
        ["admin:public_key"]
    );
    let parents = ["admin:public_key".to_owned(), "user".to_owned()];
    assert!(
        play.adapter
            .missing_scopes(play.app.wants(), Some(&parents))
            .is_empty()
    );
    assert_eq!(
        play.adapter.missing_scopes(play.app.wants(), Some(&[])),
        ["admin:public_key", "read:user"]
    );
}

#[tokio::test]
async fn what_a_browser_comes_back_with_is_blamed_rightly() {
    let play = Play::dot_com().await;
    let begun = play.adapter.begin(&play.app, "state").await.unwrap();
    let url = begun.authorize_url.as_str();
    let back = play.github.deny(url, "ada").await.unwrap();
    let denied = query(&back, "error").unwrap();
    let failure = play.adapter.turned_away(&denied);
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::ScopeMissing,
        GrantVerdict::Lost,
    );
    play.github.suspend_app(&play.app.client_id);
    let back = play.github.approve(url, "ada").await.unwrap();
    let suspended = query(&back, "error").unwrap();
    let failure = play.adapter.turned_away(&suspended);
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppSuspended,
        GrantVerdict::Unknown,
    );
    for (error, blame, code) in [
        (
            "redirect_uri_mismatch",
            Blame::App,
            ReasonCode::RedirectUriMismatch,
        ),
        ("<script>", Blame::Provider, ReasonCode::ProviderProtocol),
    ] {
        let failure = play.adapter.turned_away(error);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.failure.detail, None, "not echoed");
    }
}

#[tokio::test]
async fn tokens_of_old_apps_do_not_run_out_and_those_of_new_apps_do() {
    let play = Play::dot_com().await;
    let expiring = play.link("ada").await;
    assert_eq!(expiring.expires_at, Some(after(28_800)));
    assert!(expiring.refresh.is_some());
    play.github
        .tokens_last(&play.app.client_id, TokenLife::Forever);
    let lasting = play.link("ada").await;
    assert_eq!(lasting.expires_at, None);
    assert!(lasting.refresh.is_none());
}

#[tokio::test]
async fn revoking_ends_one_token_and_leaves_the_keys() {
    let play = Play::with(GitHubOptions::dot_com(), RedirectRule::Prefix).await;
    let (one, other) = (play.link("ada").await, play.link("ada").await);
    let added = play
        .adapter
        .add_key(&play.app, &one.access, &new_key("Lanyard", &key(1)))
        .await;
    assert!(added.is_ok());
    play.adapter.revoke(&play.app, &one).await.unwrap();
    assert_eq!(play.github.live_tokens_of("ada"), 1);
    assert_eq!(play.github.keys_of("ada").len(), 1);
    let identify = async |token| play.adapter.identify(&play.app, token).await;
    assert!(identify(&one.access).await.is_err());
    assert!(identify(&other.access).await.is_ok());
    // Once more is no error: the token is dead, which is all that was asked for.
    let mut one = one;
    one.refresh = None;
    play.adapter.revoke(&play.app, &one).await.unwrap();
    assert_eq!(
        play.github.calls("DELETE /applications/{client_id}/grant"),
        0
    );
}

#[tokio::test]
async fn a_token_that_ran_out_is_for_the_caller_to_refresh_before_it_is_revoked() {
    let play = Play::dot_com().await;
    let tokens = play.link("ada").await;
    play.clock.advance(std::time::Duration::from_hours(8));
    let failure = play.adapter.revoke(&play.app, &tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
    let fresh = play.adapter.refresh(&play.app, &tokens).await.unwrap();
    play.adapter.revoke(&play.app, &fresh).await.unwrap();
    assert_eq!(play.github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn revoking_with_a_wrong_secret_is_the_apps_fault() {
    let mut play = Play::dot_com().await;
    let tokens = play.link("ada").await;
    play.app.client_secret = "wrong".into();
    let failure = play.adapter.revoke(&play.app, &tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
    assert_eq!(play.github.live_tokens_of("ada"), 1);
}
