//! Rebuilding beside the rows that are read.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lanyard::database::tables::{Generation, resolve};
use lanyard::database::{Database, DatabaseError};
use lanyard::projecting::projector::ProjectorError;
use lanyard::projecting::rebuild::{RebuildProgress, rebuild};
use projections::{Row, Statement};

use super::{Base, events, named};
use crate::support::story::Story;

#[tokio::test]
async fn a_rebuilt_projection_has_the_same_rows() {
    for base in Base::of_every_kind().await {
        let story = Story::new();
        story.everything().await;
        base.hear(&story).await;
        let rows = base.rows().await;
        // Again and again: names of tables and indexes never collide.
        for _ in 0..3 {
            base.run("DELETE FROM key_placements").await;
            base.run("DELETE FROM audit_trail").await;
            let events = rebuild(&*story.log, &*base.database, projections::ALL, |_| ()).await;
            assert_eq!(events.unwrap(), story.log.size().await.unwrap());
            assert_eq!(base.rows().await, rows, "{}", base.name);
            assert!(!base.has_leftovers().await);
        }
    }
}

/// A database of which somebody counts the keys before every transaction.
struct Watched {
    base: Base,
    counts: Mutex<Vec<u64>>,
}

#[async_trait]
impl Database for Watched {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        let count = self.base.count("keys").await;
        self.counts.lock().unwrap().push(count);
        self.base.database.transact(statements).await
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        self.base.database.query(statement).await
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        self.base.database.get(statement).await
    }
}

#[tokio::test]
async fn old_rows_are_read_until_the_new_ones_are_ready() {
    let story = Story::new();
    story.people_link(0..2_600).await;
    let base = Base::sqlite();
    base.hear(&story).await;
    base.run("DELETE FROM keys WHERE user_id <> 'dev7'").await;
    let watched = Watched {
        base,
        counts: Mutex::default(),
    };
    let mut reports = Vec::new();
    let report = |progress: RebuildProgress| reports.push((progress.done, progress.of));
    let events = rebuild(&*story.log, &watched, &[named("keys")], report).await;
    assert_eq!(events.unwrap(), 10_400);
    let counts = watched.counts.into_inner().unwrap();
    // The tables, two pages, four indexes, the switch.
    assert_eq!(counts, [1; 8]);
    assert_eq!(watched.base.count("keys").await, 2_600);
    assert_eq!(reports, [(10_000, 10_400), (10_400, 10_400)]);
}

#[tokio::test]
async fn a_rebuild_while_more_happens_misses_nothing() {
    for base in Base::of_every_kind().await {
        let story = Story::new();
        story.people_link(0..2_600).await;
        let mut projector = base.projector(&story.log).await;
        projector.catch_up().await.unwrap();
        let more = async {
            for round in 0..20 {
                let first = 2_600 + round * 10;
                story.people_link(first..first + 10).await;
                projector.catch_up().await.unwrap();
            }
        };
        let all = rebuild(&*story.log, &*base.database, projections::ALL, |_| ());
        let (all, ()) = tokio::join!(all, more);
        all.unwrap();
        projector.catch_up().await.unwrap();
        let alone = Base::sqlite();
        alone.hear(&story).await;
        assert_eq!(base.rows().await, alone.rows().await, "{}", base.name);
    }
}

#[tokio::test]
async fn of_two_rebuilds_at_the_same_time_one_counts() {
    for base in Base::of_every_kind().await {
        let story = Story::new();
        story.people_link(0..1_200).await;
        base.hear(&story).await;
        let rows = base.rows().await;
        base.run("DELETE FROM keys").await;
        let keys = [named("keys")];
        let one = rebuild(&*story.log, &*base.database, &keys, |_| ());
        let other = rebuild(&*story.log, &*base.database, &keys, |_| ());
        let (one, other) = tokio::join!(one, other);
        let superseded = [one, other]
            .into_iter()
            .filter_map(Result::err)
            .map(|error| matches!(error, ProjectorError::Superseded))
            .collect::<Vec<_>>();
        assert_eq!(superseded, [true], "{}", base.name);
        assert_eq!(base.rows().await, rows, "{}", base.name);
        assert!(!base.has_leftovers().await);
    }
}

/// A database that goes away after some transactions.
struct Failing {
    database: Arc<dyn Database>,
    left: AtomicI64,
}

#[async_trait]
impl Database for Failing {
    async fn transact(&self, statements: Vec<Statement>) -> Result<Vec<u64>, DatabaseError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(DatabaseError::Unavailable("gone".to_owned()));
        }
        self.database.transact(statements).await
    }

    async fn query(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        self.database.query(statement).await
    }

    async fn get(&self, statement: Statement) -> Result<Option<Row>, DatabaseError> {
        self.database.get(statement).await
    }
}

#[tokio::test]
async fn a_rebuild_that_is_cut_off_anywhere_does_no_harm_and_is_cleared_away_at_the_next_start() {
    let story = Story::new();
    story.everything().await;
    let few = ["keys", "key_sync"].map(named);
    for base in Base::of_every_kind().await {
        base.hear(&story).await;
        let rows = base.rows().await;
        let mut cut = 0;
        loop {
            let failing = Failing {
                database: base.database.clone(),
                left: AtomicI64::new(cut),
            };
            let rebuilt = rebuild(&*story.log, &failing, &few, |_| ()).await;
            assert_eq!(base.rows().await, rows, "{} cut off at {cut}", base.name);
            base.hear(&story).await;
            assert!(!base.has_leftovers().await);
            assert_eq!(base.rows().await, rows, "{} after {cut}", base.name);
            if rebuilt.is_ok() {
                break;
            }
            cut += 1;
        }
        assert!(cut > 5, "it was cut off {cut} times");
    }
}

#[tokio::test]
async fn no_event_makes_a_rebuild_look_through_a_whole_table() {
    let story = Story::new();
    story.everything().await;
    let tables = rusqlite::Connection::open_in_memory().unwrap();
    for table in projections::ALL.iter().flat_map(|known| known.tables()) {
        // Without its indexes: a rebuild makes them when all is filled.
        let create = table.create();
        tables
            .execute(&resolve(&create, Generation::Live), [])
            .unwrap();
    }
    for event in events(&*story.log).await {
        for statement in projections::ALL
            .iter()
            .flat_map(|known| known.apply(&event))
        {
            let plan = format!("EXPLAIN QUERY PLAN {}", statement.sql);
            let mut plan = tables.prepare(&resolve(&plan, Generation::Live)).unwrap();
            let mut steps = plan.raw_query();
            while let Some(step) = steps.next().unwrap() {
                let step: String = step.get("detail").unwrap();
                let kind = event.event.kind().name;
                // The arguments of an insertion that looks before, as a row.
                let scans = step.contains("SCAN") && step != "SCAN CONSTANT ROW";
                assert!(!scans, "{kind}: {step}: {}", statement.sql);
            }
        }
    }
}
