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
}

pub(super) async fn run(
    (client, output, command): (Client, Output, SettingsCommand),
) -> anyhow::Result<()> {
    const SETTINGS: &str = "/api/v1/settings";
    let answer = match command.verb {
        Verb::Show => client.get(SETTINGS, &[]).await?,
        Verb::Algorithm { algorithm } => {
            let seen = client.get(SETTINGS, &[]).await?.etag;
            let body = json!({ "algorithm": algorithm });
            client.patch(SETTINGS, seen.as_deref(), &body).await?
        }
    };
    output.one(&answer.body);
    Ok(())
}
