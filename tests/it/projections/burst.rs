//! Ten thousand events at once.

use std::sync::Arc;
use std::time::Duration;

use lanyard::app::Applied;
use lanyard::clock::FixedClock;
use lanyard::eventlog::EventLog;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::projecting::verify::verify;

use super::Base;
use crate::support::logs::{noon, says, stream};

/// How many come.
const EVENTS: u64 = 10_000;

/// How many appends they come in, and how many are in each.
const APPENDS: u64 = 200;
const AT_ONCE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_in_the_read_models_after_ten_steps_and_who_waits_for_it_sees_it() {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new(Arc::new(FixedClock::at(noon()))));
    let base = Base::sqlite();
    let mut projector = base.projector(&log).await;
    let applied = Applied::new(projector.watch());
    for number in 0..APPENDS {
        let stream = stream(&format!("burst-{number}"));
        let said = ["a word"; AT_ONCE];
        log.append(says(&stream, 0, &said)).await.unwrap();
    }
    assert_eq!(log.size().await.unwrap(), EVENTS);
    assert_eq!(applied.events(), 0);
    // Who just wrote the last of it reads it, if they say so.
    let waits = applied.clone();
    let reader = tokio::spawn(async move {
        let patience = Duration::from_mins(1);
        waits.wait_for(EVENTS - 1, patience).await
    });
    let mut steps = 0;
    while applied.events() < EVENTS {
        projector.step().await.unwrap();
        steps += 1;
        assert!(
            steps <= 10,
            "{} events after {steps} steps",
            applied.events()
        );
    }
    assert!(reader.await.unwrap());
    let report = verify(&*log, &*base.database, projections::ALL, |_| ()).await;
    assert!(report.unwrap().is_sound());
}
