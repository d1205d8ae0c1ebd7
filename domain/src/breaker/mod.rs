//! When a provider that does not answer is left alone, and how it is found to be back.
//!
//! | while it is | a try | says | and then it is |
//! | --- | --- | --- | --- |
//! | closed | goes through | outage, 5 in a row or 10 of the last 20 | open |
//! | closed | goes through | anything else | closed |
//! | open | waits; 30 s after the last look one probe goes | | half-open |
//! | half-open | one probe every 30 s | well | closed |
//! | half-open | one probe every 30 s | anything else | half-open |
//!
//! A probe that fails says nothing new: an outage of days is three events, not thousands. What
//! the log knows of it ([`Outage`]) survives a restart; the marks of the last tries do not, and
//! are made anew.

mod sign;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use sign::Sign;

use crate::Failure;

/// How many outages in a row open the breaker.
pub const IN_A_ROW: u32 = 5;

/// Of how many tries at least half must meet an outage to open it.
pub const WINDOW: u32 = 20;

/// The least time between two probes.
pub const BETWEEN_PROBES: TimeDelta = TimeDelta::seconds(30);

/// An outage as the log knows it: the breaker is not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Since when the provider is left alone.
    pub since: DateTime<Utc>,
    /// What the last try met.
    pub failure: Failure,
    /// Whether it is probed by now: half-open.
    pub probed: bool,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The provider is left alone from now on.
    Opened {
        /// How many of the last tries had met an outage.
        attempts: u32,
    },
    /// It answers again.
    Closed,
}

/// Whether a provider may be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As ever.
    Free,
    /// Once, to see whether it is back.
    Probe {
        /// Whether it is the first of this outage: half-open from now on.
        first: bool,
        /// How many there were before it, as far as is remembered.
        number: u64,
    },
    /// Not before this time.
    NotBefore(DateTime<Utc>),
}

/// The breaker of one provider. Every time is passed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// What the last tries met, while it is closed.
    marks: Marks,
    /// When it was last looked at, while it is not.
    broken: Option<Broken>,
}

/// A breaker that is open or half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Broken {
    /// When somebody last tried.
    looked_at: DateTime<Utc>,
    half_open: bool,
    probes: u64,
}

impl Breaker {
    /// Brings it in line with what the log knows. An outage that it did not know of (a restart,
    /// another instance) counts as looked at now: whoever starts again and again hammers nobody.
    pub fn follow(&mut self, known: Option<&Outage>, now: DateTime<Utc>) {
        match (known, &mut self.broken) {
            (None, broken) => {
                if broken.take().is_some() {
                    self.marks = Marks::default();
                }
            }
            (Some(outage), Some(broken)) => broken.half_open |= outage.probed,
            (Some(outage), None) => {
                self.broken = Some(Broken {
                    looked_at: now,
                    half_open: outage.probed,
                    probes: 0,
                });
            }
        }
    }

    /// Says whether a try may be made, and counts on it that it is.
    pub fn admit(&mut self, now: DateTime<Utc>) -> Admission {
        let Some(broken) = &mut self.broken else {
            return Admission::Free;
        };
        let next = broken.looked_at + BETWEEN_PROBES;
        // A clock that was set back must not hold anybody up.
        if now < next && broken.looked_at <= now {
            return Admission::NotBefore(next);
        }
        let probe = Admission::Probe {
            first: !broken.half_open,
            number: broken.probes,
        };
        broken.looked_at = now;
        broken.half_open = true;
        broken.probes += 1;
        probe
    }

    /// Takes back a probe that nobody was asked with.
    pub fn spare(&mut self) {
        if let Some(broken) = &mut self.broken {
            broken.looked_at -= BETWEEN_PROBES;
        }
    }

    /// Notes what a try says of the provider's health.
    pub fn note(&mut self, sign: Sign, now: DateTime<Utc>) -> Option<Transition> {
        match (self.broken, sign) {
            (_, Sign::Nothing) | (Some(_), Sign::Outage) => None,
            (Some(broken), Sign::Well) if broken.half_open => {
                *self = Self::default();
                Some(Transition::Closed)
            }
            // It was under way when the breaker opened.
            (Some(_), Sign::Well) => None,
            (None, Sign::Well) => {
                self.marks.add(false);
                None
            }
            (None, Sign::Outage) => {
                self.marks.add(true);
                let attempts = self.marks.verdict()?;
                self.marks = Marks::default();
                self.broken = Some(Broken {
                    looked_at: now,
                    half_open: false,
                    probes: 0,
                });
                Some(Transition::Opened { attempts })
            }
        }
    }

    /// Says whether tries go through.
    pub fn is_closed(&self) -> bool {
        self.broken.is_none()
    }

    /// Returns when the next probe may be made; nothing while it is closed.
    pub fn next_probe_at(&self) -> Option<DateTime<Utc>> {
        self.broken.map(|broken| broken.looked_at + BETWEEN_PROBES)
    }
}

/// What the last tries met: one bit each, the last one lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    outages: u32,
    tries: u32,
}

impl Marks {
    fn add(&mut self, outage: bool) {
        self.outages = ((self.outages << 1) + u32::from(outage)) & ((1 << WINDOW) - 1);
        self.tries = (self.tries + 1).min(WINDOW);
    }

    /// Returns how many outages are too many, if they are.
    fn verdict(self) -> Option<u32> {
        let row = self.outages.trailing_ones();
        let all = self.outages.count_ones();
        if row >= IN_A_ROW {
            return Some(row);
        }
        (self.tries >= WINDOW && all * 2 >= WINDOW).then_some(all)
    }
}
