//! `lanyard sync`

use clap::{Args, Subcommand};

use super::client::Client;
use super::output::Output;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SyncArgs {
    /// Only at this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only in this status: requested, failed or parked
    #[arg(long)]
    status: Option<String>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
    if let Some(Verb::Residue { provider, user }) = args.verb {
        return residue(&client, output, provider, user).await;
    }
    let query = given([("provider", args.provider), ("status", args.status)]);
    let columns = [
        ("PROVIDER", "/provider"),
        ("USER", "/user"),
        ("KEY", "/key"),
        ("STATUS", "/status"),
        ("TRIES", "/attempts"),
        ("WHY", "/failure/code"),
        ("NEXT TRY", "/next_try"),
        ("TO DO", "/failure/remedy"),
    ];
    let answer = client.get("/api/v1/sync", &query).await?;
    output.list(
        &answer.body["placements"],
        &columns,
        "nothing is pending: every key is where it should be",
    );
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
