//! `lanyard bench replay`: reading a long history again.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use domain::Event;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::history::Historian;
use super::note;
use super::report::{Report, Wanted, median, rounded};
use super::scratch::Scratch;
use super::served::{Served, output, peak};
use crate::cli::output::Column;
use crate::cli::progress::Progress;
use crate::clock::{Clock, Ids, SeededIds, SystemClock, SystemIds};
use crate::config::ServeArgs;
use crate::eventlog::EventLog;
use crate::projecting::projector::Projector;
use crate::projecting::rebuild::rebuild;
use crate::server::Kept;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// How long the history is
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,

    /// How often reading and starting are measured
    #[arg(long, default_value_t = 5)]
    rounds: u64,
}

/// Rebuilds in a process of its own, so that its memory is its own.
#[derive(Debug, Args)]
pub(super) struct RebuildArgs {
    /// The data directory with the history
    data: PathBuf,
}

/// What that process says.
#[derive(Debug, Serialize, Deserialize)]
struct Rebuilt {
    events: u64,
    first_seconds: f64,
    seconds: f64,
    peak: f64,
}

const COLUMNS: &[Column] = &[
    ("WHAT", "/what"),
    ("EVENTS/S", "/per_second"),
    ("SECONDS", "/seconds"),
    ("MIB", "/mebibytes"),
];

/// How many events are read at a time, as the projector does.
const PAGE: usize = 2_000;

pub(super) async fn run(args: ReplayArgs, scratch: &Scratch) -> anyhow::Result<Report> {
    let data = scratch.child("data")?;
    let mut report = Report::new("replay", COLUMNS);
    let flat = scratch.path().join("lines");
    {
        let kept = open(data.path()).await?;
        let events = write(&kept.log, args.events, &mut report).await?;
        copy(&*kept.log, &flat).await?;
        read(&kept.log, &flat, events, args.rounds, &mut report).await?;
    }
    let rebuilt = rebuild_in_child(data.path()).await?;
    let of_a_million = 1e6 / count(rebuilt.events);
    report.figures(json!({
        "what": "first fill of all projections",
        "per_second": rounded(count(rebuilt.events) / rebuilt.first_seconds),
        "seconds": rounded(rebuilt.first_seconds),
    }));
    report.figures(json!({
        "what": "rebuild of all projections",
        "per_second": rounded(count(rebuilt.events) / rebuilt.seconds),
        "seconds": rounded(rebuilt.seconds),
        "mebibytes": rounded(rebuilt.peak),
    }));
    let seconds = rebuilt.seconds * of_a_million;
    report.check(
        "rebuild of all projections, seconds per 1,000,000 events",
        seconds,
        Wanted::AtMost(60.0),
    );
    report.check(
        "rebuild of all projections, most memory, MiB",
        rebuilt.peak,
        Wanted::AtMost(300.0),
    );
    start(data.path(), args.rounds, &mut report).await?;
    Ok(report)
}

/// Opens a data directory as a server does.
async fn open(data: &Path) -> anyhow::Result<Kept> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
    let settings = ServeArgs {
        database: Some(format!("sqlite:{}", data.display())),
        ..ServeArgs::default()
    };
    Ok(Kept::open(&settings.complete()?, &clock, &ids).await?)
}

/// Writes the history.
async fn write(log: &Arc<dyn EventLog>, events: u64, report: &mut Report) -> anyhow::Result<u64> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let historian = Historian::new(log.clone(), clock, Arc::new(SeededIds::new(1)));
    let mut progress = Progress::new("writing the history", events);
    let begun = Instant::now();
    let written = historian
        .write(events, |done| progress.at(done, events))
        .await?;
    let seconds = begun.elapsed().as_secs_f64();
    progress.end();
    report.figures(json!({
        "what": "append, 512 writers",
        "per_second": rounded(count(written) / seconds),
        "seconds": rounded(seconds),
    }));
    Ok(written)
}

/// Writes the same lines into a flat file.
async fn copy(log: &dyn EventLog, path: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let mut next = 0;
    loop {
        let page = log.read_all(next, PAGE).await?;
        if page.is_empty() {
            break;
        }
        next += page.len() as u64;
        for stored in page {
            file.write_all(stored.line.as_bytes())?;
            file.write_all(b"\n")?;
        }
    }
    Ok(file
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?)
}

/// Reads all lines from the log and from the file in turn, with and without decoding.
async fn read(
    log: &Arc<dyn EventLog>,
    flat: &Path,
    events: u64,
    rounds: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut rates: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds {
        note(&format!("reading, round {} of {rounds}", round + 1));
        for (rates, (from_log, decoding)) in rates.iter_mut().zip(WAYS) {
            let begun = Instant::now();
            let read = if from_log {
                read_log(&**log, decoding).await?
            } else {
                let flat = flat.to_owned();
                tokio::task::spawn_blocking(move || read_flat(&flat, decoding)).await??
            };
            ensure!(read == events, "{read} events were read of {events}");
            rates.push(count(events) / begun.elapsed().as_secs_f64());
        }
    }
    for (rates, what) in rates.iter().zip([
        "log, decoded, no-op fold",
        "flat file, decoded, no-op fold",
        "log, lines",
        "flat file, lines",
    ]) {
        report
            .figures(json!({ "what": what, "per_second": rounded(median(rates.iter().copied())) }));
    }
    let [log, flat, ..] = &rates;
    let share = median(log.iter().zip(flat).map(|(log, flat)| log / flat));
    report.check(
        "no-op fold, share of that of a flat file",
        share,
        Wanted::AtLeast(0.5),
    );
    Ok(())
}

/// From the log or not; decoding or not.
const WAYS: [(bool, bool); 4] = [(true, true), (false, true), (true, false), (false, false)];

async fn read_log(log: &dyn EventLog, decoding: bool) -> anyhow::Result<u64> {
    let mut fold = Fold {
        decoding,
        events: 0,
    };
    loop {
        let page = log.read_all(fold.events, PAGE).await?;
        if page.is_empty() {
            return Ok(fold.events);
        }
        for stored in page {
            fold.take(&stored.line)?;
        }
    }
}

fn read_flat(path: &Path, decoding: bool) -> anyhow::Result<u64> {
    let mut file = BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let mut fold = Fold {
        decoding,
        events: 0,
    };
    let mut line = String::new();
    while file.read_line(&mut line)? > 0 {
        fold.take(line.trim_end_matches('\n'))?;
        line.clear();
    }
    Ok(fold.events)
}

/// Folds events into nothing but their number.
struct Fold {
    decoding: bool,
    events: u64,
}

impl Fold {
    fn take(&mut self, line: &str) -> anyhow::Result<()> {
        if self.decoding {
            std::hint::black_box(Event::decode(self.events, line)?);
        } else {
            std::hint::black_box(line);
        }
        self.events += 1;
        Ok(())
    }
}

async fn rebuild_in_child(data: &Path) -> anyhow::Result<Rebuilt> {
    note("filling and rebuilding all projections");
    let mut child = Command::new(std::env::current_exe()?);
    child
        .args(["bench", "rebuild-in"])
        .arg(data)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let child = output(child).await?;
    ensure!(child.status.success(), "the rebuild failed");
    serde_json::from_slice(&child.stdout).context("the rebuild does not say what it did")
}

/// Is that child: fills all projections of a data directory, rebuilds them, and says what it took.
pub(super) async fn rebuild_in(args: RebuildArgs) -> anyhow::Result<()> {
    let kept = open(&args.data).await?;
    let begun = Instant::now();
    drop(Projector::open(kept.log.clone(), kept.database.clone()).await?);
    let first_seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let events = rebuild(&*kept.log, &*kept.database, projections::ALL, |_| ()).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let peak = peak()?;
    // The worker of a server that wrote this history has seen all of it.
    let seen = projections::Statement::new(
        "INSERT INTO projections (name, version, next_index) VALUES ('policy', 1, $1) \
         ON CONFLICT (name) DO NOTHING",
        [events.into()],
    );
    kept.database.transact(vec![seen]).await?;
    println!(
        "{}",
        serde_json::to_string(&Rebuilt {
            events,
            first_seconds,
            seconds,
            peak
        })?
    );
    Ok(())
}

/// Starts servers on the history, one after the other.
async fn start(data: &Path, rounds: u64, report: &mut Report) -> anyhow::Result<()> {
    let mut seconds = Vec::new();
    let mut resident = Vec::new();
    for round in 0..rounds {
        note(&format!(
            "starting a server, round {} of {rounds}",
            round + 1
        ));
        let server = Served::start(data).await?;
        seconds.push(server.started_in.as_secs_f64());
        resident.push(server.resident()?);
        server.stop().await?;
    }
    let seconds = median(seconds);
    report.figures(json!({
        "what": "start of a server until it answers",
        "seconds": rounded(seconds),
        "mebibytes": rounded(median(resident)),
    }));
    report.check("start of a server, seconds", seconds, Wanted::AtMost(1.0));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some millions of events")]
fn count(events: u64) -> f64 {
    events as f64
}
