//! `lanyard backup`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::Output;
use super::place::Place;
use super::progress::Progress;
use crate::backup::{MANIFEST, back_up};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{ServeArgs, Storage};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The directory to copy to: empty, or not there yet
    #[arg(value_name = "DIRECTORY")]
    to: PathBuf,

    #[command(flatten)]
    place: Place,

    /// Print JSON instead of sentences
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: BackupArgs) -> anyhow::Result<()> {
    let serve = ServeArgs::from(args.place);
    let data = match serve.with_file()?.storage()? {
        Storage::Sqlite(directory) => directory,
        Storage::Postgres(_) => anyhow::bail!(
            "PostgreSQL is backed up with its own tools: log and state are in one database, so \
             `pg_dump --format=custom` has both as of one moment, while the server runs; see \
             docs/operators/backup.md"
        ),
    };
    let to = args.to.clone();
    let taken = tokio::task::spawn_blocking(move || {
        let mut progress = Progress::new("backing up", 0);
        let taken = back_up(&data, &to, SystemClock.now(), |now| {
            progress.at(now.steps, now.of);
        });
        progress.end();
        taken
    });
    let manifest = taken.await??;
    let key = match &manifest.key {
        Some(key) => format!(" It needs the key {key}, which is not in it."),
        None => String::new(),
    };
    Output { json: args.json }.done(
        &format!(
            "{} events and what belongs to them are in {} ({MANIFEST} says what).{key}",
            manifest.log.events,
            args.to.display()
        ),
        &json!(manifest),
    );
    Ok(())
}
