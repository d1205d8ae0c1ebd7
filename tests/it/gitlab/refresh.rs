use domain::{Blame, ReasonCode};
use lanyard::providers::GrantVerdict;

use super::support::{Play, after, assert_blames};

#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_ends_the_old_one() {
    let play = Play::start().await;
    let old = play.link("ada").await;
    let new = play.adapter.refresh(&play.app, &old).await.unwrap();
    assert_ne!(new.access, old.access);
    assert_ne!(new.refresh, old.refresh);
    assert_eq!(new.expires_at, Some(after(7200)));
    assert_eq!(new.scopes.as_deref().unwrap(), ["api"]);
    assert!(play.list(&new.access).await.is_ok());
    let failure = play.list(&old.access).await.unwrap_err();
    // Another refresh may have ended it: one more try with what is stored, then a new link.
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
    let words = failure.failure.detail.unwrap();
    assert!(words.starts_with("Token was revoked."), "{words}");
}

#[tokio::test]
async fn a_token_that_ran_out_says_expired_and_a_refresh_helps() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    play.passes(7200);
    let failure = play.list(&tokens.access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Expired,
    );
    let new = play.adapter.refresh(&play.app, &tokens).await.unwrap();
    assert!(play.list(&new.access).await.is_ok());
}

#[tokio::test]
async fn of_two_refreshes_the_second_is_told_that_the_grant_is_lost_and_the_first_pair_works() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    let (one, other) = tokio::join!(
        play.adapter.refresh(&play.app, &tokens),
        play.adapter.refresh(&play.app, &tokens)
    );
    let (won, lost) = match (one, other) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("one wins: {both:?}"),
    };
    // Whoever asked looks at the stored pair first: it has moved on.
    assert_blames(
        &lost,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
    assert!(play.list(&won.access).await.is_ok());
    assert!(play.adapter.refresh(&play.app, &won).await.is_ok());
}

#[tokio::test]
async fn a_grant_that_the_person_took_back_is_lost() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    play.gitlab.revoke_grant("ada", &play.app.client_id);
    let failure = play.list(&tokens.access).await.unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Expired);
    let failure = play.adapter.refresh(&play.app, &tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
}

#[tokio::test]
async fn a_renewed_secret_at_the_provider_costs_nobody_their_grant() {
    let mut play = Play::start().await;
    let tokens = play.link("ada").await;
    let secret = play.gitlab.renew_secret(&play.app.client_id);
    let failure = play.adapter.refresh(&play.app, &tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
    assert!(!format!("{failure:?}").contains(play.app.client_secret.expose_str()));
    assert!(play.list(&tokens.access).await.is_ok());
    play.app.client_secret = secret.as_str().into();
    assert!(play.adapter.refresh(&play.app, &tokens).await.is_ok());
}

#[tokio::test]
async fn an_application_that_is_gone_is_the_apps_fault_at_the_token_endpoint() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    play.gitlab.delete_app(&play.app.client_id);
    // The tokens are gone with it; nothing tells that from a lost grant but the next exchange.
    let failure = play.list(&tokens.access).await.unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Expired);
    let findings = play.adapter.test(&play.app).await;
    let found = super::support::finding(&findings, "app");
    assert!(!found.ok);
    assert!(found.found.contains("is not accepted"));
}

#[tokio::test]
async fn a_block_does_not_cost_the_grant() {
    let play = Play::start().await;
    let tokens = play.link("ada").await;
    play.gitlab.block_user("ada");
    let failure = play.list(&tokens.access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::AccountSuspended,
        GrantVerdict::Unknown,
    );
    let words = "403 Forbidden - Your account has been blocked.";
    assert_eq!(failure.failure.detail.as_deref(), Some(words));
    play.gitlab.unblock_user("ada");
    assert!(play.list(&tokens.access).await.is_ok());
}

#[tokio::test]
async fn tokens_without_a_refresh_token_are_lost_without_a_call() {
    let play = Play::start().await;
    let mut tokens = play.link("ada").await;
    tokens.refresh = None;
    let calls = play.gitlab.journal().len();
    let failure = play.adapter.refresh(&play.app, &tokens).await.unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Lost);
    assert_eq!(play.gitlab.journal().len(), calls);
}
