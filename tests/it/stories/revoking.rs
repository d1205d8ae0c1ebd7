//! The last step of an unlinking, where the provider does not play its part.

use chrono::TimeDelta;
use domain::AccountId;
use domain::account::AccountEvent;
use domain::{Event, ReasonCode};
use forge::{Fault, RetryAfter};
use serde_json::{Value, json};

use super::world::{Site, World};

const REVOKE: &str = "DELETE /applications/{client_id}/token";

/// Ada has unlinked, and her key is gone: only her tokens are left.
async fn leaving(fault: impl Into<forge::FaultPlan>) -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    github.fail_with(fault);
    world.unlink("ada", account).await;
    (world, github, account)
}

#[tokio::test]
async fn a_revocation_that_never_ends_holds_up_nobody_else() {
    let (world, github, _) = leaving(Fault::Held.on(REVOKE)).await;
    let forge = world.site("forge").await;
    let mut hands = world.hands().await;
    while github.calls(REVOKE) == 0 {
        while hands.looks_on().await {}
        hands.acts().await;
        world.passes(TimeDelta::seconds(1));
        tokio::task::yield_now().await;
    }
    drop(hands);
    world.link("bob", &forge).await;
    let mut hands = world.hands().await;
    for _ in 0..3 {
        while hands.looks_on().await {}
        hands.acts().await;
        world.passes(TimeDelta::seconds(1));
    }
    drop(hands);
    assert_eq!(forge.lines("bob").len(), 1);
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    github.heal();
    world.settles().await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_revocation_waits_for_as_long_as_the_provider_asks() {
    let hour = Fault::TooManyRequests(Some(RetryAfter::Seconds(3600)));
    let (world, github, _) = leaving(hour.on(REVOKE)).await;
    world.settles_within(TimeDelta::minutes(59)).await;
    assert_eq!(github.calls(REVOKE), 1);
    github.heal();
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn a_revocation_that_fails_again_and_again_is_tried_less_and_less() {
    let (world, github, _) = leaving(Fault::ServerError.on(REVOKE)).await;
    world.settles_within(TimeDelta::hours(3)).await;
    let calls = github.calls(REVOKE);
    assert!((5..=30).contains(&calls), "{calls}");
    github.heal();
    world.settles_within(TimeDelta::minutes(20)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}

impl World {
    /// What the account's owner sees of the revocation.
    async fn revocation(&self) -> Value {
        self.accounts("ada").await[0]["revocation"].clone()
    }

    /// What an operator sees of revocations that wait.
    async fn waits(&self) -> Vec<Value> {
        let operator = self.service.operator().await;
        let seen = operator.sees("/api/v1/sync").await.is(200);
        seen["revocations"].as_array().cloned().unwrap_or_default()
    }

    /// What stays at providers: what, and why it waits.
    async fn stays(&self) -> Vec<Value> {
        let operator = self.service.operator().await;
        let seen = operator.sees("/api/v1/sync/residue").await.is(200);
        let left = seen["residue"].as_array().unwrap();
        let brief = |left: &Value| json!([left["what"], left["waits"]]);
        left.iter().map(brief).collect()
    }

    /// The kinds of notices that ada has open.
    async fn is_told(&self) -> Vec<Value> {
        let ada = self.service.user("ada").await;
        let seen = ada.sees("/api/v1/me/notices?open=true").await.is(200);
        let notices = seen["notices"].as_array().unwrap();
        notices
            .iter()
            .map(|notice| notice["kind"].clone())
            .collect()
    }

    /// Goes on until the first try has failed.
    async fn fails_to_revoke(&self) {
        for _ in 0..30 {
            if self.happened("GrantRevocationFailed").await > 0 {
                return;
            }
            self.settles_within(TimeDelta::milliseconds(200)).await;
        }
        panic!("nobody ever tried");
    }

    async fn is_retried(&self) {
        let operator = self.service.operator().await;
        let asked = operator.post("/api/v1/sync/retry", json!({})).await.is(202);
        assert_eq!(asked["requested"], 1);
    }
}

#[tokio::test]
async fn a_revocation_that_fails_says_why_and_when_it_is_tried_again() {
    // The server stays as long as somebody holds it.
    let (world, _github, account) = leaving(Fault::Unavailable.on(REVOKE)).await;
    world.fails_to_revoke().await;
    let seen = world.revocation().await;
    assert_eq!(seen["status"], "failed", "{seen}");
    assert!(seen["attempts"].as_u64() >= Some(1), "{seen}");
    assert_eq!(seen["failure"]["blame"], "provider");
    assert_eq!(seen["failure"]["code"], "provider_error");
    assert!(seen["next_try"].is_string());
    assert_eq!(world.waits().await[0]["account"], account.to_string());
    assert_eq!(world.stays().await.len(), 0, "it is tried again by itself");
    let told = world.events().await.into_iter();
    let mut told = told.filter_map(|recorded| match recorded.event {
        Event::Account(AccountEvent::GrantRevocationFailed {
            failure, attempts, ..
        }) => Some((failure.code, attempts, recorded.code)),
        _ => None,
    });
    let first = (ReasonCode::ProviderError, 1, "LAC28W".to_owned());
    assert_eq!(told.next(), Some(first));
}

#[tokio::test]
async fn a_revocation_that_waits_for_somebody_is_told_and_goes_on_when_they_ask() {
    let (world, github, _) = leaving(Fault::BadCredentials.on(REVOKE)).await;
    world.settles_within(TimeDelta::hours(25)).await;
    assert_eq!(world.happened("GrantRevocationParked").await, 1);
    assert_eq!(world.happened("GrantRevocationFailed").await, 11);
    assert_eq!(world.revocation().await["status"], "parked");
    assert_eq!(
        world.stays().await,
        [json!(["grant", "app_credentials_invalid"])]
    );
    let calls = github.calls(REVOKE);
    world.settles_within(TimeDelta::hours(25)).await;
    assert_eq!(github.calls(REVOKE), calls, "nobody tries by themselves");
    github.heal();
    world.is_retried().await;
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(world.stays().await.len(), 0);
    assert_eq!(world.is_told().await.len(), 0);
}

#[tokio::test]
async fn a_revocation_that_waits_for_its_key_through_an_outage_goes_on_by_itself() {
    let (world, github, _) = leaving(Fault::Unavailable).await;
    world.settles_within(TimeDelta::hours(8)).await;
    let failed = world.happened("KeyWithdrawalFailed").await;
    assert!(failed <= 12, "{failed}");
    github.heal();
    world.settles_within(TimeDelta::minutes(20)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}

#[tokio::test]
async fn a_revocation_alone_through_an_outage_of_days_tells_little_and_goes_on_by_itself() {
    let (world, github, _) = leaving(Fault::Unavailable.on(REVOKE)).await;
    // The key goes; then nothing answers any more.
    world.fails_to_revoke().await;
    github.goes_down();
    world
        .settles_within(TimeDelta::hours(24) + TimeDelta::minutes(30))
        .await;
    let failed = world.happened("GrantRevocationFailed").await;
    assert!(failed <= 12, "{failed}");
    assert_eq!(world.happened("GrantRevocationParked").await, 1);
    assert_eq!(world.revocation().await["status"], "parked");
    assert_eq!(world.stays().await.len(), 1);
    github.comes_back();
    github.heal();
    world.settles_within(TimeDelta::minutes(20)).await;
    assert_eq!(world.happened("GrantRevocationRequested").await, 1);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(world.stays().await.len(), 0);
}

#[tokio::test]
async fn the_next_try_of_a_revocation_outlives_a_restart() {
    let (world, github, _) = leaving(Fault::BadCredentials.on(REVOKE)).await;
    world.settles_within(TimeDelta::minutes(30)).await;
    let seen = world.revocation().await;
    let calls = github.calls(REVOKE);
    world.restarts().await;
    world.settles_within(TimeDelta::seconds(1)).await;
    assert_eq!(github.calls(REVOKE), calls, "{seen}");
    github.heal();
    world.is_retried().await;
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}

#[tokio::test]
async fn an_off_boarding_says_that_it_waits_for_a_revocation() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    world.settles().await;
    github.change_secret(&github.app.client_id);
    let admin = world.service.admin().await;
    let place = "/api/v1/users/ada/offboarding";
    admin.post(place, json!({ "reason": "left" })).await.is(202);
    world.settles_within(TimeDelta::hours(3)).await;
    let seen = admin.sees(place).await.is(200);
    assert_eq!(seen["status"], "running");
    let waiting = &seen["waiting"][0];
    assert_eq!(waiting["keys"], 0);
    assert_eq!(waiting["revocation"]["status"], "parked");
    assert_eq!(waiting["failure"]["code"], "app_credentials_invalid");
    assert_eq!(seen["residue"][0]["waits"], "app_credentials_invalid");
    let force = json!({ "reason": "left", "force": true });
    admin.post(place, force).await.is(202);
    world.settles_within(TimeDelta::minutes(1)).await;
    let seen = admin.sees(place).await.is(200);
    assert_eq!(seen["status"], "completed");
    assert_eq!(seen["grants_left"], 1);
    let residue = seen["residue"].as_array().unwrap();
    assert_eq!(residue.len(), 1, "what waited is over: {residue:?}");
    assert!(residue[0]["waits"].is_null());
}
