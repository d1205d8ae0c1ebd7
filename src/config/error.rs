//! What may be wrong with the settings.

/// What is wrong with the settings. Each names the setting and says what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the file {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the file {path} is wrong: {source}")]
    Malformed {
        /// The file.
        path: String,
        /// What and where.
        source: toml::de::Error,
    },
    /// `database` is neither of the two forms.
    #[error("database must be sqlite:<directory> or postgres://<user>@<host>/<name>")]
    Database,
    /// `public-url` cannot be reached by a browser.
    #[error("public-url must be an http or https URL without query, fragment and user name")]
    PublicUrl,
    /// `bitbucket-consumer-key` is none that Bitbucket takes.
    #[error("bitbucket-consumer-key must have 1 to 200 printable ASCII characters without blanks")]
    ConsumerKey,
    /// PostgreSQL has no directory in which a key could be made.
    #[error("with PostgreSQL, set LANYARD_KEY or name the vault's key with --key-file")]
    NoKey,
}
