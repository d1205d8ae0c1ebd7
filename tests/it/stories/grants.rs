//! Grants that are gone, and come again.

use chrono::TimeDelta;
use domain::AccountId;
use forge::{Fault, GitHub, Moment, TokenLife};
use projections::{Statement, Value};
use serde_json::json;

use super::world::{Site, World};

/// Ada's key is in place; the next refresh will be refused.
async fn to_be_refused() -> (World, Site, AccountId) {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(9));
    let refused = Fault::OAuthError("bad_refresh_token".to_owned());
    github.fail_with(refused.on(GitHub::TOKEN_ROUTE));
    (world, github, account)
}

#[tokio::test]
async fn a_refresh_that_is_refused_costs_the_grant_once_and_parks_the_key() {
    let (world, github, account) = to_be_refused().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(world.happened("GrantLost").await, 1);
    assert_eq!(world.accounts("ada").await[0]["status"], "grant_lost");
    let pending = world.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["blame"], "grant");
    let remedy = pending[0]["failure"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("link the account again"), "{remedy}");
    let calls = github.calls_of_ours();
    world.passes(TimeDelta::days(7));
    world.settles().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(
        github.calls_of_ours(),
        calls,
        "nothing helps but a new link"
    );
    assert_eq!(world.happened("GrantLost").await, 1);
}

#[tokio::test]
async fn a_new_link_heals_everything_without_a_replay() {
    let (world, github, account) = to_be_refused().await;
    let made = world.rotate("ada", account).await.is(202);
    world.settles().await;
    github.heal();
    assert_eq!(world.link("ada", &github).await, account);
    world.settles().await;
    assert_eq!(world.accounts("ada").await[0]["status"], "linked");
    assert_eq!(github.writes(), "++-");
    assert_eq!(github.lines("ada"), [made["public_key"].as_str().unwrap()]);
    assert_eq!(world.pending().await.len(), 0);
    assert_eq!(world.keys("ada").await.len(), 1);
}

#[tokio::test]
async fn who_comes_back_as_somebody_else_is_stopped_unless_another_account_is_meant() {
    let (world, github, account) = to_be_refused().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    github.heal();
    let stopped = world.link_as("ada", &github, "countess").await;
    assert_eq!(stopped.header("location"), "/oauth/failed/other-identity");
    assert_eq!(world.accounts("ada").await.len(), 1);
    assert_eq!(github.live_tokens_of("countess"), 0, "given back");
    let body = json!({ "provider": "github", "another": true });
    let done = world.link_with("ada", &github, "countess", body).await;
    assert_eq!(done.header("location"), "/oauth/linked");
    let accounts = world.accounts("ada").await;
    assert_eq!(accounts[0]["status"], "grant_lost");
    assert_eq!(accounts[1]["login"], "countess");
    assert_eq!(world.link("ada", &github).await, account);
    world.settles().await;
    assert_eq!(world.accounts("ada").await[0]["status"], "linked");
    let person = world.service.user("ada").await;
    let both = json!({ "provider": "github", "account": account, "another": true });
    let refused = person.post("/api/v1/users/me/accounts", both).await;
    refused.is_problem(422, "invalid-input");
}

#[tokio::test]
async fn what_was_asked_while_the_grant_was_gone_is_done_after_a_new_link() {
    let (world, github, account) = to_be_refused().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let last = world.rotate("ada", account).await.is(202);
    world.settles().await;
    github.heal();
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada"), [last["public_key"].as_str().unwrap()]);
    assert_eq!(world.keys("ada").await.len(), 1);
}

#[tokio::test]
async fn a_grant_that_the_person_revoked_is_lost_once_and_linked_again() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(1));
    github.revoke_grant("ada", &github.app.client_id);
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(world.happened("GrantLost").await, 1);
    assert_eq!(
        world.accounts("ada").await[0]["failure"]["code"],
        "grant_revoked"
    );
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(world.keys("ada").await.len(), 1);
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_new_token_that_is_not_known_everywhere_yet_costs_nobody_a_link() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    github.fail_with(Fault::BadCredentials.times(2));
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn one_lost_grant_is_nobody_elses() {
    let (world, github, account) = to_be_refused().await;
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    github.heal();
    world.link("bob", &github).await;
    world.settles().await;
    assert_eq!(github.lines("bob").len(), 1);
    assert_eq!(world.accounts("bob").await[0]["status"], "linked");
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_ends_the_grant_and_a_new_link_heals_it() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(9));
    github.fail_with(Fault::LostAnswer.once().on(GitHub::TOKEN_ROUTE));
    world.rotate("ada", account).await.is(202);
    world.settles_within(TimeDelta::minutes(1)).await;
    assert_eq!(world.happened("GrantLost").await, 1);
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_suspended_person_is_asked_for_rarely_and_keeps_their_link() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    github.suspend_user("ada");
    world.rotate("ada", account).await.is(202);
    let calls = github.calls_of_ours();
    world.settles_within(TimeDelta::hours(5)).await;
    assert_eq!(github.calls_of_ours(), calls + 1);
    assert_eq!(world.happened("GrantLost").await, 0);
    github.unsuspend_user("ada");
    world.settles_within(TimeDelta::hours(3)).await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn tokens_that_do_not_open_any_more_park_one_key_and_delay_nobody() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let secret = world.linked(account).await.grant.as_ref().unwrap().secret;
    let garbage = Statement::new(
        "UPDATE vault_secrets SET box = $2 WHERE ref = $1",
        [secret.to_string().into(), Value::from(vec![7_u8; 80])],
    );
    let database = &world.service.app.database;
    database.transact(vec![garbage]).await.unwrap();
    world.link("bob", &github).await;
    world.settles().await;
    assert_eq!(github.lines("bob").len(), 1);
    let pending = world.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["user"], "ada");
    assert_eq!(pending[0]["status"], "parked");
    assert_eq!(pending[0]["failure"]["code"], "decrypt_failed");
    assert_eq!(world.happened("GrantLost").await, 0);
}

#[tokio::test]
async fn tokens_that_are_gone_cost_the_grant_and_delay_nobody() {
    let world = World::new().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    let secret = world.linked(account).await.grant.as_ref().unwrap().secret;
    world.service.app.vault.destroy(secret).await.unwrap();
    world.link("bob", &github).await;
    world.settles().await;
    assert_eq!(github.lines("bob").len(), 1);
    assert_eq!(world.happened("GrantLost").await, 1);
    world.link("ada", &github).await;
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
}

/// Ada's key is to be replaced, her token has run out, and a fault strikes the next refresh.
async fn refreshed_under(fault: Fault) -> (World, Site) {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.passes(TimeDelta::hours(9));
    github.fail_with(fault.once().on(GitHub::TOKEN_ROUTE));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    (world, github)
}

#[tokio::test]
async fn a_grant_whose_new_tokens_were_lost_on_the_way_says_so() {
    let (world, _github) = refreshed_under(Fault::LostAnswer).await;
    assert_eq!(world.happened("GrantLost").await, 1);
    let account = &world.accounts("ada").await[0];
    assert_eq!(account["status"], "grant_lost");
    assert_eq!(account["failure"]["code"], "grant_lost_rotation");
}

#[tokio::test]
async fn a_refresh_that_never_arrived_is_sent_again_and_costs_nothing() {
    let (world, github) = refreshed_under(Fault::Dropped(Moment::BeforeEffect)).await;
    assert_eq!(world.happened("GrantLost").await, 0);
    assert_eq!(world.accounts("ada").await[0]["status"], "linked");
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_refresh_that_grants_less_names_the_shortfall_and_costs_nobody_the_grant() {
    let world = World::new().await;
    let github = world.site("github").await;
    github.tokens_last(&github.app.client_id, TokenLife::EightHours);
    let account = world.link("ada", &github).await;
    world.settles().await;
    let before = world.accounts("ada").await[0].clone();
    assert_eq!(before["missing_scopes"], json!([]));
    // Ada takes back what she granted; the next token knows of it.
    github.grants_at_most("ada", "read:public_key read:user");
    world.passes(TimeDelta::hours(9));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    let after = world.accounts("ada").await[0].clone();
    assert_eq!(after["status"], "linked");
    assert_eq!(after["missing_scopes"], json!(["admin:public_key"]));
    assert_eq!(world.happened("GrantRenewed").await, 1);
    assert_eq!(world.happened("GrantLost").await, 0);
    let pending = world.pending().await;
    assert_eq!(pending[0]["failure"]["code"], "scope_missing");
    assert_eq!(github.lines("ada").len(), 1, "the old key stays");
    // A new link with everything, and what waited is done.
    github.grants_at_most("ada", "admin:public_key read:user");
    assert_eq!(world.link("ada", &github).await, account);
    world.settles().await;
    let healed = world.accounts("ada").await[0].clone();
    assert_eq!(healed["missing_scopes"], json!([]));
    assert_eq!(github.writes(), "++-");
    assert!(world.pending().await.is_empty());
}
