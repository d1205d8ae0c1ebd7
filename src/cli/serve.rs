//! `lanyard serve`

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::output::say;
use crate::clock::{SystemClock, SystemIds};
use crate::config::{ServeArgs, key_from_environment};
use crate::server;

pub(super) async fn run(mut args: ServeArgs) -> anyhow::Result<()> {
    args.key = key_from_environment();
    let settings = args.complete()?;
    let storage = format!("{:?}", settings.storage);
    // Before anything is opened: a signal during the start stops it in order too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut running = server::start(
        settings,
        Arc::new(SystemClock),
        Arc::new(SystemIds::default()),
    )
    .await?;
    let url = running
        .app
        .public_url
        .as_str()
        .trim_end_matches('/')
        .to_owned();
    say(&format!(
        "lanyard {} listens on {}",
        env!("CARGO_PKG_VERSION"),
        running.address
    ));
    say(&format!(
        "  people reach it at {url}, everything is kept in {storage}"
    ));
    if let Some(address) = running.metrics_address {
        say(&format!(
            "  metrics for whoever asks at http://{address}/metrics"
        ));
    }
    if let Some(secret) = &running.first_secret {
        say("  there is no admin yet; within an hour, make the first one's token with");
        say(&format!(
            "    lanyard token --url {url} first <user> --secret {}",
            secret.expose_str()
        ));
    } else {
        say(&format!("  next: lanyard provider --url {url} list"));
    }
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        why = running.broken() => return Err(why.into()),
    }
    say("stopping; once more stops at once");
    tokio::select! {
        () = running.stop() => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
