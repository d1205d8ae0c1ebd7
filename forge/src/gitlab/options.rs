//! How strict a practice GitLab is.

use std::fmt;

use crate::clock::{Clock, system_clock};

/// How a key that is held already is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitLabDuplicate {
    /// `fingerprint_sha256` alone: what GitLab says today.
    Sha256,
    /// `fingerprint` and `key`: what older releases said, and the documentation still does.
    Older,
}

/// What a practice GitLab is started with.
#[derive(Clone)]
pub struct GitLabOptions {
    /// Where it takes the time from.
    pub clock: Clock,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// The path it lives under: `""`, or `"/gitlab"` for a relative root.
    pub root: String,
    /// The name it has of itself; it stands in the comment of every key.
    pub host: String,
    /// The release that it says it is.
    pub version: String,
    /// Calls per minute and person; `None` switches the limit off, with its headers.
    pub per_minute: Option<u32>,
    /// Calls per minute without a token, for the whole server; heeded if there is a limit.
    pub anonymous_per_minute: u32,
    /// How a key that is held already is refused.
    pub duplicate: GitLabDuplicate,
    /// Whether keys have a usage, as since 15.7; before, the field is ignored.
    pub usage_type: bool,
}

impl GitLabOptions {
    /// Plays GitLab.com: limits on, at the root of its host.
    pub fn dot_com() -> Self {
        Self {
            host: "gitlab.com".to_owned(),
            per_minute: Some(2000),
            ..Self::self_managed()
        }
    }

    /// Plays a server of somebody's own: limits off, as they are by default.
    pub fn self_managed() -> Self {
        Self {
            clock: system_clock(),
            port: 0,
            root: String::new(),
            host: "gitlab.example".to_owned(),
            version: "18.5.1-ee".to_owned(),
            per_minute: None,
            anonymous_per_minute: 500,
            duplicate: GitLabDuplicate::Sha256,
            usage_type: true,
        }
    }

    /// Plays a server of somebody's own that lives under a path: `"/gitlab"`.
    pub fn below(root: &str) -> Self {
        Self {
            root: root.trim_end_matches('/').to_owned(),
            ..Self::self_managed()
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }
}

impl Default for GitLabOptions {
    fn default() -> Self {
        Self::self_managed()
    }
}

impl fmt::Debug for GitLabOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitLabOptions")
            .field("port", &self.port)
            .field("root", &self.root)
            .field("host", &self.host)
            .field("version", &self.version)
            .field("per_minute", &self.per_minute)
            .field("duplicate", &self.duplicate)
            .field("usage_type", &self.usage_type)
            .finish_non_exhaustive()
    }
}
