//! How long keys stay and how old they may grow: numbers that are in range once they are parsed.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A number that a setting does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from {least} to {most}")]
pub struct OutOfRange {
    /// The least that it takes.
    pub least: u16,
    /// The most that it takes.
    pub most: u16,
}

/// Declares a whole number with a range.
macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident: $least:literal to $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name(u16);

        impl $name {
            /// The least that it may be.
            pub const LEAST: u16 = $least;
            /// The most that it may be.
            pub const MOST: u16 = $most;

            /// Returns the number.
            pub const fn get(self) -> u16 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = $crate::settings::OutOfRange;

            fn try_from(number: u64) -> Result<Self, $crate::settings::OutOfRange> {
                match u16::try_from(number) {
                    Ok(number) if ($least..=$most).contains(&number) => Ok(Self(number)),
                    Ok(_) | Err(_) => Err($crate::settings::OutOfRange {
                        least: $least,
                        most: $most,
                    }),
                }
            }
        }

        impl From<$name> for u64 {
            fn from(number: $name) -> Self {
                Self::from(number.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
pub(crate) use ranged;

ranged!(
    /// For how many hours a replaced key stays where its successor is.
    GraceHours: 0 to 720
);

ranged!(
    /// How many days old a key may grow.
    KeyAge: 1 to 3650
);

impl GraceHours {
    /// Returns it as a time.
    pub fn time(self) -> TimeDelta {
        TimeDelta::hours(self.0.into())
    }
}

impl Default for GraceHours {
    /// A day: long enough for whoever still has the old key in use.
    fn default() -> Self {
        Self(24)
    }
}

impl KeyAge {
    /// Returns it as a time.
    pub fn time(self) -> TimeDelta {
        TimeDelta::days(self.0.into())
    }
}
