//! `lanyard provider secret …`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{act, path, read_secret};
use crate::cli::client::Client;
use crate::cli::output::{Output, say};

#[derive(Debug, Subcommand)]
pub(super) enum SecretVerb {
    /// Put a second secret beside the first; for OAuth 1.0a Lanyard makes it
    Stage {
        /// The provider's short name
        provider: String,
        /// File with the new client secret; - for standard input. Left out for OAuth 1.0a
        #[arg(long, value_name = "FILE")]
        client_secret_file: Option<PathBuf>,
    },
    /// Let the second secret take the place of the first
    Confirm {
        /// The provider's short name
        provider: String,
    },
    /// Let the second secret go
    Drop {
        /// The provider's short name
        provider: String,
    },
}

pub(super) async fn run(client: &Client, output: Output, verb: SecretVerb) -> anyhow::Result<()> {
    match verb {
        SecretVerb::Stage {
            provider,
            client_secret_file,
        } => {
            let body = match client_secret_file {
                Some(file) => json!({ "client_secret": read_secret(&file)? }),
                None => json!({}),
            };
            let answer = client.post(&path(&provider, "/secrets"), &body).await?;
            let words = "has a second secret; confirm it once the provider knows it";
            output.done(&format!("{provider} {words}"), &answer.body);
            if let (false, Value::String(pem)) = (output.json, &answer.body["staged_public_key"]) {
                pem.lines().for_each(say);
            }
        }
        SecretVerb::Confirm { provider } => {
            let words = "uses the new secret; the old one is destroyed";
            act(client, output, &provider, "secrets/confirm", words).await?;
        }
        SecretVerb::Drop { provider } => {
            let answer = client.delete(&path(&provider, "/secrets/staged")).await?;
            output.done(&format!("{provider} keeps its first secret"), &answer.body);
        }
    }
    Ok(())
}
