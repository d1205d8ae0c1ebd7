//! `lanyard offboarding …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, say};

#[derive(Debug, Args)]
pub(super) struct OffboardingCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Unlink every account of a person, end their keys, revoke their tokens
    Start {
        /// Who
        user: String,
        /// Why, for the history
        #[arg(long)]
        reason: String,
        /// Wait for no provider; what stays there is named
        #[arg(long)]
        force: bool,
    },
    /// Show how far it is, what it waits for, and what stays where
    Show {
        /// Who
        user: String,
    },
}

pub(super) async fn run(
    (client, output, command): (Client, Output, OffboardingCommand),
) -> anyhow::Result<()> {
    let at = |user: &str| format!("/api/v1/users/{user}/offboarding");
    let body = match command.verb {
        Verb::Start {
            user,
            reason,
            force,
        } => {
            let body = json!({ "reason": reason, "force": force });
            client.post(&at(&user), &body).await?.body
        }
        Verb::Show { user } => client.get(&at(&user), &[]).await?.body,
    };
    show(output, &body);
    Ok(())
}

fn show(output: Output, body: &Value) {
    if output.json {
        return output.one(body);
    }
    let facts = [
        "user",
        "status",
        "forced",
        "reason",
        "requested_by",
        "requested_at",
        "completed_at",
        "accounts_unlinked",
        "keys_withdrawn",
        "keys_destroyed",
        "tokens_revoked",
        "keys_left",
        "grants_left",
    ];
    let facts = facts.map(|name| (name.to_owned(), body[name].clone()));
    output.one(&Value::Object(facts.into_iter().collect()));
    let any = |name: &str| body[name].as_array().is_some_and(|rows| !rows.is_empty());
    if any("waiting") {
        say("");
        let columns = [
            ("WAITS AT", "/provider"),
            ("ACCOUNT", "/account"),
            ("STATUS", "/status"),
            ("REVOCATION", "/revocation/status"),
            ("WHY", "/failure/code"),
            ("TO DO", "/failure/remedy"),
        ];
        output.list(&body["waiting"], &columns, "");
    }
    if any("residue") {
        say("");
        let columns = [
            ("STAYS AT", "/provider"),
            ("WHAT", "/what"),
            ("FINGERPRINT", "/fingerprint"),
            ("ID THERE", "/remote_key"),
        ];
        output.list(&body["residue"], &columns, "");
    }
}
