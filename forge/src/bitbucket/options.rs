//! What a practice Bitbucket Server is started with.

use std::fmt;

use crate::clock::{Clock, system_clock};

/// What a practice Bitbucket Server is started with.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the product, and any combination exists"
)]
pub struct BitbucketOptions {
    /// Where it takes the time from.
    pub clock: Clock,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// The context path, `/bitbucket`, or nothing.
    pub context: String,
    /// The release that it says it is.
    pub version: String,
    /// Whether it has application links of OAuth 1.0a.
    pub oauth1: bool,
    /// Whether it has incoming links of OAuth 2.0.
    pub oauth2: bool,
    /// Whether access tokens of OAuth 1.0a come with lifetimes and a session handle.
    pub session_handles: bool,
    /// Whether a refresh token of OAuth 2.0 is replaced when it is used.
    pub rotates_refresh: bool,
    /// Where it believes to be, if a reverse proxy keeps the truth from it:
    /// `http://bitbucket.internal:7990`. Signatures are checked against that.
    pub believes_to_be: Option<String>,
}

impl BitbucketOptions {
    /// Plays Data Center 9.4, which has both eras.
    pub fn data_center() -> Self {
        Self {
            clock: system_clock(),
            port: 0,
            context: String::new(),
            version: "9.4.0".to_owned(),
            oauth1: true,
            oauth2: true,
            session_handles: true,
            rotates_refresh: true,
            believes_to_be: None,
        }
    }

    /// Plays Server 7.6, which has OAuth 1.0a only.
    pub fn server() -> Self {
        Self {
            version: "7.6.16".to_owned(),
            oauth2: false,
            ..Self::data_center()
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Lives below a context path, `/bitbucket`.
    #[must_use]
    pub fn below(self, context: &str) -> Self {
        Self {
            context: context.trim_end_matches('/').to_owned(),
            ..self
        }
    }
}

impl Default for BitbucketOptions {
    fn default() -> Self {
        Self::data_center()
    }
}

impl fmt::Debug for BitbucketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BitbucketOptions")
            .field("port", &self.port)
            .field("context", &self.context)
            .field("version", &self.version)
            .field("oauth1", &self.oauth1)
            .field("oauth2", &self.oauth2)
            .finish_non_exhaustive()
    }
}
