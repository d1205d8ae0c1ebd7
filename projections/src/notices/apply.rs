//! What each event makes of the notices.
//!
//! | opens | with | closed by |
//! | --- | --- | --- |
//! | `needs_relink` | `GrantLost`, unless the account is being unlinked | a new grant, unlinking |
//! | `key_blocked` | a parked key, unless a lost grant, a refused app or an outage of its provider is a notice of its own | the key being settled, or wanted otherwise |
//! | `revocation_blocked` | a parked revocation, with the same exceptions | the end of the unlinking |
//! | `key_drift` | `KeyDriftFound`, of a key or, where the log does not know it, a fingerprint | `KeyDriftSettled`, the key or the account on its way out |
//! | `key_expiring` | `KeyExpiring` | the key being put there again, or taken away |
//! | `app_refused` | `ProviderAppRefused` | `ProviderAppAccepted`, removal |
//! | `provider_down` | `BreakerOpened` | `BreakerClosed`, removal |
//! | `provider_paused` | `ProviderPaused` | `ProviderResumed`, removal |

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, PublicationCause, WithdrawalCause};
use domain::provider::ProviderEvent;
use domain::{
    AccountId, Blame, Event, Failure, NoticeKind, ProviderSlug, ReasonCode, Recorded, UserId,
};

use crate::about::About;
use crate::write::{maybe, maybe_time, text, time};
use crate::{Statement, Value};

/// Writes a new notice unless one of its kind was open at that point of the log. Told by the
/// rows' whole lives and not by what is open now, so that an event seen again changes nothing.
macro_rules! open {
    ($unless:literal) => {
        concat!(
            "INSERT INTO {notices} AS t (subject, item, kind, opened, notice, provider, user_id, \
             account, key, code, expires_at, opened_at, idx) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $4 \
             WHERE NOT EXISTS (SELECT 1 FROM {notices} AS o WHERE o.subject = $1 AND o.item = $2 \
             AND o.kind = $3 AND o.opened < $4 AND (o.closed IS NULL OR o.closed > $4))",
            $unless,
            " ON CONFLICT (subject, item, kind, opened) DO NOTHING"
        )
    };
}

/// Writes an update of open notices: which, besides their subject.
macro_rules! close {
    ($which:literal) => {
        concat!(
            "UPDATE {notices} SET closed = $2, closed_at = $3, idx = $2 \
             WHERE subject = $1 AND closed IS NULL AND idx < $2",
            $which
        )
    };
}

pub(super) fn account(recorded: &Recorded<Event>, event: &AccountEvent) -> Vec<Statement> {
    use AccountEvent as E;
    match event {
        E::GrantLost { failure, .. } => {
            let open = open(
                recorded,
                NoticeKind::NeedsRelink,
                Some(failure.code.as_str()),
                None,
                open!(
                    " AND NOT EXISTS (SELECT 1 FROM {notice_leavers} AS l WHERE l.account = $1 \
                     AND l.begun < $4 AND (l.ended IS NULL OR l.ended > $4))"
                ),
            );
            vec![open]
        }
        E::GrantRenewed { account, .. } => {
            let of_the_grant = close!(" AND item = '' AND kind = 'needs_relink'");
            vec![close(recorded, account, of_the_grant)]
        }
        E::UnlinkRequested { account, .. } => vec![
            close(
                recorded,
                account,
                close!(" AND kind IN ('needs_relink', 'key_drift', 'key_expiring')"),
            ),
            leaves(recorded, *account),
        ],
        E::AccountUnlinked { account, .. } => vec![
            close(recorded, account, close!("")),
            Statement::new(
                "UPDATE {notice_leavers} SET ended = $2, idx = $2 WHERE account = $1 \
                 AND ended IS NULL AND idx < $2",
                [text(account), recorded.index.into()],
            ),
        ],
        E::KeyPublicationParked { failure, .. } | E::KeyWithdrawalParked { failure, .. } => {
            blocked(recorded, NoticeKind::KeyBlocked, failure)
        }
        E::GrantRevocationParked { failure, .. } => {
            blocked(recorded, NoticeKind::RevocationBlocked, failure)
        }
        E::KeyDriftFound { what, .. } => {
            let (kind, code) = (NoticeKind::KeyDrift, what.code());
            vec![
                open(recorded, kind, Some(code.as_str()), None, open!("")),
                otherwise(recorded, kind, code),
            ]
        }
        E::KeyDriftSettled { .. } => vec![close_key(
            recorded,
            close!(" AND item = $4 AND kind = 'key_drift'"),
        )],
        E::KeyExpiring { expires_at, .. } => {
            let kind = NoticeKind::KeyExpiring;
            vec![open(recorded, kind, None, Some(*expires_at), open!(""))]
        }
        E::KeyPublished { .. } => vec![close_key(
            recorded,
            close!(" AND item = $4 AND kind IN ('key_blocked', 'key_expiring')"),
        )],
        E::KeyWithdrawn { .. } | E::KeyReleased { .. } | E::KeyPlacementDiscarded { .. } => {
            vec![close_key(recorded, close!(" AND item = $4"))]
        }
        // It is wanted otherwise than before. Another try of the same is no recovery yet.
        E::KeyPublicationRequested { cause, .. } => match cause {
            PublicationCause::Link
            | PublicationCause::Rotation
            | PublicationCause::Restore
            | PublicationCause::AutoRestore => vec![close_key(
                recorded,
                close!(" AND item = $4 AND kind = 'key_blocked'"),
            )],
            PublicationCause::Replay(_) | PublicationCause::Retry => vec![],
        },
        E::KeyWithdrawalRequested { cause, .. } => match cause {
            WithdrawalCause::Rotation | WithdrawalCause::Unlink => {
                vec![close_key(recorded, close!(" AND item = $4"))]
            }
            WithdrawalCause::Replay(_) | WithdrawalCause::Retry => vec![],
        },
        E::AccountLinked { .. }
        | E::LinkGivenUp { .. }
        | E::UnlinkForced { .. }
        | E::GrantRevocationRequested { .. }
        | E::GrantRevocationFailed { .. }
        | E::KeyPublicationFailed { .. }
        | E::KeyWithdrawalFailed { .. } => vec![],
    }
}

pub(super) fn provider(recorded: &Recorded<Event>, event: &ProviderEvent) -> Vec<Statement> {
    use ProviderEvent as E;
    match event {
        E::ProviderAppRefused { failure, .. } => {
            let (kind, code) = (NoticeKind::AppRefused, Some(failure.code.as_str()));
            vec![open(recorded, kind, code, None, open!(""))]
        }
        E::ProviderAppAccepted { provider } => {
            let of_the_app = close!(" AND item = '' AND kind = 'app_refused'");
            vec![close(recorded, provider, of_the_app)]
        }
        E::BreakerOpened { failure, .. } => {
            let (kind, code) = (NoticeKind::ProviderDown, Some(failure.code.as_str()));
            vec![open(recorded, kind, code, None, open!(""))]
        }
        E::BreakerClosed { provider, .. } => {
            let of_the_outage = close!(" AND item = '' AND kind = 'provider_down'");
            vec![close(recorded, provider, of_the_outage)]
        }
        E::ProviderPaused { .. } => {
            let kind = NoticeKind::ProviderPaused;
            vec![open(recorded, kind, None, None, open!(""))]
        }
        E::ProviderResumed { provider } => {
            let of_the_pause = close!(" AND item = '' AND kind = 'provider_paused'");
            vec![close(recorded, provider, of_the_pause)]
        }
        E::ProviderRemoved { provider } => vec![close(recorded, provider, close!(""))],
        E::ProviderAdded { .. }
        | E::ProviderChanged { .. }
        | E::ProviderDisabled { .. }
        | E::ProviderEnabled { .. }
        | E::ProviderSecretStaged { .. }
        | E::ProviderSecretConfirmed { .. }
        | E::ProviderSecretDropped { .. }
        | E::ProviderRemovalRequested { .. }
        | E::ProviderRemovalCancelled { .. }
        | E::BreakerHalfOpened { .. }
        | E::HookSecretSet { .. }
        | E::ProviderRedirectNoted { .. }
        | E::ProviderGrantLeft { .. }
        | E::ProviderHostKeysRecorded { .. } => vec![],
    }
}

/// Says that a parked key or revocation waits for somebody, unless they are told otherwise: a lost grant is a
/// notice of its own, a refused app and an outage are one each for all keys, and what they parked
/// goes on when they end. Whatever else parks a key, nothing else would ever speak of it.
fn blocked(recorded: &Recorded<Event>, kind: NoticeKind, failure: &Failure) -> Vec<Statement> {
    use ReasonCode as R;
    let code = Some(failure.code.as_str());
    let sql = match (failure.code, failure.blame) {
        (R::GrantRevoked | R::GrantExpired | R::GrantLostRotation, _) => return vec![],
        (
            R::AppCredentialsInvalid
            | R::RedirectUriMismatch
            | R::AppSuspended
            | R::AppScopeMissing
            | R::ClockSkew,
            Blame::App,
        ) => open!(
            " AND NOT EXISTS (SELECT 1 FROM {notices} AS p WHERE p.subject = $6 AND p.item = '' \
             AND p.kind = 'app_refused' AND p.opened < $4 AND (p.closed IS NULL OR p.closed > $4))"
        ),
        (
            R::ProviderUnreachable
            | R::ProviderTls
            | R::ProviderRateLimited
            | R::ProviderError
            | R::ProviderProtocol,
            Blame::Provider,
        ) => open!(
            " AND NOT EXISTS (SELECT 1 FROM {notices} AS p WHERE p.subject = $6 AND p.item = '' \
             AND p.kind = 'provider_down' AND p.opened < $4 AND (p.closed IS NULL OR p.closed > $4))"
        ),
        (
            R::AppCredentialsInvalid
            | R::RedirectUriMismatch
            | R::AppSuspended
            | R::AppScopeMissing
            | R::ClockSkew
            | R::ProviderUnreachable
            | R::ProviderTls
            | R::ProviderRateLimited
            | R::ProviderError
            | R::ProviderProtocol
            | R::KeyConflictOtherAccount
            | R::KeyTypeNotAllowed
            | R::KeyTooShort
            | R::KeyRejected
            | R::RemoveByHand
            | R::KeyMissingAtProvider
            | R::KeyChangedAtProvider
            | R::KeyExpired
            | R::KeyNotUsable
            | R::KeyWrongType
            | R::KeyNotForSigning
            | R::KeyDuplicate
            | R::ProviderPaused
            | R::KeyForeign
            | R::KeySsoUnauthorized
            | R::KeyOrgRestricted
            | R::ScopeMissing
            | R::IdentityMismatch
            | R::AccountSuspended
            | R::DecryptFailed
            | R::Internal,
            _,
        ) => open!(""),
    };
    vec![
        open(recorded, kind, code, None, sql),
        otherwise(recorded, kind, failure.code),
    ]
}

/// Returns what an event is about: an account, or a provider; and a key, or nothing.
fn subject<'a>(about: &About<'a>) -> (Value, Option<&'a UserId>, Option<&'a ProviderSlug>) {
    let subject = match about.account {
        Some(account) => text(&account),
        None => maybe(about.provider),
    };
    (subject, about.user, about.provider)
}

fn open(
    recorded: &Recorded<Event>,
    kind: NoticeKind,
    code: Option<&'static str>,
    expires_at: Option<DateTime<Utc>>,
    sql: &'static str,
) -> Statement {
    let about = About::event(&recorded.event);
    let (subject, user, provider) = subject(&about);
    Statement::new(
        sql,
        [
            subject,
            item(recorded),
            kind.as_str().into(),
            recorded.index.into(),
            text(&recorded.header.id),
            maybe(provider),
            maybe(user),
            maybe(about.account.as_ref()),
            maybe(about.key.as_ref()),
            Value::from(code),
            maybe_time(expires_at),
            time(recorded.recorded_at),
        ],
    )
}

/// An open notice of a key says what it is now.
fn otherwise(recorded: &Recorded<Event>, kind: NoticeKind, code: ReasonCode) -> Statement {
    let about = About::event(&recorded.event);
    let (subject, ..) = subject(&about);
    Statement::new(
        "UPDATE {notices} SET code = $4, idx = $3 WHERE subject = $1 AND item = $2 \
         AND kind = $5 AND closed IS NULL AND idx < $3",
        [
            subject,
            item(recorded),
            recorded.index.into(),
            code.as_str().into(),
            kind.as_str().into(),
        ],
    )
}

/// Closes notices of a subject.
fn close(
    recorded: &Recorded<Event>,
    subject: &impl std::fmt::Display,
    sql: &'static str,
) -> Statement {
    Statement::new(sql, closing(recorded, text(subject)))
}

/// Closes notices of the key that an event is about.
fn close_key(recorded: &Recorded<Event>, sql: &'static str) -> Statement {
    let about = About::event(&recorded.event);
    let (subject, ..) = subject(&about);
    let args = closing(recorded, subject)
        .into_iter()
        .chain([item(recorded)]);
    Statement::new(sql, args)
}

fn closing(recorded: &Recorded<Event>, subject: Value) -> [Value; 3] {
    [subject, recorded.index.into(), time(recorded.recorded_at)]
}

/// Returns what of its subject an event is about: a key, the fingerprint of one that the log does
/// not know, or nothing but the subject itself.
fn item(recorded: &Recorded<Event>) -> Value {
    let about = About::event(&recorded.event);
    if let Some(key) = about.key {
        return text(&key);
    }
    if let Event::Account(
        AccountEvent::KeyDriftFound { fingerprint, .. }
        | AccountEvent::KeyDriftSettled { fingerprint, .. },
    ) = &recorded.event
    {
        return fingerprint.as_deref().unwrap_or_default().into();
    }
    "".into()
}

/// Notes that an account is being unlinked: nobody is asked any more to link it again.
fn leaves(recorded: &Recorded<Event>, account: AccountId) -> Statement {
    Statement::new(
        "INSERT INTO {notice_leavers} AS t (account, begun, idx) VALUES ($1, $2, $2) \
         ON CONFLICT (account, begun) DO NOTHING",
        [text(&account), recorded.index.into()],
    )
}
