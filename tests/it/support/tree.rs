//! The source tree itself, for tests that hold its rules.

use std::fs;
use std::path::Path;

/// The folder of the root package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a file, named from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lists the files below a folder that end with `ending`, named from the root, sorted. A folder
/// that is not there has none.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(named_from_root(&path));
            }
        }
    }
    found.sort();
    found
}

fn named_from_root(path: &Path) -> String {
    let inside = path.strip_prefix(root()).unwrap();
    inside.to_str().unwrap().replace('\\', "/")
}

/// Lists the lines of a Rust file that are code: comments are blank, the numbers stay right.
pub(crate) fn code_lines(path: &str) -> Vec<String> {
    let comment = |line: &str| line.trim_start().starts_with("//");
    let code = |line: &str| {
        if comment(line) {
            String::new()
        } else {
            line.to_owned()
        }
    };
    read(path).lines().map(code).collect()
}
