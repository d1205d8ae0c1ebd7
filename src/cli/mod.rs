//! The command line: a server, its tools, and a client of its REST API.

pub mod client;
pub mod output;

mod account;
mod audit;
mod backup;
mod bench;
mod campaign;
mod demo;
mod events;
mod key;
mod notice;
mod offboarding;
mod place;
mod progress;
mod projection;
mod provider;
mod replay;
mod restore;
mod serve;
mod settings;
mod sync;
mod token;
mod verify;
mod webhook;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::client::{Client, ClientError};
use self::output::Output;
use crate::config::ServeArgs;
use crate::threads;

/// Links people to Git servers and carries their SSH keys there
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Show the whole journey against practice Git servers
    Demo(demo::DemoArgs),
    /// Manage the Git servers that people may link
    Provider(Remote<provider::ProviderCommand>),
    /// Link and unlink accounts
    Account(Remote<account::AccountCommand>),
    /// See and rotate keys
    Key(Remote<key::KeyCommand>),
    /// See people off: every account, key and token of theirs
    Offboarding(Remote<offboarding::OffboardingCommand>),
    /// Make and revoke API tokens
    Token(Remote<token::TokenCommand>),
    /// See and change the deployment's settings
    Settings(Remote<settings::SettingsCommand>),
    /// Search the history
    Audit(Remote<audit::AuditCommand>),
    /// Make a provider agree with the log again
    Replay(Remote<replay::ReplayCommand>),
    /// Rotate many keys, at a rate
    Campaign(Remote<campaign::CampaignCommand>),
    /// Fill a projection anew from the log
    Rebuild(Remote<projection::RebuildArgs>),
    /// See what is pending, and why
    Sync(Remote<sync::SyncArgs>),
    /// See what people are told of by themselves
    Notice(Remote<notice::NoticeCommand>),
    /// Manage the receivers of notices outside
    Webhook(Remote<webhook::WebhookCommand>),
    /// Re-read the whole log and compare everything with it (while no server runs)
    Verify(verify::VerifyArgs),
    /// Copy the data directory while the server runs
    Backup(backup::BackupArgs),
    /// Make a data directory from a backup, and verify it
    Restore(restore::RestoreArgs),
    /// Measure this machine against baselines
    Bench(bench::BenchArgs),
}

/// A command that speaks to a running server.
#[derive(Debug, Args)]
struct Remote<C: Args> {
    /// The server
    #[arg(
        long,
        global = true,
        env = "LANYARD_URL",
        default_value = "http://127.0.0.1:8460"
    )]
    url: url::Url,

    /// The API token
    #[arg(
        long,
        global = true,
        env = "LANYARD_TOKEN",
        hide_env_values = true,
        default_value = ""
    )]
    token: String,

    /// Print JSON instead of a table
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    command: C,
}

impl<C: Args> Remote<C> {
    fn open(self) -> Result<(Client, Output, C), ClientError> {
        let output = Output { json: self.json };
        Ok((Client::new(self.url, self.token)?, output, self.command))
    }
}

impl Cli {
    /// Reads the file of a server's settings, if one is named: how many threads it has may stand there.
    /// Prints what went wrong, and what to end with.
    pub fn with_file(mut self) -> Result<Self, ExitCode> {
        if let Command::Serve(args) = self.command {
            let args = args.with_file().map_err(|error| tell(&error.into()))?;
            self.command = Command::Serve(args);
        }
        Ok(self)
    }

    /// Says how many threads it is to have, if not one for each processor.
    pub fn threads(&self) -> Option<NonZeroUsize> {
        match &self.command {
            Command::Serve(args) => threads::of_server(args),
            _ => None,
        }
    }

    /// Says whether it is a server that is to run.
    pub fn serves(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    /// Runs the command. Prints what went wrong and what to do next.
    pub async fn run(self) -> ExitCode {
        match self.command.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => tell(&error),
        }
    }
}

/// Prints what went wrong and what to do next; returns what to end with.
fn tell(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    let remote = error.downcast_ref::<ClientError>();
    if let Some(hint) = remote.and_then(ClientError::hint) {
        eprintln!("hint: {hint}");
    }
    // 1 refused, 2 usage (by clap), 3 unavailable.
    ExitCode::from(remote.map_or(1, ClientError::exit_code))
}

impl Command {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(args) => serve::run(args).await,
            Self::Demo(args) => demo::run(args).await,
            Self::Provider(remote) => provider::run(remote.open()?).await,
            Self::Account(remote) => account::run(remote.open()?).await,
            Self::Key(remote) => key::run(remote.open()?).await,
            Self::Offboarding(remote) => offboarding::run(remote.open()?).await,
            Self::Token(remote) => token::run(remote.open()?).await,
            Self::Settings(remote) => settings::run(remote.open()?).await,
            Self::Audit(remote) => audit::run(remote.open()?).await,
            Self::Replay(remote) => replay::run(remote.open()?).await,
            Self::Campaign(remote) => campaign::run(remote.open()?).await,
            Self::Rebuild(remote) => projection::run(remote.open()?).await,
            Self::Sync(remote) => sync::run(remote.open()?).await,
            Self::Notice(remote) => notice::run(remote.open()?).await,
            Self::Webhook(remote) => webhook::run(remote.open()?).await,
            Self::Verify(args) => verify::run(args).await,
            Self::Backup(args) => backup::run(args).await,
            Self::Restore(args) => restore::run(args).await,
            Self::Bench(args) => bench::run(args).await,
        }
    }
}
