use domain::{Blame, ReasonCode};
use forge::{Fault, GitLab};
use lanyard::providers::GrantVerdict;

use super::support::{Play, after, assert_blames, key, made_up};

#[tokio::test]
async fn revoking_ends_one_pair_and_leaves_the_others_and_the_keys() {
    let play = Play::start().await;
    let (one, other) = (play.link("ada").await, play.link("ada").await);
    play.created(&one.access, &key(1)).await;
    play.adapter.revoke(&play.app, &one).await.unwrap();
    assert!(play.list(&one.access).await.is_err());
    assert!(play.adapter.refresh(&play.app, &one).await.is_err());
    assert!(play.list(&other.access).await.is_ok());
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 1);
    assert_eq!(play.gitlab.keys_of("ada").len(), 1);
}

/// A refresh in here would lose the next pair, if what follows fails: nobody but the caller can
/// keep one.
#[tokio::test]
async fn a_pair_whose_access_token_no_longer_works_is_for_the_caller_to_refresh_first() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    play.passes(7200);
    for tokens in [&tokens, &made_up()] {
        let failure = play.adapter.revoke(&play.app, tokens).await.unwrap_err();
        assert_eq!(failure.grant, GrantVerdict::Expired);
        assert_eq!(failure.failure.blame, Blame::Grant);
    }
    assert_eq!(play.gitlab.calls(GitLab::TOKEN_ROUTE), 1, "the link");
    assert_eq!(play.gitlab.calls(GitLab::REVOKE_ROUTE), 0);
    let fresh = play.adapter.refresh(&play.app, &tokens).await.unwrap();
    play.adapter.revoke(&play.app, &fresh).await.unwrap();
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_dead_token_without_one_for_a_refresh_needs_no_revoking() {
    let play = Play::start().await;
    let mut tokens = play.link("ada").await;
    tokens.refresh = None;
    play.gitlab.revoke_grant("ada", &play.app.client_id);
    play.adapter.revoke(&play.app, &tokens).await.unwrap();
    assert_eq!(play.gitlab.calls(GitLab::REVOKE_ROUTE), 0);
}

#[tokio::test]
async fn a_wrong_secret_revokes_nothing_and_says_so() {
    let mut play = Play::start().await;
    let tokens = play.link("ada").await;
    play.app.client_secret = "wrong-secret".into();
    let failure = play.adapter.revoke(&play.app, &tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 1);
}

#[tokio::test]
async fn maintenance_mode_sends_a_revocation_away_until_it_is_over() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    play.gitlab.enters_maintenance();
    let failure = play.adapter.revoke(&play.app, &tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Provider,
        ReasonCode::ProviderError,
        GrantVerdict::Unknown,
    );
    assert_eq!(failure.not_before, Some(after(300)));
    assert!(failure.failure.detail.unwrap().contains("maintenance mode"));
    play.gitlab.leaves_maintenance();
    play.adapter.revoke(&play.app, &tokens).await.unwrap();
    assert_eq!(play.gitlab.unrevoked_tokens_of("ada"), 0);
}

#[tokio::test]
async fn an_outage_while_revoking_is_told() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    for route in [GitLab::REVOKE_ROUTE, "GET /oauth/token/info"] {
        play.gitlab.fail_with(Fault::BadGateway.on(route).once());
        let failure = play.adapter.revoke(&play.app, &tokens).await.unwrap_err();
        assert_eq!(failure.failure.code, ReasonCode::ProviderError, "{route}");
        assert_eq!(failure.failure.blame, Blame::Provider);
    }
    play.adapter.revoke(&play.app, &tokens).await.unwrap();
}
