//! `lanyard verify`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::output::{Output, say};
use super::place::Place;
use super::progress::Progress;
use crate::clock::{Clock, Ids, SystemClock, SystemIds};
use crate::config::{ServeArgs, key_from_environment};
use crate::projecting::verify::{VerifyProgress, verify};
use crate::server::Kept;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Print JSON instead of sentences
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) place: Place,

    /// File with the key that opens the vault [default: key in the SQLite directory]
    #[arg(long, value_name = "FILE", env = "LANYARD_KEY_FILE")]
    pub(super) key_file: Option<PathBuf>,
}

pub(super) async fn run(args: VerifyArgs) -> anyhow::Result<()> {
    let settings = ServeArgs {
        key_file: args.key_file,
        key: key_from_environment(),
        ..args.place.into()
    };
    let settings = settings.complete()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
    let kept = Kept::open_existing(&settings, &clock, &ids).await?;
    let mut progress = Progress::new("verifying", 0);
    let report = verify(
        &*kept.log,
        &*kept.database,
        projections::ALL,
        |now| match now {
            // Two passes over the log: reading it, and folding it anew.
            VerifyProgress::History { done, of } => progress.at(done, of * 2),
            VerifyProgress::Folding { done, of } => progress.at(of + done, of * 2),
            VerifyProgress::Comparing(_) => {}
        },
    )
    .await?;
    progress.end();
    let fault = report.history.fault.as_ref().map(ToString::to_string);
    let different: Vec<String> = report
        .projections
        .iter()
        .filter_map(|compared| {
            let difference = compared.difference.as_ref()?;
            Some(format!(
                "{} differs from the log: {difference}",
                compared.name
            ))
        })
        .collect();
    let body = json!({
        "sound": report.is_sound(),
        "events": report.history.events,
        "fault": fault,
        "differences": different,
    });
    let sentence = format!(
        "{} events: indexes, versions and times are in order, every line decodes, and {} \
         projections equal a fresh fold",
        report.history.events,
        report.projections.len()
    );
    if report.is_sound() {
        Output { json: args.json }.done(&sentence, &body);
        return Ok(());
    }
    if args.json {
        Output { json: true }.one(&body);
    }
    for difference in &different {
        say(difference);
    }
    match fault {
        Some(fault) => anyhow::bail!(
            "the log is not sound: {fault}; restore the last backup, and keep this copy as evidence"
        ),
        None => anyhow::bail!(
            "{} projections differ; rebuild them with `lanyard rebuild <name>`",
            different.len()
        ),
    }
}
