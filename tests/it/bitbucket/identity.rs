use domain::provider::Protocol;
use domain::{Blame, ReasonCode};
use lanyard::providers::{GrantVerdict, Identity, ProviderFailure};
use lanyard::vault::Secret;
use serde_json::json;

use super::support::{Canned, Play, answer, assert_blames, words};

async fn who(play: &Play, name: &str) -> Result<Identity, ProviderFailure> {
    let access = play.link(name).await.access;
    play.adapter.identify(&play.app, &access).await
}

#[tokio::test]
async fn a_person_is_known_by_number() {
    for play in Play::both().await {
        let ada = play.bitbucket.add_user("ada");
        let identity = who(&play, "ada").await.unwrap();
        assert_eq!(identity.external_id, ada.id.to_string());
        assert_eq!(identity.login, "ada");
        assert_eq!(identity.scopes, None);
    }
}

#[tokio::test]
async fn a_name_may_need_encoding_and_differ_from_the_slug() {
    for play in Play::both().await {
        for name in ["jane@example.com", "j+a b@x&y=z", "CORP\\jane", "Zoë"] {
            let person = play.bitbucket.add_user(name);
            assert_ne!(person.slug, name);
            // A name that holds another one: the list finds both.
            play.bitbucket.add_user(&format!("{name}.au"));
            let identity = who(&play, name).await.unwrap();
            assert_eq!(identity.external_id, person.id.to_string());
            assert_eq!(identity.login, name);
        }
    }
}

#[tokio::test]
async fn a_slug_that_no_name_leads_to_and_a_rename_change_nothing() {
    let play = Play::signed().await;
    let ada = play.bitbucket.add_user("ada");
    let access = play.link("ada").await.access;
    play.bitbucket.set_slug("ada", "countess");
    let known = || play.adapter.identify(&play.app, &access);
    assert_eq!(known().await.unwrap().external_id, ada.id.to_string());
    play.bitbucket.rename_user("ada", "ada.lovelace");
    play.bitbucket.add_user("ada");
    let identity = known().await.unwrap();
    assert_eq!(identity.external_id, ada.id.to_string());
    assert_eq!(identity.login, "ada.lovelace");
}

#[tokio::test]
async fn of_many_people_with_like_names_the_right_one_is_found() {
    let play = Play::signed().await;
    for number in 0..120 {
        play.bitbucket.add_user(&format!("max{number}"));
    }
    let max = play.bitbucket.add_user("max");
    let identity = who(&play, "max").await.unwrap();
    assert_eq!(
        identity.external_id,
        max.id.to_string(),
        "on the second page"
    );
}

#[tokio::test]
async fn a_token_that_is_not_heeded_is_the_admins_to_mend() {
    let play = Play::coded().await;
    let access = play.link("ada").await.access;
    play.bitbucket.heed_bearer_tokens(false);
    let failure = play.adapter.identify(&play.app, &access).await.unwrap_err();
    assert_blames(
        &failure,
        Blame::App,
        ReasonCode::ProviderProtocol,
        GrantVerdict::Unknown,
    );
    assert!(words(&failure).contains("as if there were no token"));
}

/// Answers as a Bitbucket on behalf of whom the headers name.
async fn named(headers: &'static [(&'static str, &'static str)]) -> Canned {
    Canned::answering(Protocol::Oauth2, move |seen| {
        if seen.line.contains("application-properties") {
            answer(200, headers, r#"{"version":"9.4.0"}"#)
        } else if seen.line.contains("/users?filter=") {
            let people = json!({
                "values": [{ "id": 7, "name": "ada", "active": true, "displayName": "Ada" }],
                "isLastPage": true,
            });
            answer(200, &[], people.to_string())
        } else {
            answer(404, &[], r#"{"errors":[{"message":"no such user"}]}"#)
        }
    })
    .await
}

#[tokio::test]
async fn two_hundred_alone_signs_nobody_in() {
    for headers in [
        &[][..],
        &[("x-ausername", "")],
        &[("x-ausername", "anonymous")],
    ] {
        let canned = named(headers).await;
        let failure = canned
            .adapter
            .identify(&canned.app, &Secret::from("t"))
            .await;
        assert_eq!(failure.unwrap_err().failure.blame, Blame::App);
        assert_eq!(canned.seen().len(), 1, "nobody is looked up");
    }
}

#[tokio::test]
async fn name_and_number_must_be_of_the_same_person() {
    let without_number = named(&[("x-ausername", "ada")]).await;
    let token = Secret::from("t");
    let identity = without_number
        .adapter
        .identify(&without_number.app, &token)
        .await;
    let identity = identity.unwrap();
    assert_eq!(identity.external_id, "7");
    assert_eq!(identity.name.as_deref(), Some("Ada"));
    for headers in [
        &[("x-ausername", "ada"), ("x-auserid", "8")][..],
        &[("x-ausername", "Ada"), ("x-auserid", "7")],
        &[("x-ausername", "eve")],
    ] {
        let canned = named(headers).await;
        let failure = canned.adapter.identify(&canned.app, &token).await;
        assert_blames(
            &failure.unwrap_err(),
            Blame::Provider,
            ReasonCode::ProviderProtocol,
            GrantVerdict::Unknown,
        );
    }
}

#[tokio::test]
async fn an_account_that_is_switched_off_is_told_from_a_lost_grant() {
    let canned = Canned::answering(Protocol::Oauth2, |seen| {
        if seen.line.contains("application-properties") {
            answer(200, &[("x-ausername", "ada")], "{}")
        } else if seen.line.contains("/users?filter=") {
            answer(200, &[], r#"{"values":[],"isLastPage":true}"#)
        } else {
            answer(200, &[], r#"{"id":7,"name":"ada","active":false}"#)
        }
    })
    .await;
    let failure = canned
        .adapter
        .identify(&canned.app, &Secret::from("t"))
        .await;
    assert_blames(
        &failure.unwrap_err(),
        Blame::Grant,
        ReasonCode::AccountSuspended,
        GrantVerdict::Unknown,
    );
}
