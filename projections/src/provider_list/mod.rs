//! The providers: everything an admin sees of one, and what is needed to connect to it.

mod apply;
mod questions;
#[cfg(test)]
pub(crate) mod sample;

use chrono::{DateTime, Utc};
use domain::breaker::Outage;
use domain::keyring::Algorithm;
use domain::provider::{Callback, OnMissing, Protocol, ProviderKind};
use domain::{
    BaseUrl, CaBundle, ClientId, Description, DisplayName, Event, Failure, HostKeyLine,
    ProviderSlug, ProxyUrl, PublicPem, Recorded, SecretRef,
};

use crate::read::Reader;
use crate::word::words;
use crate::{Projection, Row, Statement, Table, UnreadableRow};

pub use questions::{
    Recovered, State, all, by_slug, out, recovered, recovered_from_row, state_from_row, states,
    stopped,
};

/// Fills `provider_list`.
pub struct ProviderList;

words!(
    /// What a provider is fit for.
    ProviderStatus {
        /// Everything.
        Active = "active",
        /// An operator stopped key sync.
        Paused = "paused",
        /// An admin stopped new links and key sync.
        Disabled = "disabled",
        /// Removed for good; its slug is spent.
        Removed = "removed",
    }
);

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that turn apart from each other"
)]
pub struct ProviderRow {
    /// Its short name.
    pub provider: ProviderSlug,
    /// Which product it runs.
    pub kind: ProviderKind,
    /// What people call it.
    pub name: DisplayName,
    /// A few words about it.
    pub description: Description,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The id of the OAuth app registered there.
    pub client_id: Option<ClientId>,
    /// Where the vault keeps the app's secret.
    pub client_secret: Option<SecretRef>,
    /// Which redirect URL the app is registered with.
    pub callback: Callback,
    /// The algorithm of new keys here, where it is not the deployment's default.
    pub algorithm: Option<Algorithm>,
    /// Whether to use PKCE, where it is not left to what the product is known to support.
    pub pkce: Option<bool>,
    /// How people grant access.
    pub protocol: Protocol,
    /// The public half of the key that the vault keeps, for OAuth 1.0a.
    pub public_key: Option<PublicPem>,
    /// Whether keys are also to be good for signing commits.
    pub signing: bool,
    /// Certificates of authorities that are trusted there besides the system's.
    pub ca_bundle: Option<CaBundle>,
    /// The proxy on the way there, where it is not the deployment's.
    pub proxy: Option<ProxyUrl>,
    /// What becomes of a key that is no longer there.
    pub on_missing: OnMissing,
    /// Where the vault keeps the secret by which what the product tells us is known to be its own.
    pub hook_secret: Option<SecretRef>,
    /// The redirect URL that the app is known to be registered with.
    pub redirect_url: Option<BaseUrl>,
    /// Whether an admin stopped new links and key sync.
    pub disabled: bool,
    /// Whether an operator stopped key sync.
    pub paused: bool,
    /// Where the vault keeps the second secret, while there is one.
    pub staged_secret: Option<SecretRef>,
    /// Its public half, where it is a key of ours.
    pub staged_key: Option<PublicPem>,
    /// Whether it is to be removed once no account is linked any more.
    pub leaving: bool,
    /// Whether that waits for nothing.
    pub forced: bool,
    /// Why the provider refuses the app, if it does.
    pub refused: Option<Failure>,
    /// By which keys its SSH server is known.
    pub host_keys: Vec<HostKeyLine>,
    /// Since when and why it is left alone, if it does not answer.
    pub outage: Option<Outage>,
    /// Whether it was removed for good.
    pub removed: bool,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub changed_at: DateTime<Utc>,
    /// The stream's version, for `If-Match`.
    pub revision: u64,
}

impl ProviderRow {
    /// Returns the one word for what it is fit for.
    pub fn status(&self) -> ProviderStatus {
        match (self.removed, self.disabled, self.paused) {
            (true, _, _) => ProviderStatus::Removed,
            (false, true, _) => ProviderStatus::Disabled,
            (false, false, true) => ProviderStatus::Paused,
            (false, false, false) => ProviderStatus::Active,
        }
    }
}

impl Projection for ProviderList {
    fn name(&self) -> &'static str {
        "provider_list"
    }

    fn version(&self) -> u32 {
        5
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "provider_list",
            key: &["provider"],
            columns: "provider TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, \
                      description TEXT NOT NULL, base_url TEXT NOT NULL, client_id TEXT, \
                      client_secret TEXT, callback TEXT NOT NULL, algorithm TEXT, pkce TEXT, \
                      protocol TEXT NOT NULL, public_key TEXT, signing TEXT NOT NULL, \
                      ca_bundle TEXT, proxy TEXT, on_missing TEXT NOT NULL, hook_secret TEXT, redirect_url TEXT, \
                      disabled TEXT NOT NULL, paused TEXT NOT NULL, removed TEXT NOT NULL, \
                      staged_secret TEXT, staged_key TEXT, leaving TEXT NOT NULL, forced TEXT NOT NULL, \
                      failure_blame TEXT, failure_code TEXT, failure_detail TEXT, \
                      host_keys TEXT NOT NULL, breaker TEXT NOT NULL, outage_since TEXT, \
                      outage_blame TEXT, outage_code TEXT, outage_detail TEXT, \
                      recovered_at TEXT, \
                      added_at TEXT NOT NULL, changed_at TEXT NOT NULL, \
                      revision BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Provider(event) => vec![apply::statement(recorded, event)],
            Event::Access(_)
            | Event::Account(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<ProviderRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(ProviderRow {
        provider: row.parsed()?,
        kind: row.word()?,
        name: row.parsed()?,
        description: row.parsed()?,
        base_url: row.parsed()?,
        client_id: row.maybe()?,
        client_secret: row.maybe()?,
        callback: row.word()?,
        algorithm: row.maybe()?,
        pkce: row.maybe_yes_no()?,
        protocol: row.word()?,
        public_key: row.maybe()?,
        signing: row.yes_no()?,
        ca_bundle: row.maybe()?,
        proxy: row.maybe()?,
        on_missing: row.word()?,
        hook_secret: row.maybe()?,
        redirect_url: row.maybe()?,
        disabled: row.yes_no()?,
        paused: row.yes_no()?,
        staged_secret: row.maybe()?,
        staged_key: row.maybe()?,
        leaving: row.yes_no()?,
        forced: row.yes_no()?,
        refused: row.failure()?,
        host_keys: row.json()?,
        outage: outage(&mut row)?,
        removed: row.yes_no()?,
        added_at: row.time()?,
        changed_at: row.time()?,
        revision: row.number()?,
    })
}

/// Reads the columns of an outage; those of one that has ended are none.
fn outage(row: &mut Reader<'_>) -> Result<Option<Outage>, UnreadableRow> {
    let breaker: String = row.parsed()?;
    let (since, failure) = (row.maybe_time()?, row.failure()?);
    Ok(match (breaker.as_str(), since, failure) {
        ("open" | "half_open", Some(since), Some(failure)) => Some(Outage {
            since,
            failure,
            probed: breaker == "half_open",
        }),
        (_, _, _) => None,
    })
}
