//! A provider gives tokens, and the link never comes about: no grant stays there that nobody knows of.

use std::time::Duration;

use chrono::TimeDelta;
use forge::{Fault, GitHub, JournalEntry, TokenLife};
use projections::{Statement, Value};
use serde_json::json;

use super::world::{Site, World};
use crate::support::app::PUBLIC_URL;

const USER: &str = "GET /user";
const REVOKE: &str = "DELETE /applications/{client_id}/token";

/// A browser that goes back to Lanyard from the provider, with its cookie.
struct Back {
    at: String,
    cookie: String,
}

impl Back {
    async fn from(world: &World, site: &Site, who: &str) -> Self {
        site.add_user(who);
        let person = world.service.user(who).await;
        let body = json!({ "provider": site.slug });
        let begun = person.post("/api/v1/users/me/accounts", body).await.is(201);
        let start = begun["start_url"].as_str().unwrap();
        let start = start.strip_prefix(PUBLIC_URL).unwrap();
        let sent = world.service.anyone().get(start).await;
        let cookie = sent.header("set-cookie").split(';').next().unwrap();
        let back = site.approve(sent.header("location"), who).await.unwrap();
        Self {
            at: back[url::Position::BeforePath..].to_owned(),
            cookie: cookie.to_owned(),
        }
    }

    /// Comes back; says where the browser is sent then.
    async fn comes(&self, world: &World) -> String {
        let headers = [("cookie", &*self.cookie)];
        let anyone = world.service.anyone();
        let done = anyone.send("GET", &self.at, None, &headers).await;
        done.header("location").to_owned()
    }
}

/// Somebody asks whose tokens these are.
fn asked(journal: &[JournalEntry]) -> bool {
    journal.iter().any(|entry| entry.route == USER)
}

/// Ada agrees, and the server dies while it asks whose the tokens are.
async fn dies_in_between(world: &World, site: &Site) {
    let back = Back::from(world, site, "ada").await;
    site.fail_with(Fault::Held.on(USER));
    tokio::select! {
        sent = back.comes(world) => panic!("it came back to {sent}"),
        () = site.until(asked) => {}
    }
    site.heal();
    world.restarts().await;
}

impl World {
    async fn counted(&self, sql: &'static str) -> u64 {
        let row = self.service.app.database.get(Statement::new(sql, []));
        row.await.unwrap().unwrap().number(0).unwrap()
    }

    /// Counts the tokens that belong to nobody.
    pub(super) async fn nobodys(&self) -> u64 {
        self.counted("SELECT COUNT(*) FROM exchanged_grants").await
    }

    /// Counts the grants that the vault holds.
    pub(super) async fn sealed(&self) -> u64 {
        let sql = "SELECT COUNT(*) FROM vault_secrets \
                   WHERE purpose = 'grant-tokens' AND box IS NOT NULL";
        self.counted(sql).await
    }
}

/// What is on its way when a browser goes away comes all the same, and is nobody's then.
#[tokio::test]
async fn a_browser_that_goes_away_amid_the_exchange_leaves_no_grant_behind() {
    let world = World::new().await;
    let github = world.site("github").await;
    let back = Back::from(&world, &github, "ada").await;
    github.fail_with(Fault::Held.on(GitHub::TOKEN_ROUTE));
    let exchanges = |journal: &[JournalEntry]| {
        let mut calls = journal.iter();
        calls.any(|entry| entry.route == GitHub::TOKEN_ROUTE)
    };
    tokio::select! {
        sent = back.comes(&world) => panic!("it came back to {sent}"),
        () = github.until(exchanges) => {}
    }
    github.heal();
    let kept = async {
        while world.nobodys().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_mins(1);
    tokio::time::timeout(patience, kept).await.unwrap();
    assert_eq!(github.live_tokens_of("ada"), 1);
    world.passes(TimeDelta::minutes(11));
    world.looks().await;
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
}

async fn dies_and_cleans_up(world: World) {
    let github = world.site("github").await;
    dies_in_between(&world, &github).await;
    assert_eq!(github.live_tokens_of("ada"), 1);
    assert_eq!((world.nobodys().await, world.sealed().await), (1, 1));
    world.passes(TimeDelta::minutes(9));
    world.looks().await;
    assert_eq!(github.calls(REVOKE), 0, "it may be on its way");
    world.passes(TimeDelta::minutes(2));
    world.looks().await;
    assert_eq!(github.calls(REVOKE), 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
    assert_eq!(world.happened("ProviderGrantLeft").await, 0);
    assert!(world.accounts("ada").await.is_empty());
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_server_that_dies_between_exchange_and_link_leaves_no_grant_behind() {
    Box::pin(dies_and_cleans_up(World::new().await)).await;
    if let Some(world) = World::in_postgresql().await {
        Box::pin(dies_and_cleans_up(world)).await;
    }
}

#[tokio::test]
async fn a_good_links_tokens_are_not_given_back_by_a_sweep_in_between() {
    let world = World::new().await;
    let github = world.site("github").await;
    let back = Back::from(&world, &github, "ada").await;
    github.fail_with(Fault::Held.on(USER));
    let sweeps = async {
        github.until(asked).await;
        world.looks_within(TimeDelta::minutes(5)).await;
        assert_eq!(world.nobodys().await, 1);
        github.heal();
    };
    let (sent, ()) = tokio::join!(back.comes(&world), sweeps);
    assert_eq!(sent, "/oauth/linked");
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
    world.settles().await;
    world.looks_within(TimeDelta::hours(3)).await;
    assert_eq!(github.calls(REVOKE), 0);
    assert_eq!(github.live_tokens_of("ada"), 1);
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn what_a_link_uses_is_not_given_back_where_its_note_was_left_behind() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let state = world.account(account).await;
    let secret = state.link().unwrap().grant.as_ref().unwrap().secret;
    // The server died after the link was in the log.
    let begun = "2026-01-01T00:00:00.000000Z";
    let left: [Value; 4] = [
        secret.to_string().into(),
        "github".into(),
        account.to_string().into(),
        begun.into(),
    ];
    let left = Statement::new(
        "INSERT INTO exchanged_grants \
         (secret, provider, user_id, account, exchanged_at, due_at, tries) \
         VALUES ($1, $2, 'ada', $3, $4, $4, 0)",
        left,
    );
    world
        .service
        .app
        .database
        .transact(vec![left])
        .await
        .unwrap();
    world.looks_within(TimeDelta::minutes(1)).await;
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
    assert_eq!(github.calls(REVOKE), 0);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_new_link_in_the_place_of_the_old_gives_the_old_tokens_back() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(world.link("ada", &github).await, account);
    assert_eq!((world.nobodys().await, world.sealed().await), (1, 2));
    assert_eq!(github.live_tokens_of("ada"), 2);
    world.looks_within(TimeDelta::minutes(2)).await;
    assert_eq!(github.calls(REVOKE), 1);
    assert_eq!(github.live_tokens_of("ada"), 1);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
    assert_eq!(github.writes(), "+", "the key stays where it is");
    // It is the new one that is left.
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("ProviderGrantLeft").await, 0);
}

#[tokio::test]
async fn an_outage_keeps_nobody_from_linking_again_and_the_old_tokens_are_given_back_after_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    github.fail_with(Fault::BadGateway.on(REVOKE));
    assert_eq!(world.link("ada", &github).await, account);
    world.looks_within(TimeDelta::hours(1)).await;
    assert!(github.calls(REVOKE) > 1);
    assert_eq!(github.live_tokens_of("ada"), 2);
    github.heal();
    world.looks_within(TimeDelta::hours(2)).await;
    assert_eq!(github.live_tokens_of("ada"), 1);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
}

#[tokio::test]
async fn who_links_again_and_unlinks_at_once_leaves_no_tokens_behind() {
    let world = World::new().await;
    let github = world.site("github").await;
    for times in 1..=2 {
        let account = world.link("ada", &github).await;
        world.settles().await;
        for _ in 0..times {
            assert_eq!(world.link("ada", &github).await, account);
        }
        world.unlink("ada", account).await;
        world.settles().await;
        world.looks_within(TimeDelta::minutes(5)).await;
        assert_eq!(github.live_tokens_of("ada"), 0);
        assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
    }
}

/// What the provider gives again would go for the new link too.
#[tokio::test]
async fn a_provider_that_gives_the_same_tokens_again_gets_none_back() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let state = world.account(account).await;
    let secret = state.link().unwrap().grant.as_ref().unwrap().secret;
    let app = &world.service.app;
    github.fail_with(Fault::Held.on(USER));
    let back = Back::from(&world, &github, "ada").await;
    let before = github.calls(USER);
    let asked_again = |journal: &[JournalEntry]| {
        let calls = journal.iter().filter(|entry| entry.route == USER);
        calls.count() > before
    };
    let gives_the_same = async {
        github.until(asked_again).await;
        // What was exchanged is what the link has.
        let sql = "SELECT secret FROM exchanged_grants";
        let row = app.database.get(Statement::new(sql, [])).await;
        let at = row.unwrap().unwrap().parsed(0, "a secret").unwrap();
        let (given, _) = app.stored_tokens(at).await.unwrap();
        let generation = state.generation();
        let given = given.to_secret();
        app.vault.replace(secret, generation, &given).await.unwrap();
        github.heal();
    };
    let (sent, ()) = tokio::join!(back.comes(&world), gives_the_same);
    assert_eq!(sent, "/oauth/linked");
    world.looks_within(TimeDelta::hours(1)).await;
    assert_eq!(github.calls(REVOKE), 0);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_refused_link_whose_tokens_cannot_be_revoked_at_once_is_cleaned_up_after_the_outage() {
    let world = World::new().await;
    let github = world.site("github").await;
    let back = Back::from(&world, &github, "ada").await;
    for route in [USER, REVOKE] {
        github.fail_with(Fault::BadGateway.on(route));
    }
    assert_eq!(back.comes(&world).await, "/oauth/failed/flow-failed");
    assert_eq!(github.calls(REVOKE), 1, "it is tried at once");
    world.looks_within(TimeDelta::hours(2)).await;
    let calls = github.calls(REVOKE);
    assert!((3..=12).contains(&calls), "{calls}");
    assert_eq!(github.live_tokens_of("ada"), 1);
    assert_eq!(world.nobodys().await, 1);
    github.heal();
    world.looks_within(TimeDelta::hours(2)).await;
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
}

#[tokio::test]
async fn a_provider_that_is_disabled_in_between_gets_its_tokens_back_at_once() {
    let world = World::new().await;
    let github = world.site("github").await;
    let back = Back::from(&world, &github, "ada").await;
    github.fail_with(Fault::Held.on(USER));
    let stops = async {
        github.until(asked).await;
        world.switch(&github, "disable").await;
        github.heal();
    };
    let (sent, ()) = tokio::join!(back.comes(&world), stops);
    assert_eq!(sent, "/oauth/failed/provider-disabled");
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
}

#[tokio::test]
async fn a_pair_that_ran_out_in_the_meantime_is_refreshed_to_be_revoked() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    dies_in_between(&world, &github).await;
    world.passes(TimeDelta::hours(9));
    world.looks_within(TimeDelta::hours(1)).await;
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
    assert_eq!(github.calls(REVOKE), 2, "the old token, and the new");
    assert_eq!(github.live_tokens_of("ada"), 0);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
    assert_eq!(world.happened("ProviderGrantLeft").await, 0);
}

#[tokio::test]
async fn a_provider_that_never_comes_back_is_not_waited_for_for_ever_and_that_is_said() {
    let world = World::new().await;
    let github = world.site("github").await;
    dies_in_between(&world, &github).await;
    github.goes_down();
    world.looks_within(TimeDelta::hours(1)).await;
    assert_eq!((world.nobodys().await, world.sealed().await), (1, 1));
    world.passes(TimeDelta::days(30));
    world.looks_within(TimeDelta::hours(3)).await;
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
    assert_eq!(world.happened("ProviderGrantLeft").await, 1);
    let operator = world.service.operator().await;
    let left = operator.sees("/api/v1/sync/residue").await.is(200);
    let [left] = left["residue"].as_array().unwrap().as_slice() else {
        panic!("one thing stays: {left}");
    };
    assert_eq!(
        (&left["what"], &left["user"], &left["provider"]),
        (&json!("grant"), &json!("ada"), &json!("github"))
    );
    assert!(!left["reason"].as_str().unwrap().is_empty(), "{left}");
}
