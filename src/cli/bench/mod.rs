//! `lanyard bench`: how fast it is on this machine, against baselines run in between.

mod baselines;
mod cluster;
mod commands;
mod disk;
mod report;
mod scratch;
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
}

pub(super) async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let scratch = Scratch::new(args.directory)?;
    let report = tokio::select! {
        report = measure(args.command, &scratch) => report?,
        // What was made is removed on the way out.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped"),
    };
    report.print(Output { json: args.json });
    Ok(())
}

async fn measure(command: BenchCommand, scratch: &Scratch) -> anyhow::Result<Report> {
    match command {
        BenchCommand::Commands(args) => commands::run(args, scratch).await,
    }
}

/// Tells, on the standard error, what goes on.
fn note(what: &str) {
    eprintln!("bench: {what}");
}
