//! The rules of ARCHITECTURE.md that a tool can hold: who may import whom, where SQL stands, and
//! that what the pages name is there.

use std::path::Path;

use crate::support::tree::{code_lines, files, read, root};

/// A rule over imports: files below `of` name none of `never` in `crate::…`.
struct Imports {
    of: &'static [&'static str],
    never: &'static [&'static str],
    /// What may be named all the same, and why that is no breach.
    but: &'static [(&'static str, &'static str)],
}

const IMPORTS: &[Imports] = &[
    Imports {
        of: &[
            "src/backup",
            "src/clock.rs",
            "src/database",
            "src/datadir",
            "src/eventlog",
            "src/host_keys",
            "src/keygen.rs",
            "src/providers",
            "src/telemetry",
            "src/vault",
        ],
        never: &[
            "api",
            "app",
            "cli",
            "config",
            "projecting",
            "server",
            "web",
            "worker",
        ],
        but: &[],
    },
    Imports {
        of: &["src/projecting"],
        never: &[
            "api",
            "app",
            "cli",
            "config",
            "providers",
            "server",
            "vault",
            "web",
            "worker",
        ],
        but: &[],
    },
    Imports {
        of: &["src/app"],
        never: &["api", "cli", "server", "web", "worker"],
        but: &[],
    },
    Imports {
        of: &["src/worker"],
        never: &["api", "cli", "config", "server", "web"],
        but: &[],
    },
    Imports {
        of: &["src/api", "src/web"],
        never: &[
            "cli",
            "config",
            "database",
            "eventlog",
            "projecting",
            "providers",
            "server",
            "vault",
            "worker",
        ],
        but: &[
            ("database::DatabaseError", "an error, to be told"),
            ("eventlog::LogError", "an error, to be told"),
            ("providers::Came", "what a browser brought, to be handed on"),
            ("providers::Finding", "what a test found, to be shown"),
            ("providers::Network", "a way to a provider, to be checked"),
            ("vault::Owner", "whose a box is"),
            ("vault::Purpose", "what a box is for"),
            ("vault::Secret", "a value that keeps silent"),
            ("vault::VaultError", "an error, to be told"),
        ],
    },
    Imports {
        of: &["src/cli"],
        never: &[
            "api",
            "app",
            "database",
            "eventlog",
            "projecting",
            "providers",
            "vault",
            "web",
            "worker",
        ],
        but: &[("projecting::verify", "verifies while no server runs")],
    },
];

/// Measures the parts apart from each other, and so opens them itself.
const OPENS_PARTS: &str = "src/cli/bench";

#[test]
fn imports_follow_the_picture() {
    let mut wrong = Vec::new();
    for rule in IMPORTS {
        let below = rule.of.iter().flat_map(|place| rust_files(place));
        for path in below.filter(|path| !path.starts_with(OPENS_PARTS)) {
            for named in named_in_crate(&path) {
                let part = named.split("::").next().unwrap_or_default();
                let excused = rule.but.iter().any(|(but, _)| starts_with(&named, but));
                if rule.never.contains(&part) && !excused {
                    wrong.push(format!("{path} names crate::{named}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where SQL may stand.
const SQL: &[&str] = &[
    "projections/src/",
    "src/app/linking/claiming.rs", // who links a remote account now
    "src/app/flows",               // OAuth flows under way
    "src/app/grants/attempt.rs",
    "src/app/grants/exchanged.rs",
    "src/app/grants/lease.rs",
    "src/app/grants/refusals.rs",
    "src/app/idempotency",
    "src/app/lanes.rs",       // who works at a provider now
    "src/app/looks.rs",       // when somebody looks next
    "src/app/projections.rs", // how far each of them is
    "src/app/webhooks/deliveries.rs",
    "src/backup/",
    "src/cli/bench",
    "src/database/",
    "src/eventlog/",
    "src/projecting/checkpoint.rs",
    "src/projecting/types.rs",
    "src/projecting/rebuild.rs",
    "src/projecting/verify/",
    "src/vault/",
    "src/worker/policy/checkpoint.rs",
];

#[test]
fn sql_stands_where_a_table_has_its_owner() {
    let verbs = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "CREATE TABLE ",
        "CREATE INDEX ",
        "DROP TABLE ",
        "ALTER TABLE ",
    ];
    // Asks whether anybody is there, and nothing of any table.
    let probe = "SELECT 1\"";
    let mut wrong = Vec::new();
    let sources = files("src", ".rs")
        .into_iter()
        .chain(files("domain/src", ".rs"));
    for path in sources.filter(|path| !SQL.iter().any(|place| path.starts_with(place))) {
        for (number, line) in (1..).zip(code_lines(&path)) {
            let text = line.trim_start();
            let begins =
                |verb: &&str| text.starts_with(verb) || text.contains(&format!("\"{verb}"));
            if verbs.iter().any(begins) && !text.contains(probe) {
                wrong.push(format!("{path}:{number}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Longer than 400 lines, and why.
const LONG: &[(&str, &str)] = &[];

#[test]
fn no_file_is_longer_than_one_idea() {
    let mut long = Vec::new();
    for folder in [
        "src",
        "domain",
        "projections",
        "forge",
        "tests",
        "bench/baselines/src",
    ] {
        for path in files(folder, ".rs") {
            let lines = read(&path).lines().count();
            let known = LONG.iter().any(|(known, _)| *known == path);
            if lines > 400 && !known {
                long.push(format!("{path} has {lines} lines: split it by idea"));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_test_file_is_forgotten() {
    let mut forgotten = Vec::new();
    for (folder, main) in [
        ("tests/it", "tests/it/main.rs"),
        (
            "domain/tests/stored_events",
            "domain/tests/stored_events/main.rs",
        ),
        ("forge/tests/bitbucket", "forge/tests/bitbucket/main.rs"),
        ("forge/tests/gitea", "forge/tests/gitea/main.rs"),
        ("forge/tests/github", "forge/tests/github/main.rs"),
        ("forge/tests/gitlab", "forge/tests/gitlab/main.rs"),
        ("tests/simulation", "tests/simulation/main.rs"),
    ] {
        for path in files(folder, ".rs").into_iter().filter(|path| path != main) {
            let (module, parent) = declared_in(&path, main);
            let declares = |line: &String| {
                let line = line.trim();
                let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
                line == format!("mod {module};")
            };
            if !code_lines(&parent).iter().any(declares) {
                forgotten.push(format!("{path} is not declared in {parent}"));
            }
        }
    }
    assert!(forgotten.is_empty(), "{}", forgotten.join("\n"));
}

#[test]
fn both_databases_have_migrations_of_the_same_names() {
    for what in ["log", "state"] {
        let names = |kind: &str| {
            let folder = format!("migrations/{what}/{kind}/");
            let files = files(&folder, ".sql").into_iter();
            let names: Vec<_> = files.map(|path| path.replace(&folder, "")).collect();
            names
        };
        assert!(!names("sqlite").is_empty());
        assert_eq!(names("sqlite"), names("postgres"), "migrations/{what}");
    }
}

#[test]
fn every_path_that_a_page_names_is_there() {
    let mut pages = files("docs", ".md");
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "forge/README.md",
        "migrations/README.md",
    ] {
        pages.push(page.to_owned());
    }
    let mut wrong = Vec::new();
    for page in pages {
        let folder = Path::new(&page).parent().unwrap();
        for (number, line) in (1..).zip(read(&page).lines()) {
            for path in quoted(line).into_iter().flat_map(spelled_out) {
                if is_a_path(&path) && !root().join(&path).exists() {
                    wrong.push(format!("{page}:{number}: {path}"));
                }
            }
            for link in links(line) {
                if !root().join(folder).join(&link).exists() {
                    wrong.push(format!("{page}:{number}: link to {link}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not there:\n{}", wrong.join("\n"));
}

/// Lists a file, or the Rust files below a folder.
fn rust_files(place: &str) -> Vec<String> {
    if root().join(place).is_dir() {
        files(place, ".rs")
    } else {
        vec![place.to_owned()]
    }
}

/// Lists what a file names as `crate::…`, lists in braces spelled out.
fn named_in_crate(path: &str) -> Vec<String> {
    let code = code_lines(path).join("\n");
    let mut named = Vec::new();
    for after in code.split("crate::").skip(1) {
        let simple = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let end = after.find(|c: char| !simple(c)).unwrap_or(after.len());
        let stem = &after[..end];
        match after[end..]
            .strip_prefix('{')
            .filter(|_| stem.is_empty() || stem.ends_with("::"))
        {
            Some(list) => {
                let list = &list[..list.find("};").unwrap_or(list.len())];
                let parts = list.split([',', '{', '}']).map(str::trim);
                let parts = parts.filter(|part| !part.is_empty());
                named.extend(parts.map(|part| format!("{stem}{part}")));
            }
            None => named.push(stem.to_owned()),
        }
    }
    named
}

/// Says whether a name is another one or stands below it.
fn starts_with(named: &str, stem: &str) -> bool {
    let rest = named.strip_prefix(stem);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ']))
}

/// Returns the module that a file is, and the file that must declare it.
fn declared_in(path: &str, main: &str) -> (String, String) {
    let path = path
        .strip_suffix("/mod.rs")
        .unwrap_or(path.trim_end_matches(".rs"));
    let (folder, module) = path.rsplit_once('/').unwrap();
    let parent = [
        format!("{folder}/mod.rs"),
        format!("{folder}.rs"),
        main.to_owned(),
    ];
    let top = main.rsplit_once('/').unwrap().0 == folder;
    let parent = parent
        .into_iter()
        .find(|file| root().join(file).exists() && (!top || file == main));
    (module.to_owned(), parent.unwrap())
}

/// Lists what stands between backticks.
fn quoted(line: &str) -> Vec<String> {
    let parts = line.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// Spells out one list in braces: `src/{a,b}.rs` is two paths.
fn spelled_out(path: String) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(before, rest)| {
        let (list, after) = rest.split_once('}')?;
        Some((before, list, after))
    });
    match parts {
        None => vec![path],
        Some((before, list, after)) => {
            let items = list.split(',').map(str::trim);
            items.map(|item| format!("{before}{item}{after}")).collect()
        }
    }
}

/// Says whether a quotation is a path from the root: it begins with a folder of ours and has no
/// gaps to be filled in.
fn is_a_path(text: &str) -> bool {
    const FOLDERS: [&str; 9] = [
        ".ci/",
        "bench/",
        "docs/",
        "domain/",
        "forge/",
        "migrations/",
        "projections/",
        "src/",
        "tests/",
    ];
    let whole = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    FOLDERS.iter().any(|folder| text.starts_with(folder)) && text.chars().all(whole)
}

/// Lists the targets of links to files of ours.
fn links(line: &str) -> Vec<String> {
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let ours = |target: &&str| !target.contains("://") && !target.starts_with('#');
    let file = |target: &str| target.split('#').next().unwrap_or_default().to_owned();
    targets
        .filter(ours)
        .map(file)
        .filter(|file| !file.is_empty())
        .collect()
}
