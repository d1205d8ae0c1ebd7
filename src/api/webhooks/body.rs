//! What is sent and answered of webhooks.

use chrono::{DateTime, Utc};
use domain::webhook::DisabledCause;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::webhooks::{KnownWebhook, WithSecret};

/// A webhook to be added.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct AddWebhook {
    /// Where messages are sent, by https. It stays in the history for ever: it must hold no secret.
    #[schema(example = "https://ops.example.com/hooks/lanyard")]
    pub(super) url: String,
    /// Of which kinds of notices; of all, where none is named.
    #[schema(example = json!(["needs_relink", "provider_down"]))]
    pub(super) kinds: Option<Vec<String>>,
}

/// What is to be changed of a webhook; what is absent stays.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct ChangeWebhook {
    /// Where messages are sent.
    pub(super) url: Option<String>,
    /// Of which kinds of notices; an empty list: of all.
    pub(super) kinds: Option<Vec<String>>,
}

/// A new secret for a webhook.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct RotateWebhook {
    /// For how many hours messages carry the old signature too: 0 to 168, 24 where nobody says.
    pub(super) overlap_hours: Option<u64>,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookBody {
    /// The webhook's id.
    pub(super) webhook: String,
    /// Where messages are sent.
    pub(super) url: String,
    /// Of which kinds of notices; none: of all.
    pub(super) kinds: Vec<&'static str>,
    /// `active`, `failing` or `disabled`.
    pub(super) status: &'static str,
    /// Why it is disabled: `gone` (it answered 410) or `unanswered` (it took nothing for days).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) disabled: Option<DisabledCause>,
    /// How many tries of the next message have failed.
    pub(super) attempts: u32,
    /// When the first of them did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    pub(super) failing_since: Option<DateTime<Utc>>,
    /// Why the last of them did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    pub(super) next_try: Option<DateTime<Utc>>,
    /// When the last message was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    pub(super) delivered_at: Option<DateTime<Utc>>,
    /// Until when messages carry the signature of the old secret too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    pub(super) overlap_until: Option<DateTime<Utc>>,
    /// When it was added.
    #[serde(with = "domain::time")]
    pub(super) added_at: DateTime<Utc>,
    /// Who added it.
    pub(super) added_by: String,
    /// How often it was changed.
    pub(super) revision: u64,
}

/// A webhook with a new secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookSecretBody {
    /// The secret that signs. It is shown now and never again.
    #[schema(example = "whsec_…")]
    pub(super) secret: String,
    /// The webhook.
    #[serde(flatten)]
    pub(super) webhook: WebhookBody,
}

/// A page of webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhooksBody {
    /// Oldest first.
    pub(super) webhooks: Vec<WebhookBody>,
    /// The cursor of the next page, for `after`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// What came of a test message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookTestBody {
    /// Whether the receiver took it.
    pub(super) delivered: bool,
    /// Why not, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

pub(super) fn with_secret(made: WithSecret, now: DateTime<Utc>) -> WebhookSecretBody {
    WebhookSecretBody {
        secret: made.secret.expose_str().to_owned(),
        webhook: body(made.known, now),
    }
}

pub(super) fn body(known: KnownWebhook, now: DateTime<Utc>) -> WebhookBody {
    let KnownWebhook { row, progress } = known;
    let overlap = row.previous.map(|(_, until)| until);
    WebhookBody {
        status: match (row.disabled, progress.attempts) {
            (Some(_), _) => "disabled",
            (None, 0) => "active",
            (None, _) => "failing",
        },
        webhook: row.webhook.to_string(),
        url: row.url.to_string(),
        kinds: row.kinds.iter().map(|kind| kind.as_str()).collect(),
        disabled: row.disabled,
        attempts: progress.attempts,
        failing_since: progress.failing_since,
        problem: progress.problem,
        next_try: progress.due_at.filter(|_| row.disabled.is_none()),
        delivered_at: progress.delivered_at,
        overlap_until: overlap.filter(|until| now < *until),
        added_at: row.added_at,
        added_by: row.added_by,
        revision: row.revision,
    }
}
