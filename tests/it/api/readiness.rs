//! Whether the server says that it is ready when it is, and only then.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::retry::RetryPolicy;
use lanyard::app::health::Signs;
use lanyard::app::working::Loop;
use lanyard::clock::FixedClock;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::projecting::projector::Health;
use lanyard::worker::notifying::Notifier;
use lanyard::worker::policy::Policy;
use lanyard::worker::publisher::Publisher;
use lanyard::worker::sweeping::Sweeper;
use lanyard::worker::{Loops, Worker};
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
async fn a_worker_that_fails_for_more_than_a_minute_is_not_ready_until_it_goes_on() {
    let app = TestApp::new().await;
    assert_eq!(readiness(&app, 200).await["worker"], "ok");
    let shift = app.app.signs.working.begins(Loop::Publisher);
    shift.rests(app.app.now());
    app.after(TimeDelta::seconds(60));
    shift.rests(app.app.now());
    assert_eq!(readiness(&app, 200).await["worker"], "ok");
    app.after(TimeDelta::seconds(1));
    let said = readiness(&app, 503).await;
    assert_eq!(said["worker"], "resting");
    assert_eq!(said["wrong"].as_array().unwrap().len(), 1);
    shift.goes_on();
    assert_eq!(readiness(&app, 200).await["worker"], "ok");
}

#[tokio::test]
async fn a_worker_of_which_a_loop_has_ended_is_not_ready_and_one_that_was_stopped_is() {
    for of in Loop::ALL {
        let app = TestApp::new().await;
        app.app.signs.working.begins(of).is_over();
        assert_eq!(readiness(&app, 200).await["worker"], "ok");
        drop(app.app.signs.working.begins(of));
        let said = readiness(&app, 503).await;
        assert_eq!(said["worker"], "stopped");
        let wrong = said["wrong"][0].as_str().unwrap();
        assert!(wrong.contains("start again"), "{wrong}");
    }
}

#[tokio::test]
async fn loops_that_meet_a_database_without_tables_rest_and_say_so() {
    let app = TestApp::new().await;
    let gone = Statement::new("DROP TABLE looks", []);
    app.app.database.transact(vec![gone]).await.unwrap();
    let loops = Loops {
        policy: Policy::new(app.app.clone()),
        publisher: Publisher::new(app.app.clone(), RetryPolicy::default()),
        sweeper: Sweeper::new(app.app.clone()),
        notifier: Notifier::new(app.app.clone()),
    };
    let worker = Worker::start(app.app.clone(), loops);
    // Each loop has its first step still before it.
    app.app.signs.working.changed().await;
    app.after(TimeDelta::seconds(61));
    assert_eq!(readiness(&app, 503).await["worker"], "resting");
    worker.stop_within(Duration::ZERO).await;
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
