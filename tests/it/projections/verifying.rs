//! Verifying finds what is not as it must be.

use std::sync::Arc;

use async_trait::async_trait;
use domain::StreamName;
use lanyard::database::Database;
use lanyard::eventlog::{Append, Appended, EventLog, LogError, Stored};
use lanyard::projecting::verify::{VerifyReport, verify};
use projections::{Statement, Value};
use tokio::sync::watch;

use super::Base;
use crate::support::story::Story;

type Forgery = fn(&mut Vec<Stored>);

/// A log whose lines somebody has changed behind its back.
struct Forged {
    log: Arc<dyn EventLog>,
    forge: Forgery,
}

#[async_trait]
impl EventLog for Forged {
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
        let mut all = self.log.read_all(0, usize::MAX).await?;
        (self.forge)(&mut all);
        let from = all.into_iter().filter(|stored| stored.index >= index);
        Ok(from.take(limit).collect())
    }

    async fn size(&self) -> Result<u64, LogError> {
        self.log.size().await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.log.watch()
    }
}

async fn verified(log: &dyn EventLog, database: &dyn Database) -> VerifyReport {
    verify(log, database, projections::ALL, |_| ())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_story_that_nobody_touched_is_sound() {
    let story = Story::new();
    story.everything().await;
    for base in Base::of_every_kind().await {
        base.hear(&story).await;
        let report = verified(&*story.log, &*base.database).await;
        assert!(report.is_sound(), "{report:#?}");
        assert_eq!(report.history.events, story.log.size().await.unwrap());
        assert_eq!(report.projections.len(), projections::ALL.len());
        let trail = &report.projections[0];
        assert_eq!(
            (trail.name, trail.events),
            ("audit_trail", report.history.events)
        );
        assert!(!base.has_leftovers().await);
    }
}

#[tokio::test]
async fn the_first_event_that_is_not_as_it_must_be_is_named() {
    let forgeries: [(Forgery, &str); 8] = [
        (
            |all| drop(all.remove(7)),
            "event 7: is missing: event 8 follows",
        ),
        (
            |all| all.truncate(9),
            "event 9: is missing: the log says that it has 12 events",
        ),
        (
            |all| all[4].line = all[4].line.replace("LAC01I", "LAC02I"),
            "event 4: has the code LAC02I, which is not that of AccountLinked (LAC01I)",
        ),
        (
            |all| all[4].line = all[4].line.replace("success", "failure"),
            "event 4: has another outcome than its code LAC01I",
        ),
        (
            |all| all[5].line = all[5].line.replace("KeyGenerated", "KeyForged"),
            "event 5: event 5 is of the unknown type keyring/KeyForged: a newer Lanyard wrote it",
        ),
        (
            |all| all[6].line = all[6].line.replace("T12:00:0", "T11:00:0"),
            "event 6: is recorded before the event that precedes it",
        ),
        (
            |all| all[5].line = all[5].line.replace("\"version\":1", "\"version\":2"),
            "event 5: is number 2 of keyring-dev1, where number 1 belongs",
        ),
        (
            |all| all[3].line.push('\n'),
            "event 3: is not one line of at most 65535 bytes",
        ),
    ];
    let story = Story::new();
    story.people_link(0..3).await;
    let base = Base::sqlite();
    base.hear(&story).await;
    for (forge, said) in forgeries {
        let forged = Forged {
            log: story.log.clone(),
            forge,
        };
        let report = verified(&forged, &*base.database).await;
        assert!(!report.is_sound());
        assert_eq!(report.history.fault.unwrap().to_string(), said);
    }
}

#[tokio::test]
async fn a_row_that_the_log_does_not_make_is_named() {
    let forgeries = [
        "UPDATE keys SET standing = 'current' WHERE standing = 'retired'",
        "DELETE FROM keys WHERE standing = 'retired'",
        "INSERT INTO keys SELECT 'ffffffff-0000-0000-0000-000000000000', user_id, account, \
         algorithm, public_key, fingerprint, private_key, standing, replaced_by, made_at, \
         retired_at, revision, idx FROM keys WHERE standing = 'retired' LIMIT 1",
    ];
    let story = Story::new();
    story.everything().await;
    for base in Base::of_every_kind().await {
        for forgery in forgeries {
            base.hear(&story).await;
            base.run(forgery).await;
            let report = verified(&*story.log, &*base.database).await;
            assert!(!report.is_sound(), "{forgery}");
            for compared in report.projections {
                let table = compared.difference.map(|difference| difference.table);
                let expected = (compared.name == "keys").then_some("keys");
                assert_eq!(table, expected, "{} in {}", compared.name, base.name);
            }
            let keys = [super::named("keys")];
            lanyard::projecting::rebuild::rebuild(&*story.log, &*base.database, &keys, |_| ())
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn the_key_of_a_row_that_differs_is_told() {
    let story = Story::new();
    story.people_link(0..1_500).await;
    let base = Base::sqlite();
    base.hear(&story).await;
    let last = Statement::new("SELECT MAX(key) FROM keys", []);
    let last = base.ask(last).await[0].text(0).unwrap().to_owned();
    let change = "UPDATE keys SET fingerprint = 'SHA256:mine' WHERE key = $1";
    let change = Statement::new(change, [Value::from(last.as_str())]);
    base.database.transact(vec![change]).await.unwrap();
    let report = verified(&*story.log, &*base.database).await;
    let keys = report.projections.iter().find(|known| known.name == "keys");
    let keys = keys.unwrap();
    assert_eq!(keys.rows, 1_000);
    assert_eq!(keys.difference.as_ref().unwrap().key, [Value::from(last)]);
}
