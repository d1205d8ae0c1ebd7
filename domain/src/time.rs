//! Times as the log writes them: everywhere in a line the same way, and in the JSON of answers and messages.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serializer};

/// The length of a time in a line, in bytes: `2026-11-22T11:02:53.123456Z`.
pub(crate) const TIME_LENGTH: usize = 27;

const EARLIEST: &str = "0000-01-01T00:00:00.000000Z";
const LATEST: &str = "9999-12-31T23:59:59.999999Z";

/// Writes a time as it stands in every line: UTC, microseconds, fixed width, so that text order
/// is time order. What four digits of a year cannot say becomes the nearest time they can.
pub fn format_time(time: DateTime<Utc>) -> String {
    match time.year() {
        ..0 => EARLIEST.to_owned(),
        0..=9999 => written(time.naive_utc()),
        10_000.. => LATEST.to_owned(),
    }
}

/// Writes digit by digit. Every command and every answer has times in it, and to write them in any
/// format that there is, as `chrono` does, takes several times as long.
fn written(time: NaiveDateTime) -> String {
    const MICROS_PER_SECOND: u32 = 1_000_000;
    // The microseconds go on beyond a million in a leap second, which is the sixty-first.
    let micros = time.nanosecond() / 1_000;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[0..4], time.year().unsigned_abs());
    put(&mut text[5..7], time.month());
    put(&mut text[8..10], time.day());
    put(&mut text[11..13], time.hour());
    put(&mut text[14..16], time.minute());
    put(
        &mut text[17..19],
        time.second() + micros / MICROS_PER_SECOND,
    );
    put(&mut text[20..26], micros % MICROS_PER_SECOND);
    String::from_utf8_lossy(&text).into_owned()
}

fn put(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
}

/// Writes a time as [`format_time`] does, for `#[serde(with = "…")]`.
pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_time(*time))
}

/// Reads a time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    DateTime::deserialize(deserializer)
}

/// The same for a time that may be absent.
pub mod optional {
    use super::{DateTime, Deserialize, Deserializer, Serializer, Utc};

    /// Writes a time, or that there is none.
    pub fn serialize<S: Serializer>(
        time: &Option<DateTime<Utc>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time, if there is one.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_whole_second_is_as_wide_as_any_other_time() {
        assert_eq!(
            format_time(at("2026-11-22T11:02:53Z")),
            "2026-11-22T11:02:53.000000Z"
        );
        assert_eq!(
            format_time(at("2026-11-22T11:02:53.123456789+01:00")),
            "2026-11-22T10:02:53.123456Z"
        );
    }

    #[test]
    fn a_year_beyond_four_digits_becomes_the_nearest_that_has_four() {
        assert_eq!(format_time(DateTime::<Utc>::MAX_UTC), LATEST);
        assert_eq!(format_time(DateTime::<Utc>::MIN_UTC), EARLIEST);
        assert_eq!(
            at(LATEST) + TimeDelta::microseconds(1),
            at("+10000-01-01T00:00:00Z")
        );
        assert_eq!(format_time(at("0000-01-01T00:00:00Z")), EARLIEST);
    }

    #[test]
    fn a_leap_second_is_the_sixty_first() {
        assert_eq!(
            format_time(at("2016-12-31T23:59:60.5Z")),
            "2016-12-31T23:59:60.500000Z"
        );
    }

    fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        prop_oneof![
            first.timestamp()..=last.timestamp(),
            at(EARLIEST).timestamp()..=at(LATEST).timestamp()
        ]
        .prop_flat_map(|seconds| (Just(seconds), 0..1_000_000_000_u32))
        .prop_filter_map("a time", |(seconds, nanos)| {
            DateTime::from_timestamp(seconds, nanos)
        })
    }

    proptest! {
        #[test]
        fn every_time_has_the_same_width(time in any_time()) {
            prop_assert_eq!(format_time(time).len(), TIME_LENGTH);
        }

        #[test]
        fn text_order_is_time_order(one in any_time(), other in any_time()) {
            let order = one.cmp(&other);
            let text_order = format_time(one).cmp(&format_time(other));
            // Times that differ by less than the text tells may fall together, never swap.
            prop_assert!(text_order == order || text_order.is_eq());
        }

        #[test]
        fn a_time_is_written_as_the_library_writes_it(
            seconds in at(EARLIEST).timestamp()..=at(LATEST).timestamp(),
            nanos in 0..1_000_000_000_u32,
        ) {
            let time = DateTime::from_timestamp(seconds, nanos).unwrap();
            let theirs = time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            prop_assert_eq!(format_time(time), theirs);
        }

        #[test]
        fn a_time_reads_back_to_the_microsecond(
            micros in at(EARLIEST).timestamp_micros()..=at(LATEST).timestamp_micros(),
        ) {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            prop_assert_eq!(at(&format_time(time)), time);
        }
    }
}
