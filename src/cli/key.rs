//! `lanyard key …`

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, plain, say};

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
    Show {
        /// The key's id, as `lanyard key list` shows it
        key: String,
    },
    /// Print a key's public half
    Public {
        /// The key's id, as `lanyard key list` shows it
        key: String,
    },
    /// Make the personal key, for hosts that Lanyard has no API for
    Personal,
    /// Put a new key in the place of this one
    Rotate {
        /// The key's id, as `lanyard key list` shows it
        key: String,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        /// The old key must not be trusted any more: withdraw it first
        #[arg(long)]
        compromised: bool,
    },
    /// Put a key back that is missing at its provider
    Restore {
        /// The account's id, as `lanyard account list` shows it
        account: String,
        /// The key's id, as `lanyard key list` shows it
        key: String,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
    },
    /// Say that you have pasted a key at a provider, or removed it there
    #[command(group(ArgGroup::new("done").required(true)))]
    Confirm {
        /// The account's id, as `lanyard account list` shows it
        account: String,
        /// The key's id, as `lanyard key list` shows it
        key: String,
        /// It is pasted there
        #[arg(long, group = "done")]
        placed: bool,
        /// It is gone from there
        #[arg(long, group = "done")]
        removed: bool,
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
        Verb::Show { key } => {
            let mut answer = client.get(&format!("{keys}/{key}"), &[]).await?;
            if output.json {
                output.one(&answer.body);
            } else {
                let asked = take_what_to_do(&mut answer.body);
                output.one(&answer.body);
                asked.iter().for_each(say_what_to_do);
            }
        }
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
        Verb::Restore {
            account,
            key,
            reason,
        } => {
            let path = format!(
                "/api/v1/users/{}/accounts/{account}/keys/{key}/restoration",
                command.user
            );
            let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            let answer = client.post(&path, &body).await?;
            output.done(
                "it is on its way; `lanyard key list` shows how far it is",
                &answer.body,
            );
        }
        Verb::Confirm {
            account,
            key,
            placed,
            removed: _,
        } => {
            let path = format!(
                "/api/v1/users/{}/accounts/{account}/keys/{key}/confirmation",
                command.user
            );
            let answer = client.post(&path, &json!({ "placed": placed })).await?;
            let until = answer.body["expires_at"].as_str();
            let sentence = match (placed, until) {
                (true, Some(until)) => format!("confirmed: it is there, until {until}"),
                (true, None) => "confirmed: it is there".to_owned(),
                (false, _) => "confirmed: it is gone".to_owned(),
            };
            output.done(&sentence, &answer.body);
        }
    }
    Ok(())
}

/// Takes the placements that wait for the person out of a key: they are told in words.
fn take_what_to_do(key: &mut Value) -> Vec<Value> {
    let mut asked = Vec::new();
    for placement in key["placements"].as_array_mut().into_iter().flatten() {
        if placement["by_hand"].is_object() {
            asked.push(placement.clone());
            placement["by_hand"] = "see below".into();
        }
    }
    asked
}

/// Prints what to do with a key at a provider, and how to confirm it.
fn say_what_to_do(placement: &Value) {
    let asked = &placement["by_hand"];
    let word = |of: &Value, field: &str| plain(of[field].as_str().unwrap_or_default());
    let (errand, provider) = (word(asked, "do"), word(placement, "provider"));
    say(&format!("\nto do at {provider}: {errand} this key"));
    for (number, step) in (1..).zip(asked["steps"].as_array().into_iter().flatten()) {
        let step = plain(step.as_str().unwrap_or_default());
        say(&format!("{number}. {step}"));
    }
    say(&format!("\n{}\n", word(asked, "public_key")));
    if asked["clone_url"].is_string() {
        say(&format!("clone as {}", word(asked, "clone_url")));
    }
    let done = if errand == "remove" {
        "removed"
    } else {
        "placed"
    };
    let (account, key) = (word(placement, "account"), word(placement, "key"));
    say(&format!(
        "then: lanyard key confirm {account} {key} --{done}"
    ));
}
