//! Every rule and every refusal.

use chrono::TimeDelta;
use cqrs_es::test::AggregateTestExecutor;

use super::ReplayCommand as C;
use super::ReplayError as Refusal;
use super::ReplayEvent as E;
use super::*;
use crate::samples::{github, given, noon, replay};
use crate::{RefusalKind, RefusedRule};

fn scope() -> ReplayScope {
    ReplayScope {
        provider: github(),
        user: None,
        since: None,
        until: None,
        include: ReplayInclude::Unfinished,
    }
}

/// A scope from noon until some minutes later.
fn window(minutes: i64) -> ReplayScope {
    ReplayScope {
        since: Some(noon()),
        until: Some(noon() + TimeDelta::minutes(minutes)),
        ..scope()
    }
}

fn start(scope: ReplayScope) -> C {
    C::StartReplay {
        replay: replay(1),
        scope,
        planned: 14,
    }
}

fn complete() -> C {
    C::RecordReplayCompleted {
        settled: 12,
        parked: 2,
        in_place: 0,
    }
}

fn started(scope: ReplayScope) -> E {
    E::ReplayStarted {
        replay: replay(1),
        scope,
        planned: 14,
    }
}

fn cancelled() -> E {
    E::ReplayCancelled {
        replay: replay(1),
        provider: github(),
    }
}

fn completed() -> E {
    E::ReplayCompleted {
        replay: replay(1),
        provider: github(),
        settled: 12,
        parked: 2,
        in_place: 0,
    }
}

fn resumed() -> E {
    E::ReplayResumed {
        replay: replay(1),
        provider: github(),
    }
}

fn absent() -> AggregateTestExecutor<Replay> {
    given([])
}

fn running() -> AggregateTestExecutor<Replay> {
    given([started(scope())])
}

fn over() -> [AggregateTestExecutor<Replay>; 2] {
    [cancelled(), completed()].map(|end| running().and(vec![end]))
}

#[test]
fn a_replay_is_started() {
    for scope in [scope(), window(1)] {
        absent()
            .when(start(scope.clone()))
            .then_expect_events(vec![started(scope)]);
    }
}

#[test]
fn the_same_replay_again_gives_no_event() {
    running().when(start(scope())).then_expect_events(vec![]);
}

#[test]
fn a_replay_is_started_once() {
    let refused = Refusal::AlreadyStarted;
    running().when(start(window(1))).then_expect_error(refused);
    for over in over() {
        over.when(start(scope())).then_expect_error(refused);
    }
}

#[test]
fn a_window_that_does_not_begin_before_it_ends_is_refused() {
    for minutes in [0, -1] {
        absent()
            .when(start(window(minutes)))
            .then_expect_error(Refusal::EmptyWindow);
    }
}

#[test]
fn a_replay_is_cancelled_once() {
    running()
        .when(C::CancelReplay)
        .then_expect_events(vec![cancelled()]);
    for over in over() {
        over.when(C::CancelReplay).then_expect_events(vec![]);
    }
}

#[test]
fn a_replay_that_is_not_there_is_neither_cancelled_nor_resumed() {
    for command in [C::CancelReplay, C::ResumeReplay] {
        absent().when(command).then_expect_error(Refusal::NotFound);
    }
}

#[test]
fn a_replay_that_was_stopped_goes_on_once_and_can_be_stopped_again() {
    let stopped = || running().and(vec![cancelled()]);
    stopped()
        .when(C::ResumeReplay)
        .then_expect_events(vec![resumed()]);
    let again = || stopped().and(vec![resumed()]);
    again().when(C::ResumeReplay).then_expect_events(vec![]);
    again()
        .when(C::CancelReplay)
        .then_expect_events(vec![cancelled()]);
    again()
        .when(complete())
        .then_expect_events(vec![completed()]);
}

#[test]
fn a_replay_that_runs_has_nothing_to_be_resumed_and_a_completed_one_neither() {
    running().when(C::ResumeReplay).then_expect_events(vec![]);
    running()
        .and(vec![completed()])
        .when(C::ResumeReplay)
        .then_expect_error(Refusal::Completed);
}

#[test]
fn a_replay_is_completed_once_and_a_late_report_says_nothing() {
    running()
        .when(complete())
        .then_expect_events(vec![completed()]);
    for over in over() {
        over.when(complete()).then_expect_events(vec![]);
    }
    absent().when(complete()).then_expect_events(vec![]);
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    let table = [
        (Refusal::NotFound, "replay-not-found", RefusalKind::NotFound),
        (
            Refusal::AlreadyStarted,
            "replay-already-started",
            RefusalKind::Conflict,
        ),
        (
            Refusal::Completed,
            "replay-completed",
            RefusalKind::Conflict,
        ),
        (
            Refusal::EmptyWindow,
            "replay-empty-window",
            RefusalKind::Invalid,
        ),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}
