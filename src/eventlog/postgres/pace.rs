//! When to send a batch, and how large.

use std::time::{Duration, Instant};

/// From how many appends on a batch is worth a round trip of its own while another is under way.
const LARGE: usize = 64;

/// From how many appends on there are enough for two batches that take turns, of which one is made
/// ready while the other is stored.
const ENOUGH_FOR_TURNS: usize = 16;

/// The shortest time that timers measure.
const TICK: Duration = Duration::from_millis(1);

/// Whoever was answered just now will soon be back with the next append: waiting a little for
/// them makes one batch, and one sync of the disk, out of two. Waits at most half of what a batch
/// takes, and never for a single writer. Nor for many where a batch takes little: to store what is
/// there while they get ready gains more than a larger batch.
///
/// Where there is enough for two large batches, the server has one while the other is made.
pub(super) struct Pace {
    under_way: usize,
    expected: usize,
    /// What a batch takes, smoothed.
    took: Duration,
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            under_way: 0,
            expected: 0,
            took: Duration::ZERO,
            since: Instant::now(),
        }
    }

    /// Returns how many of `ready` appends to send now.
    pub(super) fn now(&self, ready: usize) -> usize {
        let all_are_back = ready >= self.expected;
        match self.under_way {
            0 if all_are_back || self.since.elapsed() >= self.patience() => {
                if ready >= 2 * LARGE {
                    ready / 2
                } else {
                    ready
                }
            }
            1 if all_are_back && ready >= LARGE => ready,
            _ => 0,
        }
    }

    /// Returns when to ask again, though nothing happens meanwhile: after so long, or at once if
    /// that is too short for a timer.
    pub(super) fn ask_again(&self, ready: usize) -> Option<Duration> {
        let waiting = self.under_way == 0 && ready > 0;
        let by_timer = self.patience() >= TICK;
        waiting.then_some(if by_timer { TICK } else { Duration::ZERO })
    }

    /// Returns how long to wait for those who were answered.
    fn patience(&self) -> Duration {
        let half = self.took / 2;
        if half < TICK && self.expected >= ENOUGH_FOR_TURNS {
            Duration::ZERO
        } else {
            half
        }
    }

    /// Notes that a batch was sent.
    pub(super) fn sent(&mut self) {
        self.under_way += 1;
    }

    /// Notes that a batch came back while `queued` others were waiting already.
    pub(super) fn came_back(&mut self, batch: usize, queued: usize, took: Duration) {
        self.under_way -= 1;
        self.expected = batch + queued;
        self.took = (self.took * 7 + took) / 8;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(8);

    fn after(batch: usize, queued: usize, took: Duration) -> Pace {
        let mut pace = Pace::new();
        pace.sent();
        pace.came_back(batch, queued, took);
        pace
    }

    #[test]
    fn a_single_writer_never_waits() {
        assert_eq!(Pace::new().now(1), 1);
        assert_eq!(after(1, 0, LONG).now(1), 1);
    }

    #[test]
    fn those_who_were_answered_are_waited_for_but_not_for_long() {
        let pace = after(3, 2, LONG);
        assert_eq!(pace.now(4), 0);
        assert_eq!(pace.ask_again(4), Some(TICK));
        assert_eq!(pace.ask_again(0), None);
        assert_eq!(pace.now(5), 5);
        assert_eq!(after(3, 2, Duration::ZERO).now(1), 1);
    }

    #[test]
    fn many_are_not_waited_for_where_a_batch_takes_little() {
        // The clock stands still meanwhile.
        let right_after = |queued, took| Pace {
            took,
            since: Instant::now() + LONG,
            ..after(10, queued, took)
        };
        let short = TICK * 3 / 2;
        assert_eq!(right_after(5, short).now(3), 0);
        assert_eq!(right_after(5, short).ask_again(3), Some(Duration::ZERO));
        assert_eq!(right_after(6, short).now(3), 3);
        assert_eq!(right_after(6, short * 2).now(3), 0);
    }

    #[test]
    fn of_many_one_half_is_made_ready_while_the_other_is_stored() {
        let mut pace = after(200, 56, LONG);
        assert_eq!(pace.now(256), 128);
        pace.sent();
        assert_eq!(pace.ask_again(128), None);
        pace.expected = 128;
        assert_eq!(pace.now(100), 0);
        assert_eq!(pace.now(128), 128);
        pace.sent();
        assert_eq!(pace.now(500), 0);
    }
}
