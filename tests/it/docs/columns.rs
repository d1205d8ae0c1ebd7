//! What the command line shows is what the API answers.

use std::collections::BTreeSet;

use lanyard::api::openapi;
use serde_json::Value;

use crate::support::tree::{code_lines, files};

/// Finds what a table of the command line shows: a heading, and where its value stands in a row.
fn columns(path: &str) -> BTreeSet<(String, String)> {
    let code = code_lines(path).join(" ");
    let mut found = BTreeSet::new();
    for part in code.split("(\"").skip(1) {
        let mut texts = part.splitn(4, '"');
        let (heading, between, pointer) = (texts.next(), texts.next(), texts.next());
        let (Some(heading), Some(between), Some(pointer)) = (heading, between, pointer) else {
            continue;
        };
        let shouts = |c: char| c.is_ascii_uppercase() || c == ' ';
        if between.trim() == "," && pointer.starts_with('/') && heading.chars().all(shouts) {
            found.insert((heading.to_owned(), pointer.to_owned()));
        }
    }
    found
}

/// Says whether a value of a schema may have something at a pointer.
fn has(document: &Value, schema: &Value, pointer: &[&str]) -> bool {
    let Some((name, rest)) = pointer.split_first() else {
        return true;
    };
    if let Some(named) = schema["$ref"].as_str() {
        let at = named.trim_start_matches('#');
        return document
            .pointer(at)
            .is_some_and(|schema| has(document, schema, pointer));
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        let mut parts = schema[several].as_array().into_iter().flatten();
        if parts.any(|part| has(document, part, pointer)) {
            return true;
        }
    }
    if !schema["items"].is_null() {
        return name.parse::<usize>().is_ok() && has(document, &schema["items"], rest);
    }
    match schema["properties"].as_object() {
        Some(properties) => {
            let property = properties.get(*name);
            property.is_some_and(|schema| has(document, schema, rest))
        }
        // A part that the API describes no further, such as a line of the log.
        None => schema["type"].is_null() || schema["type"] == "object",
    }
}

#[test]
fn every_column_of_the_command_line_is_a_field_of_the_api() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let described =
        |schema: &&Value| schema["properties"].is_object() || schema["allOf"].is_array();
    let mut missing = Vec::new();
    let mut seen = 0;
    for path in files("src/cli", ".rs") {
        for (heading, pointer) in columns(&path) {
            seen += 1;
            let parts: Vec<_> = pointer.split('/').skip(1).collect();
            let mut bodies = schemas.values().filter(described);
            if !bodies.any(|schema| has(&document, schema, &parts)) {
                missing.push(format!("{path}: {heading} at {pointer}"));
            }
        }
    }
    assert!(seen > 30, "only {seen} columns were found");
    assert!(
        missing.is_empty(),
        "no answer has them:\n{}",
        missing.join("\n")
    );
}
