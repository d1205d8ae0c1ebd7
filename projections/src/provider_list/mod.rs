//! The providers: everything an admin sees of one, and what is needed to connect to it.

use chrono::{DateTime, Utc};
use domain::keyring::Algorithm;
use domain::provider::{Callback, OnMissing, Protocol, ProviderEvent, ProviderKind};
use domain::{
    BaseUrl, CaBundle, ClientId, Description, DisplayName, Event, Failure, HostKeyLine,
    ProviderSlug, ProxyUrl, PublicPem, Recorded, SecretRef,
};

use crate::read::Reader;
use crate::word::words;
use crate::write::{failure, json, maybe, text, time, word, yes_no};
use crate::{Projection, Row, Statement, Table, UnreadableRow, Value};

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
    reason = "four switches that turn apart from each other"
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
    /// Why the provider refuses the app, if it does.
    pub refused: Option<Failure>,
    /// By which keys its SSH server is known.
    pub host_keys: Vec<HostKeyLine>,
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
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "provider_list",
            key: &["provider"],
            columns: "provider TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, \
                      description TEXT NOT NULL, base_url TEXT NOT NULL, client_id TEXT, \
                      client_secret TEXT, callback TEXT NOT NULL, algorithm TEXT, pkce TEXT, \
                      protocol TEXT NOT NULL, public_key TEXT, signing TEXT NOT NULL, \
                      ca_bundle TEXT, proxy TEXT, on_missing TEXT NOT NULL, hook_secret TEXT, \
                      disabled TEXT NOT NULL, paused TEXT NOT NULL, removed TEXT NOT NULL, \
                      staged_secret TEXT, staged_key TEXT, leaving TEXT NOT NULL, \
                      failure_blame TEXT, failure_code TEXT, failure_detail TEXT, \
                      host_keys TEXT NOT NULL, \
                      added_at TEXT NOT NULL, changed_at TEXT NOT NULL, \
                      revision BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Provider(event) => vec![statement(recorded, event)],
            Event::Access(_)
            | Event::Account(_)
            | Event::Keyring(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_) => vec![],
        }
    }
}

/// Writes an update of one provider: what changes, and `$2` to `$4`.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "UPDATE {provider_list} SET ",
            $set,
            ", changed_at = $2, revision = $3, idx = $4 WHERE provider = $1 AND idx < $4"
        )
    };
}

mod changes;

fn statement(recorded: &Recorded<Event>, event: &ProviderEvent) -> Statement {
    use ProviderEvent as E;
    let simple = |sql: &'static str, provider| Statement::new(sql, stamped(recorded, provider));
    match event {
        E::ProviderAdded {
            provider,
            kind,
            name,
            description,
            base_url,
            client_id,
            client_secret,
            callback,
            algorithm,
            pkce,
            protocol,
            public_key,
            signing,
            ca_bundle,
            proxy,
            on_missing,
        } => Statement::new(
            "INSERT INTO {provider_list} AS t (provider, changed_at, revision, idx, added_at, \
             kind, name, description, base_url, client_id, client_secret, callback, algorithm, \
             pkce, protocol, public_key, signing, ca_bundle, proxy, on_missing, disabled, paused, \
             removed, leaving, host_keys) VALUES ($1, $2, $3, $4, $2, $5, $6, $7, $8, $9, $10, \
             $11, $12, $13, $14, $15, $16, $17, $18, $19, 'no', 'no', 'no', 'no', '[]') ON CONFLICT (provider) DO NOTHING",
            stamped(recorded, provider).into_iter().chain([
                word(kind),
                text(name),
                text(description),
                text(base_url),
                maybe(client_id.as_ref()),
                maybe(client_secret.as_ref()),
                word(callback),
                maybe(algorithm.as_ref()),
                pkce.map_or(Value::Null, yes_no),
                word(protocol),
                maybe(public_key.as_ref()),
                yes_no(*signing),
                maybe(ca_bundle.as_ref()),
                maybe(proxy.as_ref()),
                word(on_missing),
            ]),
        ),
        E::ProviderChanged { provider, changes } => changes::changed(recorded, provider, changes),
        E::ProviderDisabled { provider } => simple(update!("disabled = 'yes'"), provider),
        E::ProviderEnabled { provider } => simple(update!("disabled = 'no'"), provider),
        E::ProviderPaused { provider } => simple(update!("paused = 'yes'"), provider),
        E::ProviderResumed { provider } => simple(update!("paused = 'no'"), provider),
        E::ProviderRemoved { provider } => simple(update!("removed = 'yes'"), provider),
        E::ProviderSecretStaged {
            provider,
            secret,
            public_key,
        } => Statement::new(
            update!("staged_secret = $5, staged_key = $6"),
            stamped(recorded, provider)
                .into_iter()
                .chain([text(secret), maybe(public_key.as_ref())]),
        ),
        E::ProviderSecretConfirmed { provider } => simple(
            update!(
                "client_secret = staged_secret, public_key = COALESCE(staged_key, public_key), \
                 staged_secret = NULL, staged_key = NULL"
            ),
            provider,
        ),
        E::ProviderSecretDropped { provider } => {
            simple(update!("staged_secret = NULL, staged_key = NULL"), provider)
        }
        E::ProviderRemovalRequested { provider } => simple(update!("leaving = 'yes'"), provider),
        E::ProviderAppRefused {
            provider,
            failure: why,
        } => Statement::new(
            update!("failure_blame = $5, failure_code = $6, failure_detail = $7"),
            stamped(recorded, provider).into_iter().chain(failure(why)),
        ),
        E::ProviderAppAccepted { provider } => simple(
            update!("failure_blame = NULL, failure_code = NULL, failure_detail = NULL"),
            provider,
        ),
        E::ProviderHostKeysRecorded { provider, keys, .. } => Statement::new(
            update!("host_keys = $5"),
            stamped(recorded, provider).into_iter().chain([json(keys)]),
        ),
        E::HookSecretSet { provider, secret } => Statement::new(
            update!("hook_secret = $5"),
            stamped(recorded, provider)
                .into_iter()
                .chain([text(secret)]),
        ),
    }
}

/// Returns `$1` to `$4`: which provider, and what every change sets.
fn stamped(recorded: &Recorded<Event>, provider: &ProviderSlug) -> [Value; 4] {
    [
        text(provider),
        time(recorded.recorded_at),
        recorded.version.into(),
        recorded.index.into(),
    ]
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT provider, kind, name, description, base_url, client_id, client_secret, \
             callback, algorithm, pkce, protocol, public_key, signing, ca_bundle, proxy, on_missing, \
             hook_secret, disabled, paused, staged_secret, staged_key, leaving, failure_blame, failure_code, \
             failure_detail, host_keys, removed, added_at, changed_at, revision FROM {provider_list} ",
            $rest
        )
    };
}

/// Asks for one provider, also a removed one.
pub fn by_slug(provider: &ProviderSlug) -> Statement {
    Statement::new(select!("WHERE provider = $1"), [text(provider)])
}

/// Asks for every provider but the removed, by short name. There are never so many as to page.
pub fn all() -> Statement {
    Statement::new(select!("WHERE removed = 'no' ORDER BY provider"), [])
}

/// Asks where nothing is published or withdrawn by us, because key sync stands still or people
/// carry their keys by hand: the short names of the providers.
pub fn stopped() -> Statement {
    Statement::new(
        "SELECT provider FROM {provider_list} \
         WHERE removed = 'yes' OR disabled = 'yes' OR paused = 'yes' \
         OR kind IN ('azure_devops', 'ssh') ORDER BY provider",
        [],
    )
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
        disabled: row.yes_no()?,
        paused: row.yes_no()?,
        staged_secret: row.maybe()?,
        staged_key: row.maybe()?,
        leaving: row.yes_no()?,
        refused: row.failure()?,
        host_keys: row.json()?,
        removed: row.yes_no()?,
        added_at: row.time()?,
        changed_at: row.time()?,
        revision: row.number()?,
    })
}
