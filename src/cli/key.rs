//! `lanyard key …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Client;
use super::output::{Output, say};

#[derive(Debug, Args)]
pub(super) struct KeyCommand {
    /// Whose keys
    #[arg(long, global = true, default_value = "me")]
    user: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the keys and where they are
    List {
        /// Also those that have ended
        #[arg(long)]
        retired: bool,
    },
    /// Show one key and where it is
    Show { key: String },
    /// Print a key's public half
    Public { key: String },
    /// Make the personal key, for hosts that Lanyard has no API for
    Personal,
    /// Put a new key in the place of this one
    Rotate {
        key: String,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        /// The old key must not be trusted any more: withdraw it first
        #[arg(long)]
        compromised: bool,
    },
}

pub(super) async fn run(
    (client, output, command): (Client, Output, KeyCommand),
) -> anyhow::Result<()> {
    let keys = format!("/api/v1/users/{}/keys", command.user);
    match command.verb {
        Verb::List { retired } => {
            let columns = [
                ("KEY", "/key"),
                ("FOR", "/holder"),
                ("PROVIDER", "/placements/0/provider"),
                ("ALGORITHM", "/algorithm"),
                ("STATUS", "/status"),
                ("PLACE", "/placements/0/status"),
                ("FINGERPRINT", "/fingerprint"),
            ];
            let answer = client
                .get(&keys, &[("retired", retired.to_string())])
                .await?;
            let empty = "no key yet; link an account, or make one with `lanyard key personal`";
            output.list(&answer.body["keys"], &columns, empty);
        }
        Verb::Show { key } => output.one(&client.get(&format!("{keys}/{key}"), &[]).await?.body),
        Verb::Public { key } => {
            let public = client
                .text(&format!("{keys}/{key}.pub"), &[], "text/plain")
                .await?;
            say(public.text().await?.trim_end());
        }
        Verb::Personal => {
            output.one(
                &client
                    .post(&keys, &json!({ "holder": "personal" }))
                    .await?
                    .body,
            );
        }
        Verb::Rotate {
            key,
            reason,
            compromised,
        } => {
            let mut body = json!({ "compromised": compromised });
            if let Some(reason) = reason {
                body["reason"] = reason.into();
            }
            let answer = client
                .post(&format!("{keys}/{key}/rotation"), &body)
                .await?;
            output.done(
                "rotating; `lanyard key list` shows how far it is",
                &answer.body,
            );
        }
    }
    Ok(())
}
