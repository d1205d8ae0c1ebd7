//! How strict a practice Gitea is.

use std::fmt;

use crate::clock::{Clock, system_clock};

/// Which product is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiteaFlavour {
    /// Gitea as of 1.26.
    Gitea,
    /// Forgejo as of 12: it left Gitea at 1.22, and says so in its version.
    Forgejo,
}

/// What becomes of a refresh token that was used (`INVALIDATE_REFRESH_TOKENS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiteaRefresh {
    /// It stays good until it runs out: Gitea's default.
    Reusable,
    /// Only the newest of a grant is good: Forgejo's default.
    Rotating,
}

/// What becomes of the scopes that a person granted, when the same app asks for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiteaRegrant {
    /// The grant takes the new scopes: Gitea since 1.26.
    Updates,
    /// The grant keeps the old ones. An app with a secret gets a code for these and no word of
    /// it; an app without is refused.
    Keeps,
}

/// What a practice Gitea is started with.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the real server that is on or off"
)]
pub struct GiteaOptions {
    /// Which product is played.
    pub flavour: GiteaFlavour,
    /// Where it takes the time from.
    pub clock: Clock,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// The path below which it stands, as `/git`; empty for the root.
    pub root: String,
    /// What becomes of used refresh tokens.
    pub refresh: GiteaRefresh,
    /// What becomes of granted scopes when others are asked for.
    pub regrant: GiteaRegrant,
    /// Whether scopes count. If not, every token may do everything: Gitea before 1.23.
    pub scopes: bool,
    /// Whether it gives tokens to apps at all (`[oauth2] ENABLED`).
    pub oauth: bool,
    /// What `/api/v1/version` says.
    pub version: String,
    /// The fewest bits of an RSA key (`[ssh.minimum_key_sizes] RSA`).
    pub least_rsa_bits: usize,
    /// What a key that is none is answered: 422, or 500 as old versions do.
    pub bad_key_status: u16,
    /// Whether lists have pages. If not, each is whole, whatever is asked for: Gitea before 1.12.
    pub pages: bool,
    /// Whether a list says how many rows there are (`X-Total-Count`): Gitea since 1.15.
    pub counts: bool,
    /// How many rows a page has at most (`[api] MAX_RESPONSE_ITEMS`).
    pub most_per_page: usize,
    /// The server's own name (`DOMAIN`), in whose namespace a key is proven through the API. Nothing
    /// at a server whose API takes no proofs: every Gitea, and Forgejo until of late.
    pub proofs: Option<String>,
    /// Whether the API is closed to everybody without a token (`REQUIRE_SIGNIN_VIEW`).
    pub sign_in_to_view: bool,
}

impl GiteaOptions {
    /// Plays Gitea.
    pub fn gitea() -> Self {
        Self {
            flavour: GiteaFlavour::Gitea,
            clock: system_clock(),
            port: 0,
            root: String::new(),
            refresh: GiteaRefresh::Reusable,
            regrant: GiteaRegrant::Updates,
            scopes: true,
            oauth: true,
            version: "1.26.2".to_owned(),
            least_rsa_bits: 3071,
            bad_key_status: 422,
            pages: true,
            counts: true,
            most_per_page: 50,
            proofs: None,
            sign_in_to_view: false,
        }
    }

    /// Plays Forgejo.
    pub fn forgejo() -> Self {
        Self {
            flavour: GiteaFlavour::Forgejo,
            refresh: GiteaRefresh::Rotating,
            regrant: GiteaRegrant::Keeps,
            version: "12.0.4+gitea-1.22.0".to_owned(),
            ..Self::gitea()
        }
    }

    /// Plays a Forgejo that takes proofs of keys, at an address that is no name: `DOMAIN` is then
    /// what it is by default.
    pub fn forgejo_that_takes_proofs() -> Self {
        Self {
            version: "17.0.0+gitea-1.22.0".to_owned(),
            proofs: Some("localhost".to_owned()),
            ..Self::forgejo()
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Stands below a path: `/git`.
    #[must_use]
    pub fn below(self, root: &str) -> Self {
        Self {
            root: root.to_owned(),
            ..self
        }
    }
}

impl Default for GiteaOptions {
    fn default() -> Self {
        Self::gitea()
    }
}

impl fmt::Debug for GiteaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GiteaOptions")
            .field("flavour", &self.flavour)
            .field("port", &self.port)
            .field("root", &self.root)
            .field("refresh", &self.refresh)
            .field("regrant", &self.regrant)
            .finish_non_exhaustive()
    }
}
