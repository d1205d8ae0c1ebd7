//! `lanyard notice …`

use clap::{Args, Subcommand};

use super::client::Client;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct NoticeCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what is open, newest first
    List {
        /// Only what concerns whoever asks, as any member sees it
        #[arg(long, conflicts_with_all = ["kind", "provider", "user"])]
        mine: bool,
        /// Only this kind: `needs_relink`, `key_blocked`, `revocation_blocked`, `key_drift`, `key_expiring`, `app_refused`, `provider_down`, `provider_paused`
        #[arg(long)]
        kind: Option<String>,
        /// Only at this provider
        #[arg(long)]
        provider: Option<String>,
        /// Only this person's
        #[arg(long)]
        user: Option<String>,
        /// Also what is closed
        #[arg(long)]
        all: bool,
    },
}

pub(super) async fn run(
    (client, output, command): (Client, Output, NoticeCommand),
) -> anyhow::Result<()> {
    let Verb::List {
        mine,
        kind,
        provider,
        user,
        all,
    } = command.verb;
    let path = if mine {
        "/api/v1/me/notices"
    } else {
        "/api/v1/notices"
    };
    let open = (!all).then(|| "true".to_owned());
    let filters = [
        ("kind", kind),
        ("provider", provider),
        ("user", user),
        ("open", open),
    ];
    let query: Vec<_> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let answer = client.get(path, &query).await?;
    let columns = [
        ("KIND", "/kind"),
        ("USER", "/user"),
        ("SINCE", "/since"),
        ("CLOSED", "/closed_at"),
        ("CODE", "/code"),
        ("WHAT", "/words"),
        ("WHAT TO DO", "/remedy"),
    ];
    let empty = "nothing: everything is as it should be";
    output.list(&answer.body["notices"], &columns, empty);
    Ok(())
}
