//! Every rule and every refusal.

use cqrs_es::test::AggregateTestExecutor;

use super::TokenCommand as C;
use super::TokenError as Refusal;
use super::TokenEvent as E;
use super::*;
use crate::samples::{ada, given, noon, token};
use crate::{RefusalKind, RefusedRule, Role};

fn create(roles: &[Role], life: TimeDelta, digest: &str) -> C {
    C::CreateToken {
        token: token(1),
        user: ada(),
        name: "nightly export".parse().unwrap(),
        roles: roles.to_vec(),
        digest: digest.to_owned(),
        now: noon(),
        life,
    }
}

fn created(roles: &[Role], life: TimeDelta) -> E {
    E::TokenCreated {
        token: token(1),
        user: ada(),
        name: "nightly export".parse().unwrap(),
        roles: roles.to_vec(),
        digest: "00ff".to_owned(),
        expires_at: noon() + life,
    }
}

fn revoked() -> E {
    E::TokenRevoked {
        token: token(1),
        user: ada(),
    }
}

fn absent() -> AggregateTestExecutor<Token> {
    given([])
}

fn there() -> AggregateTestExecutor<Token> {
    given([created(&[Role::Auditor], DEFAULT_LIFE)])
}

#[test]
fn a_token_is_made_with_its_roles_sorted_and_each_once() {
    absent()
        .when(create(
            &[Role::Operator, Role::Admin, Role::Operator],
            DEFAULT_LIFE,
            "00ff",
        ))
        .then_expect_events(vec![created(&[Role::Admin, Role::Operator], DEFAULT_LIFE)]);
}

#[test]
fn the_same_token_again_gives_no_event() {
    there()
        .when(create(&[Role::Auditor], DEFAULT_LIFE, "00ff"))
        .then_expect_events(vec![]);
}

#[test]
fn a_token_is_made_once() {
    let another = create(&[Role::Auditor], DEFAULT_LIFE, "ff00");
    let refused = Refusal::AlreadyCreated;
    there().when(another.clone()).then_expect_error(refused);
    there()
        .and(vec![revoked()])
        .when(another)
        .then_expect_error(refused);
}

#[test]
fn a_revoked_token_does_not_come_back() {
    there()
        .and(vec![revoked()])
        .when(create(&[Role::Auditor], DEFAULT_LIFE, "00ff"))
        .then_expect_error(Refusal::AlreadyCreated);
}

#[test]
fn a_token_needs_a_role() {
    absent()
        .when(create(&[], DEFAULT_LIFE, "00ff"))
        .then_expect_error(Refusal::NoRole);
}

#[test]
fn a_token_ends_and_within_a_year() {
    let moment = TimeDelta::milliseconds(1);
    for life in [moment, LONGEST_LIFE] {
        absent()
            .when(create(&[Role::Member], life, "00ff"))
            .then_expect_events(vec![created(&[Role::Member], life)]);
    }
    for life in [TimeDelta::zero(), -moment, LONGEST_LIFE + moment] {
        absent()
            .when(create(&[Role::Member], life, "00ff"))
            .then_expect_error(Refusal::BadLife);
    }
}

#[test]
fn a_token_is_revoked_once() {
    there()
        .when(C::RevokeToken)
        .then_expect_events(vec![revoked()]);
    there()
        .and(vec![revoked()])
        .when(C::RevokeToken)
        .then_expect_events(vec![]);
}

#[test]
fn a_token_that_is_not_there_cannot_be_revoked() {
    absent()
        .when(C::RevokeToken)
        .then_expect_error(Refusal::NotFound);
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    let table = [
        (Refusal::NotFound, "token-not-found", RefusalKind::NotFound),
        (
            Refusal::AlreadyCreated,
            "token-already-created",
            RefusalKind::Conflict,
        ),
        (Refusal::NoRole, "token-no-role", RefusalKind::Invalid),
        (Refusal::BadLife, "token-bad-life", RefusalKind::Invalid),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}
