//! A link that stands still for so long that its tokens are given back meanwhile: a machine was
//! suspended, or a disk was slow. Either it comes about or its tokens end, never both.

use chrono::TimeDelta;

use super::sharing::{comes, goes, held, stands_still};

const LINKED: &str = "/oauth/linked";
const TOO_LATE: &str = "/oauth/failed/account-link-given-up";

/// Longer than a link may be on its way.
const LONG: TimeDelta = TimeDelta::minutes(11);

#[tokio::test]
async fn a_link_whose_tokens_were_given_back_does_not_come_about() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let linking = stands_still(&world, &github, &log).await;
    world.passes(LONG);
    world.looks().await;
    assert_eq!(world.happened("LinkGivenUp").await, 1);
    assert_eq!(github.live_tokens_of("ada"), 0);
    log.lets_go();
    assert_eq!(linking.await.unwrap(), TOO_LATE);
    assert!(world.accounts("ada").await.is_empty());
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 0));
    // Nothing stands in the way of the next one.
    let account = world.link("ada", &github).await;
    world.settles().await;
    world.looks_within(TimeDelta::hours(1)).await;
    assert_eq!(github.lines("ada").len(), 1);
    assert_eq!(
        world.story_of(account).await[..2],
        ["LinkGivenUp", "AccountLinked"]
    );
}

#[tokio::test]
async fn tokens_of_a_link_that_came_about_are_not_given_back_however_late_it_is_noticed() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let linking = stands_still(&world, &github, &log).await;
    world.passes(LONG);
    // Now whoever gives back is about to say so, and stands still in its turn.
    log.holds("account-");
    let looking = async {
        log.is_held().await;
        log.lets_go();
        assert_eq!(linking.await.unwrap(), LINKED);
        log.lets_go();
    };
    tokio::join!(world.looks(), looking);
    assert_eq!(world.happened("LinkGivenUp").await, 0);
    assert_eq!(github.live_tokens_of("ada"), 1);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 1);
}

#[tokio::test]
async fn a_new_link_of_the_same_account_that_comes_too_late_leaves_the_old_one_as_it_is() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let adas = goes(&world, &github, "github", "ada", "ada").await;
    // The last thing before the tokens take the place of the others.
    log.holds_read("account-");
    let linking = tokio::spawn(comes(world.instance(), adas));
    log.is_held().await;
    world.passes(LONG);
    world.looks().await;
    assert_eq!(world.happened("LinkGivenUp").await, 1);
    log.lets_go();
    assert_eq!(linking.await.unwrap(), TOO_LATE);
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
    assert_eq!(github.live_tokens_of("ada"), 1, "those of before");
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.writes(), "++-");
}

#[tokio::test]
async fn a_new_link_that_lands_behind_the_end_of_the_old_one_has_tokens_of_its_own() {
    let (world, log) = held().await;
    let github = world.site("github").await;
    let account = world.link("ada", &github).await;
    world.settles().await;
    let linking = stands_still(&world, &github, &log).await;
    // They are in the place of the old ones, and end with them.
    world.forces(account).await.is(202);
    world.settles().await;
    log.lets_go();
    assert_eq!(linking.await.unwrap(), LINKED);
    world.settles().await;
    world.looks_within(TimeDelta::hours(1)).await;
    assert_eq!((world.nobodys().await, world.sealed().await), (0, 1));
    world.rotate("ada", account).await.is(202);
    world.settles().await;
    assert_eq!(github.lines("ada").len(), 2, "one was left behind by force");
    assert_eq!(world.happened("GrantLost").await, 0);
}
