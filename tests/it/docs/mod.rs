//! The generated pages say what the code says. With `LANYARD_WRITE_DOCS=1` the tests write them.

mod columns;
mod events;
mod measures;
mod pages;
mod source;

use std::fmt::Write as _;
use std::fs;

use crate::support::tree::root;

const WRITE: &str = "LANYARD_WRITE_DOCS";

/// Compares a page with what the code makes of it, or writes it.
fn holds(page: &str, made: &str) {
    let path = root().join("docs").join(page);
    if std::env::var_os(WRITE).is_some_and(|value| value == "1") {
        fs::write(&path, made).unwrap();
        return;
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    if stored == made {
        return;
    }
    let differs = |(one, other): &(&str, &str)| one != other;
    let number = 1 + stored
        .lines()
        .zip(made.lines())
        .take_while(|pair| !differs(pair))
        .count();
    let line = |text: &str| {
        text.lines()
            .nth(number - 1)
            .unwrap_or("(nothing)")
            .to_owned()
    };
    panic!(
        "docs/{page} is not what the code says; at line {number} it says\n  {}\ninstead of\n  {}\n\
         write it with: {WRITE}=1 cargo test -p lanyard --test it docs::",
        line(&stored),
        line(made),
    );
}

/// Begins a page that nobody writes by hand.
fn begin(title: &str, about: &str) -> String {
    let mut page = format!("# {title}\n\n");
    let _ = writeln!(
        page,
        "<!-- Made from the code by tests/it/docs. Do not edit. -->\n"
    );
    let _ = writeln!(page, "{about}\n");
    page
}

/// Writes a row of a table. Outside of code, what looks like a tag is none.
fn row(page: &mut String, cells: &[&str]) {
    let cell = |cell: &&str| {
        let parts = cell.split('`').enumerate();
        let parts = parts.map(|(place, part)| {
            if place % 2 == 0 {
                part.replace('<', "\\<")
            } else {
                part.to_owned()
            }
        });
        let parts: Vec<_> = parts.collect();
        parts.join("`").replace('|', "\\|")
    };
    let cells: Vec<String> = cells.iter().map(cell).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// Writes the head of a table.
fn head(page: &mut String, names: &[&str]) {
    row(page, names);
    row(page, &vec!["---"; names.len()]);
}
