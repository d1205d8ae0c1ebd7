//! What a command prints: a table for people, JSON for programs.

use std::io::Write as _;

use serde_json::Value;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON instead of tables.
    pub json: bool,
}

/// A column: its heading and where its value stands in a row (RFC 6901).
pub type Column = (&'static str, &'static str);

impl Output {
    /// Prints a list; `empty` says what to do next where there is nothing.
    pub fn list(self, rows: &Value, columns: &[Column], empty: &str) {
        if self.json {
            return say(&pretty(rows));
        }
        let rows: &[Value] = rows.as_array().map_or(&[], Vec::as_slice);
        if rows.is_empty() {
            return say(empty);
        }
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                columns
                    .iter()
                    .map(|(_, at)| cell(row.pointer(at)))
                    .collect()
            })
            .collect();
        let widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(at, (heading, _))| {
                let cells = cells.iter().map(|row| row[at].chars().count());
                cells.chain([heading.len()]).max().unwrap_or(0)
            })
            .collect();
        let headings = columns
            .iter()
            .map(|(heading, _)| (*heading).to_owned())
            .collect();
        for row in std::iter::once(&headings).chain(&cells) {
            let line: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            say(line.join("  ").trim_end());
        }
    }

    /// Prints one thing, a line for each of its fields.
    pub fn one(self, thing: &Value) {
        if self.json {
            return say(&pretty(thing));
        }
        let Some(fields) = thing.as_object() else {
            return say(&cell(Some(thing)));
        };
        let width = fields.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in fields {
            say(&format!(
                "{:<width$}  {}",
                name.replace('_', " "),
                cell(Some(value))
            ));
        }
    }

    /// Prints a sentence, or the thing it speaks of.
    pub fn done(self, sentence: &str, thing: &Value) {
        if self.json {
            say(&pretty(thing));
        } else {
            say(sentence);
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => plain(text),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| cell(Some(item)))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

/// Removes what could move the cursor: some of what is printed was typed by others.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Prints a line. Whoever closed the pipe has read enough.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_never_holds_what_could_move_the_cursor() {
        assert_eq!(cell(Some(&json!("a\u{1b}[2Jb\nc"))), "a [2Jb c");
        assert_eq!(cell(Some(&json!(["x", "y"]))), "x, y");
        assert_eq!(cell(Some(&json!(3))), "3");
        assert_eq!(cell(None), "-");
    }
}
