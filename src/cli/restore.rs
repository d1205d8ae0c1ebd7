//! `lanyard restore`

use std::path::PathBuf;

use clap::Args;

use super::output::say;
use super::place::Place;
use super::progress::Progress;
use super::verify::{self, VerifyArgs};
use crate::backup::restore;
use crate::config::key_from_environment;
use crate::datadir::DataDirectory;

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The directory that `lanyard backup` made
    #[arg(value_name = "DIRECTORY")]
    from: PathBuf,

    /// The data directory to make: not there yet, or empty but for its key
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,

    /// File with the key that opens the vault [default: key in the data directory]
    #[arg(long, value_name = "FILE", env = "LANYARD_KEY_FILE")]
    key_file: Option<PathBuf>,
}

pub(super) async fn run(args: RestoreArgs) -> anyhow::Result<()> {
    let (from, data_dir) = (args.from.clone(), args.data_dir.clone());
    let restored = tokio::task::spawn_blocking(move || {
        let directory = DataDirectory::open(data_dir)?;
        let mut progress = Progress::new("restoring", 0);
        let restored = restore(&from, &directory, |now| progress.at(now.steps, now.of));
        progress.end();
        anyhow::Ok(restored?)
    });
    let manifest = restored.await??;
    let directory = args.data_dir.display();
    say(&format!(
        "{} events as of {} are in {directory}",
        manifest.log.events,
        domain::format_time(manifest.taken_at)
    ));
    let has_key = key_from_environment().is_some()
        || args.key_file.is_some()
        || args.data_dir.join("key").is_file();
    if !has_key {
        let key = manifest.key.as_deref().unwrap_or("of the vault");
        say(&format!(
            "next: put the key {key} to {directory}/key (mode 0600), then \
             `lanyard verify --database sqlite:{directory}`"
        ));
        return Ok(());
    }
    verify::run(VerifyArgs {
        json: false,
        place: Place {
            config: None,
            database: Some(format!("sqlite:{directory}")),
        },
        key_file: args.key_file,
    })
    .await
}
