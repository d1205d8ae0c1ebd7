//! What each event makes of a placement.

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, Presence, PublicationCause, WithdrawalCause};
use domain::{AccountId, Event, Failure, KeyId, Recorded, ReplayId};

use super::{Cause, PlacementStatus, Wanted, drift};
use crate::about::About;
use crate::write::{failure, maybe, maybe_time, text, time, word};
use crate::{Statement, Value};

/// Writes an update of placements: what changes and of which, besides `$1` to `$3`.
macro_rules! update {
    ($set:literal, $which:literal) => {
        concat!(
            "UPDATE {key_placements} SET ",
            $set,
            ", changed_at = $3, idx = $2 WHERE account = $1 AND idx < $2 AND ",
            $which
        )
    };
}

/// Writes the statements that an event calls for.
pub(super) fn statements(recorded: &Recorded<Event>, event: &AccountEvent) -> Vec<Statement> {
    use AccountEvent as E;
    vec![match event {
        E::KeyPublicationRequested { cause, .. } => {
            let (cause, replay) = match *cause {
                PublicationCause::Link => (Cause::Link, None),
                PublicationCause::Rotation => (Cause::Rotation, None),
                PublicationCause::Replay(replay) => (Cause::Replay, Some(replay)),
                PublicationCause::Retry => (Cause::Retry, None),
                PublicationCause::Restore | PublicationCause::AutoRestore => (Cause::Restore, None),
            };
            requested(recorded, event, Wanted::Present, cause, replay)
        }
        E::KeyWithdrawalRequested { cause, .. } => {
            let (cause, replay) = match *cause {
                WithdrawalCause::Rotation => (Cause::Rotation, None),
                WithdrawalCause::Unlink => (Cause::Unlink, None),
                WithdrawalCause::Replay(replay) => (Cause::Replay, Some(replay)),
                WithdrawalCause::Retry => (Cause::Retry, None),
            };
            requested(recorded, event, Wanted::Absent, cause, replay)
        }
        E::KeyPublished {
            account,
            key,
            remote_key,
            presence,
            expires_at,
            ..
        } => {
            let published = published(
                recorded,
                *account,
                *key,
                remote_key.as_deref(),
                *presence,
                *expires_at,
            );
            return vec![published, looked_for_again(recorded, *account)];
        }
        E::KeyPublicationFailed {
            account,
            key,
            failure,
            attempts,
            retry_at,
            ..
        }
        | E::KeyWithdrawalFailed {
            account,
            key,
            failure,
            attempts,
            retry_at,
            ..
        } => failed(
            recorded,
            *account,
            *key,
            failure,
            *attempts,
            Some(*retry_at),
        ),
        E::KeyPublicationParked {
            account,
            key,
            failure,
            attempts,
            ..
        }
        | E::KeyWithdrawalParked {
            account,
            key,
            failure,
            attempts,
            ..
        } => failed(recorded, *account, *key, failure, *attempts, None),
        E::KeyWithdrawn { account, key, .. } => Statement::new(
            update!(
                "status = 'withdrawn', due_at = NULL, failure_blame = NULL, \
                 failure_code = NULL, failure_detail = NULL, remote_key = NULL, presence = NULL, \
                 expires_at = NULL, settled_at = $3",
                "key = $4"
            ),
            stamped(recorded, *account).into_iter().chain([text(key)]),
        ),
        E::KeyReleased { account, key, .. } => Statement::new(
            update!(
                "wanted = 'absent', status = 'released', due_at = NULL, failure_blame = NULL, \
                 failure_code = NULL, failure_detail = NULL, presence = 'adopted', \
                 settled_at = $3",
                "key = $4"
            ),
            stamped(recorded, *account).into_iter().chain([text(key)]),
        ),
        E::KeyPlacementDiscarded { account, key, .. } => Statement::new(
            update!(
                "wanted = 'absent', status = 'left', due_at = NULL, remote_key = NULL, \
                 expires_at = NULL, settled_at = $3",
                "key = $4"
            ),
            stamped(recorded, *account).into_iter().chain([text(key)]),
        ),
        // What is still to be done now can no longer be; what is there stays, if it was forced, and is
        // nobody's business.
        E::AccountUnlinked { account, .. } => {
            let left = Statement::new(
                update!(
                    "status = CASE WHEN status IN ('requested', 'failed', 'parked', 'published') \
                     THEN 'left' ELSE status END, settled_at = CASE WHEN status IN ('requested', \
                     'failed', 'parked', 'published') THEN $3 ELSE settled_at END, due_at = NULL, \
                     drift = NULL, drifted_at = NULL",
                    "(status IN ('requested', 'failed', 'parked', 'published') OR drift IS NOT NULL)"
                ),
                stamped(recorded, *account),
            );
            return vec![left, drift::forget(recorded, *account)];
        }
        E::KeyExpiring { account, key, .. } => Statement::new(
            update!("reminded = 'yes'", "key = $4"),
            stamped(recorded, *account).into_iter().chain([text(key)]),
        ),
        E::KeyDriftFound {
            account,
            key: Some(key),
            what,
            ..
        } => Statement::new(
            update!("drift = $5, drifted_at = $3", "key = $4"),
            stamped(recorded, *account)
                .into_iter()
                .chain([text(key), what.as_str().into()]),
        ),
        E::KeyDriftSettled {
            account,
            key: Some(key),
            ..
        } => {
            let settled = Statement::new(
                update!("drift = NULL, drifted_at = NULL", "key = $4"),
                stamped(recorded, *account).into_iter().chain([text(key)]),
            );
            return vec![settled, looked_for_again(recorded, *account)];
        }
        E::UnlinkRequested { account, .. } => looked_for_again(recorded, *account),
        E::KeyDriftFound {
            key: None,
            fingerprint: Some(fingerprint),
            remote_key,
            ..
        } => drift::appeared(recorded, event, fingerprint, remote_key.as_deref()),
        E::KeyDriftSettled {
            account,
            key: None,
            fingerprint: Some(fingerprint),
            ..
        } => drift::went(recorded, *account, fingerprint),
        E::KeyDriftFound {
            key: None,
            fingerprint: None,
            ..
        }
        | E::KeyDriftSettled {
            key: None,
            fingerprint: None,
            ..
        }
        | E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::GrantRenewed { .. }
        | E::GrantLost { .. }
        | E::UnlinkForced { .. }
        | E::GrantRevocationRequested { .. }
        | E::GrantRevocationFailed { .. }
        | E::GrantRevocationParked { .. } => return vec![],
    }]
}

/// What was put off because its successor was not there is due: that may be over, or no longer
/// matters. Nothing else that we are to blame for is tried again by itself.
fn looked_for_again(recorded: &Recorded<Event>, account: AccountId) -> Statement {
    Statement::new(
        update!(
            "due_at = $3",
            "status = 'failed' AND wanted = 'absent' AND failure_blame = 'us'"
        ),
        stamped(recorded, account),
    )
}

/// Returns `$1` to `$3`: which account, and what every change sets.
fn stamped(recorded: &Recorded<Event>, account: AccountId) -> [Value; 3] {
    [
        text(&account),
        recorded.index.into(),
        time(recorded.recorded_at),
    ]
}

fn requested(
    recorded: &Recorded<Event>,
    event: &AccountEvent,
    wanted: Wanted,
    cause: Cause,
    replay: Option<ReplayId>,
) -> Statement {
    let About {
        account,
        user,
        provider,
        key,
    } = About::account(event);
    Statement::new(
        // It is due at once, and keeps the last replay that took it up.
        "INSERT INTO {key_placements} AS t (account, key, user_id, provider, wanted, status, \
         due_at, attempts, reminded, cause, replay, requested_at, changed_at, request, \
         correlation, idx) VALUES ($1, $2, $3, $4, $5, 'requested', $6, 0, 'no', $7, $8, $6, $6, $9, $10, $11) \
         ON CONFLICT (account, key) DO UPDATE SET user_id = excluded.user_id, \
         wanted = excluded.wanted, status = excluded.status, due_at = excluded.due_at, \
         attempts = 0, failure_blame = NULL, failure_code = NULL, failure_detail = NULL, \
         failed_since = NULL, cause = excluded.cause, replay = COALESCE(excluded.replay, t.replay), \
         requested_at = excluded.requested_at, settled_at = NULL, \
         changed_at = excluded.changed_at, request = excluded.request, \
         correlation = excluded.correlation, idx = excluded.idx WHERE t.idx < excluded.idx",
        [
            maybe(account.as_ref()),
            maybe(key.as_ref()),
            maybe(user),
            maybe(provider),
            wanted.as_str().into(),
            time(recorded.recorded_at),
            cause.as_str().into(),
            maybe(replay.as_ref()),
            text(&recorded.header.id),
            text(&recorded.header.correlation),
            recorded.index.into(),
        ],
    )
}

fn published(
    recorded: &Recorded<Event>,
    account: AccountId,
    key: KeyId,
    remote_key: Option<&str>,
    presence: Presence,
    expires_at: Option<DateTime<Utc>>,
) -> Statement {
    // What was there before us stays so until it is made anew.
    let sql = match presence {
        Presence::Created | Presence::Adopted => update!(
            "status = 'published', due_at = NULL, attempts = 0, failure_blame = NULL, \
             failure_code = NULL, failure_detail = NULL, settled_at = $3, \
             remote_key = COALESCE($5, remote_key), presence = $6, expires_at = $7, \
             reminded = 'no'",
            "key = $4"
        ),
        Presence::Found | Presence::ByHand => update!(
            "status = 'published', due_at = NULL, attempts = 0, failure_blame = NULL, \
             failure_code = NULL, failure_detail = NULL, settled_at = $3, \
             remote_key = COALESCE($5, remote_key), \
             presence = CASE presence WHEN 'adopted' THEN presence ELSE $6 END, \
             expires_at = $7, reminded = 'no'",
            "key = $4"
        ),
    };
    Statement::new(
        sql,
        stamped(recorded, account).into_iter().chain([
            text(&key),
            Value::from(remote_key),
            word(&presence),
            maybe_time(expires_at),
        ]),
    )
}

fn failed(
    recorded: &Recorded<Event>,
    account: AccountId,
    key: KeyId,
    why: &Failure,
    attempts: u32,
    retry_at: Option<DateTime<Utc>>,
) -> Statement {
    let status = if retry_at.is_some() {
        PlacementStatus::Failed
    } else {
        PlacementStatus::Parked
    };
    Statement::new(
        update!(
            "status = $5, due_at = $6, attempts = $7, failure_blame = $8, failure_code = $9, \
             failure_detail = $10, failed_since = COALESCE(failed_since, $3)",
            "key = $4"
        ),
        stamped(recorded, account)
            .into_iter()
            .chain([
                text(&key),
                status.as_str().into(),
                maybe_time(retry_at),
                attempts.into(),
            ])
            .chain(failure(why)),
    )
}
