use std::time::Duration;

use domain::{Blame, ReasonCode};
use forge::{Fault, GiteaOptions, GiteaRegrant};
use lanyard::providers::GrantVerdict;

use super::support::{CALLBACK, Canned, Play, after, answer, assert_blames, query};

#[tokio::test]
async fn a_person_links_and_is_known_by_number() {
    for play in Play::all().await {
        let id = play.gitea.add_user("ada").id;
        play.gitea.name_user("ada", "Ada Lovelace");
        let tokens = play.link("ada").await;
        assert_eq!(tokens.scopes.unwrap(), ["write:user"]);
        assert_eq!(tokens.expires_at, Some(after(3600)));
        assert!(tokens.refresh.is_some() && tokens.token_secret.is_none());
        let who = play.adapter.identify(&play.app, &tokens.access).await;
        let who = who.unwrap();
        assert_eq!(who.external_id, id.to_string());
        assert_eq!(who.login, "ada");
        assert_eq!(who.name.as_deref(), Some("Ada Lovelace"));
    }
}

#[tokio::test]
async fn a_rename_changes_the_login_and_not_the_number() {
    let play = Play::gitea().await;
    let token = play.ada().await;
    let identify = || play.adapter.identify(&play.app, &token);
    let before = identify().await.unwrap();
    play.gitea.rename_user("ada", "countess");
    play.gitea.add_user("ada");
    let after = identify().await.unwrap();
    assert_eq!(after.external_id, before.external_id);
    assert_eq!((&*after.login, after.name), ("countess", None));
}

#[tokio::test]
async fn somebody_without_a_number_is_nobody() {
    for body in [
        r#"{"login":"ada"}"#,
        r#"{"id":0,"login":"ada"}"#,
        r#"{"id":-2,"login":"gitea-actions"}"#,
        r#"{"id":"7","login":"ada"}"#,
    ] {
        let canned = Canned::answering(move |_| answer(200, &[], body)).await;
        let who = canned.adapter.identify(&canned.app, &canned.token).await;
        let code = who.unwrap_err().failure.code;
        assert_eq!(code, ReasonCode::ProviderProtocol, "{body}");
    }
}

#[tokio::test]
async fn the_authorize_url_asks_for_one_scope_and_uses_pkce() {
    let mut play = Play::with(GiteaOptions::gitea().below("/git")).await;
    let begun = play.adapter.begin(&play.app, "s&t=a te").await.unwrap();
    let url = begun.authorize_url;
    assert_eq!(url.path(), "/git/login/oauth/authorize");
    for (name, value) in [
        ("client_id", &*play.app.client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "write:user"),
        ("state", "s&t=a te"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query(&url, name).as_deref(), Some(value));
    }
    assert!(begun.kept.is_some());
    assert!(!url.as_str().contains(play.app.client_secret.expose_str()));
    play.app.pkce = Some(false);
    let without = play.adapter.begin(&play.app, "s").await.unwrap();
    assert!(without.kept.is_none());
    assert_eq!(query(&without.authorize_url, "code_challenge"), None);
}

#[tokio::test]
async fn a_code_needs_its_verifier_and_works_once() {
    let play = Play::gitea().await;
    let (begun, came) = play.consent("ada").await;
    let exchange = async |kept| play.adapter.exchange(&play.app, &came, kept).await;
    let stolen = exchange(None).await.unwrap_err();
    assert!(exchange(begun.kept.as_ref()).await.is_ok());
    let again = exchange(begun.kept.as_ref()).await.unwrap_err();
    for failure in [stolen, again] {
        let (blame, code) = (Blame::Grant, ReasonCode::GrantExpired);
        assert_blames(&failure, blame, code, GrantVerdict::Lost);
    }
}

#[tokio::test]
async fn a_code_runs_out_after_ten_minutes() {
    let play = Play::gitea().await;
    let (begun, came) = play.consent("ada").await;
    play.clock.advance(Duration::from_mins(10));
    let late = play.adapter.exchange(&play.app, &came, begun.kept.as_ref());
    let failure = late.await.unwrap_err();
    let (blame, code) = (Blame::Grant, ReasonCode::GrantExpired);
    assert_blames(&failure, blame, code, GrantVerdict::Lost);
}

#[tokio::test]
async fn the_apps_own_mistakes_cost_nobody_a_grant() {
    for (mistake, code) in [
        ("id", ReasonCode::AppCredentialsInvalid),
        ("secret", ReasonCode::AppCredentialsInvalid),
        ("redirect", ReasonCode::RedirectUriMismatch),
    ] {
        let mut play = Play::gitea().await;
        let (begun, came) = play.consent("ada").await;
        match mistake {
            "id" => play.app.client_id = "nobody".to_owned(),
            "secret" => play.app.client_secret = "wrong-secret".into(),
            _ => play.app.redirect_url = "http://127.0.0.1:1/x".parse().unwrap(),
        }
        let exchanged = play.adapter.exchange(&play.app, &came, begun.kept.as_ref());
        let failure = exchanged.await.unwrap_err();
        assert_blames(&failure, Blame::App, code, GrantVerdict::Unknown);
        assert!(!format!("{failure:?}").contains("wrong-secret"));
    }
}

#[tokio::test]
async fn scopes_of_an_older_grant_that_the_server_kept_are_found_out() {
    let play = Play::forgejo().await;
    let client = &play.app.client_id;
    play.gitea.granted_before("ada", client, "read:user openid");
    let granted = play.link("ada").await.scopes.unwrap();
    assert_eq!(granted, ["openid", "read:user"]);
    let missing = play
        .adapter
        .missing_scopes(play.app.wants(), Some(&granted));
    assert_eq!(missing, ["write:user"]);
    // Once the person has revoked it, the next link asks anew.
    play.gitea.revoke_grant("ada", client);
    let granted = play.link("ada").await.scopes.unwrap();
    assert!(
        play.adapter
            .missing_scopes(play.app.wants(), Some(&granted))
            .is_empty()
    );
}

#[tokio::test]
async fn scopes_that_the_server_changes_are_enough() {
    let play = Play::with(GiteaOptions {
        regrant: GiteaRegrant::Updates,
        ..GiteaOptions::forgejo()
    })
    .await;
    play.gitea
        .granted_before("ada", &play.app.client_id, "read:user");
    assert_eq!(play.link("ada").await.scopes.unwrap(), ["write:user"]);
}

#[tokio::test]
async fn a_grant_without_scopes_allows_everything() {
    let play = Play::gitea().await;
    let missing = |granted: &[&str]| {
        let granted: Vec<String> = granted.iter().map(|&scope| scope.into()).collect();
        play.adapter
            .missing_scopes(play.app.wants(), Some(&granted))
    };
    for enough in [
        &[][..],
        &["openid"],
        &["all"],
        &["write:user", "read:issue"],
    ] {
        assert!(missing(enough).is_empty(), "{enough:?}");
    }
    assert_eq!(missing(&["read:user"]), ["write:user"]);
    assert_eq!(missing(&["write:repository"]), ["write:user"]);
}

#[tokio::test]
async fn a_server_that_does_not_tell_scopes_is_linked_all_the_same() {
    let play = Play::gitea().await;
    for fault in [Fault::Html, Fault::ServerError, Fault::BrokenJson] {
        let route = "POST /login/oauth/introspect";
        play.gitea.fail_with(fault.once().on(route));
        assert_eq!(play.link("ada").await.scopes, None);
    }
}

#[tokio::test]
async fn what_a_browser_comes_back_with_is_blamed_rightly() {
    let play = Play::gitea().await;
    let begun = play.adapter.begin(&play.app, "state").await.unwrap();
    let back = play.gitea.deny(begun.authorize_url.as_str(), "ada").await;
    let denied = query(&back.unwrap(), "error").unwrap();
    let failure = play.adapter.turned_away(&denied);
    let (blame, code) = (Blame::Grant, ReasonCode::ScopeMissing);
    assert_blames(&failure, blame, code, GrantVerdict::Lost);
    for (error, blame, code) in [
        ("server_error", Blame::Provider, ReasonCode::ProviderError),
        ("invalid_request", Blame::Us, ReasonCode::ProviderProtocol),
        (
            "unauthorized_client",
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
        ),
        ("<script>", Blame::Provider, ReasonCode::ProviderProtocol),
    ] {
        let failure = play.adapter.turned_away(error);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.failure.detail, None, "not echoed");
    }
}

#[tokio::test]
async fn revoking_says_that_only_the_person_can() {
    let play = Play::gitea().await;
    let tokens = play.link("ada").await;
    let before = play.gitea.journal().len();
    let failure = play.adapter.revoke(&play.app, &tokens).await.unwrap_err();
    let (blame, code) = (Blame::Grant, ReasonCode::RemoveByHand);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    assert!(failure.failure.detail.unwrap().contains("Applications"));
    assert_eq!(play.gitea.journal().len(), before, "nobody is called");
}
