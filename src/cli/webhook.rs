//! `lanyard webhook …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::{Answer, Client};
use super::output::{Output, say};

#[derive(Debug, Args)]
pub(super) struct WebhookCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the webhooks and how their receivers do, never their secrets
    List,
    /// Register a receiver of notices; its secret is printed once
    Add {
        /// Where messages are sent, by https
        url: String,
        /// Only these kinds of notices, with commas between them
        #[arg(long, value_delimiter = ',')]
        kind: Vec<String>,
    },
    /// Change where messages go, or of what
    Change {
        /// The webhook's id, as `lanyard webhook list` shows it
        webhook: String,
        /// Where messages are sent
        #[arg(long)]
        url: Option<String>,
        /// Only these kinds of notices, with commas between them; `all` for all
        #[arg(long, value_delimiter = ',')]
        kind: Vec<String>,
    },
    /// Sign with a new secret, printed once; messages carry both signatures for a while
    Rotate {
        /// The webhook's id, as `lanyard webhook list` shows it
        webhook: String,
        /// For how many hours the old secret signs too; 0 ends it at once
        #[arg(long, default_value_t = 24)]
        overlap: u32,
    },
    /// Send a test message now
    Test {
        /// The webhook's id, as `lanyard webhook list` shows it
        webhook: String,
    },
    /// Let a disabled webhook go on where it stopped
    Enable {
        /// The webhook's id, as `lanyard webhook list` shows it
        webhook: String,
    },
    /// Remove a webhook and its secrets for good
    Remove {
        /// The webhook's id, as `lanyard webhook list` shows it
        webhook: String,
    },
}

const WEBHOOKS: &str = "/api/v1/webhooks";

pub(super) async fn run(
    (client, output, command): (Client, Output, WebhookCommand),
) -> anyhow::Result<()> {
    let at = |webhook: &str, act: &str| format!("{WEBHOOKS}/{webhook}{act}");
    match command.verb {
        Verb::List => {
            let columns = [
                ("WEBHOOK", "/webhook"),
                ("URL", "/url"),
                ("KINDS", "/kinds"),
                ("STATUS", "/status"),
                ("PROBLEM", "/problem"),
                ("NEXT TRY", "/next_try"),
            ];
            let answer = client.get(WEBHOOKS, &[]).await?;
            output.list(&answer.body["webhooks"], &columns, "no webhook");
        }
        Verb::Add { url, kind } => {
            let body = json!({ "url": url, "kinds": kind });
            show_secret(output, &client.post(WEBHOOKS, &body).await?);
        }
        Verb::Change { webhook, url, kind } => {
            let path = at(&webhook, "");
            let seen = client.get(&path, &[]).await?.etag;
            let mut body = json!({});
            if let Some(url) = url {
                body["url"] = url.into();
            }
            if kind == ["all"] {
                body["kinds"] = json!([]);
            } else if !kind.is_empty() {
                body["kinds"] = kind.into();
            }
            let answer = client.patch(&path, seen.as_deref(), &body).await?;
            output.one(&answer.body);
        }
        Verb::Rotate { webhook, overlap } => {
            let body = json!({ "overlap_hours": overlap });
            let answer = client.post(&at(&webhook, "/rotation"), &body).await?;
            show_secret(output, &answer);
        }
        Verb::Test { webhook } => {
            let answer = client.post(&at(&webhook, "/test"), &json!({})).await?;
            let problem = answer.body["problem"].as_str();
            let sentence = problem.map_or_else(
                || "the receiver took the message".to_owned(),
                |problem| format!("the receiver did not take the message: {problem}"),
            );
            output.done(&sentence, &answer.body);
            anyhow::ensure!(answer.body["delivered"] == true, "not delivered");
        }
        Verb::Enable { webhook } => {
            let answer = client.post(&at(&webhook, "/enable"), &json!({})).await?;
            output.done("it goes on where it stopped", &answer.body);
        }
        Verb::Remove { webhook } => {
            let answer = client.delete(&at(&webhook, "")).await?;
            output.done("the webhook is removed", &answer.body);
        }
    }
    Ok(())
}

fn show_secret(output: Output, answer: &Answer) {
    if output.json {
        output.one(&answer.body);
        return;
    }
    let webhook = answer.body["webhook"].as_str().unwrap_or_default();
    eprintln!("webhook {webhook}; this secret is shown once, give it to the receiver:");
    say(answer.body["secret"].as_str().unwrap_or_default());
}
