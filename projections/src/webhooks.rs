//! Webhooks: the receivers of notices outside, and how to sign for them.

use chrono::{DateTime, Utc};
use domain::webhook::{DisabledCause, WebhookEvent, WebhookUrl};
use domain::{Event, NoticeKind, Recorded, SecretRef, WebhookId};

use crate::read::Reader;
use crate::write::{json, maybe, text, time, word};
use crate::{Limit, Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `webhooks`.
pub struct Webhooks;

/// One webhook that was not removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// The webhook.
    pub webhook: WebhookId,
    /// Where messages are sent.
    pub url: WebhookUrl,
    /// Of which kinds of notices; none named: of all.
    pub kinds: Vec<NoticeKind>,
    /// Where the vault keeps the secret that signs.
    pub secret: SecretRef,
    /// The secret before it, and until when it signs too.
    pub previous: Option<(SecretRef, DateTime<Utc>)>,
    /// Why nothing is sent, if nothing is.
    pub disabled: Option<DisabledCause>,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// Who added it.
    pub added_by: String,
    /// The stream's version.
    pub revision: u64,
    /// The index of its first event: what happened before is not sent.
    pub begun: u64,
}

impl Projection for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "webhooks",
            key: &["webhook"],
            columns: "webhook TEXT NOT NULL, url TEXT NOT NULL, kinds TEXT NOT NULL, \
                      secret TEXT NOT NULL, previous TEXT, previous_until TEXT, disabled TEXT, \
                      removed_at TEXT, added_at TEXT NOT NULL, added_by TEXT NOT NULL, \
                      revision BIGINT NOT NULL, begun BIGINT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Webhook(event) => vec![statement(recorded, event)],
            Event::Access(_)
            | Event::Account(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_) => vec![],
        }
    }
}

/// Writes an update of one webhook: what changes, besides `$1` to `$3`.
macro_rules! update {
    ($set:literal) => {
        concat!(
            "UPDATE {webhooks} SET ",
            $set,
            ", revision = $2, idx = $3 WHERE webhook = $1 AND idx < $3"
        )
    };
}

fn statement(recorded: &Recorded<Event>, event: &WebhookEvent) -> Statement {
    use WebhookEvent as E;
    // $1 to $3: which webhook, and what every change sets.
    let with = |sql: &'static str, webhook: &WebhookId, more: Vec<Value>| {
        let stamp = [
            text(webhook),
            recorded.version.into(),
            recorded.index.into(),
        ];
        Statement::new(sql, stamp.into_iter().chain(more))
    };
    match event {
        E::WebhookAdded {
            webhook,
            url,
            kinds,
            secret,
        } => with(
            "INSERT INTO {webhooks} AS t (webhook, revision, idx, begun, url, kinds, secret, \
             added_at, added_by) VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (webhook) DO NOTHING",
            webhook,
            vec![
                text(url),
                json(kinds),
                text(secret),
                time(recorded.recorded_at),
                Value::from(recorded.header.actor.id.as_str()),
            ],
        ),
        E::WebhookChanged {
            webhook,
            url,
            kinds,
        } => with(
            update!("url = COALESCE($4, url), kinds = COALESCE($5, kinds)"),
            webhook,
            vec![
                maybe(url.as_ref()),
                kinds.as_ref().map_or(Value::Null, json),
            ],
        ),
        E::WebhookRemoved { webhook } => with(
            update!("removed_at = $4"),
            webhook,
            vec![time(recorded.recorded_at)],
        ),
        E::WebhookDisabled { webhook, cause } => {
            with(update!("disabled = $4"), webhook, vec![word(cause)])
        }
        E::WebhookEnabled { webhook } => with(update!("disabled = NULL"), webhook, vec![]),
        E::WebhookSecretRotated {
            webhook,
            secret,
            overlap_until,
        } => with(
            update!("previous = secret, secret = $4, previous_until = $5"),
            webhook,
            vec![text(secret), time(*overlap_until)],
        ),
    }
}

/// The columns of a row, in the order in which [`from_row`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT webhook, url, kinds, secret, previous, previous_until, disabled, added_at, \
             added_by, revision, begun FROM {webhooks} ",
            $rest
        )
    };
}

/// Asks for one webhook, unless it was removed.
pub fn by_id(webhook: WebhookId) -> Statement {
    Statement::new(
        select!("WHERE webhook = $1 AND removed_at IS NULL"),
        [text(&webhook)],
    )
}

/// Asks for the webhooks, after one of them, oldest first, removed ones left out.
pub fn page(after: Option<WebhookId>, limit: Limit) -> Statement {
    let after = after.map_or_else(|| Value::from(""), |webhook| text(&webhook));
    Statement::new(
        select!("WHERE webhook > $1 AND removed_at IS NULL ORDER BY webhook LIMIT $2"),
        [after, limit.rows().into()],
    )
}

/// Asks for every webhook that was not removed: there are few.
pub fn all() -> Statement {
    Statement::new(select!("WHERE removed_at IS NULL ORDER BY webhook"), [])
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<WebhookRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(WebhookRow {
        webhook: row.parsed()?,
        url: row.parsed()?,
        kinds: row.json()?,
        secret: row.parsed()?,
        previous: {
            let (secret, until) = (row.maybe()?, row.maybe_time()?);
            secret.zip(until)
        },
        disabled: row.maybe_word()?,
        added_at: row.time()?,
        added_by: row.text()?,
        revision: row.number()?,
        begun: row.number()?,
    })
}

#[cfg(test)]
pub(crate) mod sample {
    //! Events for tests.

    use uuid::Uuid;

    use super::{DisabledCause, NoticeKind, WebhookEvent, WebhookId};
    use crate::sample::{at, secret};

    /// Every event that a webhook can have, in an order in which it can.
    pub(crate) fn every() -> [WebhookEvent; 6] {
        let webhook = WebhookId::new(Uuid::from_u128(10));
        [
            WebhookEvent::WebhookAdded {
                webhook,
                url: "https://ops.example.com/hooks".parse().unwrap(),
                kinds: vec![NoticeKind::ProviderDown],
                secret: secret(),
            },
            WebhookEvent::WebhookChanged {
                webhook,
                url: None,
                kinds: Some(vec![]),
            },
            WebhookEvent::WebhookSecretRotated {
                webhook,
                secret: secret(),
                overlap_until: at(9),
            },
            WebhookEvent::WebhookDisabled {
                webhook,
                cause: DisabledCause::Gone,
            },
            WebhookEvent::WebhookEnabled { webhook },
            WebhookEvent::WebhookRemoved { webhook },
        ]
    }
}
