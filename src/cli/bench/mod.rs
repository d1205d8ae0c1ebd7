//! `lanyard bench`: how fast it is on this machine, against baselines run in between.

mod baselines;
mod client;
mod cluster;
mod commands;
mod cpu;
mod disk;
mod history;
mod http;
mod idle;
mod replay;
mod report;
mod scratch;
mod served;
mod sync;
#[path = "../../../bench/workload.rs"]
mod workload;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::report::Report;
use self::scratch::Scratch;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    json: bool,

    /// Where to keep what is written; on the disk that is to be measured [default: a temporary
    /// directory]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Durable commands per second, against cqrs-es on its own stores and the disk itself
    Commands(commands::CommandsArgs),
    /// Reading a long history again: events per second, rebuilds, the start of a server
    Replay(replay::ReplayArgs),
    /// A point read over HTTP, against a constant answer
    Http(http::HttpArgs),
    /// Ten thousand people through an outage of three days, in virtual time
    Sync(sync::SyncArgs),
    /// What a server costs while nobody asks for anything
    Idle(idle::IdleArgs),
    #[command(hide = true)]
    RebuildIn(replay::RebuildArgs),
}

pub(super) async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let scratch = Scratch::new(args.directory)?;
    let report = tokio::select! {
        report = measure(args.command, &scratch) => report?,
        // What was made is removed on the way out.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped"),
    };
    if let Some(report) = report {
        report.print(Output { json: args.json });
    }
    Ok(())
}

async fn measure(command: BenchCommand, scratch: &Scratch) -> anyhow::Result<Option<Report>> {
    let report = match command {
        BenchCommand::Commands(args) => commands::run(args, scratch).await?,
        BenchCommand::Replay(args) => replay::run(args, scratch).await?,
        BenchCommand::Http(args) => http::run(args, scratch).await?,
        BenchCommand::Sync(args) => sync::run(args, scratch).await?,
        BenchCommand::Idle(args) => idle::run(args, scratch).await?,
        BenchCommand::RebuildIn(args) => {
            replay::rebuild_in(args).await?;
            return Ok(None);
        }
    };
    Ok(Some(report))
}

/// Tells, on the standard error, what goes on.
fn note(what: &str) {
    eprintln!("bench: {what}");
}
