//! `lanyard audit …`

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::client::Client;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    search: Search,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show one event, and what it caused
    Show {
        /// The event's index in the log
        index: u64,
    },
}

#[derive(Debug, Args)]
struct Search {
    /// Who caused it
    #[arg(long)]
    actor: Option<String>,
    /// Whom it concerns
    #[arg(long)]
    user: Option<String>,
    /// At which provider
    #[arg(long)]
    provider: Option<String>,
    /// Which type of event, as in docs/events.md
    #[arg(long = "type")]
    event_type: Option<String>,
    /// Which code, with its outcome suffix
    #[arg(long)]
    code: Option<String>,
    /// At or after this time: 2026-11-22T00:00:00Z
    #[arg(long)]
    since: Option<String>,
    /// Before this time
    #[arg(long)]
    until: Option<String>,
    /// How many events, newest first
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Older than this event
    #[arg(long, value_name = "INDEX")]
    before: Option<u64>,
    /// Every event as it stands in the log, one JSON line each, oldest first
    #[arg(long)]
    ndjson: bool,
}

pub(super) async fn run(
    (client, output, command): (Client, Output, AuditCommand),
) -> anyhow::Result<()> {
    const EVENTS: &str = "/api/v1/audit/events";
    if let Some(Verb::Show { index }) = command.verb {
        output.one(&client.get(&format!("{EVENTS}/{index}"), &[]).await?.body);
        return Ok(());
    }
    let search = command.search;
    let mut query: Vec<(&str, String)> = [
        ("actor", search.actor),
        ("user", search.user),
        ("provider", search.provider),
        ("type", search.event_type),
        ("code", search.code),
        ("since", search.since),
        ("until", search.until),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    if search.ndjson {
        let mut lines = client.text(EVENTS, &query, "application/x-ndjson").await?;
        while let Some(chunk) = lines.chunk().await? {
            if std::io::stdout().lock().write_all(&chunk).is_err() {
                break;
            }
        }
        return Ok(());
    }
    query.push(("limit", search.limit.to_string()));
    query.extend(search.before.map(|index| ("before", index.to_string())));
    let columns = [
        ("INDEX", "/index"),
        ("TIME", "/event/recorded_at"),
        ("CODE", "/event/code"),
        ("ACTOR", "/event/actor/id"),
        ("WHAT", "/sentence"),
    ];
    let answer = client.get(EVENTS, &query).await?;
    output.list(
        &answer.body["events"],
        &columns,
        "no event matches; widen the search",
    );
    if !output.json
        && let Some(before) = answer.body.get("next").and_then(Value::as_u64)
    {
        eprintln!("older events: --before {before}");
    }
    Ok(())
}
