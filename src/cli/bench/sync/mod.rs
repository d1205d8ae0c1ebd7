//! `lanyard bench sync`: many people, three providers, one of them out for days.
//!
//! The real log, database, vault, policy and publisher; Git servers in the same process, which
//! take their time and allow so many calls per minute; a clock that jumps to whatever comes next.

mod drive;
mod host;
mod people;
mod place;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde_json::json;

use self::drive::Drive;
use self::host::{Host, Hosts};
use self::place::Place;
use super::report::{Report, Wanted, rounded};
use super::scratch::Scratch;
use super::{note, served};
use crate::cli::output::Column;

#[derive(Debug, Clone, Args)]
pub(super) struct SyncArgs {
    /// How many people there are, each with an account at each of three providers
    #[arg(long, default_value_t = 10_000)]
    people: u64,

    /// How long one of the providers does not answer, in hours
    #[arg(long, default_value_t = 72)]
    hours: u32,

    /// How many calls per minute a provider allows
    #[arg(long, default_value_t = 3_000)]
    per_minute: u32,

    /// How long a provider takes for an answer, in milliseconds
    #[arg(long, default_value_t = 100)]
    latency: u32,
}

const COLUMNS: &[Column] = &[
    ("PROVIDER", "/provider"),
    ("KEYS", "/keys"),
    ("CALLS", "/calls"),
    ("LIMITED", "/limited"),
    ("PROBES", "/probes"),
    ("MINUTES", "/minutes"),
    ("OF PERMITTED", "/share"),
];

/// The provider that goes away.
const OUT: &str = "away";
const NAMES: [&str; 3] = ["near", "far", OUT];

pub(super) async fn run(args: SyncArgs, scratch: &Scratch) -> anyhow::Result<Report> {
    let path = scratch.child("sync")?;
    let told = tokio::task::spawn_blocking(move || {
        // All on one thread: then it can be told when nobody has anything left to do.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let report = runtime.block_on(story(&args, path.path()));
        drop(path);
        report
    });
    told.await?
}

async fn story(args: &SyncArgs, directory: &std::path::Path) -> anyhow::Result<Report> {
    let begin: DateTime<Utc> = "2026-11-22T00:00:00Z".parse()?;
    let back = begin + TimeDelta::hours(args.hours.into());
    let hosts = NAMES.map(|name| {
        let out = (name == OUT).then_some(back);
        Host::new(name, args.per_minute, out)
    });
    let hosts = Hosts::new(begin, args.latency, hosts);
    let place = Place::open(directory, hosts.clone(), begin).await?;
    note(&format!("linking {} people", args.people));
    people::link(&place, args.people, &NAMES).await?;
    let mut drive = Drive::new(place).await?;
    note(&format!("{OUT} is out for {} hours", args.hours));
    let mut now = begin;
    while now < back {
        now = back.min(now + TimeDelta::hours(12));
        drive.until(now).await?;
        note(&format!(
            "{} of {} hours are over",
            (now - begin).num_hours(),
            args.hours
        ));
    }
    let converged = hosts.is_whole("near") && hosts.is_whole("far");
    anyhow::ensure!(converged, "the others did not converge meanwhile");
    let parked = drive.count("KeyPublicationParked").await?;
    note(&format!(
        "{OUT} is back; its outage had parked {parked} keys"
    ));
    let whole = || hosts.is_whole(OUT);
    // Long beyond any rate: what is not done then is never done.
    let patience = TimeDelta::hours(24 + i64::try_from(args.people / 100)?);
    drive.until_done(back + patience, whole).await?;
    drive.settle().await?;
    let mut report = Report::new("sync", COLUMNS);
    for name in NAMES {
        let host = hosts.of(name);
        report.figures(json!({
            "provider": name,
            "keys": host.keys(),
            "calls": host.served(),
            "limited": host.limited(),
            "probes": host.probes(),
            "minutes": host.minutes().map(rounded),
            "share": host.share().map(rounded),
        }));
    }
    check(&mut report, args, &hosts)?;
    for (event, wanted) in [("BreakerOpened", 1.0), ("BreakerClosed", 1.0)] {
        let told = count(drive.count(event).await?);
        report.check(format!("events {event}"), told, Wanted::AtMost(wanted));
    }
    Ok(report)
}

fn check(report: &mut Report, args: &SyncArgs, hosts: &Hosts) -> anyhow::Result<()> {
    let memory = served::peak()?;
    report.check(
        "peak of resident memory, MiB",
        memory,
        Wanted::AtMost(200.0),
    );
    let out = hosts.of(OUT);
    let gap = out.closest_probes().context("it was never probed")?;
    report.check("least time between probes, s", gap, Wanted::AtLeast(30.0));
    for name in NAMES {
        let host = hosts.of(name);
        let what = |what: &str| format!("{name}: {what}");
        let keys = count(host.keys()) / count(args.people);
        report.check(
            what("keys there, share of people"),
            keys,
            Wanted::AtLeast(1.0),
        );
        let share = host
            .share()
            .context("it was never busy for a whole minute")?;
        let what_share = what("calls while catching up, share of the permitted");
        report.check(what_share, share, Wanted::AtLeast(0.95));
        let doubled = count(host.doubled());
        report.check(
            what("keys that are there twice"),
            doubled,
            Wanted::AtMost(0.0),
        );
        let idle = count(host.idle_calls());
        report.check(what("calls for what is right"), idle, Wanted::AtMost(0.0));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some thousands of anything")]
fn count(number: u64) -> f64 {
    number as f64
}
