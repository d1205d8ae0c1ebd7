//! `lanyard demo`: the whole journey, for real, against practice Git servers on this machine.
//!
//! Everything below goes through the public REST API, as an admin, a developer, an operator and an
//! auditor would; only the practice servers are told directly when to fail.

mod browser;
mod cast;
mod kinds;
mod servers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use self::cast::{Cast, Person};
use self::servers::{Practice, Server};
use super::output::say;
use crate::clock::{SystemClock, SystemIds};
use crate::config::ServeArgs;
use crate::server;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Stop after the journey instead of serving on
    #[arg(long)]
    exit: bool,

    /// Address and port to listen on; another port if this one is taken
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8460")]
    listen: SocketAddr,

    /// Where to keep everything [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
}

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let scratch = scratch(args.data)?;
    let githubs = Practice::githubs().await?;
    let others = Practice::others().await?;
    let [at_github, at_ghe] = &githubs;
    let Server::GitHub(github) = &at_github.server else {
        anyhow::bail!("the first practice server is GitHub");
    };
    let settings = ServeArgs {
        listen: Some(free(args.listen)),
        database: Some(format!("sqlite:{}", scratch.path.display())),
        allow_host: githubs
            .iter()
            .chain(&others)
            .map(|practice| practice.server.host())
            .collect(),
        // An outage of seconds shall park a key, as one of a day does in earnest.
        retry_attempts: Some(3),
        retry_first: Some(100),
        ..ServeArgs::default()
    }
    .complete()?;
    let clock = Arc::new(SystemClock);
    let server = server::start(settings, clock, Arc::new(SystemIds::default())).await?;
    let url = server.app.public_url.clone();
    let secret = server
        .first_secret
        .clone()
        .context("this data directory already has an admin; name a new one with --data, or none")?;

    chapter("A server starts");
    say(&format!("  lanyard  {url}"));
    for practice in githubs.iter().chain(&others) {
        say(&format!(
            "  practice {:<34} {}",
            practice.name,
            practice.server.base_url()
        ));
    }
    let mut cast = Cast::assemble(&url, secret.expose_str()).await?;
    cast.show_events().await?;

    chapter("An admin adds two providers");
    add_provider(&cast.admin, at_github).await?;
    add_provider(&cast.admin, at_ghe).await?;
    say("  a replaced key is to go as soon as its successor is there: the demo has no day to wait");
    let body = json!({ "rotation_grace_hours": 0 });
    let settings = "/api/v1/settings";
    cast.admin.client.patch(settings, None, &body).await?;
    cast.show_events().await?;

    chapter("A developer links her accounts, through OAuth");
    for practice in &githubs {
        practice.server.add_user("ada-l");
        let link = cast.ada.begin_link(practice.slug).await?;
        let landed = browser::link(&link, &practice.server, "ada-l").await?;
        say(&format!(
            "  {}: signed in there as ada-l, sent back to {}",
            practice.slug,
            landed.path()
        ));
    }
    let first = cast.ada.key_in_place("github").await?;
    let at_work = cast.ada.key_in_place("ghe").await?;
    cast.show_events().await?;
    at_provider(&at_github.server, "github", "ada-l", &first.fingerprint)?;

    chapter("She rotates the key at GitHub: the new one is there before the old one goes");
    cast.ada.rotate(&first, "a laptop was replaced").await?;
    let second = cast.ada.rotated("github", &first).await?;
    cast.show_events().await?;
    at_provider(&at_github.server, "github", "ada-l", &second.fingerprint)?;

    chapter("GitHub fails while she rotates again; GitHub Enterprise does not notice");
    github.goes_down();
    cast.ada.rotate(&second, "quarterly rotation").await?;
    cast.ada.parked("github").await?;
    cast.show_events().await?;
    say("  the old key still works; what is pending, as the operator sees it:");
    cast.operator.show_sync().await?;

    chapter("GitHub comes back, and an operator replays");
    github.comes_back();
    let scope = json!({
        "provider": "github", "include": "unfinished", "reason": "GitHub was down (INC-42)",
    });
    cast.operator.show_plan(&scope).await?;
    cast.operator.replay(&scope).await?;
    let third = cast.ada.rotated("github", &second).await?;
    cast.show_events().await?;
    at_provider(&at_github.server, "github", "ada-l", &third.fingerprint)?;

    chapter("She rotates the key at GitHub Enterprise too, and unlinks both accounts");
    kinds::rotate(&mut cast, at_ghe, &at_work).await?;
    for practice in &githubs {
        kinds::leave(&mut cast, practice).await?;
    }

    chapter("An auditor reads what happened to her keys at GitHub");
    cast.auditor.show_trail("github").await?;

    for practice in &others {
        kinds::tour(&mut cast, practice).await?;
    }
    kinds::tour_by_hand(&mut cast).await?;

    chapter("The journey is over");
    say(&format!(
        "  {} events; nothing was lost, no key is left over",
        server.app.log.size().await?
    ));
    if args.exit {
        server.stop().await;
        return Ok(());
    }
    let next = cast.ada.begin_link("github").await?;
    say(&format!(
        "  the server goes on at {url} until you stop it (Ctrl-C)"
    ));
    say(&format!(
        "  to link an account in your browser, sign in as ada-l at {next}"
    ));
    say("  as the admin, in another terminal:");
    say(&format!(
        "    export LANYARD_URL={url} LANYARD_TOKEN={}",
        cast.admin.token
    ));
    say("    lanyard audit");
    tokio::signal::ctrl_c().await?;
    say("stopping");
    server.stop().await;
    Ok(())
}

/// Where the demo keeps everything; removed at the end if it was made for it.
struct Scratch {
    path: PathBuf,
    temporary: bool,
}

fn scratch(given: Option<PathBuf>) -> anyhow::Result<Scratch> {
    if let Some(path) = given {
        return Ok(Scratch {
            path,
            temporary: false,
        });
    }
    let path = std::env::temp_dir().join(format!("lanyard-demo-{}", std::process::id()));
    ensure!(
        !path.exists(),
        "{} is left over from another demo; remove it",
        path.display()
    );
    Ok(Scratch {
        path,
        temporary: true,
    })
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Returns the address, or one with a free port if somebody listens there.
fn free(address: SocketAddr) -> SocketAddr {
    match std::net::TcpListener::bind(address) {
        Ok(_) => address,
        Err(_) => SocketAddr::new(address.ip(), 0),
    }
}

fn chapter(title: &str) {
    say("");
    say(&format!("== {title}"));
}

async fn add_provider(admin: &Person, practice: &Practice) -> anyhow::Result<()> {
    let provider = practice.slug;
    let callback = admin.url.join(&format!("oauth/callback/{provider}"))?;
    let body = practice.registration(callback.as_str());
    let added = admin.client.post("/api/v1/providers", &body).await?.body;
    ensure!(
        practice.paste(&added),
        "{provider} does not take what Lanyard shows to be pasted there"
    );
    say(&format!(
        "  {provider}: redirect URL {}",
        added["redirect_url"].as_str().unwrap_or("?")
    ));
    let tested = admin
        .client
        .post(&format!("/api/v1/providers/{provider}/test"), &json!({}))
        .await?;
    for finding in tested.body["findings"].as_array().into_iter().flatten() {
        ensure!(
            finding["ok"] == true,
            "the test of {provider} found {finding}"
        );
        let [check, found] = ["check", "found"].map(|at| finding[at].as_str().unwrap_or("?"));
        say(&format!("    {check}: {found}"));
    }
    Ok(())
}

/// Looks at the provider itself whether exactly this key is there.
fn at_provider(
    server: &Server,
    provider: &str,
    login: &str,
    fingerprint: &str,
) -> anyhow::Result<()> {
    let keys = server.fingerprints_of(login);
    let [key] = keys.as_slice() else {
        anyhow::bail!("{login} has {} keys at {provider}, not one", keys.len());
    };
    ensure!(key == fingerprint, "the key at {provider} is another");
    say(&format!(
        "  at {provider} itself, {login} has one key: {fingerprint}"
    ));
    Ok(())
}
