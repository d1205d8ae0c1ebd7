//! The report of a replay as a page to attach to an incident (`CommonMark`, with tables).

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};

use super::report::{ReportBody, ReportItemBody};

/// The media type of the page (RFC 7763).
pub(super) const MEDIA_TYPE: &str = "text/markdown";

/// Writes the page.
pub(super) fn write(report: &ReportBody) -> String {
    let replay = &report.replay;
    let mut page = format!("# Replay of {}\n\n", plain(&replay.provider));
    let finished = replay
        .finished_at
        .map_or_else(|| "not yet".to_owned(), time);
    let facts = [
        ("Replay", replay.replay.clone()),
        ("Started by", replay.started_by.clone()),
        ("Why", replay.reason.clone().unwrap_or_default()),
        ("Scope", scope(report)),
        ("Status", replay.status.to_owned()),
        ("Started", time(replay.started_at)),
        ("Finished", finished),
        ("Written", time(report.written_at)),
        ("Planned", replay.planned.to_string()),
        ("As the log says", replay.settled.to_string()),
        ("In place before", report.in_place.to_string()),
        ("Waiting for somebody", replay.parked.to_string()),
        ("Still open", replay.open.to_string()),
    ];
    page.push_str("| | |\n| --- | --- |\n");
    for (name, value) in facts {
        let _ = writeln!(page, "| {name} | {} |", plain(&value));
    }
    page.push_str("\n## Outcomes\n\n| outcome | keys |\n| --- | ---: |\n");
    for known in &report.outcomes {
        let _ = writeln!(page, "| {} | {} |", plain(known.outcome), known.count);
    }
    let waits = |item: &&ReportItemBody| item.failure.is_some();
    if report.items.iter().any(|item| waits(&item)) {
        page.push_str(
            "\n## To do\n\n| user | key | why | what to do |\n| --- | --- | --- | --- |\n",
        );
        for item in report.items.iter().filter(waits) {
            let failure = item.failure.as_ref();
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} |",
                plain(&item.user),
                item.key,
                plain(failure.map_or("", |failure| failure.code)),
                plain(failure.map_or("", |failure| failure.remedy)),
            );
        }
    }
    page.push_str(
        "\n## Keys\n\n| user | key | wanted | before | after | outcome | tries failed | at |\n\
         | --- | --- | --- | --- | --- | --- | ---: | --- |\n",
    );
    for item in &report.items {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            plain(&item.user),
            item.key,
            item.wanted,
            before(item),
            item.after,
            plain(item.outcome),
            item.attempts,
            time(item.settled_at.unwrap_or(item.taken_at)),
        );
    }
    if report.omitted > 0 {
        let _ = writeln!(page, "\n{} more are not listed.", report.omitted);
    }
    page
}

fn scope(report: &ReportBody) -> String {
    let scope = &report.replay.scope;
    let mut words = scope.include.to_owned();
    if let Some(user) = &scope.user {
        let _ = write!(words, ", of {user}");
    }
    if let Some(since) = scope.since {
        let _ = write!(words, ", since {}", time(since));
    }
    if let Some(until) = scope.until {
        let _ = write!(words, ", until {}", time(until));
    }
    words
}

fn before(item: &ReportItemBody) -> String {
    let status = plain(item.before.status);
    match &item.before.failure {
        Some(failure) => format!("{status} ({})", plain(failure.code)),
        None => status,
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Takes the meaning from what somebody typed: it stays in its cell, and is no markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&'
            | '!' => {
                plain.push('\\');
                plain.push(c);
            }
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_typed_stays_in_its_cell_and_is_no_markup() {
        assert_eq!(plain("a | b\n# c"), "a \\| b \\# c");
        assert_eq!(
            plain("![x](http://evil) <script> `y`"),
            "\\!\\[x\\](http://evil) \\<script\\> \\`y\\`"
        );
        assert_eq!(plain("plain words, 7.5 %"), "plain words, 7.5 %");
    }
}
