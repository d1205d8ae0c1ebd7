//! `lanyard provider host-key …`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{path, read_secret};
use crate::cli::client::Client;
use crate::cli::output::{Column, Output};

const COLUMNS: [Column; 4] = [
    ("HOST", "/hosts"),
    ("TYPE", "/type"),
    ("FINGERPRINT", "/fingerprint"),
    ("MATCHES", "/matches"),
];

#[derive(Debug, Subcommand)]
pub(super) enum HostKeyVerb {
    /// List the keys by which the SSH server is known
    List {
        /// The provider's short name
        provider: String,
    },
    /// Set them from lines of a `known_hosts` file
    Set {
        /// The provider's short name
        provider: String,
        /// File with the lines; - for standard input
        file: PathBuf,
        /// They come from a scan, and somebody compared the fingerprints
        #[arg(long)]
        scanned: bool,
    },
    /// Fetch and set those that the vendor publishes
    Official {
        /// The provider's short name
        provider: String,
    },
    /// Show those that the server offers, and whether the product bears them out; sets nothing
    Scan {
        /// The provider's short name
        provider: String,
        /// The host, where it is not the provider's own
        #[arg(long)]
        host: Option<String>,
        /// The port, where it is not the provider's own
        #[arg(long)]
        port: Option<u16>,
    },
}

pub(super) async fn run(client: &Client, output: Output, verb: HostKeyVerb) -> anyhow::Result<()> {
    // Only a scan has something to compare with.
    let columns = match verb {
        HostKeyVerb::Scan { .. } => &COLUMNS[..],
        HostKeyVerb::List { .. } | HostKeyVerb::Set { .. } | HostKeyVerb::Official { .. } => {
            &COLUMNS[..3]
        }
    };
    let answer = match verb {
        HostKeyVerb::List { provider } => client.get(&path(&provider, "/host-keys"), &[]).await?,
        HostKeyVerb::Set {
            provider,
            file,
            scanned,
        } => {
            let text = read_secret(&file)?;
            let lines = text.lines().map(str::trim);
            let keys: Vec<&str> = lines
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .collect();
            let source = if scanned { "scanned" } else { "entered" };
            let body = json!({ "keys": keys, "source": source });
            client.put(&path(&provider, "/host-keys"), &body).await?
        }
        HostKeyVerb::Official { provider } => {
            let at = path(&provider, "/host-keys/official");
            client.post(&at, &json!({})).await?
        }
        HostKeyVerb::Scan {
            provider,
            host,
            port,
        } => {
            let mut body = json!({});
            if let Some(host) = host {
                body["host"] = Value::from(host);
            }
            if let Some(port) = port {
                body["port"] = Value::from(port);
            }
            let at = path(&provider, "/host-keys/scan");
            client.post(&at, &body).await?
        }
    };
    output.list(
        &answer.body["keys"],
        columns,
        "no host key is known; see `lanyard provider host-key --help`",
    );
    Ok(())
}
