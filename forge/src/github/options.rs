//! How strict a practice GitHub is.

use std::fmt;

use crate::clock::{Clock, system_clock};

/// Which GitHub is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// GitHub.com: PKCE, rate limits, host keys in `/meta`; apps registered as new apps get
    /// tokens that expire.
    DotCom,
    /// Enterprise Server: none of these, but its version in every answer.
    Enterprise,
}

/// How fast a token may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePace {
    /// As fast as it likes.
    Free,
    /// Once per second, as GitHub asks for; who is faster meets the secondary limit for a minute.
    OncePerSecond,
}

/// What a practice GitHub is started with.
#[derive(Clone)]
pub struct GitHubOptions {
    /// Which GitHub is played.
    pub flavour: Flavour,
    /// Where it takes the time from.
    pub clock: Clock,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// Whether a `code_challenge` is heeded; if not, it is ignored.
    pub pkce: bool,
    /// Calls per hour and person; `None` switches the limit off, with its headers.
    pub hourly_limit: Option<u32>,
    /// Calls per hour without a token, for the whole server; heeded if there is an hourly limit.
    pub anonymous_hourly_limit: u32,
    /// What a call over the hourly limit is answered: 403 or 429.
    pub over_limit_status: u16,
    /// How fast a token may write.
    pub write_pace: WritePace,
    /// The release that Enterprise Server says it is.
    pub enterprise_version: String,
}

impl GitHubOptions {
    /// Plays GitHub.com.
    pub fn dot_com() -> Self {
        Self {
            flavour: Flavour::DotCom,
            clock: system_clock(),
            port: 0,
            pkce: true,
            hourly_limit: Some(5000),
            anonymous_hourly_limit: 60,
            over_limit_status: 403,
            write_pace: WritePace::Free,
            enterprise_version: "3.19.0".to_owned(),
        }
    }

    /// Plays GitHub Enterprise Server.
    pub fn enterprise() -> Self {
        Self {
            flavour: Flavour::Enterprise,
            pkce: false,
            hourly_limit: None,
            ..Self::dot_com()
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }
}

impl Default for GitHubOptions {
    fn default() -> Self {
        Self::dot_com()
    }
}

impl fmt::Debug for GitHubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubOptions")
            .field("flavour", &self.flavour)
            .field("port", &self.port)
            .field("pkce", &self.pkce)
            .field("hourly_limit", &self.hourly_limit)
            .field("write_pace", &self.write_pace)
            .finish_non_exhaustive()
    }
}
