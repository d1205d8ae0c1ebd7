//! `lanyard sync`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, say};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SyncArgs {
    /// Only at this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only in this status: requested, failed or parked
    #[arg(long)]
    status: Option<String>,
    /// Only what failed for this reason, as WHY shows it
    #[arg(long)]
    code: Option<String>,
    /// Instead, where the provider disagrees with the log: any, missing, changed, expired,
    /// `not_usable`, `wrong_type`, `not_for_signing`, duplicate or foreign
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["status", "code"])]
    drift: Option<String>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Look at every account's keys at a provider now, not only once a day
    Sweep {
        /// The provider's short name
        provider: String,
    },
    /// Give up a key that is parked at an account: nothing more is tried
    Discard {
        /// The account's id, as `lanyard account list` shows it
        account: String,
        /// The key's id, as `lanyard key list` shows it
        key: String,
        /// Why, for the history
        #[arg(long)]
        reason: String,
    },
    /// List what stayed at providers when accounts were unlinked
    Residue {
        /// Only at this provider
        #[arg(long)]
        provider: Option<String>,
        /// Only of this person
        #[arg(long)]
        user: Option<String>,
    },
}

pub(super) async fn run((client, output, args): (Client, Output, SyncArgs)) -> anyhow::Result<()> {
    match args.verb {
        Some(Verb::Sweep { provider }) => return sweep(&client, output, &provider).await,
        Some(Verb::Residue { provider, user }) => {
            return residue(&client, output, provider, user).await;
        }
        Some(Verb::Discard {
            account,
            key,
            reason,
        }) => {
            let body = json!({ "account": account, "key": key, "reason": reason });
            let answer = client.post("/api/v1/sync/discard", &body).await?;
            let done = "given up: nothing more is tried; `lanyard sync residue` lists what stays";
            output.done(done, &answer.body);
            return Ok(());
        }
        None => {}
    }
    if let Some(drift) = args.drift {
        return list_drift(&client, output, args.provider, drift).await;
    }
    let query = given([
        ("provider", args.provider),
        ("status", args.status),
        ("code", args.code),
    ]);
    let columns = [
        ("PROVIDER", "/provider"),
        ("USER", "/user"),
        ("ACCOUNT", "/account"),
        ("KEY", "/key"),
        ("STATUS", "/status"),
        ("TRIES", "/attempts"),
        ("WHY", "/failure/code"),
        ("HELD BY", "/held/code"),
        ("NEXT TRY", "/next_try"),
        ("TO DO", "/failure/remedy"),
    ];
    let answer = client.get("/api/v1/sync", &query).await?;
    let (keys, grants) = (&answer.body["placements"], &answer.body["revocations"]);
    let is_none = |part: &Value| part.as_array().is_none_or(Vec::is_empty);
    if output.json || is_none(grants) || !is_none(keys) {
        let empty = "nothing is pending: every key is where it should be";
        output.list(keys, &columns, empty);
    }
    if !is_none(grants) && !output.json {
        say("grants that could not be revoked yet:");
        let columns = columns.map(|(heading, at)| match heading {
            "KEY" => ("SINCE", "/requested_at"),
            _ => (heading, at),
        });
        output.list(grants, &columns, "");
    }
    Ok(())
}

async fn sweep(client: &Client, output: Output, provider: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/providers/{provider}/sweep");
    let answer = client.post(&path, &json!({})).await?;
    let words = "accounts are looked at; `lanyard sync --drift any` shows what is found";
    output.done(
        &format!("{} {words}", answer.body["accounts"]),
        &answer.body,
    );
    Ok(())
}

async fn list_drift(
    client: &Client,
    output: Output,
    provider: Option<String>,
    drift: String,
) -> anyhow::Result<()> {
    let query = given([("provider", provider), ("drift", Some(drift))]);
    let columns = [
        ("PROVIDER", "/provider"),
        ("USER", "/user"),
        ("ACCOUNT", "/account"),
        ("KEY", "/key"),
        ("FINGERPRINT", "/fingerprint"),
        ("DRIFT", "/drift/what"),
        ("SINCE", "/drift/found_at"),
        ("TO DO", "/drift/remedy"),
    ];
    let answer = client.get("/api/v1/sync", &query).await?;
    let found: Vec<_> = ["placements", "unknown_keys"]
        .iter()
        .filter_map(|part| answer.body[*part].as_array())
        .flatten()
        .cloned()
        .collect();
    let empty = "as far as the last looks saw, every provider agrees with the log";
    output.list(&found.into(), &columns, empty);
    Ok(())
}

async fn residue(
    client: &Client,
    output: Output,
    provider: Option<String>,
    user: Option<String>,
) -> anyhow::Result<()> {
    let query = given([("provider", provider), ("user", user)]);
    let columns = [
        ("PROVIDER", "/provider"),
        ("USER", "/user"),
        ("WHAT", "/what"),
        ("FINGERPRINT", "/fingerprint"),
        ("ID THERE", "/remote_key"),
        ("SINCE", "/left_at"),
        ("WAITS", "/waits"),
        ("REASON", "/reason"),
    ];
    let answer = client.get("/api/v1/sync/residue", &query).await?;
    output.list(
        &answer.body["residue"],
        &columns,
        "nothing stayed at any provider",
    );
    Ok(())
}

fn given<const N: usize>(
    filters: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
