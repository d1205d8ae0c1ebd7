//! What an operator may set: defaults < file < environment < flags. Read here and nowhere else.

mod error;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use clap::Args;
use domain::ClientId;
use domain::retry::RetryPolicy;
use serde::Deserialize;
use url::Url;

pub use self::error::ConfigError;
use crate::app::secrets::LONGEST_CONSUMER_KEY;
use crate::vault::Secret;

/// Settings of `lanyard serve`. Every one may stand in the file under the same name.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeArgs {
    /// A TOML file with any of these settings
    #[arg(long, value_name = "FILE", env = "LANYARD_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Address and port to listen on [default: 127.0.0.1:8460]
    #[arg(long, value_name = "ADDRESS:PORT", env = "LANYARD_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// Address and port that give the metrics to whoever asks, and nothing else (default: none)
    #[arg(long, value_name = "ADDRESS:PORT", env = "LANYARD_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,

    /// Where people and Git servers reach this server (default: `http://<listen>`)
    #[arg(long, value_name = "URL", env = "LANYARD_PUBLIC_URL")]
    pub public_url: Option<Url>,

    /// Where everything is kept: `sqlite:<directory>` or `postgres://…` [default: sqlite:lanyard-data]
    #[arg(
        long,
        value_name = "URL",
        env = "LANYARD_DATABASE",
        hide_env_values = true
    )]
    pub database: Option<String>,

    /// File with the key that opens the vault [default: key in the SQLite directory]
    #[arg(long, value_name = "FILE", env = "LANYARD_KEY_FILE")]
    pub key_file: Option<PathBuf>,

    /// The key itself, 32 bytes in base64: only from the environment
    #[arg(skip)]
    #[serde(skip)]
    pub key: Option<EnvKey>,

    /// Hosts (host or host:port) that may be reached by http and at private addresses
    #[arg(
        long,
        value_name = "HOST",
        env = "LANYARD_ALLOW_HOST",
        value_delimiter = ','
    )]
    #[serde(default)]
    pub allow_host: Vec<String>,

    /// Consumer key of Bitbucket Server application links, unless an admin names another [default: Lanyard]
    #[arg(long, value_name = "TEXT", env = "LANYARD_BITBUCKET_CONSUMER_KEY")]
    pub bitbucket_consumer_key: Option<String>,

    /// Failed tries after which a key is parked [default: 12]
    #[arg(long, value_name = "NUMBER", env = "LANYARD_RETRY_ATTEMPTS")]
    pub retry_attempts: Option<u32>,

    /// Milliseconds before the second try; doubled after each failure [default: 1000]
    #[arg(long, value_name = "MILLISECONDS", env = "LANYARD_RETRY_FIRST")]
    pub retry_first: Option<u32>,

    /// Threads that serve (default: one for each processor, one less beside PostgreSQL on the same machine)
    #[arg(long, value_name = "NUMBER", env = "LANYARD_THREADS")]
    pub threads: Option<NonZeroUsize>,
}

/// The key-encryption key as the environment gave it.
#[derive(Clone)]
pub struct EnvKey(pub Secret);

impl fmt::Debug for EnvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvKey(…)")
    }
}

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Storage {
    /// A directory of this process alone, without a server.
    Sqlite(PathBuf),
    /// A server that several instances may share.
    Postgres(String),
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(directory) => write!(f, "sqlite:{}", directory.display()),
            // The address may hold a password.
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// Settings, complete and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to give the metrics to whoever asks.
    pub metrics_listen: Option<SocketAddr>,
    /// Where people reach the server; [`None`]: at the address it listens on.
    pub public_url: Option<Url>,
    /// Where everything is kept.
    pub storage: Storage,
    /// Where the vault's key is.
    pub key: KeySource,
    /// Hosts that may be reached by http and at private addresses.
    pub allow_host: Vec<String>,
    /// The consumer key of application links for which no admin names another.
    pub consumer_key: ClientId,
    /// How patient key sync is.
    pub retry: RetryPolicy,
}

/// Where the key-encryption key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file that is made with a new data directory, and only then.
    File(PathBuf),
    /// The environment.
    Environment(EnvKey),
}

impl ServeArgs {
    /// Fills in from the file what is not said. From then on there is no file: it may be a pipe, which
    /// can be read no second time.
    pub fn with_file(self) -> Result<Self, ConfigError> {
        let Some(path) = &self.config else {
            return Ok(self);
        };
        let file = read(path)?;
        Ok(Self {
            config: None,
            listen: self.listen.or(file.listen),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            public_url: self.public_url.or(file.public_url),
            database: self.database.or(file.database),
            key_file: self.key_file.or(file.key_file),
            key: self.key,
            allow_host: if self.allow_host.is_empty() {
                file.allow_host
            } else {
                self.allow_host
            },
            bitbucket_consumer_key: self.bitbucket_consumer_key.or(file.bitbucket_consumer_key),
            retry_attempts: self.retry_attempts.or(file.retry_attempts),
            retry_first: self.retry_first.or(file.retry_first),
            threads: self.threads.or(file.threads),
        })
    }

    /// Says where everything is kept, whatever else is set. What only the file says is not looked for.
    pub fn storage(&self) -> Result<Storage, ConfigError> {
        parse_storage(self.database.as_deref().unwrap_or("sqlite:lanyard-data"))
    }

    /// Completes the settings from the file and the defaults, and checks them.
    pub fn complete(self) -> Result<Settings, ConfigError> {
        let said = self.with_file()?;
        let storage = said.storage()?;
        let key = match (said.key, said.key_file, &storage) {
            (Some(key), _, _) => KeySource::Environment(key),
            (None, Some(file), _) => KeySource::File(file),
            (None, None, Storage::Sqlite(directory)) => KeySource::File(directory.join("key")),
            (None, None, Storage::Postgres(_)) => return Err(ConfigError::NoKey),
        };
        let public_url = said.public_url;
        if public_url.as_ref().is_some_and(|url| !is_public(url)) {
            return Err(ConfigError::PublicUrl);
        }
        let consumer_key = said.bitbucket_consumer_key.as_deref();
        let consumer_key = consumer_key.unwrap_or("Lanyard").parse();
        let consumer_key: ClientId = consumer_key.map_err(|_| ConfigError::ConsumerKey)?;
        if consumer_key.as_str().len() > LONGEST_CONSUMER_KEY {
            return Err(ConfigError::ConsumerKey);
        }
        let patience = RetryPolicy::default();
        Ok(Settings {
            listen: said.listen.unwrap_or(([127, 0, 0, 1], 8460).into()),
            metrics_listen: said.metrics_listen,
            public_url,
            storage,
            key,
            allow_host: said.allow_host,
            consumer_key,
            retry: RetryPolicy {
                attempts: said.retry_attempts.unwrap_or(patience.attempts),
                first: said
                    .retry_first
                    .map_or(patience.first, |wait| TimeDelta::milliseconds(wait.into())),
                ..patience
            },
        })
    }
}

fn read(path: &Path) -> Result<ServeArgs, ConfigError> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: name(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| ConfigError::Malformed {
        path: name(),
        source,
    })
}

fn parse_storage(text: &str) -> Result<Storage, ConfigError> {
    if let Some(directory) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        Ok(Storage::Sqlite(directory.into()))
    } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Ok(Storage::Postgres(text.to_owned()))
    } else {
        Err(ConfigError::Database)
    }
}

fn is_public(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Reads the vault's key from the environment variable `LANYARD_KEY`, if it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
pub fn key_from_environment() -> Option<EnvKey> {
    std::env::var("LANYARD_KEY")
        .ok()
        .map(|key| EnvKey(key.into()))
}

/// Says whether the environment names a collector of traces, in the way of OpenTelemetry.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
pub fn traces_are_wanted() -> bool {
    std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").is_ok_and(|endpoint| !endpoint.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(database: &str) -> ServeArgs {
        ServeArgs {
            database: Some(database.to_owned()),
            ..ServeArgs::default()
        }
    }

    #[test]
    fn without_any_setting_everything_is_kept_in_a_directory_beside_its_key() {
        let settings = ServeArgs::default().complete().unwrap();
        assert_eq!(settings.storage, Storage::Sqlite("lanyard-data".into()));
        assert!(
            matches!(settings.key, KeySource::File(file) if file.ends_with("lanyard-data/key"))
        );
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8460");
        assert_eq!(settings.retry, RetryPolicy::default());
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lanyard.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nretry-attempts = 3\n").unwrap();
        let args = ServeArgs {
            config: Some(file),
            listen: Some(([127, 0, 0, 1], 2).into()),
            ..ServeArgs::default()
        };
        let settings = args.complete().unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.retry.attempts, 3);
    }

    #[test]
    fn a_consumer_key_is_lanyard_unless_the_operator_says_otherwise() {
        let consumer = |key: Option<&str>| ServeArgs {
            bitbucket_consumer_key: key.map(str::to_owned),
            ..ServeArgs::default()
        };
        for (given, taken) in [(None, "Lanyard"), (Some("our-lanyard"), "our-lanyard")] {
            let settings = consumer(given).complete().unwrap();
            assert_eq!(settings.consumer_key.as_str(), taken);
        }
        let longest = "k".repeat(200);
        assert!(consumer(Some(&longest)).complete().is_ok());
        for wrong in ["", "two words", &"k".repeat(201)] {
            let refused = consumer(Some(wrong)).complete();
            assert!(matches!(refused, Err(ConfigError::ConsumerKey)), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_setting_in_the_file_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lanyard.toml");
        std::fs::write(&file, "lissen = \"127.0.0.1:1\"\n").unwrap();
        let args = ServeArgs {
            config: Some(file),
            ..ServeArgs::default()
        };
        assert!(args.complete().unwrap_err().to_string().contains("lissen"));
    }

    #[test]
    fn a_database_of_another_kind_is_refused() {
        for database in ["mysql://localhost/lanyard", "sqlite:", "lanyard.db", ""] {
            assert!(
                matches!(given(database).complete(), Err(ConfigError::Database)),
                "{database}"
            );
        }
    }

    #[test]
    fn postgres_needs_a_key_from_somewhere_and_never_shows_its_password() {
        let url = "postgres://lanyard:hunter2@localhost/lanyard";
        assert!(matches!(given(url).complete(), Err(ConfigError::NoKey)));
        let args = ServeArgs {
            key_file: Some("key".into()),
            ..given(url)
        };
        assert!(!format!("{:?}", args.complete().unwrap()).contains("hunter2"));
    }

    #[test]
    fn a_public_url_that_no_browser_opens_is_refused() {
        for url in [
            "ftp://example.com",
            "https://me@example.com",
            "https://example.com/?a=b",
        ] {
            let args = ServeArgs {
                public_url: Some(url.parse().unwrap()),
                ..ServeArgs::default()
            };
            assert!(
                matches!(args.complete(), Err(ConfigError::PublicUrl)),
                "{url}"
            );
        }
    }
}
