use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use forge::{BitbucketOptions, BitbucketServer, Fault};
use lanyard::providers::{GrantVerdict, Tokens};

use super::support::{Canned, Play, after, answer, assert_blames};

/// Tokens of OAuth 1.0a.
pub(super) fn tokens(access: &str, handle: Option<&str>) -> Tokens {
    Tokens {
        access: access.into(),
        refresh: handle.map(Into::into),
        token_secret: Some("the-secret".into()),
        expires_at: None,
        scopes: None,
    }
}

#[tokio::test]
async fn the_session_handle_brings_a_new_token_and_ends_the_old_one() {
    let play = Play::signed().await;
    let old = play.link("ada").await;
    let new = play.refresh(&old).await.unwrap();
    assert_ne!(new.access, old.access);
    assert_ne!(new.refresh, old.refresh);
    assert_eq!(new.expires_at, Some(after(157_680_000)));
    assert!(play.list(&new.access).await.is_ok());
    let failure = play.list(&old.access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Expired,
    );
    let again = play.refresh(&old).await.unwrap_err();
    assert_blames(
        &again,
        Blame::Grant,
        ReasonCode::GrantRevoked,
        GrantVerdict::Lost,
    );
    assert!(play.refresh(&new).await.is_ok());
}

#[tokio::test]
async fn a_token_that_ran_out_is_renewed_and_a_session_that_ran_out_is_not() {
    let play = Play::signed().await;
    let old = play.link("ada").await;
    let other = play.link("ada").await;
    play.passes(157_680_000);
    let failure = play.list(&old.access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Expired,
    );
    let new = play.refresh(&old).await.unwrap();
    assert!(play.list(&new.access).await.is_ok());
    play.passes(30 * 86_400);
    let failure = play.refresh(&other).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
}

#[tokio::test]
async fn without_a_handle_there_is_nothing_to_renew_with() {
    let options = BitbucketOptions {
        session_handles: false,
        ..BitbucketOptions::server()
    };
    let play = Play::with(options, Protocol::Oauth1).await;
    let tokens = play.link("ada").await;
    assert!(tokens.refresh.is_none() && tokens.expires_at.is_none());
    assert!(play.list(&tokens.access).await.is_ok());
    let calls = play.bitbucket.journal().len();
    let failure = play.refresh(&tokens).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::Grant,
        ReasonCode::GrantExpired,
        GrantVerdict::Lost,
    );
    assert_eq!(play.bitbucket.journal().len(), calls, "nobody was asked");
}

#[tokio::test]
async fn a_person_who_takes_the_app_away_is_asked_to_link_again() {
    for play in Play::both().await {
        let tokens = play.link("ada").await;
        play.bitbucket.revoke_grant("ada", &play.app.client_id);
        let failure = play.list(&tokens.access).await.unwrap_err();
        assert_blames(
            &failure,
            Blame::Grant,
            ReasonCode::GrantRevoked,
            GrantVerdict::Expired,
        );
        assert_eq!(
            play.refresh(&tokens).await.unwrap_err().grant,
            GrantVerdict::Lost
        );
    }
}

#[tokio::test]
async fn an_outage_at_renewal_costs_nobody_their_grant() {
    let play = Play::signed().await;
    let tokens = play.link("ada").await;
    for fault in [Fault::BadGateway, Fault::Maintenance, Fault::Unavailable] {
        let fault = fault.on(BitbucketServer::ACCESS_TOKEN_ROUTE).once();
        play.bitbucket.fail_with(fault);
        let failure = play.refresh(&tokens).await.unwrap_err();
        assert_eq!(failure.failure.blame, Blame::Provider);
        assert_eq!(failure.grant, GrantVerdict::Unknown);
    }
    assert!(play.refresh(&tokens).await.is_ok());
}

#[tokio::test]
async fn a_login_page_in_place_of_a_token_costs_nobody_their_grant() {
    for (status, body) in [
        (200, "<html>log in</html>"),
        (200, "oauth_token_secret=s"),
        (200, "oauth_token=two%20words"),
        (401, "<html>log in</html>"),
    ] {
        let canned = Canned::answering(Protocol::Oauth1, move |_| answer(status, &[], body)).await;
        let old = tokens("the-token", Some("the-handle"));
        let failure = canned.adapter.refresh(&canned.app, &old).await.unwrap_err();
        assert_blames(
            &failure,
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
    }
}
