//! What is said of campaigns.

use chrono::{DateTime, Utc};
use domain::campaign::{CampaignScope, Skip};
use domain::keyring::Algorithm;
use projections::campaigns::{KeyState, RotatedRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::accounts::{FailureBody, failed, parked};
use crate::app::campaigns::{JudgedKey, KnownCampaign, ReportedKey};

/// A campaign to be started. At least one of `algorithms`, `older_than_days`, `provider`, `users` and
/// `keys` says which keys; a key has to fit all that are given.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct StartCampaign {
    /// Only keys of these algorithms; `rsa` and `ecdsa` stand for all of their sizes.
    #[schema(example = json!(["rsa"]))]
    algorithms: Option<Vec<String>>,
    /// Only keys that are so old.
    #[schema(minimum = 1, maximum = 3650)]
    older_than_days: Option<u16>,
    /// Only keys at this provider.
    provider: Option<String>,
    /// Only keys of these people, 1000 at most.
    users: Option<Vec<String>>,
    /// Only these keys, 1000 at most: each by its id, or by its fingerprint (`SHA256:…`). Those that
    /// are no longer anybody's current one are done.
    keys: Option<Vec<String>>,
    /// Whether the old keys must not be trusted any more: they are withdrawn first, and there is a
    /// moment without a key.
    compromised: Option<bool>,
    /// How fast: 60 where nobody says.
    #[schema(minimum = 1, maximum = 600)]
    keys_per_minute: Option<u16>,
    /// Why, in your words. It stays in the log.
    #[schema(example = "RSA is to go until the end of the year")]
    reason: String,
    /// Whether only to say what would be done.
    dry_run: Option<bool>,
}

/// Why a campaign is paused, lets go on or cancelled.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; the fields are read one by one"
)]
pub(crate) struct MoveCampaign {
    /// Why, in your words.
    reason: Option<String>,
}

/// What a campaign would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignPlanBody {
    /// True: nothing was started.
    pub(super) dry_run: bool,
    /// How many keys it would rotate.
    pub(super) planned: u64,
    /// How many keys it would leave as they are.
    pub(super) skipped: u64,
    /// One by one, oldest first; the first thousand.
    pub(super) items: Vec<PlannedKeyBody>,
}

/// One key that a campaign would take up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedKeyBody {
    /// What would be done: `rotate` or `skip`.
    would: &'static str,
    /// Why it would be left as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<SkipBody>,
    /// The key.
    key: String,
    /// The person.
    user: String,
    /// The account; absent for a personal key.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The provider; absent for a personal key.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Its algorithm.
    algorithm: &'static str,
    /// The algorithm that a new key in its place would have.
    new_algorithm: &'static str,
    /// Its fingerprint.
    fingerprint: String,
    /// When it was made.
    #[serde(with = "domain::time")]
    made_at: DateTime<Utc>,
}

/// Why a key is left as it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkipBody {
    /// `personal`, `grant_lost`, `unlinking`, `provider_disabled`, `removed` or `same_algorithm`.
    why: &'static str,
    /// What to do about it.
    remedy: &'static str,
}

/// Which keys a campaign takes up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignScopeBody {
    /// Only keys of these algorithms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    algorithms: Vec<&'static str>,
    /// Only keys that were so old when it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    older_than_days: Option<u16>,
    /// Only keys at this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Only keys of these people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
    /// Only these keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
}

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignBody {
    /// The campaign's id.
    campaign: String,
    /// Which keys it takes up.
    scope: CampaignScopeBody,
    /// Whether the old keys are withdrawn first.
    compromised: bool,
    /// How fast it goes.
    keys_per_minute: u16,
    /// `running`, `paused`, `cancelled` or `completed`.
    status: &'static str,
    /// Why it was started.
    reason: Option<String>,
    /// Who started it.
    started_by: String,
    /// When it began.
    #[serde(with = "domain::time")]
    started_at: DateTime<Utc>,
    /// When it was over.
    #[serde(with = "domain::time::optional")]
    finished_at: Option<DateTime<Utc>>,
    /// How many keys were to be rotated when it was asked for.
    planned: u64,
    /// How many keys it has replaced. The next four say how far these are now.
    rotated: u64,
    /// How many of the new keys are at their provider.
    placed: u64,
    /// How many are on their way.
    open: u64,
    /// How many wait for somebody.
    parked: u64,
    /// How many have been replaced again since, or their account unlinked.
    over: u64,
    /// How many keys in the scope are left as they are: as it was when it began, or when it was
    /// completed.
    skipped: u64,
}

/// A page of campaigns.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignsBody {
    /// Newest first.
    pub(super) campaigns: Vec<CampaignBody>,
    /// The cursor of the next page, for `before`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<u64>,
}

/// A campaign that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StartedCampaignBody {
    /// The campaign's id.
    pub(super) campaign: String,
    /// How many keys it rotates.
    pub(super) planned: u64,
    /// How many keys in its scope are left as they are.
    pub(super) skipped: u64,
}

/// A page of a campaign's report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignReportBody {
    /// Every key in the scope, oldest first.
    pub(super) keys: Vec<ReportedKeyBody>,
    /// The cursor of the next page, for `after`; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// One key of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportedKeyBody {
    /// The person.
    user: String,
    /// The account; absent for a personal key.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The provider; absent for a personal key.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// How far it is now: `planned`, `open`, `placed`, `parked`, `over`, `skipped`, or `left` where
    /// the campaign was over first.
    state: &'static str,
    /// Why it is left as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<SkipBody>,
    /// Why the last try at the provider failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// The key that was there before.
    old_key: String,
    /// Its algorithm.
    old_algorithm: &'static str,
    /// Its fingerprint.
    old_fingerprint: String,
    /// The key in its place, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_key: Option<String>,
    /// Its algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_algorithm: Option<&'static str>,
    /// Its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_fingerprint: Option<String>,
    /// When it took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(with = "domain::time::optional")]
    rotated_at: Option<DateTime<Utc>>,
}

pub(super) fn campaign(known: KnownCampaign) -> CampaignBody {
    let KnownCampaign { row, progress } = known;
    CampaignBody {
        campaign: row.campaign.to_string(),
        scope: scope(row.scope),
        compromised: row.compromised,
        keys_per_minute: row.keys_per_minute.get(),
        status: row.status.as_str(),
        reason: row.reason,
        started_by: row.by,
        started_at: row.started_at,
        finished_at: row.finished_at,
        planned: row.planned,
        rotated: progress.rotated,
        placed: progress.placed,
        open: progress.open,
        parked: progress.parked,
        over: progress.over,
        skipped: row.skipped,
    }
}

fn scope(scope: CampaignScope) -> CampaignScopeBody {
    let algorithms = scope.algorithms.into_iter().map(Algorithm::as_str);
    let users = scope.users.into_iter();
    let keys = scope.keys.into_iter();
    CampaignScopeBody {
        algorithms: algorithms.collect(),
        older_than_days: scope.older_than_days.map(domain::settings::KeyAge::get),
        provider: scope.provider.map(|provider| provider.to_string()),
        users: users.map(|user| user.to_string()).collect(),
        keys: keys.map(|key| key.to_string()).collect(),
    }
}

fn skipped(skip: Skip) -> SkipBody {
    SkipBody {
        why: skip.as_str(),
        remedy: skip.remedy(),
    }
}

pub(super) fn planned(judged: JudgedKey) -> PlannedKeyBody {
    let JudgedKey { row, next, skip } = judged;
    PlannedKeyBody {
        would: if skip.is_some() { "skip" } else { "rotate" },
        skip: skip.map(skipped),
        key: row.key.to_string(),
        user: row.user.to_string(),
        account: row.account.map(|account| account.to_string()),
        provider: row.provider.map(|provider| provider.to_string()),
        algorithm: row.algorithm.as_str(),
        new_algorithm: next.as_str(),
        fingerprint: row.fingerprint,
        made_at: row.made_at,
    }
}

pub(super) fn reported(line: ReportedKey) -> ReportedKeyBody {
    match line {
        ReportedKey::Rotated(row) => rotated(row),
        ReportedKey::Waiting(JudgedKey { row, skip, .. }, state) => ReportedKeyBody {
            user: row.user.to_string(),
            account: row.account.map(|account| account.to_string()),
            provider: row.provider.map(|provider| provider.to_string()),
            state: state.as_str(),
            skip: skip.map(skipped),
            failure: None,
            old_key: row.key.to_string(),
            old_algorithm: row.algorithm.as_str(),
            old_fingerprint: row.fingerprint,
            new_key: None,
            new_algorithm: None,
            new_fingerprint: None,
            rotated_at: None,
        },
    }
}

fn rotated(row: RotatedRow) -> ReportedKeyBody {
    ReportedKeyBody {
        user: row.user.to_string(),
        account: Some(row.account.to_string()),
        provider: row.provider.map(|provider| provider.to_string()),
        state: row.state.as_str(),
        skip: None,
        failure: row.failure.map(|failure| match row.state {
            // Nothing happens by itself any more.
            KeyState::Parked => parked(failure),
            _ => failed(failure),
        }),
        old_key: row.replaced.to_string(),
        old_algorithm: row.old_algorithm.as_str(),
        old_fingerprint: row.old_fingerprint,
        new_key: Some(row.key.to_string()),
        new_algorithm: Some(row.new_algorithm.as_str()),
        new_fingerprint: Some(row.new_fingerprint),
        rotated_at: Some(row.rotated_at),
    }
}
