//! `lanyard campaign …`

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Column, Output, say};
use super::progress::Progress;

#[derive(Debug, Args)]
pub(super) struct CampaignCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Rotate every key that fits, oldest first
    Start(Start),
    /// List the campaigns
    List,
    /// Show how far a campaign is
    Show {
        /// The campaign's id, as `lanyard campaign list` shows it
        campaign: String,
    },
    /// List every key of a campaign: the old one, the new one, and how far it is
    Report {
        /// The campaign's id, as `lanyard campaign list` shows it
        campaign: String,
    },
    /// Stop a campaign for a while; the rotations that have begun go on
    Pause(Move),
    /// Let a campaign go on
    Resume(Move),
    /// Stop a campaign for good; the rotations that have begun go on
    Cancel(Move),
}

#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("scope")
        .required(true)
        .multiple(true)
        .args(["algorithm", "older_than_days", "provider", "user", "key"])
))]
struct Start {
    /// Only keys of this algorithm; rsa and ecdsa stand for all of their sizes. May be repeated
    #[arg(long)]
    algorithm: Vec<String>,
    /// Only keys that are so old
    #[arg(long, value_name = "DAYS")]
    older_than_days: Option<u16>,
    /// Only keys at this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only keys of this person. May be repeated
    #[arg(long)]
    user: Vec<String>,
    /// Only this key, by its id or its fingerprint (SHA256:…). May be repeated
    #[arg(long)]
    key: Vec<String>,
    /// The old keys must not be trusted any more: withdraw each before the new one is in place
    #[arg(long)]
    compromised: bool,
    /// How many keys to rotate in a minute, 1 to 600
    #[arg(long, default_value = "60")]
    keys_per_minute: u16,
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

#[derive(Debug, Args)]
struct Move {
    /// The campaign's id, as `lanyard campaign list` shows it
    campaign: String,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
}

const CAMPAIGNS: &str = "/api/v1/campaigns";

/// How often the progress is looked at.
const GLANCE: Duration = Duration::from_millis(500);

const COLUMNS: [Column; 8] = [
    ("CAMPAIGN", "/campaign"),
    ("STATUS", "/status"),
    ("PLANNED", "/planned"),
    ("ROTATED", "/rotated"),
    ("PLACED", "/placed"),
    ("PARKED", "/parked"),
    ("STARTED", "/started_at"),
    ("REASON", "/reason"),
];

const REPORT: [Column; 8] = [
    ("USER", "/user"),
    ("PROVIDER", "/provider"),
    ("ACCOUNT", "/account"),
    ("STATE", "/state"),
    ("WHY", "/why"),
    ("OLD", "/old_fingerprint"),
    ("NEW", "/new_fingerprint"),
    ("TO DO", "/remedy"),
];

pub(super) async fn run(
    (client, output, command): (Client, Output, CampaignCommand),
) -> anyhow::Result<()> {
    match command.verb {
        Verb::Start(start) => start.run(&client, output).await?,
        Verb::List => {
            let answer = client.get(CAMPAIGNS, &[]).await?;
            let empty = "no campaign was ever started";
            output.list(&answer.body["campaigns"], &COLUMNS, empty);
        }
        Verb::Show { campaign } => {
            let path = format!("{CAMPAIGNS}/{campaign}");
            output.one(&client.get(&path, &[]).await?.body);
        }
        Verb::Report { campaign } => report(&client, output, &campaign).await?,
        Verb::Pause(given) => {
            let done = "paused; the rotations that have begun go on";
            given.run(&client, output, "pause", done).await?;
        }
        Verb::Resume(given) => given.run(&client, output, "resume", "it goes on").await?,
        Verb::Cancel(given) => {
            let done = "cancelled; the rotations that have begun go on";
            given.run(&client, output, "cancellation", done).await?;
        }
    }
    Ok(())
}

impl Move {
    async fn run(
        self,
        client: &Client,
        output: Output,
        how: &str,
        done: &str,
    ) -> anyhow::Result<()> {
        let mut body = json!({});
        if let Some(reason) = self.reason {
            body["reason"] = reason.into();
        }
        let path = format!("{CAMPAIGNS}/{}/{how}", self.campaign);
        let answer = client.post(&path, &body).await?;
        output.done(done, &answer.body);
        Ok(())
    }
}

impl Start {
    async fn run(self, client: &Client, output: Output) -> anyhow::Result<()> {
        let mut body = json!({
            "compromised": self.compromised,
            "keys_per_minute": self.keys_per_minute,
            "reason": self.reason,
            "dry_run": self.dry_run,
        });
        for (name, list) in [
            ("algorithms", self.algorithm),
            ("users", self.user),
            ("keys", self.key),
        ] {
            if !list.is_empty() {
                body[name] = list.into();
            }
        }
        if let Some(days) = self.older_than_days {
            body["older_than_days"] = days.into();
        }
        if let Some(provider) = self.provider {
            body["provider"] = provider.into();
        }
        let answer = client.post(CAMPAIGNS, &body).await?;
        if self.dry_run {
            show_plan(output, answer.body);
            return Ok(());
        }
        let campaign = answer.body["campaign"].as_str().unwrap_or_default();
        if self.no_wait {
            output.done(&format!("campaign {campaign} is started"), &answer.body);
            return Ok(());
        }
        let ended = watch(client, campaign).await?;
        if output.json {
            output.one(&ended);
        } else {
            say(&format!(
                "campaign {campaign} is {}: {} rotated, {} in place, {} parked, {} left as they are",
                ended["status"].as_str().unwrap_or_default(),
                ended["rotated"],
                ended["placed"],
                ended["parked"],
                ended["skipped"]
            ));
        }
        Ok(())
    }
}

fn show_plan(output: Output, mut plan: Value) {
    if output.json {
        return output.one(&plan);
    }
    let columns = [
        ("USER", "/user"),
        ("PROVIDER", "/provider"),
        ("KEY", "/key"),
        ("ALGORITHM", "/algorithm"),
        ("MADE", "/made_at"),
        ("WOULD", "/would"),
        ("BECOME", "/new_algorithm"),
        ("BECAUSE", "/skip/why"),
    ];
    output.list(&plan["items"].take(), &columns, "nothing would be done");
    say(&format!(
        "{} to be rotated, {} left as they are",
        plan["planned"], plan["skipped"]
    ));
}

/// Shows the progress until the campaign is over, or somebody pauses it.
async fn watch(client: &Client, campaign: &str) -> anyhow::Result<Value> {
    let mut progress = Progress::new("rotating", 0);
    loop {
        let path = format!("{CAMPAIGNS}/{campaign}");
        let now = client.get(&path, &[]).await?.body;
        let number = |name: &str| now[name].as_u64().unwrap_or(0);
        let done = number("rotated") - number("open");
        progress.at(done, number("planned").max(number("rotated")));
        if now["status"] != "running" {
            progress.end();
            return Ok(now);
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Prints every key of a campaign, page by page into one table.
async fn report(client: &Client, output: Output, campaign: &str) -> anyhow::Result<()> {
    let path = format!("{CAMPAIGNS}/{campaign}/report");
    let mut keys = Vec::new();
    let mut query = vec![("limit", "1000".to_owned())];
    loop {
        let mut page = client.get(&path, &query).await?.body;
        if let Value::Array(found) = page["keys"].take() {
            keys.extend(found);
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query.truncate(1);
        query.push(("after", next.to_owned()));
    }
    if !output.json {
        // One column for why it is not done, whoever is to blame.
        for key in &mut keys {
            for (column, of_skip, of_failure) in [
                ("why", "/skip/why", "/failure/code"),
                ("remedy", "/skip/remedy", "/failure/remedy"),
            ] {
                let said = key.pointer(of_skip).or_else(|| key.pointer(of_failure));
                if let Some(said) = said.cloned() {
                    key[column] = said;
                }
            }
        }
    }
    output.list(&Value::Array(keys), &REPORT, "no key is in its scope");
    Ok(())
}
