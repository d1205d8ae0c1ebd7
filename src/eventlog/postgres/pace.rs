//! When to send a batch, and how large.

use std::time::{Duration, Instant};

/// From how many appends on a batch is worth a round trip of its own while another is under way.
const LARGE: usize = 64;

/// Whoever was answered just now will soon be back with the next append: waiting a little for
/// them makes one batch, and one sync of the disk, out of two. Waits at most half of what a batch
/// takes, and never for a single writer.
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
            0 if all_are_back || self.since.elapsed() * 2 >= self.took => {
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

    /// Tells whether to ask again soon, though nothing happens meanwhile.
    pub(super) fn is_waiting(&self, ready: usize) -> bool {
        self.under_way == 0 && ready > 0
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
        assert!(pace.is_waiting(4));
        assert_eq!(pace.now(5), 5);
        assert_eq!(after(3, 2, Duration::ZERO).now(1), 1);
    }

    #[test]
    fn of_many_one_half_is_made_ready_while_the_other_is_stored() {
        let mut pace = after(200, 56, LONG);
        assert_eq!(pace.now(256), 128);
        pace.sent();
        assert!(!pace.is_waiting(128));
        pace.expected = 128;
        assert_eq!(pace.now(100), 0);
        assert_eq!(pace.now(128), 128);
        pace.sent();
        assert_eq!(pace.now(500), 0);
    }
}
