//! What holds of every statement of a projection.

use crate::{Statement, Value};

/// Returns what a statement does, without its columns: `INSERT keys`, `UPDATE keys`.
pub(crate) fn verb(statement: &Statement) -> String {
    let verb = statement.sql.split(' ').next().unwrap();
    let table = statement.sql.split(['{', '}']).nth(1).unwrap();
    format!("{verb} {table}")
}

/// Asserts what every statement of a projection keeps: its arguments are those that its text
/// names, and it is guarded by the index of its event.
pub(crate) fn assert_sound(statement: &Statement, index: u64) {
    let sql: &str = &statement.sql;
    let mut named: Vec<usize> = sql
        .split('$')
        .skip(1)
        .map(|rest| {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            rest[..digits].parse().unwrap()
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    let all: Vec<_> = (1..=statement.args.len()).collect();
    assert_eq!(named, all, "{sql}");
    assert!(statement.args.contains(&Value::from(index)), "{sql}");
    let guards = ["idx < $", "t.idx < excluded.idx", "DO NOTHING"];
    assert!(guards.iter().any(|guard| sql.contains(guard)), "{sql}");
}
