//! From facts to columns.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use domain::{Failure, format_time};
use serde::Serialize;

use crate::Value;

/// Asks for what failed in a way that passes with an outage, of the columns of a [`failure`].
macro_rules! of_outage {
    () => {
        "failure_blame = 'provider' AND failure_code IN ('provider_unreachable', \
         'provider_tls', 'provider_rate_limited', 'provider_error', 'provider_protocol')"
    };
}
pub(crate) use of_outage;

/// Writes an id or a name.
pub(crate) fn text(value: &impl Display) -> Value {
    Value::Text(value.to_string())
}

/// Writes an id or a name, or NULL.
pub(crate) fn maybe(value: Option<&impl Display>) -> Value {
    value.map_or(Value::Null, text)
}

/// Writes a time.
pub(crate) fn time(time: DateTime<Utc>) -> Value {
    Value::Text(format_time(time))
}

/// Writes a time, or NULL.
pub(crate) fn maybe_time(value: Option<DateTime<Utc>>) -> Value {
    value.map_or(Value::Null, time)
}

/// Writes the word that stands for a state in events too.
pub(crate) fn word(state: &impl Serialize) -> Value {
    let mut word = serialised(state);
    word.retain(|c| c != '"');
    Value::Text(word)
}

/// Writes JSON.
pub(crate) fn json(value: &impl Serialize) -> Value {
    Value::Text(serialised(value))
}

/// Writes a yes or a no.
pub(crate) fn yes_no(yes: bool) -> Value {
    Value::from(if yes { "yes" } else { "no" })
}

/// Writes the three columns of a failure: blame, code, detail.
pub(crate) fn failure(failure: &Failure) -> [Value; 3] {
    [
        word(&failure.blame),
        Value::from(failure.code.as_str()),
        Value::from(failure.detail.as_deref()),
    ]
}

fn serialised(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what stands in an event serialises")
}
