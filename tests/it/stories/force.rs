//! An unlinking that an admin ends without waiting for the provider.

use chrono::TimeDelta;
use domain::account::{AccountEvent, Residue};
use domain::{AccountId, Event, SecretRef};
use lanyard::vault::VaultError;
use projections::{keys, linked_accounts};
use serde_json::Value;

use super::world::{Site, World};
use crate::support::actors::Answer;

async fn linked() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    (world, github, account)
}

impl World {
    pub(super) async fn forces(&self, account: AccountId) -> Answer {
        let path =
            format!("/api/v1/users/ada/accounts/{account}?force=true&reason=the+host+is+gone");
        self.service.admin().await.delete(&path).await
    }

    /// What an operator sees that stays.
    pub(super) async fn left(&self, query: &str) -> Vec<Value> {
        let operator = self.service.operator().await;
        let path = format!("/api/v1/sync/residue{query}");
        let seen = operator.sees(&path).await.is(200);
        seen["residue"].as_array().unwrap().clone()
    }

    async fn secrets(&self, who: &str, account: AccountId) -> Vec<SecretRef> {
        self.service.catches_up().await;
        let database = &self.service.app.database;
        let row = database.get(linked_accounts::by_id(account)).await.unwrap();
        let row = linked_accounts::from_row(&row.unwrap()).unwrap();
        let mut secrets = vec![row.grant.unwrap().secret];
        let user = who.parse().unwrap();
        for row in database.query(keys::of_user(&user)).await.unwrap() {
            secrets.push(keys::from_row(&row).unwrap().private_key);
        }
        secrets
    }

    async fn are_destroyed(&self, secrets: &[SecretRef]) -> bool {
        for secret in secrets {
            let opened = self.service.app.vault.open_secret(*secret).await;
            if !matches!(opened, Err(VaultError::Destroyed)) {
                return false;
            }
        }
        true
    }
}

#[tokio::test]
async fn a_forced_unlinking_ends_while_the_provider_is_down_and_names_what_stays() {
    let (world, github, account) = linked().await;
    let there = github.keys_of("ada")[0].id.to_string();
    let key = world.current_key("ada", account).await;
    let secrets = world.secrets("ada", account).await;
    github.goes_down();
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    let calls = github.calls_of_ours();
    world.forces(account).await.is(202);
    world.settles_within(TimeDelta::hours(30)).await;
    assert_eq!(github.calls_of_ours(), calls, "nothing more is tried");
    assert!(world.are_destroyed(&secrets).await);
    let left = world.left("").await;
    assert_eq!(left.len(), 2, "{left:?}");
    let of_key = left.iter().find(|left| left["what"] == "key").unwrap();
    assert_eq!(of_key["remote_key"], there.as_str());
    assert_eq!(of_key["key"], key["key"]);
    assert_eq!(of_key["fingerprint"], key["fingerprint"]);
    for left in &left {
        assert_eq!(left["user"], "ada");
        assert_eq!(left["provider"], "github");
        assert_eq!(left["left_by"], "root");
        assert_eq!(left["reason"], "the host is gone");
    }
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(world.keys("ada").await.len(), 0);
    github.comes_back();
    world.settles_within(TimeDelta::hours(1)).await;
    assert_eq!(github.lines("ada").len(), 1, "it stays, as was said");
}

#[tokio::test]
async fn force_waits_for_no_provider_that_is_paused_or_disabled() {
    for switch in ["pause", "disable"] {
        let (world, github, account) = linked().await;
        world.switch(&github, switch).await;
        let calls = github.calls_of_ours();
        // Nobody has to ask for the unlinking first.
        world.forces(account).await.is(202);
        world.settles().await;
        assert_eq!(github.calls_of_ours(), calls);
        assert_eq!(world.left("?provider=github").await.len(), 2);
        let story = world.story_of(account).await;
        assert_eq!(
            story[story.len() - 3..],
            ["UnlinkRequested", "UnlinkForced", "AccountUnlinked"]
        );
    }
}

#[tokio::test]
async fn a_forced_unlinking_after_the_grant_was_revoked_leaves_the_key_only() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::hours(1));
    github.revoke_grant("ada", &github.app.client_id);
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(3)).await;
    assert_eq!(world.happened("GrantLost").await, 1);
    world.forces(account).await.is(202);
    let left = world.left("").await;
    assert!(left.iter().all(|left| left["what"] == "key"), "{left:?}");
}

#[tokio::test]
async fn after_a_forced_unlinking_the_account_can_be_linked_anew() {
    let (world, github, account) = linked().await;
    github.goes_down();
    world.forces(account).await.is(202);
    world.settles().await;
    github.comes_back();
    assert_eq!(world.link("ada", &github).await, account);
    world.settles().await;
    // The old key stays until somebody removes it there.
    assert_eq!(github.lines("ada").len(), 2);
    assert_eq!(world.keys("ada").await.len(), 1);
    let residues: usize = world
        .events()
        .await
        .iter()
        .map(|recorded| match &recorded.event {
            Event::Account(AccountEvent::AccountUnlinked { residue, .. }) => residue
                .iter()
                .filter(|left| matches!(left, Residue::Key { .. }))
                .count(),
            _ => 0,
        })
        .sum();
    assert_eq!(residues, 1);
}

#[tokio::test]
async fn only_an_admin_forces_and_only_with_a_reason() {
    let (world, _github, account) = linked().await;
    let path = format!("/api/v1/users/me/accounts/{account}?force=true&reason=mine");
    let ada = world.service.user("ada").await;
    ada.delete(&path).await.is_problem(403, "forbidden");
    let admin = world.service.admin().await;
    let path = format!("/api/v1/users/ada/accounts/{account}?force=true");
    assert_eq!(admin.delete(&path).await.rejected(), ["reason"]);
    let path = format!("/api/v1/users/ada/accounts/{account}?force=maybe&reason=x&more=1");
    assert_eq!(admin.delete(&path).await.rejected(), ["force", "more"]);
    assert_eq!(world.happened("UnlinkRequested").await, 0);
    // Whose account it is stays unsaid.
    let path = format!("/api/v1/users/bob/accounts/{account}?force=true&reason=x");
    admin
        .delete(&path)
        .await
        .is_problem(404, "account-not-found");
}

#[tokio::test]
async fn what_stays_comes_in_pages_and_by_person() {
    let world = World::new().await;
    let github = world.site("github").await;
    for who in ["ada", "bob"] {
        world.link(who, &github).await;
    }
    world.settles().await;
    github.goes_down();
    let admin = world.service.admin().await;
    for who in ["ada", "bob"] {
        let account = world.accounts(who).await[0]["account"].clone();
        let account = account.as_str().unwrap();
        let path = format!("/api/v1/users/{who}/accounts/{account}?force=true&reason=gone");
        admin.delete(&path).await.is(202);
    }
    let all = world.left("").await;
    assert_eq!(all.len(), 4);
    assert_eq!(all[0]["user"], "bob", "newest first");
    let of_ada = world.left("?user=ada").await;
    assert_eq!(of_ada, all[2..]);
    assert_eq!(world.left("?provider=elsewhere").await.len(), 0);
    let auditor = world.service.auditor().await;
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let page = auditor
            .get(&format!("/api/v1/sync/residue?limit=3{before}"))
            .await
            .is(200);
        seen.extend(page["residue"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
    let wrong = auditor
        .get("/api/v1/sync/residue?before=x&user=Ada%20L")
        .await;
    assert_eq!(wrong.rejected(), ["user", "before"]);
    let ada = world.service.user("ada").await;
    ada.get("/api/v1/sync/residue")
        .await
        .is_problem(403, "forbidden");
}
