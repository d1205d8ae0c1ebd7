//! When to send a batch, and how large.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// From how many appends on a batch is worth a round trip of its own while another is under way.
const LARGE: usize = 64;

/// The same where batches take turns.
const WORTH_A_TURN: usize = 8;

/// From how many appends on there are enough for two batches that take turns, of which one is made
/// ready while the other is stored.
const ENOUGH_FOR_TURNS: usize = 16;

/// A batch that takes longer is mostly the disk's: two of them, however small, would take twice as long.
const LONGEST_TURN: Duration = Duration::from_millis(2);

/// The shortest time that timers measure.
const TICK: Duration = Duration::from_millis(1);

/// Whoever was answered just now will soon be back with the next append: waiting a little for
/// them makes one batch, and one sync of the disk, out of two. Waits at most half of what a batch
/// takes, and never for a single writer.
///
/// Where many write and a batch takes little, they fall into two halves that take turns: one is made
/// ready while the other is stored. A half is waited for until it is nearly whole, so that it does not
/// wait in turn for a batch of whoever was quickest.
pub(super) struct Pace {
    /// How many appends each batch under way has, the first that was sent first.
    under_way: VecDeque<usize>,
    /// How many appends are soon here or under way.
    expected: usize,
    /// What a batch takes once those before it are stored, smoothed.
    took: Duration,
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            under_way: VecDeque::with_capacity(2),
            expected: 0,
            took: Duration::ZERO,
            since: Instant::now(),
        }
    }

    /// Returns how many of `ready` appends to send now.
    pub(super) fn now(&self, ready: usize) -> usize {
        let by_turns = self.is_by_turns();
        let under_way: usize = self.under_way.iter().sum();
        let all_are_back = ready + under_way >= self.expected;
        match self.under_way.len() {
            0 => {
                let nearly_half = by_turns && ready * 8 >= self.expected * 3;
                let enough = nearly_half || all_are_back || self.since.elapsed() >= self.patience();
                match ready {
                    _ if !enough => 0,
                    ready if ready >= 2 * LARGE => ready / 2,
                    ready => ready,
                }
            }
            1 if all_are_back && ready >= Self::worth_a_trip(by_turns) => ready,
            _ => 0,
        }
    }

    /// Returns how many more must come before any of them can be sent, if nothing else happens: for less
    /// nobody need be woken. From the first on it is waited for others.
    pub(super) fn wanted(&self, ready: usize) -> usize {
        let by_turns = self.is_by_turns();
        let under_way: usize = self.under_way.iter().sum();
        let away = self.expected.saturating_sub(ready + under_way);
        let more = match self.under_way.len() {
            0 if ready == 0 => 1,
            0 if by_turns => away.min((self.expected * 3).div_ceil(8).saturating_sub(ready)),
            0 => away,
            1 => away.max(Self::worth_a_trip(by_turns).saturating_sub(ready)),
            _ => return usize::MAX,
        };
        more.max(1)
    }

    /// Returns from how many appends on a batch is sent while another is under way.
    fn worth_a_trip(by_turns: bool) -> usize {
        if by_turns { WORTH_A_TURN } else { LARGE }
    }

    /// Returns when to ask again, though nothing happens meanwhile: after so long, or at once if
    /// that is too short for a timer.
    pub(super) fn ask_again(&self, ready: usize) -> Option<Duration> {
        let waiting = self.under_way.is_empty() && ready > 0;
        let by_timer = self.patience() >= TICK;
        waiting.then_some(if by_timer { TICK } else { Duration::ZERO })
    }

    /// Returns how long to wait for those who were answered.
    fn patience(&self) -> Duration {
        if self.is_by_turns() {
            TICK
        } else {
            self.took / 2
        }
    }

    fn is_by_turns(&self) -> bool {
        self.took < LONGEST_TURN && self.expected >= ENOUGH_FOR_TURNS
    }

    /// Notes that a batch was sent.
    pub(super) fn sent(&mut self, batch: usize) {
        self.under_way.push_back(batch);
    }

    /// Notes that the first batch came back while `queued` appends were waiting already.
    pub(super) fn came_back(&mut self, queued: usize, took: Duration) {
        self.expected = self.under_way.iter().sum::<usize>() + queued;
        self.under_way.pop_front();
        let took = took.min(self.since.elapsed());
        self.took = (self.took * 7 + took) / 8;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(8);
    const SHORT: Duration = Duration::from_micros(500);

    /// So many were stored, which took so long, while others were waiting already.
    fn after(batch: usize, queued: usize, took: Duration) -> Pace {
        let mut pace = Pace::new();
        pace.sent(batch);
        pace.came_back(queued, took);
        // The clock stands still meanwhile.
        pace.took = took;
        pace.since = Instant::now() + LONG;
        pace
    }

    #[test]
    fn a_single_writer_never_waits() {
        assert_eq!(Pace::new().now(1), 1);
        assert_eq!(after(1, 0, LONG).now(1), 1);
        assert_eq!(after(1, 0, SHORT).now(1), 1);
    }

    #[test]
    fn those_who_were_answered_are_waited_for_but_not_for_long() {
        let pace = after(3, 2, LONG);
        assert_eq!(pace.now(4), 0);
        assert_eq!(pace.ask_again(4), Some(TICK));
        assert_eq!(pace.ask_again(0), None);
        assert_eq!(pace.now(5), 5);
        assert_eq!(after(3, 2, Duration::ZERO).now(1), 1);
        assert_eq!(after(3, 2, SHORT).ask_again(1), Some(Duration::ZERO));
    }

    #[test]
    fn where_a_batch_takes_little_many_fall_into_two_halves_that_take_turns() {
        let mut pace = after(10, 8, SHORT);
        assert_eq!(pace.now(6), 0);
        assert_eq!(pace.ask_again(6), Some(TICK));
        assert_eq!(pace.now(7), 7);
        assert_eq!(pace.now(8), 8);
        pace.sent(8);
        assert_eq!((pace.now(9), pace.ask_again(9)), (0, None));
        assert_eq!(pace.now(10), 10);
        pace.sent(10);
        assert_eq!(pace.now(18), 0);
        pace.came_back(0, SHORT);
        assert_eq!(pace.expected, 18);
        assert_eq!(pace.now(7), 0);
        assert_eq!(
            pace.now(8),
            8,
            "those who were answered, behind the other half"
        );
    }

    #[test]
    fn nobody_is_woken_for_less_than_could_be_sent() {
        assert_eq!(Pace::new().wanted(0), 1);
        let mut pace = after(10, 8, SHORT);
        assert_eq!((pace.wanted(0), pace.wanted(1), pace.wanted(6)), (1, 6, 1));
        pace.sent(8);
        assert_eq!((pace.wanted(0), pace.wanted(9)), (10, 1));
        pace.sent(10);
        assert_eq!(pace.wanted(0), usize::MAX);
        let mut pace = after(3, 2, LONG);
        assert_eq!((pace.wanted(0), pace.wanted(1), pace.wanted(9)), (1, 4, 1));
        pace.sent(5);
        assert_eq!(pace.wanted(0), LARGE);
    }

    #[test]
    fn where_a_batch_takes_long_all_are_waited_for() {
        assert_eq!(after(10, 6, LONGEST_TURN).now(15), 0);
        assert_eq!(after(10, 6, LONGEST_TURN).now(16), 16);
        let mut pace = after(10, 6, LONGEST_TURN);
        pace.sent(6);
        assert_eq!(pace.now(10), 0);
    }

    #[test]
    fn a_half_that_does_not_come_back_is_not_waited_for_long() {
        let mut pace = after(10, 6, SHORT);
        pace.since = Instant::now().checked_sub(TICK).unwrap();
        assert_eq!(pace.now(1), 1);
    }

    #[test]
    fn what_a_batch_takes_is_counted_from_when_those_before_it_were_stored() {
        let mut pace = Pace::new();
        pace.sent(8);
        pace.sent(8);
        pace.came_back(0, SHORT * 8);
        pace.came_back(8, LONG);
        assert!(pace.took < LONG / 8);
    }

    #[test]
    fn of_very_many_one_half_is_made_ready_while_the_other_is_stored() {
        let mut pace = after(200, 56, LONG);
        assert_eq!(pace.now(256), 128);
        pace.sent(128);
        assert_eq!(pace.ask_again(128), None);
        assert_eq!(pace.now(100), 0);
        assert_eq!(pace.now(128), 128);
        pace.sent(128);
        assert_eq!(pace.now(500), 0);
    }
}
