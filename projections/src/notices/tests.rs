//! Which events make notices, and what these say.

use domain::account::{AccountEvent, PublicationCause, WithdrawalCause};
use domain::reconcile::Drift;
use domain::{Blame, Event, Failure, NoticeKind, ReasonCode};

use super::{NoticeRow, Notices};
use crate::Projection;
use crate::sample::{account_event, ada, at, every, github, key, recorded, verb};

fn effects(event: AccountEvent) -> Vec<String> {
    let recorded = recorded(7, Event::Account(event));
    Notices.apply(&recorded).iter().map(verb).collect()
}

fn parked(blame: Blame, code: ReasonCode) -> AccountEvent {
    let failure = Failure::new(blame, code, Some("ada@example.com is not welcome"));
    account_event!(KeyPublicationParked, key: key(1), failure: failure, attempts: 2)
}

fn row(kind: NoticeKind, code: Option<ReasonCode>) -> NoticeRow {
    NoticeRow {
        notice: recorded(1, every().remove(0)).header.id,
        kind,
        provider: github(),
        user: Some(ada()),
        account: None,
        key: None,
        fingerprint: None,
        code: code.map(|code| code.as_str().to_owned()),
        expires_at: None,
        since: at(1),
        closed_at: None,
        opened: 1,
    }
}

#[test]
fn what_waits_for_somebody_is_told() {
    for (blame, code) in [
        (Blame::Us, ReasonCode::KeyConflictOtherAccount),
        (Blame::App, ReasonCode::KeyTypeNotAllowed),
        (Blame::Grant, ReasonCode::RemoveByHand),
        (Blame::Grant, ReasonCode::AccountSuspended),
        (Blame::App, ReasonCode::ProviderUnreachable),
        (Blame::Us, ReasonCode::DecryptFailed),
    ] {
        let told = effects(parked(blame, code));
        assert_eq!(told, ["INSERT notices", "UPDATE notices"], "{code:?}");
    }
}

#[test]
fn what_mends_itself_or_is_told_otherwise_is_not() {
    let lost = parked(Blame::Grant, ReasonCode::GrantRevoked);
    assert_eq!(effects(lost), [""; 0]);
    for (blame, code, kind) in [
        (
            Blame::Provider,
            ReasonCode::ProviderError,
            "'provider_down'",
        ),
        (
            Blame::Provider,
            ReasonCode::ProviderRateLimited,
            "'provider_down'",
        ),
        (
            Blame::App,
            ReasonCode::AppCredentialsInvalid,
            "'app_refused'",
        ),
    ] {
        let recorded = recorded(7, Event::Account(parked(blame, code)));
        let open = &Notices.apply(&recorded)[0];
        assert!(open.sql.contains(kind), "{code:?}: {}", open.sql);
    }
}

#[test]
fn drift_is_told_and_over_also_where_the_log_does_not_know_the_key() {
    let unknown = Some("SHA256:unknown".to_owned());
    for (key, fingerprint) in [(Some(key(1)), None), (None, unknown)] {
        let item = key.map_or("SHA256:unknown".to_owned(), |key| key.to_string());
        let found = account_event!(KeyDriftFound, key: key, what: Drift::Foreign,
            fingerprint: fingerprint.clone(), remote_key: None);
        assert_eq!(effects(found), ["INSERT notices", "UPDATE notices"]);
        let settled = account_event!(KeyDriftSettled, key: key, fingerprint: fingerprint);
        let statements = Notices.apply(&recorded(8, Event::Account(settled)));
        assert_eq!(statements.len(), 1);
        assert!(statements[0].args.contains(&item.as_str().into()));
    }
}

#[test]
fn another_try_of_the_same_is_no_recovery() {
    for cause in [
        PublicationCause::Retry,
        PublicationCause::Replay(crate::sample::replay()),
    ] {
        let again = account_event!(KeyPublicationRequested, key: key(1), cause: cause);
        assert_eq!(effects(again), [""; 0]);
    }
    let again = account_event!(KeyWithdrawalRequested, key: key(1), cause: WithdrawalCause::Retry);
    assert_eq!(effects(again), [""; 0]);
    let turned =
        account_event!(KeyWithdrawalRequested, key: key(1), cause: WithdrawalCause::Rotation);
    assert_eq!(effects(turned), ["UPDATE notices"]);
}

#[test]
fn nothing_that_a_provider_said_is_kept() {
    let recorded = recorded(
        7,
        Event::Account(parked(Blame::Us, ReasonCode::KeyRejected)),
    );
    for statement in Notices.apply(&recorded) {
        let args = format!("{:?}", statement.args);
        assert!(!args.contains("ada@example.com"), "{args}");
    }
}

#[test]
fn every_kind_says_what_it_is_and_what_to_do() {
    for kind in NoticeKind::ALL {
        for code in [None, Some(ReasonCode::GrantExpired)] {
            let row = row(kind, code);
            let words = row.words();
            assert!(words.contains("github"), "{words}");
            assert!(!words.contains("ada") && !words.ends_with('.'), "{words}");
            assert!(!row.remedy().is_empty() && !row.remedy().ends_with('.'));
        }
    }
    let expiring = NoticeRow {
        expires_at: Some(at(0)),
        ..row(NoticeKind::KeyExpiring, None)
    };
    assert_eq!(expiring.words(), "github ends a key on 2026-11-22");
}

#[test]
fn a_parked_revocation_is_told_as_a_parked_key_is() {
    let parked = |failure| account_event!(GrantRevocationParked, failure: failure, attempts: 12);
    let told = effects(parked(Failure::new(
        Blame::Provider,
        ReasonCode::ProviderError,
        None,
    )));
    assert_eq!(told, ["INSERT notices", "UPDATE notices"]);
    for (code, remedy) in [
        (
            ReasonCode::ProviderError,
            "an operator asks for another try",
        ),
        (ReasonCode::AppCredentialsInvalid, "an admin must enter"),
    ] {
        let row = row(NoticeKind::RevocationBlocked, Some(code));
        assert!(row.remedy().contains(remedy), "{}", row.remedy());
        assert!(row.words().contains("could not be revoked"));
    }
}
