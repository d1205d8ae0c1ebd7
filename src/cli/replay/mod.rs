//! `lanyard replay …`

mod plan;
mod watch;

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Client;
use super::output::{Column, Output, say};

#[derive(Debug, Args)]
pub(super) struct ReplayCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a provider agree with the log again
    Start(Start),
    /// List the replays
    List,
    /// Show how far a replay is
    Show {
        /// The replay's id, as `lanyard replay list` shows it
        replay: String,
    },
    /// Follow a replay to its end
    Watch {
        /// The replay's id, as `lanyard replay list` shows it
        replay: String,
    },
    /// Stop a replay; what was already requested goes on
    Cancel {
        /// The replay's id, as `lanyard replay list` shows it
        replay: String,
    },
    /// Let a replay go on that was stopped
    Resume {
        /// The replay's id, as `lanyard replay list` shows it
        replay: String,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        /// Return at once instead of showing the progress
        #[arg(long)]
        no_wait: bool,
    },
    /// Write the report of a replay: a page to attach to an incident, or JSON with --json
    Report {
        /// The replay's id, as `lanyard replay list` shows it
        replay: String,
    },
}

#[derive(Debug, Args)]
struct Start {
    /// The provider
    #[arg(long)]
    provider: String,
    /// Only this person's keys
    #[arg(long)]
    user: Option<String>,
    /// Only what changed at or after this time
    #[arg(long)]
    since: Option<String>,
    /// Only what changed before this time
    #[arg(long)]
    until: Option<String>,
    /// What to take up: unfinished, requested, failed, parked, or all (also checks what is in place)
    #[arg(long, default_value = "unfinished")]
    include: String,
    /// Why, for the history
    #[arg(long)]
    reason: String,
    /// Only show what would be done: asks the provider what it has, changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Return at once instead of showing the progress
    #[arg(long)]
    no_wait: bool,
}

const REPLAYS: &str = "/api/v1/replays";

const COLUMNS: [Column; 6] = [
    ("REPLAY", "/replay"),
    ("PROVIDER", "/provider"),
    ("STATUS", "/status"),
    ("PLANNED", "/planned"),
    ("STARTED", "/started_at"),
    ("REASON", "/reason"),
];

pub(super) async fn run(
    (client, output, command): (Client, Output, ReplayCommand),
) -> anyhow::Result<()> {
    match command.verb {
        Verb::Start(start) => start.run(&client, output).await?,
        Verb::List => {
            let answer = client.get(REPLAYS, &[]).await?;
            output.list(
                &answer.body["replays"],
                &COLUMNS,
                "no replay was ever started",
            );
        }
        Verb::Show { replay } => {
            output.one(&client.get(&format!("{REPLAYS}/{replay}"), &[]).await?.body);
        }
        Verb::Watch { replay } => ended(&client, output, &replay).await?,
        Verb::Resume {
            replay,
            reason,
            no_wait,
        } => {
            let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            let at = format!("{REPLAYS}/{replay}/resume");
            let answer = client.post(&at, &body).await?;
            if no_wait {
                output.done(&format!("replay {replay} goes on"), &answer.body);
            } else {
                ended(&client, output, &replay).await?;
            }
        }
        Verb::Report { replay } => {
            let at = format!("{REPLAYS}/{replay}/report");
            if output.json {
                output.one(&client.get(&at, &[]).await?.body);
            } else {
                let page = client.text(&at, &[], "text/markdown").await?;
                say(page.text().await?.trim_end());
            }
        }
        Verb::Cancel { replay } => {
            let answer = client.delete(&format!("{REPLAYS}/{replay}")).await?;
            output.done(
                "cancelled; what was already requested goes on",
                &answer.body,
            );
        }
    }
    Ok(())
}

impl Start {
    async fn run(self, client: &Client, output: Output) -> anyhow::Result<()> {
        let mut body = json!({
            "provider": self.provider,
            "include": self.include,
            "reason": self.reason,
        });
        for (name, value) in [
            ("user", self.user),
            ("since", self.since),
            ("until", self.until),
        ] {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        if self.dry_run {
            return plan::show(client, output, body).await;
        }
        let answer = client.post(REPLAYS, &body).await?;
        let replay = answer.body["replay"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if self.no_wait {
            output.done(&format!("replay {replay} is started"), &answer.body);
            return Ok(());
        }
        ended(client, output, &replay).await
    }
}

/// Follows a replay to its end, and says what came of it.
async fn ended(client: &Client, output: Output, replay: &str) -> anyhow::Result<()> {
    let ended = watch::watch(client, replay).await?;
    if output.json {
        output.one(&ended);
        return Ok(());
    }
    let status = ended["status"].as_str().unwrap_or_default();
    say(&format!(
        "replay {replay} is {status}: {} as the log says, {} parked",
        ended["settled"], ended["parked"]
    ));
    Ok(())
}
