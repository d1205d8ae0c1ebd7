//! A provider goes, or moves to another server, just while somebody links an account there.

use std::sync::Arc;

use lanyard::app::{App, Applied, Caller, CaseError, CommandError, Parts};
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::projecting::projector::Projector;
use serde_json::json;

use super::sharing::{comes, goes, held, stands_still};
use super::world::World;

const GITHUB: &str = "/api/v1/providers/github";
const OUTDATED: &str = "/oauth/failed/flow-outdated";
const LINKED: &str = "/oauth/linked";

/// Somewhere nothing listens.
fn elsewhere() -> serde_json::Value {
    json!({ "base_url": "http://127.0.0.1:9" })
}

#[tokio::test]
async fn a_link_that_lands_behind_the_removal_of_its_provider_is_taken_back() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let linking = stands_still(&world, &github, &log).await;
    let admin = world.service.admin().await;
    admin.delete(GITHUB).await.is(204);
    log.lets_go();
    assert_eq!(linking.await.unwrap(), OUTDATED);
    assert!(world.accounts("ada").await.is_empty());
    assert_eq!(world.happened("AccountLinked").await, 1);
    assert_eq!(world.happened("AccountUnlinked").await, 1);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 0);
}

#[tokio::test]
async fn a_link_that_lands_behind_a_change_of_the_base_url_is_taken_back() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let linking = stands_still(&world, &github, &log).await;
    world.change(&github, elsewhere()).await;
    log.lets_go();
    assert_eq!(linking.await.unwrap(), OUTDATED);
    assert!(world.accounts("ada").await.is_empty());
}

#[tokio::test]
async fn a_link_between_the_count_and_the_removal_ends_behind_it() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let adas = goes(&world, &github, "github", "ada", "ada").await;
    log.holds("provider-");
    let app = world.instance();
    let removing = tokio::spawn(async move {
        let caller = Caller::system("test", app.new_id(), None);
        let github = "github".parse().unwrap();
        app.remove_provider(&github, None, &caller).await
    });
    log.is_held().await;
    assert_eq!(comes(world.instance(), adas).await, LINKED);
    log.lets_go();
    removing.await.unwrap().unwrap();
    world.settles().await;
    assert!(world.accounts("ada").await.is_empty());
    assert_eq!(world.happened("UnlinkForced").await, 1);
    assert_eq!(world.left("?provider=github").await.len(), 1, "the grant");
    assert_eq!(world.pending().await.len(), 0);
}

#[tokio::test]
async fn a_link_between_the_count_and_a_change_of_the_base_url_ends_behind_it() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let other = world.site("other").await;
    world.link("ada", &other).await;
    let adas = goes(&world, &github, "github", "ada", "ada").await;
    log.holds("provider-");
    let admin = world.service.admin().await;
    let changing = admin.patch(GITHUB, elsewhere());
    let link = async {
        log.is_held().await;
        let sent = comes(world.instance(), adas).await;
        log.lets_go();
        sent
    };
    let (changed, sent) = tokio::join!(changing, link);
    assert_eq!(changed.is(200)["base_url"], "http://127.0.0.1:9");
    assert_eq!(sent, LINKED);
    world.settles().await;
    let left = world.accounts("ada").await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["provider"], "other");
    assert_eq!(world.happened("UnlinkForced").await, 1);
}

#[tokio::test]
async fn an_account_that_the_read_models_do_not_know_yet_counts() {
    let world = World::new().await;
    let github = world.site("github").await;
    world.link("ada", &github).await;
    // An instance whose read models are empty still.
    let home = tempfile::tempdir().unwrap();
    let database = Arc::new(SqliteDatabase::open(home.path().join("late.db")).unwrap());
    let before = world.instance();
    let projector = Projector::open(before.log.clone(), database.clone()).await;
    let late = App::new(Parts {
        applied: Applied::new(projector.unwrap().watch()),
        database,
        ..Parts::clone(&before)
    });
    let caller = Caller::system("test", late.new_id(), None);
    let provider = "github".parse().unwrap();
    let removed = late.remove_provider(&provider, None, &caller).await;
    let Err(CaseError::Command(CommandError::Refused(refusal))) = removed else {
        panic!("it was removed");
    };
    assert_eq!(refusal.code(), "provider-accounts-linked");
}
