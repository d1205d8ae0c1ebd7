//! `lanyard bench http`: a point read against a constant answer of the same server.
//!
//! The constant answer is `GET /healthz`: it passes the same router and gets the same headers and
//! request id, but nobody is authenticated and nothing is read. The point read is one linked
//! account by its id: a token recognised, one row read, the JSON written, with a profile that was
//! unsealed within the last half minute.

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use clap::Args;
use domain::account::{Account, AccountCommand, Grant};
use domain::provider::{
    AddProvider, Callback, OnMissing, Protocol, Provider, ProviderCommand, ProviderKind,
};
use domain::{AccountId, ProviderSlug, Role, SecretRef, UserId};
use serde_json::json;

use super::client::Connection;
use super::note;
use super::report::{Report, Wanted, median, rounded};
use super::scratch::Scratch;
use super::served::Served;
use super::workload::Figures;
use crate::app::linking::{Profile, profile_context};
use crate::app::tokens::NewToken;
use crate::app::{App, Caller};
use crate::cli::output::Column;
use crate::clock::{SystemClock, SystemIds};
use crate::config::ServeArgs;
use crate::server;

#[derive(Debug, Args)]
pub(super) struct HttpArgs {
    /// How many connections ask at the same time
    #[arg(long, default_value_t = 64)]
    connections: usize,

    /// How often both are measured
    #[arg(long, default_value_t = 5)]
    rounds: u64,

    /// How long each is measured
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

const COLUMNS: &[Column] = &[
    ("ANSWER", "/answer"),
    ("REQUESTS/S", "/per_second"),
    ("P50 US", "/p50"),
    ("P99 US", "/p99"),
];

/// How many accounts are read in turn.
const ACCOUNTS: u64 = 64;

/// How many turns a round has: a machine that is slower for a second is so for both answers.
const TURNS: u32 = 5;

pub(super) async fn run(args: HttpArgs, scratch: &Scratch) -> anyhow::Result<Report> {
    let data = scratch.child("data")?;
    note("linking accounts");
    let reads = prepare(data.path()).await?;
    let server = Served::start(data.path()).await?;
    let constant = vec![Connection::request("/healthz", None)];
    let time = Duration::from_secs_f64(args.seconds) / TURNS;
    let mut rounds = Vec::new();
    for round in 0..args.rounds {
        note(&format!("round {} of {}", round + 1, args.rounds));
        let (mut of_reads, mut of_constant) = (Load::default(), Load::default());
        for _ in 0..TURNS {
            of_reads += load(server.address, args.connections, time, &reads).await?;
            of_constant += load(server.address, args.connections, time, &constant).await?;
        }
        rounds.push((of_reads.figures(), of_constant.figures()));
    }
    server.stop().await?;
    let mut report = Report::new("http", COLUMNS);
    report.figures(line("one account", &rounds.iter().map(|(read, _)| read)));
    report.figures(line(
        "/healthz",
        &rounds.iter().map(|(_, constant)| constant),
    ));
    let shares = rounds
        .iter()
        .map(|(read, constant)| read.per_second / constant.per_second);
    let what = "one account, share of the rate of a constant answer";
    report.check(what, median(shares), Wanted::AtLeast(0.5));
    Ok(report)
}

/// What each request took, in microseconds, and all together.
#[derive(Default)]
struct Load {
    took: Vec<u64>,
    time: Duration,
}

impl Load {
    fn figures(self) -> Figures {
        Figures::of(self.took, self.time)
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, more: Self) {
        self.took.extend(more.took);
        self.time += more.time;
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of one request")]
fn line<'a>(
    answer: &str,
    figures: &(impl Iterator<Item = &'a Figures> + Clone),
) -> serde_json::Value {
    let of = |figure: fn(&Figures) -> f64| rounded(median(figures.clone().map(figure)));
    json!({
        "answer": answer,
        "per_second": of(|figures| figures.per_second),
        "p50": of(|figures| figures.p50 as f64),
        "p99": of(|figures| figures.p99 as f64),
    })
}

/// Lets every connection ask its next question once its last is answered.
async fn load(
    address: SocketAddr,
    connections: usize,
    time: Duration,
    requests: &[String],
) -> anyhow::Result<Load> {
    let mut open = Vec::new();
    for number in 0..connections {
        let mut turns = requests.to_vec();
        turns.rotate_left(number % requests.len());
        open.push((Connection::open(address).await?, turns));
    }
    let start = Instant::now();
    let asking = open.into_iter().map(|(mut connection, requests)| {
        tokio::spawn(async move {
            let mut took = Vec::with_capacity(1 << 12);
            for request in requests.iter().cycle() {
                let before = Instant::now();
                if before.duration_since(start) >= time {
                    break;
                }
                connection.send(request).await?;
                took.push(u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            anyhow::Ok(took)
        })
    });
    let asking: Vec<_> = asking.collect();
    let mut took = Vec::new();
    for asked in asking {
        took.extend(asked.await??);
    }
    let time = start.elapsed();
    Ok(Load { took, time })
}

/// Fills a data directory with a person and their accounts; returns the requests that read them.
async fn prepare(data: &Path) -> anyhow::Result<Vec<String>> {
    let settings = ServeArgs {
        database: Some(format!("sqlite:{}", data.display())),
        listen: Some(([127, 0, 0, 1], 0).into()),
        ..ServeArgs::default()
    };
    let clock = Arc::new(SystemClock);
    let ids = Arc::new(SystemIds::default());
    let running = server::start(settings.complete()?, clock, ids).await?;
    let app = running.app.clone();
    let caller = Caller::system("bench", app.new_id(), None);
    let provider = paused_provider(&app, &caller).await?;
    let user: UserId = "ada".parse()?;
    let mut paths = Vec::new();
    let mut last = None;
    for number in 0..ACCOUNTS {
        let (account, index) = link(&app, &user, &provider, number, &caller).await?;
        paths.push(format!("/api/v1/users/{user}/accounts/{account}"));
        last = last.max(index);
    }
    let new = NewToken {
        user,
        name: "bench".parse()?,
        roles: vec![Role::Member],
        life: TimeDelta::days(1),
    };
    let made = app.create_token(new, &caller).await?;
    if let Some(index) = last.max(made.index) {
        app.applied.wait_for(index, Duration::from_mins(1)).await;
    }
    running.stop().await;
    let token = made.token.expose_str();
    Ok(paths
        .iter()
        .map(|path| Connection::request(path, Some(token)))
        .collect())
}

/// Adds a provider at which nothing is done: the server shall have time for those who ask.
async fn paused_provider(app: &App, caller: &Caller) -> anyhow::Result<ProviderSlug> {
    let provider: ProviderSlug = "github".parse()?;
    let add = ProviderCommand::AddProvider(AddProvider {
        provider: provider.clone(),
        kind: ProviderKind::Github,
        name: "GitHub".parse()?,
        description: "".parse()?,
        base_url: "https://git.example.com".parse()?,
        client_id: Some("Iv1.0123456789abcdef".parse()?),
        client_secret: Some(SecretRef::new(app.new_id())),
        callback: Callback::Own,
        algorithm: None,
        pkce: None,
        protocol: Protocol::Oauth2,
        public_key: None,
        signing: false,
        ca_bundle: None,
        proxy: None,
        on_missing: OnMissing::Report,
    });
    for command in [add, ProviderCommand::PauseProvider] {
        app.dispatch
            .execute::<Provider>(&provider, command, caller)
            .await?;
    }
    Ok(provider)
}

async fn link(
    app: &App,
    user: &UserId,
    provider: &ProviderSlug,
    number: u64,
    caller: &Caller,
) -> anyhow::Result<(AccountId, Option<u64>)> {
    let external_id = (1_000_000 + number).to_string();
    let account = app.account_id(provider, &external_id).await?;
    let profile = Profile {
        id: external_id,
        login: format!("ada-{number}"),
        name: Some("Ada Lovelace".to_owned()),
    };
    let profile = serde_json::to_string(&profile)?;
    let profile = app
        .vault
        .seal_personal(user, &profile_context(account), &profile)
        .await?;
    let command = AccountCommand::LinkAccount {
        account,
        user: user.clone(),
        provider: provider.clone(),
        profile,
        grant: Some(Grant {
            secret: SecretRef::new(app.new_id()),
            generation: 1,
            scopes: vec!["admin:public_key".to_owned(), "read:user".to_owned()],
            missing_scopes: vec![],
            expires_at: None,
            refreshable: false,
        }),
    };
    let linked = app
        .dispatch
        .execute::<Account>(&account, command, caller)
        .await?;
    Ok((account, linked.index))
}
