//! The projector at work.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Event, Recorded, StreamName};
use lanyard::eventlog::{Append, Appended, EventLog, LogError, Stored};
use lanyard::projecting::projector::{Health, Projector, ProjectorError};
use lanyard::server::outdated;
use projections::{Projection, Statement, Table};
use tokio::sync::watch;

use super::{Base, events, named};
use crate::support::story::{Person, Story};

/// A log of which one line cannot be read.
struct Torn {
    log: Arc<dyn EventLog>,
    index: u64,
}

#[async_trait]
impl EventLog for Torn {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        self.log.append(append).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Stored>, LogError> {
        self.log.read_stream(stream, after, limit).await
    }

    async fn read_all(&self, index: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let mut page = self.log.read_all(index, limit).await?;
        for stored in &mut page {
            if stored.index == self.index {
                stored.line = stored.line.replace("KeyGenerated", "KeyForged");
            }
        }
        Ok(page)
    }

    async fn size(&self) -> Result<u64, LogError> {
        self.log.size().await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.log.watch()
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_the_projector_before_it() {
    let story = Story::new();
    story.people_link(0..3).await;
    let base = Base::sqlite();
    let torn: Arc<dyn EventLog> = Arc::new(Torn {
        log: story.log.clone(),
        index: 5,
    });
    let mut projector = base.projector(&torn).await;
    let (applied, health) = (projector.watch(), projector.health());
    let (_stop, stopping) = watch::channel(false);
    let error = projector.run(stopping).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "event 5 is of the unknown type keyring/KeyForged: a newer Lanyard wrote it"
    );
    assert_eq!(*health.borrow(), Health::Outdated(error.to_string()));
    let mut health = health;
    assert_eq!(outdated(&mut health).await, error.to_string());
    assert_eq!(*applied.borrow(), 5);
    assert_eq!(base.count("audit_trail").await, 5);

    // Whoever can read it goes on there.
    assert_eq!(
        base.projector(&story.log).await.catch_up().await.unwrap(),
        12
    );
    assert_eq!(base.count("audit_trail").await, 12);
}

#[tokio::test]
async fn a_running_projector_follows_the_log_until_it_is_stopped() {
    let story = Story::new();
    let base = Base::sqlite();
    let mut projector = base.projector(&story.log).await;
    let mut applied = projector.watch();
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(async move { projector.run(stopping).await.unwrap() });
    for number in 0..20 {
        let index = story
            .tell("ada", Person::new(&format!("dev{number}")).linked())
            .await;
        applied.wait_for(|events| *events > index).await.unwrap();
        assert_eq!(base.count("linked_accounts").await, number + 1);
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    assert!(
        applied.has_changed().is_err(),
        "a stopped projector says so"
    );
}

#[tokio::test]
async fn two_projectors_on_one_database_apply_nothing_twice_and_skip_nothing() {
    for base in Base::of_every_kind().await {
        let story = Story::new();
        let mut one = base.projector(&story.log).await;
        let mut other = base.projector(&story.log).await;
        for round in 0..10 {
            story.people_link(round * 5..round * 5 + 5).await;
            let (one, other) = tokio::join!(one.catch_up(), other.catch_up());
            assert_eq!(one.unwrap(), other.unwrap());
        }
        assert_eq!(*one.watch().borrow(), 200);
        let alone = Base::sqlite();
        alone.hear(&story).await;
        assert_eq!(base.rows().await, alone.rows().await, "{}", base.name);
    }
}

#[tokio::test]
async fn a_projection_that_lags_behind_catches_up_by_itself_first() {
    let story = Story::new();
    story.people_link(0..5).await;
    let base = Base::sqlite();
    let few: Vec<_> = ["keys", "tokens"].map(named).to_vec();
    let mut first = Projector::of(story.log.clone(), base.database.clone(), &few)
        .await
        .unwrap();
    first.catch_up().await.unwrap();
    story.people_link(5..8).await;
    let mut all = base.projector(&story.log).await;
    assert_eq!(*all.watch().borrow(), 0);
    let step = all.step().await.unwrap();
    assert_eq!((step.applied, step.next), (20, 20));
    assert_eq!(all.catch_up().await.unwrap(), 32);
    let fresh = Base::sqlite();
    fresh.hear(&story).await;
    assert_eq!(base.rows().await, fresh.rows().await);
}

#[tokio::test]
async fn a_projection_added_to_a_long_log_is_filled_before_the_projector_opens() {
    let story = Story::new();
    story.people_link(0..600).await;
    let base = Base::sqlite();
    let projector = base.projector(&story.log).await;
    assert_eq!(*projector.watch().borrow(), 2_400);
    assert_eq!(base.count("audit_trail").await, 2_400);
    assert!(!base.has_leftovers().await);
}

/// A projection as the next version of Lanyard would have it.
struct Newer(&'static dyn Projection);

impl Projection for Newer {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> u32 {
        self.0.version() + 1
    }

    fn tables(&self) -> &'static [Table] {
        self.0.tables()
    }

    fn apply(&self, event: &Recorded<Event>) -> Vec<Statement> {
        self.0.apply(event)
    }
}

static NEWER_KEYS: Newer = Newer(&projections::keys::Keys);

#[tokio::test]
async fn a_new_version_of_a_projection_is_made_anew_at_the_start() {
    for base in Base::of_every_kind().await {
        let story = Story::new();
        story.everything().await;
        let mut old = base.projector(&story.log).await;
        old.catch_up().await.unwrap();
        let rows = base.rows().await;
        base.run("DELETE FROM keys").await;
        let newer = Projector::of(story.log.clone(), base.database.clone(), &[&NEWER_KEYS])
            .await
            .unwrap();
        assert_eq!(
            *newer.watch().borrow(),
            events(&*story.log).await.len() as u64
        );
        assert_eq!(base.rows().await, rows, "{}", base.name);

        // The old version no longer writes to tables that are not its own.
        story.people_link(0..1).await;
        let error = old.catch_up().await.unwrap_err();
        assert!(
            matches!(
                error,
                ProjectorError::OtherVersion {
                    name: "keys",
                    found: 3,
                    ours: 2
                }
            ),
            "{error}"
        );
        assert_eq!(base.rows().await, rows, "{}", base.name);
    }
}
