//! `docs/events.md`: every event there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::{Event, Outcome};
use serde_json::Value;

use super::source::{Member, Type, types};
use super::{begin, head, holds, row};
use crate::support::tree::{files, read};

const ABOUT: &str = "\
Every type of event, as it stands in the log for ever. An event is one JSON line. Its place in the log, the
*index*, is not in the line: it is counted from 0, without gaps. `lanyard audit --ndjson` and
`GET /api/v1/audit/events` with `Accept: application/x-ndjson` give the lines byte for byte.

A name never changes its meaning. A new shape of the data raises `schema`; old lines are read all the same. The
code is stable: three letters for the noun, two digits for the type, and a last letter for the outcome: `I` it came
about, `W` it did not yet and is tried again, `E` it did not and waits for somebody.";

const ENVELOPE: [(&str, &str); 14] = [
    ("id", "the event's id (UUIDv7), for ever"),
    ("stream", "`<aggregate>-<id>`: what it happened to"),
    ("version", "its place in the stream, from 1, without gaps"),
    ("type", "what happened: one of those below"),
    (
        "code",
        "the stable code of the type, with the outcome as its last letter",
    ),
    ("schema", "the version of the shape of `data`, from 1"),
    (
        "recorded_at",
        "when the log took it: UTC, microseconds, never before the event that precedes it",
    ),
    (
        "actor",
        "who caused it: `kind` (`person`, `system`, `terminal`), `id`, the `roles` held then, and by what `means` they proved it",
    ),
    (
        "origin",
        "from where: the `request`'s id as in `X-Request-Id`; the `sender`'s address and user agent, sealed under the person's key",
    ),
    ("outcome", "`success` or `failure`"),
    (
        "reason",
        "why, in the words of whoever asked; absent where nobody said",
    ),
    (
        "correlation",
        "what belongs together: handed on through everything that follows",
    ),
    (
        "causation",
        "the id of the event that it follows from; absent for what a person asked",
    ),
    ("data", "the fact"),
];

/// The newest stored form of each type, by aggregate and then by code.
struct Stored {
    name: String,
    code: String,
    schema: u32,
    outcome: Outcome,
    line: String,
}

fn stored() -> BTreeMap<String, Vec<Stored>> {
    let mut newest: BTreeMap<String, (String, Stored)> = BTreeMap::new();
    for path in files("domain/tests/snapshots", ".json") {
        let line = read(&path).trim_end().to_owned();
        let recorded = Event::decode(0, &line).unwrap();
        let kind = recorded.event.kind();
        let envelope: Value = serde_json::from_str(&line).unwrap();
        if envelope["schema"] != kind.schema {
            continue;
        }
        let aggregate = recorded.stream.aggregate().to_owned();
        let known = Stored {
            name: kind.name.to_owned(),
            code: kind.code.to_owned(),
            schema: kind.schema,
            outcome: kind.outcome(),
            line,
        };
        newest.insert(kind.name.to_owned(), (aggregate, known));
    }
    let mut by_aggregate: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
    for (aggregate, known) in newest.into_values() {
        by_aggregate.entry(aggregate).or_default().push(known);
    }
    for events in by_aggregate.values_mut() {
        events.sort_by(|one, other| one.code.cmp(&other.code));
    }
    by_aggregate
}

#[test]
fn every_event_is_explained() {
    let types = types();
    let stored = stored();
    let mut page = begin("Events", ABOUT);
    envelope(&mut page, &stored);
    index(&mut page, &stored);
    let mut shapes = BTreeSet::new();
    for (aggregate, events) in &stored {
        let of = event_type(aggregate);
        let kind = &types[&of];
        let _ = writeln!(page, "## {aggregate}\n\n{}\n", kind.says);
        let known: BTreeSet<_> = events.iter().map(|event| event.name.as_str()).collect();
        for variant in &kind.members {
            assert!(
                known.contains(variant.name.as_str()),
                "{} is not stored",
                variant.name
            );
        }
        for event in events {
            let variant = kind
                .members
                .iter()
                .find(|variant| variant.name == event.name);
            explain(&mut page, event, variant.unwrap(), &types, &mut shapes);
        }
    }
    describe_shapes(&mut page, shapes, &types);
    holds("events.md", &page);
}

#[test]
fn no_aggregate_is_left_out() {
    let stored = stored();
    for (name, _) in types().iter().filter(|(name, kind)| {
        kind.is_enum && name.ends_with("Event") && *name != "LoggedEvent" && *name != "Event"
    }) {
        let aggregate = name.trim_end_matches("Event").to_lowercase();
        assert!(
            stored.contains_key(&aggregate),
            "{name} has no stored event"
        );
    }
}

fn event_type(aggregate: &str) -> String {
    let mut letters = aggregate.chars();
    let first = letters.next().unwrap().to_ascii_uppercase();
    format!("{first}{}Event", letters.as_str())
}

fn envelope(page: &mut String, stored: &BTreeMap<String, Vec<Stored>>) {
    page.push_str("## The envelope\n\nThese fields stand in every line, in this order.\n\n");
    head(page, &["field", "what it says"]);
    for (name, says) in ENVELOPE {
        row(page, &[&format!("`{name}`"), says]);
    }
    page.push('\n');
    for event in stored.values().flatten() {
        let line: Value = serde_json::from_str(&event.line).unwrap();
        let mut named: Vec<_> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut known = ENVELOPE.map(|(name, _)| name);
        named.sort_unstable();
        known.sort_unstable();
        assert_eq!(named, known, "{}", event.name);
    }
}

fn index(page: &mut String, stored: &BTreeMap<String, Vec<Stored>>) {
    page.push_str("## All of them\n\n");
    head(page, &["code", "type", "schema", "outcome"]);
    for event in stored.values().flatten() {
        let anchor = event.name.to_lowercase();
        let outcome = match event.outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
        };
        let name = format!("[{}](#{anchor})", event.name);
        row(
            page,
            &[
                &format!("`{}`", event.code),
                &name,
                &event.schema.to_string(),
                outcome,
            ],
        );
    }
    page.push('\n');
}

fn explain(
    page: &mut String,
    event: &Stored,
    variant: &Member,
    types: &BTreeMap<String, Type>,
    shapes: &mut BTreeSet<String>,
) {
    let Stored {
        name,
        code,
        schema,
        line,
        ..
    } = event;
    let _ = writeln!(
        page,
        "### {name}\n\n`{code}`, schema {schema}. {}\n",
        variant.says
    );
    if !variant.fields.is_empty() {
        fields(page, &variant.fields, types, shapes);
    }
    let _ = writeln!(page, "```json\n{line}\n```\n");
}

fn fields(
    page: &mut String,
    members: &[Member],
    types: &BTreeMap<String, Type>,
    shapes: &mut BTreeSet<String>,
) {
    head(page, &["field", "shape", "what it says"]);
    for field in members {
        let inner = field.of.strip_prefix("Option<");
        let of = inner.and_then(|rest| rest.strip_suffix('>'));
        let of = of.unwrap_or(&field.of);
        let optional = if field.optional {
            ", may be absent"
        } else {
            ""
        };
        let shape = format!("{}{optional}", shape(of, types, shapes));
        row(page, &[&format!("`{}`", field.name), &shape, &field.says]);
    }
    page.push('\n');
}

/// Names the JSON of a type, and notes the types that need a description.
fn shape(of: &str, types: &BTreeMap<String, Type>, shapes: &mut BTreeSet<String>) -> String {
    let inner = |outer: &str| {
        of.strip_prefix(outer)
            .and_then(|rest| rest.strip_suffix('>'))
    };
    if let Some(item) = inner("Vec<") {
        return format!("list of {}", shape(item, types, shapes));
    }
    if let Some(own) = inner("Choice<") {
        return format!("`\"default\"`, or `{{\"own\": {}}}`", plain(own));
    }
    if types.get(of).is_some_and(|known| !known.members.is_empty()) {
        shapes.insert(of.to_owned());
        return format!("[{of}](#{})", of.to_lowercase());
    }
    plain(of).to_owned()
}

fn plain(of: &str) -> &str {
    match of {
        "bool" => "true or false",
        "u32" | "u64" | "GraceHours" | "KeyAge" | "KeysPerMinute" => "number",
        "DateTime<Utc>" => "time",
        "AccountId" | "CampaignId" | "EventId" | "KeyId" | "ReplayId" | "SecretRef" | "TokenId"
        | "Uuid" => "UUID",
        "Algorithm" => "algorithm",
        _ => "text",
    }
}

fn describe_shapes(page: &mut String, first: BTreeSet<String>, types: &BTreeMap<String, Type>) {
    page.push_str("## Shapes\n\nWhat stands inside events more than once.\n\n");
    let mut done = BTreeMap::new();
    let mut open: Vec<String> = first.into_iter().collect();
    while let Some(name) = open.pop() {
        if done.contains_key(&name) {
            continue;
        }
        let known = &types[&name];
        let mut more = BTreeSet::new();
        let mut text = format!("### {name}\n\n{}\n\n", known.says);
        if known.is_enum {
            head(&mut text, &["word", "what it says"]);
            for word in &known.members {
                row(
                    &mut text,
                    &[&spelled(word, known, types, &mut more), &word.says],
                );
            }
            text.push('\n');
        } else {
            fields(&mut text, &known.members, types, &mut more);
        }
        done.insert(name, text);
        open.extend(more);
    }
    for text in done.values() {
        page.push_str(text);
    }
    while page.ends_with("\n\n") {
        page.pop();
    }
}

/// Writes a word of an enum as it stands in JSON.
fn spelled(
    word: &Member,
    of: &Type,
    types: &BTreeMap<String, Type>,
    more: &mut BTreeSet<String>,
) -> String {
    let name = match &word.renamed {
        Some(renamed) => renamed.clone(),
        None if of.snake_case => snake_case(&word.name),
        None => word.name.clone(),
    };
    if !word.fields.is_empty() {
        let fields: Vec<_> = word
            .fields
            .iter()
            .map(|field| format!("`{}`", field.name))
            .collect();
        return format!("`{{\"{name}\": {{…}}}}` with {}", fields.join(", "));
    }
    if word.of.is_empty() {
        return format!("`\"{name}\"`");
    }
    format!("`{{\"{name}\": …}}` with {}", shape(&word.of, types, more))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (place, letter) in name.char_indices() {
        if letter.is_uppercase() && place > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
