//! Access tokens that run out.

use chrono::TimeDelta;
use domain::AccountId;
use domain::account::Link;
use forge::{Fault, GitHub, TokenLife};
use lanyard::app::Caller;
use lanyard::app::grants::StoredTokens;
use tokio::task::JoinSet;

use super::world::{Site, World};

/// Ada's key is in place; her token lives for eight hours.
async fn linked() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 1);
    (world, github, account)
}

impl World {
    pub(super) async fn linked(&self, account: AccountId) -> Link {
        self.account(account).await.link().unwrap().clone()
    }

    pub(super) fn caller(&self) -> Caller {
        Caller::system("test", self.service.app.new_id(), None)
    }
}

#[tokio::test]
async fn a_token_is_refreshed_before_it_runs_out() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::minutes(8 * 60 - 14));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
    assert_eq!(world.happened("GrantRenewed").await, 1);
    let refused = |entry: &forge::JournalEntry| entry.answered == Some(401);
    assert!(!github.journal().iter().any(refused));
    assert_eq!(
        world
            .linked(account)
            .await
            .grant
            .as_ref()
            .unwrap()
            .generation,
        2
    );
}

#[tokio::test]
async fn a_token_that_is_good_for_long_is_not_refreshed() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::minutes(8 * 60 - 16));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 1);
}

#[tokio::test]
async fn a_token_that_ran_out_a_long_time_ago_is_refreshed_when_it_is_needed() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::days(100));
    world.settles().await;
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 1, "nobody needed it");
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
}

#[tokio::test]
async fn many_who_need_a_token_at_once_refresh_it_once() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::hours(9));
    let link = world.linked(account).await;
    let mut all = JoinSet::new();
    for _ in 0..20 {
        let (app, link, caller) = (world.service.app.clone(), link.clone(), world.caller());
        all.spawn(async move { app.access(&link, &caller).await.unwrap() });
    }
    let given = all.join_all().await;
    assert!(given.iter().all(|access| access.generation == 2));
    let first = given[0].token.expose_str();
    assert!(
        given
            .iter()
            .all(|access| access.token.expose_str() == first)
    );
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
    assert_eq!(world.happened("GrantRenewed").await, 1);
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn of_two_instances_that_need_a_token_at_once_one_refreshes_it() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::hours(9));
    let link = world.linked(account).await;
    let instances = [world.instance(), world.instance()];
    let mut all = JoinSet::new();
    for number in 0..10 {
        let (app, link) = (instances[number % 2].clone(), link.clone());
        let caller = world.caller();
        all.spawn(async move { app.access(&link, &caller).await.unwrap() });
    }
    let given = all.join_all().await;
    assert!(given.iter().all(|access| access.generation == 2));
    assert_eq!(github.calls(GitHub::TOKEN_ROUTE), 2);
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn a_token_that_cannot_be_refreshed_now_is_used_to_its_end() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::minutes(8 * 60 - 10));
    github.fail_with(Fault::Unavailable.on(GitHub::TOKEN_ROUTE));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("KeyPublicationFailed").await, 0);
}

#[tokio::test]
async fn a_fresh_token_that_is_not_known_everywhere_yet_costs_nobody_a_link() {
    let (world, github, account) = linked().await;
    world.passes(TimeDelta::hours(9));
    github.fail_with(Fault::BadCredentials.times(2).on("GET /user/keys"));
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn tokens_that_only_the_vault_knows_of_are_told_to_the_log() {
    let (world, github, account) = linked().await;
    dies_between_vault_and_log(&world, account).await;
    world.passes(TimeDelta::hours(9));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
    assert_eq!(
        world
            .linked(account)
            .await
            .grant
            .as_ref()
            .unwrap()
            .generation,
        3
    );
    assert_eq!(world.happened("GrantRenewed").await, 2);
}

#[tokio::test]
async fn an_account_whose_refresh_died_half_way_can_be_linked_again() {
    let (world, github, account) = linked().await;
    dies_between_vault_and_log(&world, account).await;
    assert_eq!(world.link("ada", &github).await, account);
    assert_eq!(
        world
            .linked(account)
            .await
            .grant
            .as_ref()
            .unwrap()
            .generation,
        3
    );
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

/// Replaces the tokens in the vault, and the log never hears of it.
async fn dies_between_vault_and_log(world: &World, account: AccountId) {
    let secret = world.linked(account).await.grant.as_ref().unwrap().secret;
    let vault = &world.service.app.vault;
    let (tokens, generation) = vault.open_secret(secret).await.unwrap();
    vault.replace(secret, generation, &tokens).await.unwrap();
}

#[tokio::test]
async fn a_new_link_that_a_lane_overtakes_is_told_as_a_link_and_not_as_a_refresh() {
    let (world, _github, account) = linked().await;
    let link = world.linked(account).await;
    let grant = link.grant.clone().unwrap();
    let app = &world.service.app;
    // What a link does first; the log is told next.
    let (held, generation) = app.stored_tokens(grant.secret).await.unwrap();
    let brought = StoredTokens::new(&held.tokens(), app.now()).of_link();
    app.vault
        .replace(grant.secret, generation, &brought.to_secret())
        .await
        .unwrap();
    let access = app.access(&link, &world.caller()).await.unwrap();
    assert_eq!(access.generation, generation + 1, "the new tokens are used");
    assert_eq!(world.happened("GrantRenewed").await, 0);
    // Whoever was about to tell died: then a lane does.
    world.passes(TimeDelta::minutes(2));
    app.access(&link, &world.caller()).await.unwrap();
    assert_eq!(world.happened("GrantRenewed").await, 1);
}
