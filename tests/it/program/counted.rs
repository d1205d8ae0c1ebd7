//! Each call to the disk fails once: the first, the second, and so on.

use std::path::Path;
use std::time::{Duration, Instant};

use super::faults::Faults;
use super::killed::{Acknowledged, Seen};
use super::remote::Remote;
use super::{Server, verified};

/// What fails, and up to which call of its kind. Of syncs there are few.
const CALLS: [(&str, usize); 3] = [("write", 12), ("sync", 6), ("read", 4)];

/// How many tokens are made at most while a call that is to fail has not come.
const TRIES: usize = 8;

/// How long a server has to answer again.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose disk fails, and what it said.
struct Story<'a> {
    home: &'a Path,
    faults: &'a Faults,
    server: Option<Server>,
    admin: Remote,
    told: Vec<Acknowledged>,
}

impl Story<'_> {
    /// Makes tokens until a call has failed; says whether one did.
    async fn writes_until_it_fails(&mut self, name: &str) -> bool {
        for number in 0..TRIES {
            let word = format!("kill-{name}-{number}");
            match self.admin.make_token(&word).await {
                Ok(answer) if answer.status == 201 => self.told.push(Acknowledged {
                    index: answer.index(),
                    word: Some(word),
                }),
                Ok(answer) => drop(answer.is(503)),
                // It ended, for it cannot say any more what is on the disk.
                Err(_) => break,
            }
            if self.faults.is_over("counted") {
                return true;
            }
        }
        self.faults.is_over("counted")
    }

    /// Goes on once it answers again, or is started again after it ended as it should.
    async fn recovers(&mut self, name: &str) {
        let began = Instant::now();
        for number in 0.. {
            assert!(
                began.elapsed() < PATIENCE,
                "after {name} it does not recover"
            );
            let again = format!("again-{name}-{number}");
            match self.admin.make_token(&again).await {
                Ok(answer) if answer.status == 201 => return,
                Ok(answer) => drop(answer.is(503)),
                Err(_) => {
                    let status = self.server.take().unwrap().waits();
                    assert_eq!(status.code(), Some(1), "{status}");
                    let server = self.faults.server(self.home);
                    self.admin = self.admin.at(&server);
                    self.server = Some(server);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_call_to_the_disk_fails_what_was_acknowledged_is_there_once() {
    let home = tempfile::tempdir().unwrap();
    let Some(faults) = Faults::new(home.path()) else {
        return;
    };
    let server = faults.server(home.path());
    let admin = Remote::first_admin(&server).await;
    let mut story = Story {
        home: home.path(),
        faults: &faults,
        server: Some(server),
        admin,
        told: Vec::new(),
    };
    let (mut seen, mut failed, mut serial) = (Seen::default(), 0, 0);
    for (kind, calls) in CALLS {
        for call in 1..=calls {
            serial += 1;
            faults.begin("counted", &format!("{serial} {kind} {call} .db"));
            let name = format!("{kind}-{call}");
            if story.writes_until_it_fails(&name).await {
                failed += 1;
            } else if !faults.is_over("counted") {
                faults.end("counted");
            }
            story.recovers(&name).await;
            seen.read_on(home.path());
            for acknowledged in story.told.drain(..) {
                seen.has(&acknowledged);
            }
        }
    }
    assert!(failed >= 12, "{failed} calls failed");
    assert!(story.server.take().unwrap().end("-TERM").success());
    verified(home.path());
}
