//! What stands around an event, and what is said of a line that does not read.

use domain::access::AccessEvent;
use domain::account::AccountEvent;
use domain::settings::SettingsEvent;
use domain::{
    Actor, ActorKind, DecodeError, Draft, Event, Failure, Header, Means, Origin, StreamName,
    format_time,
};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::samples::{header, samples};

/// The names of a JSON object's fields, in the order in which they stand.
struct FieldNames(Vec<String>);

impl<'de> Deserialize<'de> for FieldNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = FieldNames;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldNames, A::Error> {
                let mut names = vec![];
                while let Some(name) = map.next_key()? {
                    map.next_value::<serde::de::IgnoredAny>()?;
                    names.push(name);
                }
                Ok(FieldNames(names))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

fn stream() -> StreamName {
    "settings-deployment".parse().unwrap()
}

fn nothing_changed() -> SettingsEvent {
    SettingsEvent::SettingsChanged {
        algorithm: None,
        rotation_grace_hours: None,
        max_key_age_days: None,
    }
}

/// Who acts when nobody asked.
fn bare() -> Header {
    Header {
        actor: Actor {
            kind: ActorKind::System,
            id: "policy".to_owned(),
            roles: vec![],
            means: Means::Internal,
        },
        origin: Origin {
            request: None,
            sender: None,
        },
        reason: None,
        causation: None,
        ..header()
    }
}

fn line_of(header: &Header) -> String {
    let time = format_time("2026-11-22T11:02:53Z".parse().unwrap());
    Draft::new(header, &stream(), 1, &nothing_changed()).line(&time)
}

#[test]
fn the_fields_of_a_line_stand_in_one_order() {
    let names = |line: &str| serde_json::from_str::<FieldNames>(line).unwrap().0;
    let all = [
        "id",
        "stream",
        "version",
        "type",
        "code",
        "schema",
        "recorded_at",
        "actor",
        "origin",
        "outcome",
        "reason",
        "correlation",
        "causation",
        "data",
    ];
    assert_eq!(names(&line_of(&header())), all);
    let without = |name: &&&str| !["reason", "causation"].contains(*name);
    let fewer: Vec<_> = all.iter().filter(without).copied().collect();
    assert_eq!(names(&line_of(&bare())), fewer);
    for sample in samples() {
        assert_eq!(names(&sample.line()), all, "{}", sample.kind.name);
    }
}

#[test]
fn a_line_is_as_long_as_its_draft_says_and_its_parts_meet_around_the_time() {
    let draft = Draft::new(&header(), &stream(), 1, &nothing_changed());
    let time = format_time("2026-11-22T11:02:53Z".parse().unwrap());
    let (before, after) = draft.parts();
    assert_eq!(draft.line(&time), format!("{before}{time}{after}"));
    assert_eq!(draft.line(&time).len(), draft.line_length());
}

#[test]
fn what_is_absent_takes_no_place() {
    let line = line_of(&bare());
    assert!(line.contains(r#""origin":{},"#), "{line}");
    assert!(line.ends_with(r#","data":{}}"#), "{line}");
    assert!(!line.contains("null"), "{line}");
    assert_eq!(Event::decode(0, &line).unwrap().header, bare());
}

/// Reads a line in which `from` was replaced by `to`.
fn altered(from: &str, to: &str) -> DecodeError {
    let line = line_of(&header());
    assert!(line.contains(from), "{line}");
    Event::decode(7, &line.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_line_that_is_no_envelope_says_so() {
    for line in ["", "no JSON", "{}", "[]", "null"] {
        let error = Event::decode(7, line).unwrap_err();
        assert!(
            matches!(error, DecodeError::Envelope { index: 7, .. }),
            "{error:?}"
        );
    }
    for (from, to) in [
        ("\"version\":1", "\"version\":-1"),
        ("settings-deployment", "settings"),
        ("2026-11-22T11", "2026-13-22T11"),
        ("\"outcome\":\"success\"", "\"outcome\":\"perhaps\""),
        ("\"correlation\"", "\"belongs_to\""),
    ] {
        let error = altered(from, to);
        assert!(matches!(error, DecodeError::Envelope { .. }), "{error:?}");
    }
}

#[test]
fn an_aggregate_or_a_type_of_a_newer_version_is_unknown() {
    for (from, to) in [
        ("settings-deployment", "campaign-deployment"),
        ("SettingsChanged", "SettingsForgotten"),
        // Of another aggregate.
        ("SettingsChanged", "KeyRetired"),
    ] {
        let error = altered(from, to);
        assert!(
            matches!(error, DecodeError::Unknown { index: 7, .. }),
            "{error:?}"
        );
    }
    let error = altered("SettingsChanged", "SettingsForgotten");
    assert_eq!(
        error.to_string(),
        "event 7 is of the unknown type settings/SettingsForgotten: a newer Lanyard wrote it"
    );
}

#[test]
fn a_newer_schema_says_so() {
    let error = altered("\"schema\":1", "\"schema\":2");
    let DecodeError::Newer {
        index,
        event_type,
        schema,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (*index, event_type.as_str(), *schema),
        (7, "SettingsChanged", 2)
    );
}

#[test]
fn data_of_another_shape_says_so() {
    for data in [
        r#"{"algorithm":"dsa"}"#,
        r#"{"algorithm":1}"#,
        "[1]",
        "7",
        "null",
    ] {
        let error = altered(r#""data":{}"#, &format!(r#""data":{data}"#));
        let DecodeError::Data {
            index: 7,
            event_type,
            ..
        } = &error
        else {
            panic!("{data}: {error:?}");
        };
        assert_eq!(event_type, "SettingsChanged");
    }
}

#[test]
fn a_field_that_a_later_version_adds_to_the_envelope_is_passed_over() {
    let line = line_of(&header());
    let added = line.replacen("\"correlation\"", "\"tenant\":\"x\",\"correlation\"", 1);
    assert_eq!(
        Event::decode(0, &added).unwrap(),
        Event::decode(0, &line).unwrap()
    );
}

#[test]
fn a_stream_is_named_by_its_aggregate_and_an_id() {
    let name = |text: &str| text.parse::<StreamName>();
    let stream = name("keyring-ada-of-the-north").unwrap();
    assert_eq!(
        (stream.aggregate(), stream.id()),
        ("keyring", "ada-of-the-north")
    );
    assert_eq!(
        StreamName::of("keyring", &"ada"),
        name("keyring-ada").unwrap()
    );
    assert!(name(&format!("keyring-{}", "a".repeat(192))).is_ok());
    for refused in [
        "",
        "keyring",
        "-ada",
        "keyring-",
        "Keyring-ada",
        "keyring-a b",
        "keyring-ä",
    ] {
        assert!(name(refused).is_err(), "{refused}");
    }
    assert!(name(&format!("keyring-{}", "a".repeat(193))).is_err());
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::collection::vec(
            prop::sample::select(vec![
                '"', '\\', '/', '\u{0}', '\u{8}', '\n', '\r', '\t', '\u{1f}', '\u{7f}', '\u{85}',
                '\u{2028}', '\u{fffd}', 'ß', '語', '🔑', '{', '}', ',', ':',
            ]),
            0..20,
        )
        .prop_map(String::from_iter),
    ]
}

proptest! {
    /// What a disk or a hand made of a line: it reads as an event whose fields are all there, or it
    /// is refused, and the refusal names the line.
    #[test]
    fn a_line_that_was_tampered_with_is_read_or_refused_and_nothing_else(
        which: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<char>()), 1..4),
    ) {
        let all = samples();
        let mut line = which.get(&all).line();
        for (at, how, letter) in changes {
            let letters: Vec<char> = line.chars().collect();
            let at = at.index(letters.len().max(1));
            let (before, after) = letters.split_at(at.min(letters.len()));
            let rest = after.get(1..).unwrap_or_default();
            line = match how {
                0 => before.iter().chain(rest).collect(),
                1 => before.iter().chain([&letter]).chain(after).collect(),
                2 => before.iter().chain([&letter]).chain(rest).collect(),
                _ => before.iter().collect(),
            };
        }
        match Event::decode(41, &line) {
            Ok(recorded) => prop_assert_eq!(recorded.index, 41),
            Err(error) => prop_assert!(error.to_string().contains("41"), "{}", error),
        }
    }

    #[test]
    fn no_text_at_all_makes_the_reader_of_lines_panic(line in any_text()) {
        prop_assert!(Event::decode(0, &line).is_err());
    }
}

proptest! {
    #[test]
    fn a_line_reads_back_whatever_text_is_in_it(
        reason in any_text(),
        actor in any_text(),
        query in any_text(),
        returned: u64,
        version: u64,
    ) {
        let header = Header {
            actor: Actor { id: actor, ..header().actor },
            reason: Some(reason),
            ..header()
        };
        let event = AccessEvent::AuditRead { query, returned };
        let stream: StreamName = "access-7".parse().unwrap();
        let draft = Draft::new(&header, &stream, version, &event);
        let line = draft.line("2026-11-22T11:02:53.000000Z");
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(line.len(), draft.line_length());
        let recorded = Event::decode(7, &line).unwrap();
        prop_assert_eq!(&recorded.header, &header);
        prop_assert_eq!(recorded.stream, stream);
        prop_assert_eq!(recorded.version, version);
        prop_assert_eq!(recorded.event, Event::Access(event));
    }

    #[test]
    fn no_line_makes_it_panic(line in any_text(), data in any_text()) {
        let _ = Event::decode(0, &line);
        let whole = line_of(&header());
        let _ = Event::decode(0, &whole.replacen("{}}", &data, 1));
        let cut = whole.len() - line.len().min(whole.len());
        let _ = Event::decode(0, &whole[..cut]);
    }

    #[test]
    fn what_a_provider_said_is_kept_to_400_characters(said in any_text()) {
        let said = said.repeat(30);
        let failure = Failure::new(
            domain::Blame::Provider,
            domain::ReasonCode::ProviderError,
            Some(&said),
        );
        let kept = failure.detail.unwrap();
        prop_assert!(said.starts_with(&kept));
        prop_assert_eq!(kept.chars().count(), said.chars().count().min(400));
    }
}

#[test]
fn every_account_event_names_the_account_the_person_and_the_provider() {
    for sample in samples() {
        let recorded = sample.recorded(0);
        if let Event::Account(AccountEvent::KeyReleased { .. }) = recorded.event {
            assert_eq!(recorded.stream.aggregate(), "account");
        }
        let line: serde_json::Value = serde_json::from_str(&sample.line()).unwrap();
        let data = line["data"].as_object().unwrap();
        let ids: &[&str] = match recorded.event {
            Event::Account(_) => &["account", "user", "provider"],
            Event::Keyring(_) | Event::Offboarding(_) | Event::Token(_) => &["user"],
            Event::Provider(_) => &["provider"],
            Event::Campaign(_) => &["campaign"],
            Event::Replay(_) => &["replay"],
            Event::Webhook(_) => &["webhook"],
            Event::Access(_) | Event::Settings(_) => &[],
        };
        for id in ids {
            assert!(data.contains_key(*id), "{} lacks {id}", sample.kind.name);
        }
    }
}
