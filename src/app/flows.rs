//! Flows: what is remembered between sending a person to a provider and their return.
//!
//! A flow is a row under the hash of a one-time text, first the ticket that the person's browser
//! starts with, then the `state` that it comes back with. It belongs to one person, one API token,
//! one browser, and one revision of one provider; it works once, within ten minutes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, ProviderSlug, TokenId, UserId, format_time};
use projections::{Row, Statement, UnreadableRow, Value};
use serde::{Deserialize, Serialize};

use super::digest::sha256_hex;
use super::{App, CaseError, CommandError, Rule};
use crate::database::DatabaseError;
use crate::vault::{Owner, Purpose, Secret, VaultError};

/// How long a flow lives.
pub const FLOW_LIFE: TimeDelta = TimeDelta::minutes(10);

/// How long a used-up flow is kept: nobody needs it, but a look at the table tells.
const KEPT: TimeDelta = TimeDelta::days(1);

/// A flow under way.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// Under which hash it is kept.
    pub(super) hash: String,
    pub(super) provider: ProviderSlug,
    pub(super) user: UserId,
    pub(super) token: TokenId,
    pub(super) revision: u64,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) boxed: Boxed,
}

/// What of a flow is sealed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Boxed {
    /// Where the person's browser goes afterwards.
    #[serde(default)]
    pub(super) return_to: Option<String>,
    /// The account that is to be linked again, where it must be that one.
    #[serde(default)]
    pub(super) account: Option<AccountId>,
    /// The hash of the browser's cookie, once it has started.
    #[serde(default)]
    pub(super) browser: Option<String>,
    /// What the adapter wants to have again at the end, once it has started.
    #[serde(default)]
    pub(super) kept: Option<String>,
}

impl Boxed {
    pub(super) fn kept(&self) -> Option<Secret> {
        self.kept.as_deref().map(Secret::from)
    }

    /// Says whether this is the browser that started.
    pub(super) fn is_from(&self, cookie: Option<&str>) -> bool {
        let (Some(known), Some(cookie)) = (&self.browser, cookie) else {
            return false;
        };
        let sent = hash("browser", cookie);
        verify_slices_are_equal(known.as_bytes(), sent.as_bytes()).is_ok()
    }
}

/// What a started flow is known by, besides its row.
pub(super) struct Started {
    /// The text that the provider sends back.
    pub(super) state: String,
    /// The text that the browser's cookie holds.
    pub(super) cookie: String,
}

impl App {
    /// Keeps a new flow; returns its ticket.
    pub(super) async fn keep_flow(
        &self,
        provider: &ProviderSlug,
        revision: u64,
        user: &UserId,
        token: TokenId,
        boxed: Boxed,
    ) -> Result<(Secret, DateTime<Utc>), CaseError> {
        let ticket = self.new_text();
        let flow = Flow {
            hash: hash("ticket", &ticket),
            provider: provider.clone(),
            user: user.clone(),
            token,
            revision,
            expires_at: self.now() + FLOW_LIFE,
            boxed,
        };
        let outdated = Statement::new(
            "DELETE FROM oauth_flows WHERE expires_at < $1",
            [format_time(self.now() - KEPT).into()],
        );
        let insert = self.insertion(&flow).await?;
        self.database.transact(vec![outdated, insert]).await?;
        Ok((ticket.into(), flow.expires_at))
    }

    /// Makes the texts of a flow that starts.
    pub(super) fn new_start(&self) -> Started {
        Started {
            state: self.new_text(),
            cookie: self.new_text(),
        }
    }

    /// Moves a flow from its ticket to its `state`: the ticket works once.
    pub(super) async fn start_flow(
        &self,
        mut flow: Flow,
        started: &Started,
        kept: Option<&Secret>,
    ) -> Result<(), CaseError> {
        let used = Statement::new(
            "DELETE FROM oauth_flows WHERE state_hash = $1 AND consumed_at IS NULL",
            [flow.hash.into()],
        );
        flow.hash = hash("state", &started.state);
        flow.boxed.browser = Some(hash("browser", &started.cookie));
        flow.boxed.kept = kept.map(|kept| kept.expose_str().to_owned());
        let insert = self.insertion(&flow).await?;
        let moved = vec![used.must_change_one(), insert];
        match self.database.transact(moved).await {
            Ok(_) => Ok(()),
            Err(DatabaseError::Stale) => Err(Rule::FlowNotFound.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Finds the flow of a ticket.
    pub(super) async fn flow_of_ticket(&self, ticket: &str) -> Result<Flow, CaseError> {
        self.flow(hash("ticket", ticket)).await
    }

    /// Finds the flow of a `state`.
    pub(super) async fn flow_of_state(&self, state: &str) -> Result<Flow, CaseError> {
        self.flow(hash("state", state)).await
    }

    async fn flow(&self, hash: String) -> Result<Flow, CaseError> {
        let asked = Statement::new(
            "SELECT provider, user_id, session_id, revision, box, expires_at FROM oauth_flows \
             WHERE state_hash = $1 AND consumed_at IS NULL",
            [hash.as_str().into()],
        );
        let row = self.database.get(asked).await?.ok_or(Rule::FlowNotFound)?;
        let (mut flow, sealed) = read(hash, &row)?;
        if self.now() >= flow.expires_at {
            return Err(Rule::FlowNotFound.into());
        }
        let owner = Owner::Person(flow.user.clone());
        let opened = self
            .vault
            .open_box(&owner, Purpose::OauthFlow, &flow.hash, &sealed)
            .await;
        let opened = match opened {
            Ok(opened) => opened,
            // The person was erased meanwhile.
            Err(VaultError::Destroyed | VaultError::NotFound) => {
                return Err(Rule::FlowNotFound.into());
            }
            Err(error) => return Err(error.into()),
        };
        flow.boxed = serde_json::from_slice(opened.expose())
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        Ok(flow)
    }

    /// Uses a flow up: of several callbacks, one goes on.
    pub(super) async fn use_up(&self, flow: &Flow) -> Result<(), CaseError> {
        let used = Statement::new(
            "UPDATE oauth_flows SET consumed_at = $2 WHERE state_hash = $1 AND consumed_at IS NULL",
            [flow.hash.as_str().into(), format_time(self.now()).into()],
        );
        match self.database.transact(vec![used.must_change_one()]).await {
            Ok(_) => Ok(()),
            Err(DatabaseError::Stale) => Err(Rule::FlowNotFound.into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn insertion(&self, flow: &Flow) -> Result<Statement, CaseError> {
        let owner = Owner::Person(flow.user.clone());
        let text = serde_json::to_string(&flow.boxed)
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let sealed = self
            .vault
            .seal_box(&owner, Purpose::OauthFlow, &flow.hash, &text.into())
            .await?;
        let args: [Value; 8] = [
            flow.hash.as_str().into(),
            flow.provider.as_str().into(),
            flow.user.as_str().into(),
            flow.token.to_string().into(),
            flow.revision.into(),
            sealed.into(),
            format_time(self.now()).into(),
            format_time(flow.expires_at).into(),
        ];
        Ok(Statement::new(
            "INSERT INTO oauth_flows (state_hash, provider, user_id, session_id, revision, box, \
             created_at, expires_at, consumed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)",
            args,
        ))
    }

    /// Makes a text that nobody can guess: 256 bits.
    pub(super) fn new_text(&self) -> String {
        let mut bytes = [0; 32];
        self.ids.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Returns the name that a flow's cookie has in the browser, so that several flows at once do not
/// disturb each other.
pub fn cookie_name(state: &str, secure: bool) -> String {
    // `__Host-`: set by this host over TLS, for this host only.
    let prefix = if secure { "__Host-" } else { "" };
    format!("{prefix}lanyard_flow_{}", &hash("state", state)[..12])
}

fn hash(kind: &str, text: &str) -> String {
    sha256_hex(format!("{kind}/{text}"))
}

fn read(hash: String, row: &Row) -> Result<(Flow, Vec<u8>), UnreadableRow> {
    let flow = Flow {
        hash,
        provider: row.parsed(0, "a provider")?,
        user: row.parsed(1, "a person")?,
        token: row.parsed(2, "a token")?,
        revision: row.number(3)?,
        expires_at: row.parsed(5, "a time")?,
        boxed: Boxed::default(),
    };
    Ok((flow, row.bytes(4)?.to_vec()))
}
