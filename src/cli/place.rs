//! Where the data of a server is, for what works on it without one.

use std::path::PathBuf;

use clap::Args;

use crate::config::ServeArgs;

/// The settings of `serve` that say where everything is kept, and no others.
#[derive(Debug, Default, Args)]
pub(super) struct Place {
    /// The server's TOML file
    #[arg(long, value_name = "FILE", env = "LANYARD_CONFIG")]
    pub(super) config: Option<PathBuf>,

    /// Where everything is kept: `sqlite:<directory>` or `postgres://…` [default: sqlite:lanyard-data]
    #[arg(
        long,
        value_name = "URL",
        env = "LANYARD_DATABASE",
        hide_env_values = true
    )]
    pub(super) database: Option<String>,
}

impl From<Place> for ServeArgs {
    fn from(place: Place) -> Self {
        Self {
            config: place.config,
            database: place.database,
            ..Self::default()
        }
    }
}
