//! What a receiver is told: ids, a code, words. No secret, and of people nothing but their id.

use chrono::{DateTime, Utc};
use domain::WebhookId;
use projections::notices::{Change, Phase};
use serde::Serialize;

use crate::app::CommandError;

/// A message, as it is sent and signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same at each try, so that a receiver takes it once.
    pub id: String,
    /// JSON.
    pub body: String,
}

#[derive(Serialize)]
struct Body<T> {
    #[serde(rename = "type")]
    kind: String,
    /// When it came about, not when it is sent.
    #[serde(with = "domain::time")]
    timestamp: DateTime<Utc>,
    data: T,
}

#[derive(Serialize)]
struct NoticeData {
    notice: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    words: String,
    remedy: &'static str,
    provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(
        with = "domain::time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    expires_at: Option<DateTime<Utc>>,
    #[serde(with = "domain::time")]
    since: DateTime<Utc>,
    #[serde(
        with = "domain::time::optional",
        skip_serializing_if = "Option::is_none"
    )]
    closed_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct TestData {
    webhook: String,
}

impl Message {
    /// Tells that a notice opened or closed.
    pub fn of(change: &Change) -> Result<Self, CommandError> {
        let (row, phase) = (&change.notice, change.phase.as_str());
        // Told alike at each try: that it was over by then is told by a message of its own.
        let closed_at = match change.phase {
            Phase::Opened => None,
            Phase::Closed => row.closed_at,
        };
        let body = Body {
            kind: format!("notice.{}.{phase}", row.kind.as_str()),
            timestamp: closed_at.unwrap_or(row.since),
            data: NoticeData {
                notice: row.notice.to_string(),
                kind: row.kind.as_str(),
                code: row.code.clone(),
                words: row.words(),
                remedy: row.remedy(),
                provider: row.provider.to_string(),
                user: row.user.as_ref().map(ToString::to_string),
                account: row.account.map(|account| account.to_string()),
                key: row.key.map(|key| key.to_string()),
                fingerprint: row.fingerprint.clone(),
                expires_at: row.expires_at,
                since: row.since,
                closed_at,
            },
        };
        Self::new(format!("msg_{}_{phase}", row.notice), &body)
    }

    /// Tells nothing but that messages arrive.
    pub(super) fn test(
        webhook: WebhookId,
        id: uuid::Uuid,
        now: DateTime<Utc>,
    ) -> Result<Self, CommandError> {
        let body = Body {
            kind: "webhook.test".to_owned(),
            timestamp: now,
            data: TestData {
                webhook: webhook.to_string(),
            },
        };
        Self::new(format!("msg_{id}_test"), &body)
    }

    fn new(id: String, body: &impl Serialize) -> Result<Self, CommandError> {
        let body = serde_json::to_string(body)
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        Ok(Self { id, body })
    }
}
