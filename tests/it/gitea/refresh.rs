use std::time::Duration;

use domain::{Blame, ReasonCode};
use forge::{Fault, Gitea};
use lanyard::providers::{GrantVerdict, ProviderFailure, Tokens};
use lanyard::vault::Secret;

use super::support::{CALLBACK, Play, after, assert_blames, refreshing};

async fn refresh(play: &Play, token: &Secret) -> Result<Tokens, ProviderFailure> {
    let held = refreshing(token);
    play.adapter.refresh(&play.app, &held).await
}

#[tokio::test]
async fn a_refresh_token_may_be_used_again_where_it_is_reusable() {
    let play = Play::gitea().await;
    let token = play.link("ada").await.refresh.unwrap();
    for _ in 0..2 {
        let new = refresh(&play, &token).await.unwrap();
        assert_eq!(new.expires_at, Some(after(3600)));
        assert_ne!(new.refresh.as_ref(), Some(&token));
        assert!(play.adapter.identify(&play.app, &new.access).await.is_ok());
    }
}

#[tokio::test]
async fn a_used_refresh_token_is_a_lost_rotation_where_they_rotate() {
    let play = Play::forgejo().await;
    let first = play.link("ada").await.refresh.unwrap();
    let second = refresh(&play, &first).await.unwrap().refresh.unwrap();
    let failure = refresh(&play, &first).await.unwrap_err();
    let (blame, code) = (Blame::Grant, ReasonCode::GrantLostRotation);
    assert_blames(&failure, blame, code, GrantVerdict::Lost);
    // Who holds the newest goes on: the stored pair is read again before anything is given up.
    assert!(refresh(&play, &second).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_was_lost_costs_the_grant_only_where_tokens_rotate() {
    for (play, survives) in [(Play::gitea().await, true), (Play::forgejo().await, false)] {
        let token = play.link("ada").await.refresh.unwrap();
        let fault = Fault::LostAnswer.once().on(Gitea::TOKEN_ROUTE);
        play.gitea.fail_with(fault);
        let failure = refresh(&play, &token).await.unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider);
        assert_eq!(failure.grant, GrantVerdict::Unknown);
        assert_eq!(refresh(&play, &token).await.is_ok(), survives);
    }
}

#[tokio::test]
async fn a_token_that_ran_out_says_expired_and_a_refresh_helps() {
    let play = Play::gitea().await;
    let tokens = play.link("ada").await;
    play.clock.advance(Duration::from_hours(1));
    let failure = play.list(&tokens.access).await.unwrap_err();
    let (blame, code) = (Blame::Grant, ReasonCode::GrantRevoked);
    assert_blames(&failure, blame, code, GrantVerdict::Expired);
    let new = refresh(&play, &tokens.refresh.unwrap()).await.unwrap();
    assert!(play.list(&new.access).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_that_ran_out_means_that_the_grant_ran_out() {
    let play = Play::gitea().await;
    let token = play.link("ada").await.refresh.unwrap();
    play.clock.advance(Duration::from_hours(730));
    let failure = refresh(&play, &token).await.unwrap_err();
    let (blame, code) = (Blame::Grant, ReasonCode::GrantExpired);
    assert_blames(&failure, blame, code, GrantVerdict::Lost);
    let none = Tokens {
        refresh: None,
        ..refreshing(&token)
    };
    let failure = play.adapter.refresh(&play.app, &none).await.unwrap_err();
    assert_blames(&failure, blame, code, GrantVerdict::Lost);
}

#[tokio::test]
async fn a_grant_that_does_not_exist_was_revoked_by_the_person() {
    for play in Play::all().await {
        let token = play.link("ada").await.refresh.unwrap();
        play.gitea.revoke_grant("ada", &play.app.client_id);
        let failure = refresh(&play, &token).await.unwrap_err();
        let (blame, code) = (Blame::Grant, ReasonCode::GrantRevoked);
        assert_blames(&failure, blame, code, GrantVerdict::Lost);
        let words = failure.failure.detail.unwrap();
        assert_eq!(words, "grant does not exist");
    }
}

#[tokio::test]
async fn a_new_client_secret_at_the_provider_costs_nobody_their_grant() {
    let mut play = Play::gitea().await;
    let token = play.link("ada").await.refresh.unwrap();
    let secret = play.gitea.change_secret(&play.app.client_id);
    let failure = refresh(&play, &token).await.unwrap_err();
    let (blame, code) = (Blame::App, ReasonCode::AppCredentialsInvalid);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
    let words = failure.failure.detail.unwrap();
    assert!(!words.contains(play.app.client_secret.expose_str()));
    play.app.client_secret = secret.into();
    assert!(refresh(&play, &token).await.is_ok());
}

#[tokio::test]
async fn a_removed_app_is_the_admins_matter_and_another_app_means_linking_again() {
    let mut play = Play::gitea().await;
    let token = play.link("ada").await.refresh.unwrap();
    let other = play.gitea.register_app("Another", CALLBACK);
    let old = std::mem::replace(&mut play.app.client_id, other.client_id);
    play.app.client_secret = other.client_secret.into();
    let failure = refresh(&play, &token).await.unwrap_err();
    let (blame, code) = (Blame::Grant, ReasonCode::GrantRevoked);
    assert_blames(&failure, blame, code, GrantVerdict::Lost);
    play.gitea.remove_app(&old);
    play.app.client_id = old;
    let failure = refresh(&play, &token).await.unwrap_err();
    let (blame, code) = (Blame::App, ReasonCode::AppCredentialsInvalid);
    assert_blames(&failure, blame, code, GrantVerdict::Unknown);
}

#[tokio::test]
async fn an_unknown_error_of_the_token_endpoint_costs_nobody_their_grant() {
    let play = Play::gitea().await;
    let token = play.link("ada").await.refresh.unwrap();
    for error in ["strange", "server_error", "invalid_request"] {
        let fault = Fault::OAuthError(error.to_owned());
        play.gitea.fail_with(fault.once().on(Gitea::TOKEN_ROUTE));
        let failure = refresh(&play, &token).await.unwrap_err();
        assert_eq!(failure.grant, GrantVerdict::Unknown, "{error}");
        assert_ne!(failure.failure.blame, Blame::Grant);
    }
    assert!(refresh(&play, &token).await.is_ok());
}
