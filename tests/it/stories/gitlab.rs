//! What people live through with a GitLab: tokens that run out after two hours and are good for
//! one refresh, an instance below a path, maintenance mode, accounts that are blocked.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::account::AccountEvent;
use domain::{AccountId, Event};
use forge::{Fault, GitLab, GitLabApp, GitLabOptions, JournalEntry};
use lanyard::app::Caller;
use lanyard::clock::Clock;
use serde_json::{Value, json};

use super::world::World;
use crate::support::app::PUBLIC_URL;

/// A practice GitLab below a path that an admin has registered as `gitlab`.
struct Lab {
    gitlab: GitLab,
    app: GitLabApp,
}

impl Lab {
    async fn registered(world: &World, more: &Value) -> Self {
        let clock = world.service.clock.clone();
        let options = GitLabOptions::below("/gitlab").with_clock(Arc::new(move || clock.now()));
        let gitlab = GitLab::start(options).await.unwrap();
        let callback = format!("{PUBLIC_URL}/oauth/callback/gitlab");
        let app = gitlab.register_app("Lanyard", &callback, "api");
        let mut body = json!({
            "provider": "gitlab", "kind": "gitlab", "name": "Our GitLab",
            "base_url": gitlab.base_url(), "client_id": app.client_id,
            "client_secret": app.client_secret,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let admin = world.service.admin().await;
        admin.post("/api/v1/providers", body).await.is(201);
        Self { gitlab, app }
    }

    /// Links the account of the same name; returns its id.
    async fn link(&self, world: &World, who: &str) -> AccountId {
        self.gitlab.add_user(who);
        let person = world.service.user(who).await;
        let body = json!({ "provider": "gitlab" });
        let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let browser = world.service.anyone();
        let sent = browser.get(start.strip_prefix(PUBLIC_URL).unwrap()).await;
        let cookie = sent.header("set-cookie").split(';').next().unwrap();
        let back = self.gitlab.approve(sent.header("location"), who).await;
        let back = &back.unwrap()[url::Position::BeforePath..];
        let done = browser.send("GET", back, None, &[("cookie", cookie)]).await;
        assert_eq!(done.header("location"), "/oauth/linked", "{done:?}");
        let account = world.accounts(who).await[0]["account"].clone();
        account.as_str().unwrap().parse().unwrap()
    }

    /// Lists the public keys that a person has there.
    fn lines(&self, login: &str) -> Vec<String> {
        let keys = self.gitlab.keys_of(login).into_iter();
        keys.map(|key| key.key).collect()
    }

    /// Lists what was done to keys, in order: `+` for one that came, `-` for one that went.
    fn writes(&self) -> String {
        let write = |entry: JournalEntry| match (entry.route.as_str(), entry.decided) {
            ("POST /user/keys", Some(201)) => Some('+'),
            ("DELETE /user/keys/{id}", Some(204)) => Some('-'),
            _ => None,
        };
        let journal = self.gitlab.journal().into_iter();
        journal.filter_map(write).collect()
    }
}

/// Ada, linked, with a key in place.
async fn linked() -> (World, Lab, AccountId) {
    let world = World::new().await;
    let lab = Lab::registered(&world, &json!({})).await;
    let account = lab.link(&world, "ada").await;
    world.settles().await;
    (world, lab, account)
}

#[tokio::test]
async fn a_new_link_ends_the_pair_of_the_old_and_nothing_else() {
    let (world, lab, account) = linked().await;
    // The old access token has run out: its refresh token is what is left of it.
    world.passes(TimeDelta::hours(3));
    assert_eq!(lab.link(&world, "ada").await, account);
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 2);
    world.looks_within(TimeDelta::minutes(5)).await;
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 1);
    assert_eq!(lab.gitlab.live_tokens_of("ada"), 1);
    assert_eq!(world.happened("ProviderGrantLeft").await, 0);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(lab.writes(), "++-");
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn a_key_is_published_rotated_with_a_refreshed_token_and_withdrawn() {
    let (world, lab, account) = linked().await;
    let first = world.current_key("ada", account).await;
    assert_eq!(lab.lines("ada"), [first["public_key"].as_str().unwrap()]);
    assert_eq!(first["placements"][0]["presence"], "created");
    assert_eq!(lab.gitlab.keys_of("ada")[0].usage, "auth");
    // The access token runs out; the rotation gets the next pair on its way.
    world.passes(TimeDelta::hours(3));
    assert_eq!(lab.gitlab.live_tokens_of("ada"), 0);
    let second = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(
        lab.writes(),
        "++-",
        "the new key was there before the old one went"
    );
    assert_eq!(lab.lines("ada"), [second["public_key"].as_str().unwrap()]);
    assert_eq!(world.happened("GrantRenewed").await, 1);
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(lab.gitlab.calls(GitLab::TOKEN_ROUTE), 2);
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 1);
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(lab.writes(), "++--");
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 0);
    assert_eq!(lab.gitlab.calls(GitLab::REVOKE_ROUTE), 1);
    assert!(world.accounts("ada").await.is_empty());
    assert_eq!(
        world.story_of(account).await,
        [
            "AccountLinked",
            "KeyPublicationRequested",
            "KeyPublished",
            "KeyPublicationRequested",
            "GrantRenewed",
            "KeyPublished",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "UnlinkRequested",
            "KeyWithdrawalRequested",
            "KeyWithdrawn",
            "AccountUnlinked"
        ]
    );
    let stray = |entry: &JournalEntry| !entry.path.starts_with("/gitlab/");
    assert!(!lab.gitlab.journal().iter().any(stray), "the path is kept");
}

#[tokio::test]
async fn a_refresh_that_hangs_longer_than_its_lease_costs_nobody_the_link() {
    let (world, lab, account) = linked().await;
    world.passes(TimeDelta::hours(3));
    let state = world.account(account).await;
    let link = state.link().unwrap();
    let caller = Caller::system("a test", uuid::Uuid::nil(), None);
    let (slow, fast) = (world.instance(), world.instance());
    // The request of the first hangs before GitLab has seen it; the second gets the next pair.
    lab.gitlab
        .fail_with(Fault::Held.on(GitLab::TOKEN_ROUTE).once());
    let overtaking = async {
        let twice = |entry: &JournalEntry| entry.route == GitLab::TOKEN_ROUTE;
        lab.gitlab
            .until(|journal| journal.iter().filter(|entry| twice(entry)).count() == 2)
            .await;
        world.passes(TimeDelta::minutes(2));
        let won = fast.access(link, &caller).await.unwrap();
        lab.gitlab.heal();
        won
    };
    let (overtaken, won) = tokio::join!(slow.access(link, &caller), overtaking);
    let journal = lab.gitlab.journal().into_iter();
    let answers = journal.filter(|entry| entry.route == GitLab::TOKEN_ROUTE);
    let answers: Vec<_> = answers.map(|entry| entry.answered.unwrap()).collect();
    assert_eq!(answers, [200, 400, 200], "a code, the overtaken, the other");
    assert_eq!(overtaken.unwrap().token, won.token);
    assert_eq!(world.happened("GrantLost").await, 0);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(lab.writes(), "++-");
}

#[tokio::test]
async fn in_maintenance_mode_a_rotation_waits_and_goes_on_by_itself() {
    let (world, lab, account) = linked().await;
    let old = lab.lines("ada");
    lab.gitlab.enters_maintenance();
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(
        lab.lines("ada"),
        old,
        "the old key stays until the new one is there"
    );
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["code"], "provider_error");
    lab.gitlab.leaves_maintenance();
    world.settles_within(TimeDelta::hours(1)).await;
    assert_eq!(lab.lines("ada"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(world.pending().await, Vec::<Value>::new());
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn a_blocked_account_keeps_its_link_and_goes_on_when_it_is_let_in_again() {
    let (world, lab, account) = linked().await;
    lab.gitlab.block_user("ada");
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["code"], "account_suspended");
    assert_eq!(world.happened("GrantLost").await, 0);
    lab.gitlab.unblock_user("ada");
    world.settles_within(TimeDelta::hours(12)).await;
    assert_eq!(lab.lines("ada"), [made["public_key"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_grant_that_was_taken_back_is_told_and_a_new_link_mends_it() {
    let (world, lab, account) = linked().await;
    lab.gitlab.revoke_grant("ada", &lab.app.client_id);
    world.passes(TimeDelta::minutes(5));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(world.happened("GrantLost").await, 1);
    assert_eq!(lab.link(&world, "ada").await, account);
    world.settles().await;
    assert_eq!(lab.writes(), "++-");
}

#[tokio::test]
async fn unlinking_long_after_the_token_ran_out_leaves_no_refresh_token_behind() {
    let (world, lab, account) = linked().await;
    // The key is gone already: nothing but the revocation needs a token.
    let key = lab.gitlab.keys_of("ada")[0].id;
    assert!(lab.gitlab.remove_key("ada", key));
    world.passes(TimeDelta::days(30));
    world.unlink("ada", account).await;
    world.settles().await;
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 0);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
}

#[tokio::test]
async fn a_pair_that_is_refreshed_to_be_revoked_outlives_maintenance() {
    let (world, lab, account) = linked().await;
    lab.gitlab.enters_maintenance();
    // The key is gone already: nothing is left to be written but the end of the tokens.
    let key = lab.gitlab.keys_of("ada")[0].id;
    assert!(lab.gitlab.remove_key("ada", key));
    world.unlink("ada", account).await;
    world.settles_within(TimeDelta::hours(5)).await;
    assert!(lab.gitlab.calls(GitLab::TOKEN_ROUTE) >= 3, "refreshed");
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 1);
    assert_eq!(world.happened("AccountUnlinked").await, 0);
    lab.gitlab.leaves_maintenance();
    world.settles_within(TimeDelta::hours(1)).await;
    assert_eq!(lab.gitlab.unrevoked_tokens_of("ada"), 0);
    assert_eq!(world.happened("GrantLost").await, 0);
    let events = world.events().await;
    let residue = events.iter().find_map(|recorded| match &recorded.event {
        Event::Account(AccountEvent::AccountUnlinked { residue, .. }) => Some(residue),
        _ => None,
    });
    assert_eq!(residue.map(Vec::len), Some(0), "nothing stays there");
}

#[tokio::test]
async fn keys_are_good_for_signing_where_an_admin_says_so() {
    let world = World::new().await;
    let lab = Lab::registered(&world, &json!({ "signing": true })).await;
    lab.link(&world, "ada").await;
    world.settles().await;
    assert_eq!(lab.gitlab.keys_of("ada")[0].usage, "auth_and_signing");
}

#[tokio::test]
async fn an_algorithm_that_gitlab_forbids_is_parked_with_the_reason_and_another_one_helps() {
    let world = World::new().await;
    let lab = Lab::registered(&world, &json!({})).await;
    lab.gitlab.forbid_keys("ED25519");
    let account = lab.link(&world, "ada").await;
    world.settles().await;
    let pending = world.pending().await;
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["code"], "key_type_not_allowed");
    let body = json!({ "algorithm": "ecdsa-p256" });
    let admin = world.service.admin().await;
    admin.patch("/api/v1/providers/gitlab", body).await.is(200);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert!(lab.lines("ada")[0].starts_with("ecdsa-sha2-nistp256 "));
}

#[tokio::test]
async fn an_admin_tests_a_registered_gitlab() {
    let world = World::new().await;
    let lab = Lab::registered(&world, &json!({})).await;
    let admin = world.service.admin().await;
    let test = async || {
        let tested = admin.post("/api/v1/providers/gitlab/test", json!({})).await;
        tested.is(200)["findings"].as_array().unwrap().clone()
    };
    let ok = |findings: &[Value], check: &str| {
        let found = findings.iter().find(|finding| finding["check"] == check);
        found.unwrap()["ok"] == true
    };
    let findings = test().await;
    assert!(ok(&findings, "product") && ok(&findings, "app"));
    lab.gitlab.renew_secret(&lab.app.client_id);
    let findings = test().await;
    assert!(ok(&findings, "product") && !ok(&findings, "app"));
    lab.gitlab.fail_with(Fault::BadGateway.everywhere());
    assert!(!ok(&test().await, "product"));
}
