//! `lanyard settings …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Client;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct SettingsCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the settings
    Show,
    /// Set the algorithm of new keys; those that exist stay
    Algorithm {
        /// ed25519, ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-3072 or rsa-4096
        algorithm: String,
    },
    /// Set for how long a replaced key stays where its successor is
    RotationGrace {
        /// 0 to 720; 0: it goes at once
        hours: u16,
    },
    /// Set after how long a key is replaced by itself
    MaxKeyAge {
        /// 1 to 3650; 0: never
        days: u16,
    },
}

pub(super) async fn run(
    (client, output, command): (Client, Output, SettingsCommand),
) -> anyhow::Result<()> {
    const SETTINGS: &str = "/api/v1/settings";
    let seen = client.get(SETTINGS, &[]).await?;
    let body = match command.verb {
        Verb::Show => {
            output.one(&seen.body);
            return Ok(());
        }
        Verb::Algorithm { algorithm } => json!({ "algorithm": algorithm }),
        Verb::RotationGrace { hours } => json!({ "rotation_grace_hours": hours }),
        Verb::MaxKeyAge { days } => json!({ "max_key_age_days": days }),
    };
    let seen = seen.etag.as_deref();
    let answer = client.patch(SETTINGS, seen, &body).await?;
    output.one(&answer.body);
    Ok(())
}
