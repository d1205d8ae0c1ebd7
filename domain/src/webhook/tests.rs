//! Every rule and every refusal.

use chrono::TimeDelta;
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::WebhookCommand as C;
use super::WebhookError as Refusal;
use super::WebhookEvent as E;
use super::*;
use crate::samples::{given, noon, secret};
use crate::{RefusalKind, RefusedRule};

fn webhook() -> WebhookId {
    WebhookId::new(Uuid::from_u128(0x77))
}

fn url(text: &str) -> WebhookUrl {
    text.parse().unwrap()
}

fn add(kinds: &[NoticeKind]) -> C {
    C::AddWebhook {
        webhook: webhook(),
        url: url("https://ops.example.com/hooks"),
        kinds: kinds.to_vec(),
        secret: secret(1),
    }
}

fn added(kinds: &[NoticeKind]) -> E {
    E::WebhookAdded {
        webhook: webhook(),
        url: url("https://ops.example.com/hooks"),
        kinds: kinds.to_vec(),
        secret: secret(1),
    }
}

fn removed() -> E {
    E::WebhookRemoved { webhook: webhook() }
}

fn disabled(cause: DisabledCause) -> E {
    E::WebhookDisabled {
        webhook: webhook(),
        cause,
    }
}

fn enabled() -> E {
    E::WebhookEnabled { webhook: webhook() }
}

fn rotate(number: u128) -> C {
    C::RotateSecret {
        secret: secret(number),
        now: noon(),
        overlap: TimeDelta::hours(24),
    }
}

fn rotated(number: u128) -> E {
    E::WebhookSecretRotated {
        webhook: webhook(),
        secret: secret(number),
        overlap_until: noon() + TimeDelta::hours(24),
    }
}

fn change(to: Option<&str>, kinds: Option<&[NoticeKind]>) -> C {
    C::ChangeWebhook {
        url: to.map(url),
        kinds: kinds.map(<[_]>::to_vec),
    }
}

fn changed(to: Option<&str>, kinds: Option<&[NoticeKind]>) -> E {
    E::WebhookChanged {
        webhook: webhook(),
        url: to.map(url),
        kinds: kinds.map(<[_]>::to_vec),
    }
}

fn absent() -> AggregateTestExecutor<Webhook> {
    given([])
}

fn there() -> AggregateTestExecutor<Webhook> {
    given([added(&[])])
}

fn gone() -> AggregateTestExecutor<Webhook> {
    given([added(&[]), removed()])
}

/// The receiver after some events.
fn after(events: impl IntoIterator<Item = E>) -> Receiver {
    let mut state = Webhook::default();
    for event in events {
        state.apply(event);
    }
    state.receiver().unwrap().clone()
}

use NoticeKind::{KeyBlocked, NeedsRelink, ProviderDown};

#[test]
fn a_webhook_is_added_with_its_kinds_sorted_and_each_once() {
    absent()
        .when(add(&[ProviderDown, NeedsRelink, ProviderDown]))
        .then_expect_events(vec![added(&[NeedsRelink, ProviderDown])]);
    absent().when(add(&[])).then_expect_events(vec![added(&[])]);
}

#[test]
fn a_webhook_is_added_once_and_does_not_come_back() {
    there()
        .when(add(&[]))
        .then_expect_error(Refusal::AlreadyAdded);
    gone()
        .when(add(&[]))
        .then_expect_error(Refusal::AlreadyAdded);
}

#[test]
fn a_change_is_what_differs() {
    let elsewhere = "https://ops.example.com/elsewhere";
    there()
        .when(change(
            Some(elsewhere),
            Some(&[KeyBlocked, NeedsRelink, KeyBlocked]),
        ))
        .then_expect_events(vec![changed(
            Some(elsewhere),
            Some(&[NeedsRelink, KeyBlocked]),
        )]);
    there()
        .when(change(Some("https://ops.example.com/hooks"), Some(&[])))
        .then_expect_events(vec![]);
    there().when(change(None, None)).then_expect_events(vec![]);
    there()
        .and(vec![changed(Some(elsewhere), Some(&[KeyBlocked]))])
        .when(change(Some(elsewhere), Some(&[])))
        .then_expect_events(vec![changed(None, Some(&[]))]);
}

#[test]
fn after_a_rotation_the_last_two_secrets_are_in_use() {
    there().when(rotate(2)).then_expect_events(vec![rotated(2)]);
    there().when(rotate(1)).then_expect_events(vec![]);
    let receiver = after([added(&[]), rotated(2)]);
    assert_eq!(receiver.secrets(), [secret(2), secret(1)]);
    assert_eq!(
        receiver.previous,
        Some((secret(1), noon() + TimeDelta::hours(24)))
    );
    let receiver = after([added(&[]), rotated(2), rotated(3)]);
    assert_eq!(receiver.secrets(), [secret(3), secret(2)]);
}

#[test]
fn a_receiver_that_is_given_up_is_disabled_once_until_it_is_enabled() {
    for cause in [DisabledCause::Gone, DisabledCause::Unanswered] {
        there()
            .when(C::RecordWebhookDisabled { cause })
            .then_expect_events(vec![disabled(cause)]);
        there()
            .and(vec![disabled(DisabledCause::Gone)])
            .when(C::RecordWebhookDisabled { cause })
            .then_expect_events(vec![]);
    }
    there()
        .and(vec![disabled(DisabledCause::Gone)])
        .when(C::EnableWebhook)
        .then_expect_events(vec![enabled()]);
    there().when(C::EnableWebhook).then_expect_events(vec![]);
    let again = DisabledCause::Unanswered;
    there()
        .and(vec![disabled(DisabledCause::Gone), enabled()])
        .when(C::RecordWebhookDisabled { cause: again })
        .then_expect_events(vec![disabled(again)]);
}

#[test]
fn a_removed_webhook_stays_removed() {
    there()
        .when(C::RemoveWebhook)
        .then_expect_events(vec![removed()]);
    gone().when(C::RemoveWebhook).then_expect_events(vec![]);
    for command in [change(None, None), rotate(2), C::EnableWebhook] {
        gone().when(command).then_expect_error(Refusal::NotFound);
    }
    assert_eq!(Webhook::Removed.receiver(), None);
}

#[test]
fn what_was_never_added_is_not_found() {
    for command in [
        change(None, None),
        rotate(2),
        C::RemoveWebhook,
        C::EnableWebhook,
    ] {
        absent().when(command).then_expect_error(Refusal::NotFound);
    }
}

#[test]
fn an_outcome_is_never_refused() {
    let late = C::RecordWebhookDisabled {
        cause: DisabledCause::Gone,
    };
    absent().when(late.clone()).then_expect_events(vec![]);
    gone().when(late).then_expect_events(vec![]);
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    let table = [
        (
            Refusal::NotFound,
            "webhook-not-found",
            RefusalKind::NotFound,
        ),
        (
            Refusal::AlreadyAdded,
            "webhook-already-added",
            RefusalKind::Conflict,
        ),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}
