//! `lanyard bench commands`: durable commands per second, end to end through cqrs-es.
//!
//! Ours and the baselines take turns, with the disk itself in between, each round on fresh
//! databases: the machine's moods meet all of them alike. A ratio is the median of the rounds'.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use domain::provider::{Provider, ProviderCommand};
use domain::{Actor, ActorKind, Means, Role, TokenId, UserId};
use serde_json::json;
use tokio::task::block_in_place;

use super::baselines::Baselines;
use super::cluster::Cluster;
use super::report::{Report, Wanted, median, rounded};
use super::scratch::Scratch;
use super::workload::{Figures, drive};
use super::{cpu, disk, note};
use crate::app::{Caller, Dispatch};
use crate::cli::output::Column;
use crate::clock::{Clock, Ids, SystemClock, SystemIds};
use crate::config::{EnvKey, ServeArgs};
use crate::server::Kept;
use crate::threads;

#[derive(Debug, Args)]
pub(super) struct CommandsArgs {
    /// Measure PostgreSQL as well, in a throwaway server
    #[arg(long)]
    postgres: bool,

    /// Measure PostgreSQL as well, in databases made at this server
    #[arg(long, value_name = "URL")]
    postgres_url: Option<String>,

    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: u64,

    /// How long each is measured
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,

    /// Measure this store only: sqlite or postgres
    #[arg(long)]
    store: Option<String>,

    /// How many write at the same time, each its next command once its last is acknowledged
    #[arg(long, value_delimiter = ',', default_value = "1,32,256")]
    writers: Vec<u64>,
}

const COLUMNS: &[Column] = &[
    ("STORE", "/store"),
    ("WRITERS", "/writers"),
    ("COMMANDS/S", "/per_second"),
    ("P50 US", "/p50"),
    ("P99 US", "/p99"),
    ("CPU US", "/cpu"),
    ("SERVER'S", "/server_cpu"),
    ("BASELINE", "/baseline/name"),
    ("COMMANDS/S", "/baseline/per_second"),
    ("P50 US", "/baseline/p50"),
    ("P99 US", "/baseline/p99"),
    ("TIMES", "/times"),
    ("FDATASYNC/S", "/fdatasync"),
    ("OF IT", "/of_fdatasync"),
];

/// One of our stores and what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    store: &'static str,
    baseline: &'static str,
    /// How many times the baseline's commands are wanted of many writers.
    times: f64,
}

const SQLITE: Side = Side {
    store: "sqlite",
    baseline: "sqlite-es",
    times: 15.0,
};
const POSTGRES: Side = Side {
    store: "postgres",
    baseline: "postgres-es",
    times: 10.0,
};

/// What one round came to.
struct Round {
    ours: Figures,
    cpu: Cost,
    baseline: Option<Figures>,
    disk: Figures,
}

/// What a command costs the processors, in microseconds.
#[derive(Clone, Copy)]
struct Cost {
    /// In our own process, with what the workload itself does there.
    ours: f64,
    /// In those of a database server.
    server: Option<f64>,
}

pub(super) async fn run(args: CommandsArgs, scratch: &Scratch) -> anyhow::Result<Report> {
    let cluster = match &args.postgres_url {
        Some(url) => Some(Cluster::at(url)?),
        None if args.postgres => {
            let started = Cluster::start()?;
            Some(started.context("PostgreSQL is not installed; name a server by --postgres-url")?)
        }
        None => None,
    };
    let baselines = Baselines::build().await?;
    let bench = Bench {
        time: Duration::from_secs_f64(args.seconds),
        scratch,
        cluster,
        baselines,
    };
    let sides = [Some(SQLITE), bench.cluster.is_some().then_some(POSTGRES)];
    let wanted = |side: &Side| args.store.as_ref().is_none_or(|store| store == side.store);
    let sides: Vec<Side> = sides.into_iter().flatten().filter(wanted).collect();
    ensure!(!sides.is_empty(), "there is no such store to be measured");
    let mut report = Report::new("commands", COLUMNS);
    for &writers in &args.writers {
        let mut rounds: Vec<Vec<Round>> = sides.iter().map(|_| Vec::new()).collect();
        for round in 0..args.rounds {
            note(&format!(
                "{writers} writers, round {} of {}",
                round + 1,
                args.rounds
            ));
            for (side, rounds) in sides.iter().zip(&mut rounds) {
                rounds.push(bench.round(*side, round, writers).await?);
            }
        }
        for (side, rounds) in sides.iter().zip(&rounds) {
            tell(&mut report, *side, writers, rounds);
        }
    }
    Ok(report)
}

/// What every round needs.
struct Bench<'a> {
    time: Duration,
    scratch: &'a Scratch,
    cluster: Option<Cluster>,
    baselines: Option<Baselines>,
}

impl Bench<'_> {
    async fn round(&self, side: Side, round: u64, writers: u64) -> anyhow::Result<Round> {
        let scratch = self.scratch.child(side.store)?;
        let (ours, cpu) = {
            let place = self.place(side, "ours", &scratch).await?;
            let cluster = self.cluster.as_ref().filter(|_| side == POSTGRES);
            let settings = settings(&place);
            // As many threads as it has when it serves.
            let threads = threads::start(threads::of_server(&settings))?;
            block_in_place(move || {
                threads.block_on(ours(settings, round, writers, self.time, cluster))
            })?
        };
        self.clear(side, "ours").await?;
        let baseline = match &self.baselines {
            Some(baselines) => {
                let place = self.place(side, "baseline", &scratch).await?;
                let place = place.strip_prefix("sqlite:").unwrap_or(&place);
                Some(baselines.run(side.store, place, writers, self.time).await?)
            }
            None => None,
        };
        self.clear(side, "baseline").await?;
        let disk = disk::sync(scratch.path(), self.time).await?;
        Ok(Round {
            ours,
            cpu,
            baseline,
            disk,
        })
    }

    /// Returns the address of a fresh database.
    async fn place(&self, side: Side, name: &str, scratch: &Scratch) -> anyhow::Result<String> {
        match &self.cluster {
            Some(cluster) if side == POSTGRES => cluster.database(&format!("bench_{name}")).await,
            _ => Ok(format!("sqlite:{}", scratch.path().join(name).display())),
        }
    }

    async fn clear(&self, side: Side, name: &str) -> anyhow::Result<()> {
        match &self.cluster {
            Some(cluster) if side == POSTGRES => cluster.remove(&format!("bench_{name}")).await,
            _ => Ok(()),
        }
    }
}

/// What a server would be told that keeps everything in `place`.
fn settings(place: &str) -> ServeArgs {
    let mut key = [0; 32];
    SystemIds::default().fill(&mut key);
    ServeArgs {
        database: Some(place.to_owned()),
        key: Some(EnvKey(STANDARD.encode(key).into())),
        ..ServeArgs::default()
    }
}

/// Lets an admin at the REST API do the workload: everything but HTTP itself.
async fn ours(
    settings: ServeArgs,
    run: u64,
    writers: u64,
    time: Duration,
    cluster: Option<&Cluster>,
) -> anyhow::Result<(Figures, Cost)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
    let kept = Kept::open(&settings.complete()?, &clock, &ids).await?;
    let person: UserId = "admin".parse()?;
    // Makes the key that the sender's address is sealed under, as the first sign-in does.
    kept.vault
        .seal_personal(&person, "address", "192.0.2.1")
        .await?;
    let dispatch = Dispatch::new(
        kept.log.clone(),
        kept.vault.clone(),
        clock.clone(),
        ids.clone(),
    );
    let token = TokenId::new(ids.v7(clock.now()));
    let caller = move || {
        let request = ids.v7(clock.now());
        Caller {
            actor: Actor {
                kind: ActorKind::Person,
                id: person.to_string(),
                roles: vec![Role::Admin],
                means: Means::Token(token),
            },
            address: Some("192.0.2.1".to_owned()),
            agent: Some("lanyard-bench/1.0".to_owned()),
            request: Some(request),
            reason: None,
            correlation: request,
            causation: None,
        }
    };
    let spent = || -> anyhow::Result<_> {
        let server = cluster.and_then(Cluster::spent).transpose()?;
        Ok((cpu::own()?, server))
    };
    let (own, server) = spent()?;
    let figures = drive(run, writers, time, move |id, command| {
        let (dispatch, caller) = (dispatch.clone(), caller());
        async move {
            let executed = match command {
                // As `App::add_provider` does.
                ProviderCommand::AddProvider(_) => {
                    dispatch.begin::<Provider>(&id, command, &caller).await
                }
                _ => dispatch.execute::<Provider>(&id, command, &caller).await,
            };
            executed.expect("a command of the workload is taken");
        }
    })
    .await;
    let (own_then, server_then) = spent()?;
    let each = |spent: Duration| {
        let commands = figures.per_second * time.as_secs_f64();
        spent.as_secs_f64() * 1e6 / commands.max(1.0)
    };
    let cost = Cost {
        ours: each(own_then.saturating_sub(own)),
        server: server
            .zip(server_then)
            .map(|(before, then)| each(then.saturating_sub(before))),
    };
    Ok((figures, cost))
}

/// Adds what the rounds came to, and compares it with what is wanted.
fn tell(report: &mut Report, side: Side, writers: u64, rounds: &[Round]) {
    let of = |figure: fn(&Round) -> Option<f64>| rounded(median(rounds.iter().filter_map(figure)));
    let (p50, p99) = (
        of(|round| micros(round.ours.p50)),
        of(|round| micros(round.ours.p99)),
    );
    let of_disk = of(|round| Some(round.ours.per_second / round.disk.per_second));
    let mut figures = json!({
        "store": side.store,
        "writers": writers,
        "per_second": of(|round| Some(round.ours.per_second)),
        "p50": p50,
        "p99": p99,
        "cpu": of(|round| Some(round.cpu.ours)),
        "server_cpu": rounds[0].cpu.server.map(|_| of(|round| round.cpu.server)),
        "fdatasync": of(|round| Some(round.disk.per_second)),
        "of_fdatasync": of_disk,
    });
    let compared = rounds.iter().all(|round| round.baseline.is_some());
    if compared {
        let times = of(|round| Some(round.ours.per_second / round.baseline?.per_second));
        let p99_share = of(|round| Some(micros(round.ours.p99)? / micros(round.baseline?.p99)?));
        figures["times"] = json!(times);
        figures["p99_share"] = json!(p99_share);
        figures["baseline"] = json!({
            "name": side.baseline,
            "per_second": of(|round| Some(round.baseline?.per_second)),
            "p50": of(|round| micros(round.baseline?.p50)),
            "p99": of(|round| micros(round.baseline?.p99)),
        });
        let what = |what: &str| {
            format!(
                "{}, {writers} writers: {what} {}",
                side.store, side.baseline
            )
        };
        match writers {
            1 => report.check(
                what("commands/s, times those of"),
                times,
                Wanted::AtLeast(1.0),
            ),
            32 => {
                let least = Wanted::AtLeast(side.times);
                report.check(what("commands/s, times those of"), times, least);
                if side == SQLITE {
                    let most = Wanted::AtMost(1.0 / 15.0);
                    report.check(what("p99, share of that of"), p99_share, most);
                }
            }
            _ => {}
        }
    }
    if writers == 1 && side == SQLITE {
        let what = "sqlite, 1 writer: commands/s, share of fdatasync/s";
        report.check(what, of_disk, Wanted::AtLeast(0.65));
    }
    report.figures(figures);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of at most some minutes"
)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "a figure that may be missing elsewhere"
)]
fn micros(micros: u64) -> Option<f64> {
    Some(micros as f64)
}
