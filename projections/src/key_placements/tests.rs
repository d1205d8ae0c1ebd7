use domain::Event;
use domain::account::{AccountEvent, Presence, PublicationCause};
use domain::replay::ReplayScope;

use super::*;
use crate::sample::{account, account_event, ada, at, down, key, recorded, replay, scope};
use crate::{Limit, Value};

/// Returns what a statement sets `column` to, if it names an argument for it.
fn value(event: AccountEvent, column: &str) -> Option<Value> {
    let statements = KeyPlacements.apply(&recorded(4, Event::Account(event)));
    let statement = statements.first()?;
    let (_, sets) = statement.sql.split_once(&format!("{column} = $"))?;
    let digits = sets.chars().take_while(char::is_ascii_digit).count();
    let number: usize = sets[..digits].parse().unwrap();
    Some(statement.args[number - 1].clone())
}

#[test]
fn a_requested_key_is_due_at_once() {
    let event = account_event!(
        KeyPublicationRequested,
        key: key(1),
        cause: PublicationCause::Replay(replay()),
    );
    let statements = KeyPlacements.apply(&recorded(4, Event::Account(event)));
    let text = |text: &str| Value::from(text);
    assert_eq!(
        statements[0].args,
        [
            text(&account().to_string()),
            text(&key(1).to_string()),
            text("ada"),
            text("github"),
            text("present"),
            text("2026-11-22T12:00:04.000000Z"),
            text("replay"),
            text(&replay().to_string()),
            text("00000000-0000-0000-0000-0000000003ec"),
            text("00000000-0000-0000-0000-000000000005"),
            Value::Int(4),
        ]
    );
}

#[test]
fn a_failed_key_is_due_at_its_next_try_and_a_parked_one_never() {
    let failed = |retry_at| {
        account_event!(
            KeyPublicationFailed,
            key: key(1),
            failure: down(),
            attempts: 1,
            retry_at: retry_at,
        )
    };
    let parked = || account_event!(KeyPublicationParked, key: key(1), failure: down(), attempts: 9);
    assert_eq!(
        value(failed(at(60)), "due_at"),
        Some("2026-11-22T12:01:00.000000Z".into())
    );
    assert_eq!(value(failed(at(60)), "status"), Some("failed".into()));
    assert_eq!(value(parked(), "due_at"), Some(Value::Null));
    assert_eq!(value(parked(), "status"), Some("parked".into()));
    assert_eq!(value(parked(), "attempts"), Some(Value::Int(9)));
    assert_eq!(
        value(parked(), "failure_code"),
        Some("provider_error".into())
    );
}

#[test]
fn what_was_there_before_us_stays_so_when_it_is_found_again() {
    let published = |presence| {
        let event = account_event!(KeyPublished, key: key(1), remote_key: None, presence: presence, expires_at: None);
        let statements = KeyPlacements.apply(&recorded(4, Event::Account(event)));
        statements[0].sql.contains("WHEN 'adopted' THEN presence")
    };
    assert!(published(Presence::Found));
    assert!(published(Presence::ByHand));
    assert!(!published(Presence::Created));
    assert!(!published(Presence::Adopted));
}

#[test]
fn a_scope_asks_only_for_what_it_names() {
    let statement = in_scope(&scope(), None, None, Limit::default());
    let (_, conditions) = statement.sql.split_once("WHERE ").unwrap();
    assert_eq!(
        conditions,
        "(account, key) > ($1, $2) AND provider = $3 AND \
         status IN ('requested', 'failed', 'parked') ORDER BY account, key LIMIT $4"
    );

    let narrow = ReplayScope {
        user: Some(ada()),
        since: Some(at(1)),
        until: Some(at(2)),
        ..scope()
    };
    let statement = in_scope(
        &narrow,
        Some(replay()),
        Some((account(), key(1))),
        Limit::default(),
    );
    let (_, conditions) = statement.sql.split_once("WHERE ").unwrap();
    assert_eq!(
        conditions,
        "(account, key) > ($1, $2) AND provider = $3 AND \
         status IN ('requested', 'failed', 'parked') AND user_id = $4 AND changed_at >= $5 AND \
         changed_at < $6 AND (replay IS NULL OR replay < $7) ORDER BY account, key LIMIT $8"
    );
    assert_eq!(statement.args.len(), 8);
}
