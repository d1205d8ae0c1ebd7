//! When a message is sent again, and when its receiver is given up.

use chrono::TimeDelta;

/// How long to wait after each failed try, as the Standard Webhooks specification proposes
/// ("Deliverability and reliability", version 1.0.0): three days and a bit.
const WAITS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// Returns how long to wait once `attempts` tries of a message have failed; `None` gives the
/// receiver up. `fraction`, from 0 to 1, lengthens the wait by up to a tenth, so that receivers
/// that failed together do not come back together.
pub fn wait(attempts: u32, fraction: f64) -> Option<TimeDelta> {
    let place = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let wait = *WAITS.get(place)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a tenth of a day in milliseconds, give or take one"
    )]
    let more = (wait.num_milliseconds() as f64 / 10.0 * fraction.clamp(0.0, 1.0)) as i64;
    Some(wait + TimeDelta::milliseconds(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_ten_times_over_three_days() {
        let waits: Vec<_> = (1..=9)
            .map(|attempts| wait(attempts, 0.0).unwrap())
            .collect();
        assert_eq!(waits[0], TimeDelta::seconds(5));
        assert!(waits.is_sorted());
        let whole: TimeDelta = waits.iter().sum();
        let told = TimeDelta::hours(75) + TimeDelta::minutes(35) + TimeDelta::seconds(5);
        assert_eq!(whole, told);
        assert_eq!(wait(10, 0.0), None);
        assert_eq!(wait(u32::MAX, 1.0), None);
        assert_eq!(wait(0, 0.0), None);
    }

    #[test]
    fn a_wait_is_lengthened_by_a_tenth_at_most() {
        assert_eq!(wait(1, 1.0), Some(TimeDelta::milliseconds(5_500)));
        assert_eq!(wait(1, 0.5), Some(TimeDelta::milliseconds(5_250)));
        assert_eq!(wait(1, 7.0), wait(1, 1.0));
        assert_eq!(wait(1, -1.0), wait(1, 0.0));
    }
}
