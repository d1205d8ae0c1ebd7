//! What is linked into the program: one of each, and none that are banned.
//!
//! `deny.toml` says the same to `cargo deny`; this needs nothing installed.

use std::collections::BTreeMap;

use crate::support::tree::read;

/// Reads `Cargo.lock`: how many versions of each package there are.
fn locked() -> BTreeMap<String, Vec<String>> {
    let lock = read("Cargo.lock");
    let value = |line: &str, name: &str| {
        let rest = line.strip_prefix(name)?.strip_prefix(" = \"")?;
        Some(rest.trim_end_matches('"').to_owned())
    };
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in lock.lines() {
        if let Some(found) = value(line, "name") {
            name = found;
        } else if let Some(version) = value(line, "version") {
            packages.entry(name.clone()).or_default().push(version);
        }
    }
    packages
}

#[test]
fn there_is_one_tls_stack_and_it_is_not_openssl() {
    let locked = locked();
    for banned in ["openssl", "openssl-sys", "native-tls", "boring", "s2n-tls"] {
        assert!(!locked.contains_key(banned), "{banned} is in Cargo.lock");
    }
    assert_eq!(locked["rustls"].len(), 1, "rustls {:?}", locked["rustls"]);
}

#[test]
fn nothing_stores_events_but_our_own_log() {
    let locked = locked();
    for banned in ["sqlx", "sqlx-core", "sqlite-es", "postgres-es"] {
        assert!(!locked.contains_key(banned), "{banned} is in Cargo.lock");
    }
}

#[test]
fn there_is_one_of_everything_that_is_large_or_holds_the_only_copy() {
    let locked = locked();
    for one in [
        "aws-lc-rs",
        "axum",
        "hyper",
        "libsqlite3-sys",
        "reqwest",
        "rusqlite",
        "tokio",
        "tokio-postgres",
    ] {
        let versions = locked.get(one).map_or(&[][..], Vec::as_slice);
        assert_eq!(versions.len(), 1, "{one} {versions:?}");
    }
}

#[test]
fn projections_cannot_open_a_file_or_a_socket() {
    const ALLOWED: [&str; 6] = [
        "chrono",
        "domain",
        "serde",
        "serde_json",
        "thiserror",
        "uuid",
    ];
    let manifest = read("projections/Cargo.toml");
    let names = manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'));
    for name in names {
        assert!(ALLOWED.contains(&name), "{name} in projections/Cargo.toml");
    }
}

#[test]
fn every_dependency_of_a_member_has_its_version_in_one_place() {
    // `domain` and `projections` name the features of these themselves: the workspace's have a
    // clock and randomness in them.
    const OWN: [&str; 2] = ["chrono", "uuid"];
    let manifests = ["Cargo.toml"].map(str::to_owned).into_iter();
    let members = ["domain", "projections", "forge"].map(|member| format!("{member}/Cargo.toml"));
    for path in manifests.chain(members) {
        let mut table = "";
        let text = read(&path);
        for line in text.lines() {
            if line.starts_with('[') {
                table = line;
                continue;
            }
            let dependency = ["[dependencies]", "[dev-dependencies]"].contains(&table);
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !dependency || name.is_empty() || name == "#" || OWN.contains(&name) {
                continue;
            }
            // `anyhow` is of the command line alone.
            let shared = line.contains("workspace = true") || name == "anyhow";
            assert!(shared, "{path}: {line}");
        }
    }
}
