//! `lanyard bench idle`: what a server costs while nobody asks for anything.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::note;
use super::report::{Report, Wanted, rounded};
use super::scratch::Scratch;
use super::served::Served;
use crate::cli::output::Column;

#[derive(Debug, Args)]
pub(super) struct IdleArgs {
    /// How long to watch it
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

const COLUMNS: &[Column] = &[
    ("RESIDENT MIB", "/resident"),
    ("WAKE-UPS", "/wake_ups"),
    ("IN SECONDS", "/seconds"),
];

/// After its start a server still tidies up once.
const SETTLES: Duration = Duration::from_secs(10);

pub(super) async fn run(args: IdleArgs, scratch: &Scratch) -> anyhow::Result<Report> {
    let data = scratch.child("data")?;
    let server = Served::start(data.path()).await?;
    note("letting a server come to rest");
    tokio::time::sleep(SETTLES).await;
    note(&format!("watching it for {} s", args.seconds));
    let before = server.sleeps()?;
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let wake_ups = server.sleeps()?.saturating_sub(before);
    let resident = server.resident()?;
    server.stop().await?;
    let mut report = Report::new("idle", COLUMNS);
    report.figures(json!({
        "resident": rounded(resident),
        "wake_ups": wake_ups,
        "seconds": args.seconds,
    }));
    report.check("resident memory, MiB", resident, Wanted::AtMost(60.0));
    #[expect(clippy::cast_precision_loss, reason = "some wake-ups in some seconds")]
    let rate = wake_ups as f64 / args.seconds as f64;
    report.check("wake-ups per second", rate, Wanted::AtMost(1.0));
    Ok(report)
}
