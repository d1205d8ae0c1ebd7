//! `lanyard replay …`

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Column, Output, say};
use super::progress::Progress;

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
    Show { replay: String },
    /// Stop a replay; what was already requested goes on
    Cancel { replay: String },
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
    /// What to take up: unfinished, parked, or all (also checks what is in place)
    #[arg(long, default_value = "unfinished")]
    include: String,
    /// Why, for the history
    #[arg(long)]
    reason: String,
    /// Only show what would be done
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
            "dry_run": self.dry_run,
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
        let answer = client.post(REPLAYS, &body).await?;
        if self.dry_run {
            let columns = [
                ("USER", "/user"),
                ("KEY", "/key"),
                ("NOW", "/status"),
                ("WOULD", "/would"),
            ];
            output.list(&answer.body["items"], &columns, "nothing would be done");
            return Ok(());
        }
        let replay = answer.body["replay"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if self.no_wait {
            output.done(&format!("replay {replay} is started"), &answer.body);
            return Ok(());
        }
        let ended = watch(client, &replay).await?;
        if output.json {
            output.one(&ended);
        } else {
            say(&format!(
                "replay {replay}: {} as the log says, {} parked",
                ended["settled"], ended["parked"]
            ));
        }
        Ok(())
    }
}

/// Shows the progress until the replay is over.
async fn watch(client: &Client, replay: &str) -> anyhow::Result<Value> {
    let mut progress = Progress::new("replaying", 0);
    loop {
        let now = client.get(&format!("{REPLAYS}/{replay}"), &[]).await?.body;
        let number = |name: &str| now[name].as_u64().unwrap_or(0);
        progress.at(number("settled") + number("parked"), number("planned"));
        if now["status"] != "running" {
            progress.end();
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
