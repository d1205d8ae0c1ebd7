//! Whether the server says that it is ready when it is, and only then.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::app::health::Signs;
use lanyard::clock::FixedClock;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::projecting::projector::Health;
use projections::Statement;
use serde_json::Value;
use tokio::sync::watch;

use crate::support::app::{BEGIN, TestApp};
use crate::support::logs::{say, stream};

async fn readiness(app: &TestApp, status: u16) -> Value {
    app.anyone().get("/readyz").await.is(status)
}

fn signs(projector: Health, log: Option<&str>) -> Signs {
    let log = log.map(str::to_owned);
    Signs::new(watch::channel(projector).1, watch::channel(log).1)
}

#[tokio::test]
async fn a_log_that_cannot_be_written_any_more_is_not_ready() {
    let mut app = TestApp::new().await;
    app.is_told(signs(Health::Good, Some("disk I/O error at /secret/path")));
    let said = readiness(&app, 503).await;
    assert_eq!(said["ready"], false);
    assert_eq!(said["log"], "stopped");
    assert_eq!(said["database"], "ok");
    let wrong = said["wrong"][0].as_str().unwrap();
    assert!(wrong.contains("mend the disk, start again"), "{wrong}");
    assert!(!said.to_string().contains("secret"), "{said}");
    assert_eq!(said["wrong"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn read_models_that_wait_are_named_and_served_as_they_are() {
    let mut app = TestApp::new().await;
    app.is_told(signs(Health::Waiting("/secret/path".to_owned()), None));
    let said = readiness(&app, 200).await;
    assert_eq!(said["ready"], true);
    assert_eq!(said["projections"], "waiting");
    assert!(!said.to_string().contains("secret"), "{said}");
}

#[tokio::test]
async fn a_vault_that_does_not_open_is_not_ready() {
    let app = TestApp::new().await;
    assert_eq!(readiness(&app, 200).await["vault"], "ok");
    let tampered = Statement::new(
        "UPDATE vault_canary SET box = $1",
        [b"not what was sealed".to_vec().into()],
    );
    app.app.database.transact(vec![tampered]).await.unwrap();
    let said = readiness(&app, 503).await;
    assert_eq!(said["vault"], "unusable");
    assert_eq!(said["database"], "ok");
    let gone = Statement::new("DELETE FROM vault_canary", []);
    app.app.database.transact(vec![gone]).await.unwrap();
    assert_eq!(readiness(&app, 503).await["vault"], "unusable");
}

#[tokio::test]
async fn read_models_that_are_too_far_behind_are_not_ready() {
    let mut app = TestApp::new().await;
    let begin: DateTime<Utc> = BEGIN.parse().unwrap();
    let clock = Arc::new(FixedClock::at(begin));
    let log = Arc::new(MemoryLog::new(clock.clone()));
    say(&*log, &stream("ada"), 0, &["one", "two"]).await;
    // Its projector follows another log, and so applies none of these.
    app.loses_its_log(log, clock);
    app.after(TimeDelta::seconds(60));
    let said = readiness(&app, 200).await;
    assert_eq!(said["projections"], "ok");
    assert_eq!((&said["events"], &said["applied"]), (&2.into(), &0.into()));
    app.after(TimeDelta::seconds(1));
    let said = readiness(&app, 503).await;
    assert_eq!(said["projections"], "behind");
    assert_eq!(said["log"], "ok");
}
