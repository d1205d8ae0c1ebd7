//! When to send a batch.

use std::time::{Duration, Instant};

/// Whoever was answered just now will soon be back with the next append: waiting a little for
/// them makes one batch, and one sync of the disk, out of two. Waits at most half of what a batch
/// takes, and never for a single writer.
pub(super) struct Pace {
    expected: usize,
    /// What a batch takes, smoothed.
    took: Duration,
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            expected: 0,
            took: Duration::ZERO,
            since: Instant::now(),
        }
    }

    /// Notes that a batch came back while `queued` others were waiting already.
    pub(super) fn came_back(&mut self, batch: usize, queued: usize, took: Duration) {
        self.expected = batch + queued;
        self.took = (self.took * 7 + took) / 8;
        self.since = Instant::now();
    }

    /// Tells whether to send `ready` appends now.
    pub(super) fn is_time(&self, ready: usize) -> bool {
        ready >= self.expected || self.since.elapsed() * 2 >= self.took
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_those_who_were_not_there() {
        let mut pace = Pace::new();
        assert!(pace.is_time(1));
        pace.came_back(1, 0, Duration::from_hours(1));
        assert!(pace.is_time(1));
        pace.came_back(3, 2, Duration::from_hours(1));
        assert!(!pace.is_time(4));
        assert!(pace.is_time(5));
        pace.came_back(3, 2, Duration::ZERO);
        pace.took = Duration::ZERO;
        assert!(pace.is_time(1));
    }
}
