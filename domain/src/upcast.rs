//! Old shapes of stored data, brought up to today's in one place.
//!
//! A change of shape raises the event's schema in its `kind` and adds one line to [`UPCASTS`]:
//! from which schema of which type, and how. A change of meaning is a new event type instead.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// One step from a schema to the next.
#[derive(Debug, Clone, Copy)]
pub struct Upcast {
    /// The event type.
    pub event_type: &'static str,
    /// The schema it starts from; it leads to the next.
    pub from: u32,
    /// Turns data of schema `from` into data of the next schema.
    pub step: fn(Value) -> Value,
}

/// Every step there is, by type and then by schema. None yet: every type is at schema 1.
pub const UPCASTS: &[Upcast] = &[];

/// The data has a schema newer than this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewerSchema {
    /// The schema found.
    pub schema: u32,
}

/// Brings stored data up to today's schema.
pub fn to_current<'a>(
    event_type: &str,
    schema: u32,
    data: &'a RawValue,
) -> Result<Cow<'a, str>, NewerSchema> {
    to_current_by(UPCASTS, event_type, schema, data)
}

fn to_current_by<'a>(
    upcasts: &[Upcast],
    event_type: &str,
    schema: u32,
    data: &'a RawValue,
) -> Result<Cow<'a, str>, NewerSchema> {
    let steps = upcasts
        .iter()
        .filter(|upcast| upcast.event_type == event_type);
    let current = newest_by(upcasts, event_type);
    if schema > current {
        return Err(NewerSchema { schema });
    }
    if schema == current {
        return Ok(Cow::Borrowed(data.get()));
    }
    // Raw data is valid JSON: it was parsed with its line.
    let mut value: Value = serde_json::from_str(data.get()).unwrap_or(Value::Null);
    for from in schema..current {
        if let Some(upcast) = steps.clone().find(|upcast| upcast.from == from) {
            value = (upcast.step)(value);
        }
    }
    Ok(Cow::Owned(value.to_string()))
}

/// Returns the schema of a type's data today, whether or not there is such a type.
pub fn newest(event_type: &str) -> u32 {
    newest_by(UPCASTS, event_type)
}

fn newest_by(upcasts: &[Upcast], event_type: &str) -> u32 {
    let steps = upcasts
        .iter()
        .filter(|upcast| upcast.event_type == event_type);
    steps.map(|upcast| upcast.from + 1).max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STEPS: &[Upcast] = &[
        Upcast {
            event_type: "LampLit",
            from: 1,
            step: |old| json!({ "lamp": old["name"] }),
        },
        Upcast {
            event_type: "LampLit",
            from: 2,
            step: |old| json!({ "lamp": old["lamp"], "bright": true }),
        },
    ];

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn data_of_an_old_schema_takes_every_step_to_the_current_one() {
        let data = raw(r#"{"name":"hall"}"#);
        let current = to_current_by(STEPS, "LampLit", 1, &data).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&current).unwrap(),
            json!({ "lamp": "hall", "bright": true })
        );
    }

    #[test]
    fn data_of_the_current_schema_is_handed_on_as_it_was_written() {
        let data = raw(r#"{ "lamp" : "hall" }"#);
        let current = to_current_by(STEPS, "LampLit", 3, &data).unwrap();
        assert_eq!(current, r#"{ "lamp" : "hall" }"#);
    }

    #[test]
    fn data_of_a_newer_schema_is_refused() {
        let data = raw("{}");
        assert_eq!(
            to_current_by(STEPS, "LampLit", 4, &data),
            Err(NewerSchema { schema: 4 })
        );
        assert_eq!(
            to_current("ProviderAdded", 2, &data),
            Err(NewerSchema { schema: 2 })
        );
    }
}
