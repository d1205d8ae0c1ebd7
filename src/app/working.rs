//! How the worker's loops fare: whether each goes on, rests after faults, or has ended.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::health::Condition;

/// How long a loop may rest after faults before the server says that it is not ready.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// A loop of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loop {
    /// Asks for what follows from events.
    Policy,
    /// Calls the providers.
    Publisher,
    /// Looks whether it lasts.
    Sweeper,
    /// Tells the receivers of notices.
    Notifier,
}

impl Loop {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Publisher, Self::Sweeper, Self::Notifier];

    const fn place(self) -> usize {
        match self {
            Self::Policy => 0,
            Self::Publisher => 1,
            Self::Sweeper => 2,
            Self::Notifier => 3,
        }
    }
}

impl fmt::Display for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Publisher => "publisher",
            Self::Sweeper => "sweep",
            Self::Notifier => "notifier",
        })
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Faring {
    /// It goes on, or has not begun, or was told to stop.
    #[default]
    Well,
    /// Nothing has come off since then.
    Resting(DateTime<Utc>),
    /// It has ended, and nobody told it to.
    Ended,
    /// It has ended amid its work.
    BrokenOff,
}

/// How all loops fare. Cheap to clone: all clones tell and see the same.
#[derive(Debug, Clone)]
pub struct Working(Arc<watch::Sender<[Faring; 4]>>);

impl Default for Working {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new([Faring::Well; 4])))
    }
}

impl Working {
    /// Takes down how a loop fares, for as long as what it returns lives.
    pub fn begins(&self, of: Loop) -> Shift {
        self.fares(of, Faring::Well);
        Shift {
            working: self.clone(),
            of,
            over: false,
        }
    }

    /// Waits until a loop breaks off; for ever if none does.
    pub async fn broken_off(&self) -> Loop {
        let mut watched = self.0.subscribe();
        loop {
            let known = *watched.borrow_and_update();
            let mut all = Loop::ALL.into_iter();
            if let Some(broken) = all.find(|of| known[of.place()] == Faring::BrokenOff) {
                return broken;
            }
            // Never closed: a sender is ours.
            let _ = watched.changed().await;
        }
    }

    /// Waits until a loop fares otherwise than it does now.
    pub async fn changed(&self) {
        let _ = self.0.subscribe().changed().await;
    }

    /// Says how the worst of them is.
    pub(super) fn condition(&self, now: DateTime<Utc>) -> Condition {
        let known = *self.0.borrow();
        let ended = |faring: &Faring| matches!(faring, Faring::Ended | Faring::BrokenOff);
        let rests =
            |faring: &Faring| matches!(faring, Faring::Resting(since) if now - *since > LONGEST);
        if known.iter().any(ended) {
            Condition::Stopped
        } else if known.iter().any(rests) {
            Condition::Resting
        } else {
            Condition::Good
        }
    }

    fn fares(&self, of: Loop, faring: Faring) {
        self.0.send_if_modified(|known| {
            let known = &mut known[of.place()];
            let changed = *known != faring;
            *known = faring;
            changed
        });
    }
}

/// A loop at work.
#[derive(Debug)]
pub struct Shift {
    working: Working,
    of: Loop,
    over: bool,
}

impl Shift {
    /// A step came off.
    pub fn goes_on(&self) {
        self.working.fares(self.of, Faring::Well);
    }

    /// A step failed; the loop rests, and tries again.
    pub fn rests(&self, now: DateTime<Utc>) {
        let known = self.working.0.borrow()[self.of.place()];
        if !matches!(known, Faring::Resting(_)) {
            self.working.fares(self.of, Faring::Resting(now));
        }
    }

    /// The loop was told to stop, and stops.
    pub fn is_over(mut self) {
        self.over = true;
        self.goes_on();
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let how = if std::thread::panicking() {
            Faring::BrokenOff
        } else {
            Faring::Ended
        };
        self.working.fares(self.of, how);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_rest_counts_from_its_beginning_and_is_over_with_the_first_step() {
        let working = Working::default();
        let shift = working.begins(Loop::Sweeper);
        shift.rests(at(0));
        shift.rests(at(50));
        assert_eq!(working.condition(at(60)), Condition::Good);
        assert_eq!(working.condition(at(61)), Condition::Resting);
        shift.goes_on();
        assert_eq!(working.condition(at(61)), Condition::Good);
        shift.rests(at(61));
        assert_eq!(working.condition(at(100)), Condition::Good);
        shift.is_over();
        assert_eq!(working.condition(at(1_000)), Condition::Good);
    }

    #[tokio::test]
    async fn a_loop_that_breaks_off_is_named_and_one_that_ends_is_not() {
        let working = Working::default();
        drop(working.begins(Loop::Notifier));
        assert_eq!(working.condition(at(0)), Condition::Stopped);
        let breaks = {
            let working = working.clone();
            async move {
                let _shift = working.begins(Loop::Publisher);
                tokio::task::yield_now().await;
                panic!("as a mistake of ours would");
            }
        };
        assert!(tokio::spawn(breaks).await.is_err());
        assert_eq!(working.broken_off().await, Loop::Publisher);
    }
}
