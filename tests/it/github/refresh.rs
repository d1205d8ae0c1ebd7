use std::time::Duration;

use domain::{Blame, ReasonCode};
use forge::TokenLife;
use lanyard::providers::GrantVerdict;

use super::support::{Play, after, assert_blames, refreshing};

#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_ends_the_old_one() {
    let play = Play::dot_com().await;
    let old = play.link("ada").await;
    let refresh = old.refresh.unwrap();
    let new = play
        .adapter
        .refresh(&play.app, &refreshing(&refresh))
        .await
        .unwrap();
    assert_ne!(new.access, old.access);
    assert_ne!(new.refresh.as_ref(), Some(&refresh));
    assert_eq!(new.expires_at, Some(after(28_800)));
    assert_eq!(new.scopes.unwrap(), ["admin:public_key", "read:user"]);
    let identify = async |token| play.adapter.identify(&play.app, token).await;
    assert!(identify(&new.access).await.is_ok());
    let failure = identify(&old.access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
}

#[tokio::test]
async fn a_token_that_ran_out_says_expired_and_a_refresh_helps() {
    let play = Play::dot_com().await;
    let tokens = play.link("ada").await;
    play.clock.advance(Duration::from_secs(28_801));
    let list = async |token| play.adapter.list_keys(&play.app, token).await;
    let failure = list(&tokens.access).await.unwrap_err();
    assert_eq!(failure.grant, GrantVerdict::Expired);
    let refresh = tokens.refresh.unwrap();
    let new = play
        .adapter
        .refresh(&play.app, &refreshing(&refresh))
        .await
        .unwrap();
    assert!(list(&new.access).await.is_ok());
}

#[tokio::test]
async fn a_used_or_revoked_refresh_token_means_the_grant_is_lost() {
    let play = Play::dot_com().await;
    let used = play.link("ada").await.refresh.unwrap();
    play.adapter
        .refresh(&play.app, &refreshing(&used))
        .await
        .unwrap();
    let revoked = play.link("ada").await.refresh.unwrap();
    let refresh = async |token| play.adapter.refresh(&play.app, &refreshing(token)).await;
    let again = refresh(&used).await.unwrap_err();
    play.github.revoke_grant("ada", &play.app.client_id);
    let after_revocation = refresh(&revoked).await.unwrap_err();
    for failure in [again, after_revocation] {
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::GrantExpired,
            GrantVerdict::Lost,
        );
    }
}

#[tokio::test]
async fn a_new_client_secret_at_the_provider_costs_nobody_their_grant() {
    let mut play = Play::dot_com().await;
    let tokens = play.link("ada").await;
    let refresh = tokens.refresh.unwrap();
    let secret = play.github.change_secret(&play.app.client_id);
    let failure = play
        .adapter
        .refresh(&play.app, &refreshing(&refresh))
        .await
        .unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::AppCredentialsInvalid,
        GrantVerdict::Unknown,
    );
    let words = failure.failure.detail.unwrap();
    assert!(!words.contains(play.app.client_secret.expose_str()));
    play.app.client_secret = secret.into();
    assert!(
        play.adapter
            .refresh(&play.app, &refreshing(&refresh))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_grant_that_was_revoked_says_so_at_the_next_call() {
    let play = Play::dot_com().await;
    play.github
        .tokens_last(&play.app.client_id, TokenLife::Forever);
    let token = play.ada().await;
    play.github.revoke_grant("ada", &play.app.client_id);
    let failure = play.adapter.list_keys(&play.app, &token).await.unwrap_err();
    // The adapter cannot tell run out from revoked: who holds no refresh token knows.
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
    assert_eq!(failure.failure.detail.as_deref(), Some("Bad credentials"));
}
