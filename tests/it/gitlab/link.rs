use std::sync::Arc;

use domain::{Blame, ReasonCode};
use forge::{Fault, GitLabAccount, GitLabOptions};
use lanyard::clock::FixedClock;
use lanyard::providers::{GrantVerdict, Outbound};

use super::support::{CALLBACK, Play, after, assert_blames, came, noon, query, reaching};

#[tokio::test]
async fn the_authorize_url_asks_for_api_with_a_pkce_challenge() {
    let play = Play::start().await;
    let begun = play.adapter.begin(&play.app, "the-state").await.unwrap();
    let url = &begun.authorize_url;
    let base = play.base_url.url();
    assert_eq!(url.origin(), base.origin());
    assert_eq!(url.path(), "/oauth/authorize");
    for (name, value) in [
        ("client_id", play.app.client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "api"),
        ("state", "the-state"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query(url, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(query(url, "code_challenge").unwrap().len(), 43);
    assert_eq!(begun.kept.unwrap().expose_str().len(), 43);
}

#[tokio::test]
async fn an_admin_may_switch_pkce_off() {
    let mut play = Play::start().await;
    play.app.pkce = Some(false);
    let (begun, code) = play.consent("ada").await;
    assert!(begun.kept.is_none());
    assert_eq!(query(&begun.authorize_url, "code_challenge"), None);
    let tokens = play.adapter.exchange(&play.app, &code, None).await;
    assert!(tokens.is_ok());
}

#[tokio::test]
async fn a_code_brings_a_pair_that_runs_out_after_two_hours() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    assert_eq!(tokens.expires_at, Some(after(7200)));
    assert!(tokens.refresh.is_some());
    assert_eq!(tokens.scopes.unwrap(), ["api"]);
}

#[tokio::test]
async fn a_gitlab_below_a_path_works_from_the_link_to_the_last_call() {
    let play = Play::with(GitLabOptions::below("/gitlab")).await;
    assert!(play.base_url.url().path().starts_with("/gitlab"));
    let tokens = play.link("ada").await;
    let identity = play.adapter.identify(&play.app, &tokens.access).await;
    assert_eq!(identity.unwrap().login, "ada");
    let made = play.created(&tokens.access, &super::support::key(1)).await;
    let listed = play.list(&tokens.access).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&made));
    let fresh = play.adapter.refresh(&play.app, &tokens).await.unwrap();
    let removed = play.adapter.remove_key(&play.app, &fresh.access, &made.id);
    assert!(removed.await.unwrap());
    play.adapter.revoke(&play.app, &fresh).await.unwrap();
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 0);
    let stray = |path: &str| !path.starts_with("/gitlab/");
    let journal = play.gitlab.journal();
    assert!(journal.iter().all(|entry| !stray(&entry.path)));
}

#[tokio::test]
async fn who_a_token_speaks_for_is_a_number_that_stays() {
    let play = Play::start().await;
    let ada = play.gitlab.add_user("ada");
    let token = play.ada().await;
    let identify = async || play.adapter.identify(&play.app, &token).await.unwrap();
    let before = identify().await;
    assert_eq!(before.external_id, ada.id.to_string());
    assert_eq!(
        (&*before.login, before.name.as_deref()),
        ("ada", Some("Ada"))
    );
    assert_eq!(before.scopes.unwrap(), ["api"]);
    play.gitlab.rename_user("ada", "lovelace");
    let renamed = identify().await;
    assert_eq!(renamed.external_id, before.external_id);
    assert_eq!(renamed.login, "lovelace");
}

#[tokio::test]
async fn an_outage_of_what_says_the_scopes_is_no_missing_scope() {
    let play = Play::start().await;
    let token = play.ada().await;
    let route = "GET /oauth/token/info";
    for (fault, code) in [
        (Fault::BadGateway, ReasonCode::ProviderError),
        (
            Fault::TooManyRequests(None),
            ReasonCode::ProviderRateLimited,
        ),
    ] {
        play.gitlab.fail_with(fault.once().on(route));
        let failure = play.adapter.identify(&play.app, &token).await.unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider);
        assert_eq!(failure.failure.code, code);
    }
    play.gitlab.fail_with(Fault::Html.once().on(route));
    let who = play.adapter.identify(&play.app, &token).await.unwrap();
    assert_eq!(who.scopes, None);
    let missing = play.adapter.missing_scopes(play.app.wants(), None);
    assert!(missing.is_empty(), "what is not said is not missing");
}

#[tokio::test]
async fn anything_less_than_api_is_a_missing_scope() {
    let play = Play::start().await;
    let missing = |granted: &[&str]| {
        let granted: Vec<String> = granted.iter().map(|scope| (*scope).to_owned()).collect();
        play.adapter
            .missing_scopes(play.app.wants(), Some(&granted))
    };
    assert!(missing(&["api", "read_user"]).is_empty());
    assert_eq!(missing(&["read_user", "read_api"]), ["api"]);
    assert_eq!(missing(&[]), ["api"]);
}

#[tokio::test]
async fn a_person_who_says_no_is_judged_without_a_call() {
    let play = Play::start().await;
    let begun = play.adapter.begin(&play.app, "s").await.unwrap();
    let back = play.gitlab.deny(begun.authorize_url.as_str(), "ada").await;
    let error = query(&back.unwrap(), "error").unwrap();
    let calls = play.gitlab.journal().len();
    let failure = play.adapter.turned_away(&error);
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::ScopeMissing,
        GrantVerdict::Lost,
    );
    assert_eq!(play.gitlab.journal().len(), calls);
}

#[tokio::test]
async fn an_error_that_a_browser_brings_is_blamed_and_not_repeated() {
    let play = Play::start().await;
    for (error, blame, code) in [
        (
            "invalid_client",
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
        ),
        (
            "unauthorized_client",
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
        ),
        (
            "invalid_redirect_uri",
            Blame::App,
            ReasonCode::RedirectUriMismatch,
        ),
        ("invalid_scope", Blame::App, ReasonCode::AppScopeMissing),
        (
            "unconfirmed_email",
            Blame::Grant,
            ReasonCode::AccountSuspended,
        ),
        ("server_error", Blame::Provider, ReasonCode::ProviderError),
        ("<script>", Blame::Provider, ReasonCode::ProviderProtocol),
    ] {
        let failure = play.adapter.turned_away(error);
        assert_blames(&failure, blame, code, GrantVerdict::Unknown);
        assert_eq!(failure.failure.detail, None);
    }
}

#[tokio::test]
async fn a_code_that_was_used_or_ran_out_loses_the_link() {
    let play = Play::start().await;
    let (begun, code) = play.consent("ada").await;
    let exchange = async |code, kept| play.adapter.exchange(&play.app, code, kept).await;
    exchange(&code, begun.kept.as_ref()).await.unwrap();
    let used = exchange(&code, begun.kept.as_ref()).await.unwrap_err();
    let (begun, code) = play.consent("ada").await;
    play.passes(600);
    let late = exchange(&code, begun.kept.as_ref()).await.unwrap_err();
    for failure in [used, late] {
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::GrantExpired,
            GrantVerdict::Lost,
        );
    }
}

#[tokio::test]
async fn a_verifier_of_another_flow_is_refused() {
    let play = Play::start().await;
    let (_, code) = play.consent("ada").await;
    let other = "a-verifier-of-another-flow-that-is-long-enough".into();
    let failure = play.adapter.exchange(&play.app, &code, Some(&other)).await;
    assert_eq!(failure.unwrap_err().failure.code, ReasonCode::GrantExpired);
}

#[tokio::test]
async fn a_wrong_secret_at_the_exchange_is_the_apps_fault() {
    let mut play = Play::start().await;
    let (begun, code) = play.consent("ada").await;
    play.app.client_secret = "wrong-secret".into();
    let failure = play
        .adapter
        .exchange(&play.app, &code, begun.kept.as_ref())
        .await
        .unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
    assert!(!format!("{failure:?}").contains("wrong-secret"));
}

#[tokio::test]
async fn an_account_that_is_kept_out_is_not_linked() {
    let play = Play::start().await;
    let token = play.ada().await;
    for account in [
        GitLabAccount::Blocked,
        GitLabAccount::PendingApproval,
        GitLabAccount::Deactivated,
        GitLabAccount::TermsNotAccepted,
        GitLabAccount::Unconfirmed,
        GitLabAccount::PasswordExpired,
    ] {
        play.gitlab.set_account("ada", account);
        let failure = play.adapter.identify(&play.app, &token).await.unwrap_err();
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::AccountSuspended,
            GrantVerdict::Unknown,
        );
    }
}

#[tokio::test]
async fn a_redirect_url_that_is_not_registered_leads_nowhere() {
    let mut play = Play::start().await;
    play.app.redirect_url = "http://127.0.0.1:8080/oauth/callback".parse().unwrap();
    let begun = play.adapter.begin(&play.app, "s").await.unwrap();
    let page = play.gitlab.approve(begun.authorize_url.as_str(), "ada");
    let error = page.await.unwrap_err().to_string();
    assert!(
        error.contains("redirect URI included is not valid"),
        "{error}"
    );
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_called() {
    let play = Play::start().await;
    let clock = Arc::new(FixedClock::at(noon()));
    let strict = reaching(&Outbound::default(), clock);
    let calls = play.gitlab.journal().len();
    let failure = strict
        .exchange(&play.app, &came("code".into()), None)
        .await
        .unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Unknown);
    assert_eq!(play.gitlab.journal().len(), calls);
}
