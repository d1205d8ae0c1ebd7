//! `lanyard provider …`

mod host_key;
mod secret;

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use self::host_key::HostKeyVerb;
use self::secret::SecretVerb;
use super::client::Client;
use super::output::Output;

const COLUMNS: [super::output::Column; 8] = [
    ("PROVIDER", "/provider"),
    ("KIND", "/kind"),
    ("NAME", "/name"),
    ("URL", "/base_url"),
    ("STATUS", "/status"),
    ("BREAKER", "/breaker/state"),
    ("ACCOUNTS", "/linked_accounts"),
    ("REDIRECT URL", "/redirect_note"),
];

#[derive(Debug, Args)]
pub(super) struct ProviderCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the providers
    List,
    /// Show one provider, with the redirect URL to register
    Show {
        /// The provider's short name
        provider: String,
    },
    /// Register a provider
    Add(Box<Add>),
    /// Change what is given, leave the rest
    Change(Box<Change>),
    /// Try whether the provider is there and knows the OAuth app
    Test {
        /// The provider's short name
        provider: String,
    },
    /// Stop new links and key sync
    Disable {
        /// The provider's short name
        provider: String,
    },
    /// Let it work again
    Enable {
        /// The provider's short name
        provider: String,
    },
    /// Stop key sync
    Pause {
        /// The provider's short name
        provider: String,
    },
    /// Let key sync go on
    Resume {
        /// The provider's short name
        provider: String,
    },
    /// Change the OAuth app's secret while both the old and the new one work
    #[command(subcommand)]
    Secret(SecretVerb),
    /// Make the secret by which the provider's own hooks are known; it is shown this once
    HookSecret {
        /// The provider's short name
        provider: String,
    },
    /// The keys by which the provider's SSH server is known
    #[command(subcommand)]
    HostKey(HostKeyVerb),
    /// Remove a provider, for good
    Remove {
        /// The provider's short name
        provider: String,
        /// Unlink every account there first; it goes on by itself, and takes no new links
        #[arg(long)]
        unlink: bool,
        /// Do not wait for the provider: `lanyard sync residue` names what stays there
        #[arg(long, requires_all = ["unlink", "reason"])]
        force: bool,
        /// Why, for the history
        #[arg(long, requires = "unlink")]
        reason: Option<String>,
    },
    /// Call a removal off: new links are taken again
    Keep {
        /// The provider's short name
        provider: String,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// Its short name, for ever
    provider: String,
    #[command(flatten)]
    fields: Fields,
    /// Which product: `github`, `gitlab`, `bitbucket_server`, `gitea`, `azure_devops` or `ssh`
    #[arg(long)]
    kind: String,
    /// How people grant access to a Bitbucket Server: oauth1 or oauth2
    #[arg(long)]
    protocol: Option<String>,
    /// Use PKCE, or not, whatever the product is known to support
    #[arg(long)]
    pkce: Option<bool>,
}

#[derive(Debug, Args)]
struct Change {
    /// The provider's short name
    provider: String,
    #[command(flatten)]
    fields: Fields,
    /// Use PKCE: always, never, or default for what the product is known to support
    #[arg(long)]
    pkce: Option<String>,
}

#[derive(Debug, Args)]
struct Fields {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// A few words about it
    #[arg(long)]
    description: Option<String>,
    /// Where it is, such as <https://github.com>
    #[arg(long)]
    base_url: Option<String>,
    /// The OAuth app's client id
    #[arg(long)]
    client_id: Option<String>,
    /// File with the OAuth app's client secret; - for standard input
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Which redirect URL the app is registered with: own or shared
    #[arg(long)]
    callback: Option<String>,
    /// The algorithm of new keys here
    #[arg(long)]
    algorithm: Option<String>,
    /// Whether keys are also to be good for signing commits
    #[arg(long)]
    signing: Option<bool>,
    /// File with certificates of authorities that are trusted there, in PEM
    #[arg(long, value_name = "FILE")]
    ca_bundle_file: Option<PathBuf>,
    /// The proxy on the way there
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// What becomes of a key that is no longer there: report, or restore, once
    #[arg(long)]
    on_missing: Option<String>,
}

impl Fields {
    fn body(self) -> anyhow::Result<Map<String, Value>> {
        let texts = [
            ("name", self.name),
            ("description", self.description),
            ("base_url", self.base_url),
            ("client_id", self.client_id),
            ("callback", self.callback),
            ("algorithm", self.algorithm),
            ("proxy", self.proxy),
            ("on_missing", self.on_missing),
        ];
        let mut body: Map<String, Value> = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name.to_owned(), text?.into())))
            .collect();
        if let Some(file) = self.client_secret_file {
            body.insert("client_secret".to_owned(), read_secret(&file)?.into());
        }
        if let Some(file) = self.ca_bundle_file {
            body.insert("ca_bundle".to_owned(), read_secret(&file)?.into());
        }
        body.extend(
            self.signing
                .map(|signing| ("signing".to_owned(), signing.into())),
        );
        Ok(body)
    }
}

/// Reads a secret from a file or standard input: on the command line everybody could see it.
fn read_secret(file: &std::path::Path) -> anyhow::Result<String> {
    let mut secret = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .read_to_string(&mut secret)
            .context("standard input cannot be read")?;
    } else {
        secret = std::fs::read_to_string(file)
            .with_context(|| format!("the file {} cannot be read", file.display()))?;
    }
    Ok(secret.trim_end_matches(['\r', '\n']).to_owned())
}

pub(super) async fn run(
    (client, output, command): (Client, Output, ProviderCommand),
) -> anyhow::Result<()> {
    match command.verb {
        Verb::List => {
            let mut answer = client.get("/api/v1/providers", &[]).await?;
            for provider in answer.body["providers"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                if !provider["outdated_redirect_url"].is_null() {
                    provider["redirect_note"] = "changed: paste the new one".into();
                }
            }
            output.list(
                &answer.body["providers"],
                &COLUMNS,
                "no provider yet; register one with `lanyard provider add`",
            );
        }
        Verb::Show { provider } => {
            output.one(&client.get(&path(&provider, ""), &[]).await?.body);
        }
        Verb::Add(add) => {
            let mut body = add.fields.body()?;
            body.insert("provider".to_owned(), add.provider.into());
            body.insert("kind".to_owned(), add.kind.into());
            let protocol = add.protocol.map(Value::from);
            body.extend(protocol.map(|protocol| ("protocol".to_owned(), protocol)));
            body.extend(add.pkce.map(|pkce| ("pkce".to_owned(), pkce.into())));
            let answer = client.post("/api/v1/providers", &body.into()).await?;
            output.one(&answer.body);
        }
        Verb::Change(change) => {
            let at = path(&change.provider, "");
            let seen = client.get(&at, &[]).await?.etag;
            let mut body = change.fields.body()?;
            body.extend(change.pkce.map(|pkce| ("pkce".to_owned(), pkce.into())));
            output.one(&client.patch(&at, seen.as_deref(), &body.into()).await?.body);
        }
        Verb::Test { provider } => {
            let answer = client.post(&path(&provider, "/test"), &json!({})).await?;
            let columns = [
                ("CHECK", "/check"),
                ("OK", "/ok"),
                ("FOUND", "/found"),
                ("TO DO", "/fix"),
            ];
            output.list(&answer.body["findings"], &columns, "nothing was found");
        }
        Verb::Disable { provider } => {
            act(&client, output, &provider, "disable", "is disabled").await?;
        }
        Verb::Enable { provider } => {
            act(&client, output, &provider, "enable", "works again").await?;
        }
        Verb::Pause { provider } => act(&client, output, &provider, "pause", "is paused").await?,
        Verb::Resume { provider } => act(&client, output, &provider, "resume", "goes on").await?,
        Verb::Secret(verb) => secret::run(&client, output, verb).await?,
        Verb::HookSecret { provider } => {
            let at = path(&provider, "/hook-secret");
            output.one(&client.put(&at, &json!({})).await?.body);
        }
        Verb::HostKey(verb) => host_key::run(&client, output, verb).await?,
        Verb::Remove {
            provider,
            unlink: true,
            force,
            reason,
        } => {
            let body = json!({ "force": force, "reason": reason });
            let answer = client.post(&path(&provider, "/removal"), &body).await?;
            let words = "takes no new links, and is removed once every account is unlinked";
            output.done(&format!("{provider} {words}"), &answer.body);
        }
        Verb::Remove {
            provider,
            unlink: false,
            ..
        } => {
            let answer = client.delete(&path(&provider, "")).await?;
            output.done(&format!("{provider} is removed"), &answer.body);
        }
        Verb::Keep { provider } => {
            let answer = client.delete(&path(&provider, "/removal")).await?;
            output.done(&format!("{provider} stays"), &answer.body);
        }
    }
    Ok(())
}

async fn act(
    client: &Client,
    output: Output,
    provider: &str,
    act: &str,
    done: &str,
) -> anyhow::Result<()> {
    let answer = client
        .post(&path(provider, &format!("/{act}")), &json!({}))
        .await?;
    output.done(&format!("{provider} {done}"), &answer.body);
    Ok(())
}

fn path(provider: &str, rest: &str) -> String {
    format!("/api/v1/providers/{provider}{rest}")
}
