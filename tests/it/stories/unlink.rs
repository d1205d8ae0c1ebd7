//! An account is given up: cleaned at the provider, and its secrets destroyed.

use chrono::TimeDelta;
use domain::account::{AccountEvent, Residue};
use domain::{AccountId, Event, SecretRef};
use forge::Fault;
use lanyard::vault::VaultError;
use serde_json::json;

use super::world::{Site, World};

async fn linked() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

impl World {
    async fn is_destroyed(&self, secret: SecretRef) -> bool {
        let opened = self.service.app.vault.open_secret(secret).await;
        matches!(opened, Err(VaultError::Destroyed))
    }

    /// What the last unlinking left.
    async fn residue(&self) -> Vec<Residue> {
        let events = self.events().await.into_iter().rev();
        let mut left = events.filter_map(|recorded| match recorded.event {
            Event::Account(AccountEvent::AccountUnlinked { residue, .. }) => Some(residue),
            _ => None,
        });
        left.next().unwrap()
    }
}

#[tokio::test]
async fn an_unlinking_withdraws_the_key_then_revokes_the_token_and_destroys_the_secrets() {
    let (world, github, account) = linked().await;
    let tokens = world.linked(account).await.grant.as_ref().unwrap().secret;
    world.unlink("ada", account).await;
    world.settles().await;
    let routes = github.journal().into_iter().map(|entry| entry.route);
    let deletes: Vec<String> = routes.filter(|route| route.starts_with("DELETE")).collect();
    assert_eq!(
        deletes,
        [
            "DELETE /user/keys/{id}",
            "DELETE /applications/{client_id}/token"
        ],
        "the grant is never revoked: with it, every key would go"
    );
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert!(world.is_destroyed(tokens).await);
    assert_eq!(world.residue().await, []);
    assert_eq!(world.accounts("ada").await.len(), 0);
    assert_eq!(world.keys("ada").await.len(), 0);
    assert_eq!(world.pending().await.len(), 0);
    let story = world.story_of(account).await;
    assert_eq!(
        story[3..],
        [
            "UnlinkRequested",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "AccountUnlinked"
        ]
    );
}

#[tokio::test]
async fn an_account_is_unlinked_before_its_key_was_ever_made() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(github.writes(), "");
    assert_eq!(world.keys("ada").await.len(), 0);
}

#[tokio::test]
async fn an_unlinking_in_the_middle_of_a_rotation_leaves_no_key() {
    let (world, github, account) = linked().await;
    world.rotate("ada", account).await.is(202);
    world.round().await;
    world.round().await;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.keys("ada").await.len(), 0);
}

#[tokio::test]
async fn an_unlinking_waits_for_a_provider_that_is_away() {
    let (world, github, account) = linked().await;
    let tokens = world.linked(account).await.grant.as_ref().unwrap().secret;
    github.goes_down();
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    assert!(!world.is_destroyed(tokens).await, "it is still needed");
    github.comes_back();
    world.settles_within(TimeDelta::minutes(15)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(world.residue().await, []);
    assert!(world.is_destroyed(tokens).await);
}

#[tokio::test]
async fn a_token_is_revoked_once_the_provider_is_back() {
    let (world, github, account) = linked().await;
    let route = "DELETE /applications/{client_id}/token";
    github.fail_with(Fault::Unavailable.on(route));
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(5)).await;
    assert_eq!(github.lines("ada").len(), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    world.restarts().await;
    github.heal();
    world.settles_within(TimeDelta::minutes(2)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(world.residue().await, []);
}

#[tokio::test]
async fn an_unlinking_whose_revocation_answer_was_lost_is_over() {
    let (world, github, account) = linked().await;
    let route = "DELETE /applications/{client_id}/token";
    github.fail_with(Fault::LostAnswer.once().on(route));
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.residue().await, []);
}

#[tokio::test]
async fn an_unlinking_after_the_person_revoked_the_grant_names_what_it_could_not_see() {
    let (world, github, account) = linked().await;
    let there = github.keys_of("ada")[0].id.to_string();
    world.passes(TimeDelta::hours(1));
    github.revoke_grant("ada", &github.app.client_id);
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    let residue = world.residue().await;
    let [Residue::Key { remote_key, .. }] = residue.as_slice() else {
        panic!("{residue:?}");
    };
    assert_eq!(remote_key.as_deref(), Some(there.as_str()));
    let keys = world.keys("ada").await;
    assert_eq!(keys.len(), 0);
}

#[tokio::test]
async fn an_unlinking_with_a_wrong_client_secret_waits_for_an_admin_to_mend_it() {
    let (world, github, account) = linked().await;
    let right = github.change_secret(&github.app.client_id);
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(github.lines("ada").len(), 0, "keys need no secret");
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    world
        .change(&github, json!({ "client_secret": right }))
        .await;
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    assert_eq!(world.residue().await, []);
    assert_eq!(github.live_tokens_of("ada"), 0);
}

#[tokio::test]
async fn an_account_that_is_linked_again_gets_a_new_key() {
    let (world, github, account) = linked().await;
    let first = github.lines("ada");
    let tokens = world.linked(account).await.grant.as_ref().unwrap().secret;
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(world.link("ada", &github).await, account);
    world.settles().await;
    let second = github.lines("ada");
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    assert_ne!(
        world.linked(account).await.grant.as_ref().unwrap().secret,
        tokens
    );
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "+-++-");
    assert_eq!(world.keys("ada").await.len(), 1);
}

#[tokio::test]
async fn an_account_that_was_given_up_can_be_linked_by_somebody_else() {
    let (world, github, account) = linked().await;
    world.unlink("ada", account).await;
    world.settles().await;
    let done = world.link_as("bob", &github, "ada").await;
    assert_eq!(done.header("location"), "/oauth/linked");
    world.settles().await;
    assert_eq!(world.keys("bob").await.len(), 1);
    assert_eq!(world.keys("ada").await.len(), 0);
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn an_account_that_is_being_unlinked_cannot_be_linked_meanwhile() {
    let (world, github, account) = linked().await;
    world.unlink("ada", account).await;
    let refused = world.link_as("ada", &github, "ada").await;
    assert_eq!(
        refused.header("location"),
        "/oauth/failed/account-unlinking"
    );
    world.settles().await;
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}
