//! The domain stays pure: nothing it depends on can do input or output, tell the time or draw a
//! random number.

use std::collections::BTreeMap;

const MANIFEST: &str = include_str!("../Cargo.toml");

const ALLOWED: [&str; 7] = [
    "chrono",
    "cqrs-es",
    "serde",
    "serde_json",
    "thiserror",
    "url",
    "uuid",
];

/// Reads `[dependencies]`: the name and the rest of each line.
fn dependencies(manifest: &str) -> BTreeMap<&str, &str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(|line| {
            let end = line.find(['.', '=', ' ']).unwrap_or(line.len());
            line.split_at(end)
        })
        .collect()
}

fn says(specification: &str, feature: &str) -> bool {
    specification.contains(&format!("\"{feature}\""))
}

#[test]
fn the_domain_depends_on_nothing_else() {
    for name in dependencies(MANIFEST).keys() {
        assert!(ALLOWED.contains(name), "{name} is not a pure dependency");
    }
}

#[test]
fn the_manifest_has_no_other_table_of_dependencies() {
    for line in MANIFEST.lines().filter(|line| line.starts_with('[')) {
        let plain = ["[dependencies]", "[dev-dependencies]"].contains(&line);
        assert!(plain || !line.contains("dependencies"), "{line}");
    }
}

#[test]
fn chrono_cannot_tell_the_time() {
    let chrono = dependencies(MANIFEST)["chrono"];
    // What the workspace sets has the clock in it.
    assert!(!chrono.contains("workspace"));
    assert!(chrono.contains("default-features = false"));
    assert!(!says(chrono, "clock") && !says(chrono, "now"));
}

#[test]
fn uuid_cannot_make_one_by_chance_or_by_time() {
    let uuid = dependencies(MANIFEST)["uuid"];
    assert!(!uuid.contains("workspace"));
    for version in ["v1", "v4", "v6", "v7"] {
        assert!(!says(uuid, version), "{version}");
    }
}
