//! `lanyard sync`

use clap::Args;

use super::client::Client;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Only at this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only in this status: requested, failed or parked
    #[arg(long)]
    status: Option<String>,
}

pub(super) async fn run((client, output, args): (Client, Output, SyncArgs)) -> anyhow::Result<()> {
    let query: Vec<(&str, String)> = [("provider", args.provider), ("status", args.status)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
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
