//! When a provider is tried again.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const POLICY: fn() -> RetryPolicy = RetryPolicy::default;

fn now() -> DateTime<Utc> {
    "2026-11-22T11:02:53Z".parse().unwrap()
}

fn failure(blame: Blame, code: ReasonCode) -> Failure {
    Failure::new(blame, code, None)
}

fn outage() -> Failure {
    failure(Blame::Provider, ReasonCode::ProviderUnreachable)
}

fn throttled() -> Failure {
    failure(Blame::Provider, ReasonCode::ProviderRateLimited)
}

fn number(attempts: u32, failure: &Failure) -> FailedTry<'_> {
    FailedTry {
        at: now(),
        failure,
        attempts,
        first_at: None,
        not_before: None,
        told: false,
    }
}

/// Returns the longest wait after a failure, in seconds; `None` parks.
fn longest_wait(failed: &FailedTry<'_>) -> Option<i64> {
    let next = POLICY().next_try(failed, 1.0)?;
    Some(next.signed_duration_since(now()).num_seconds())
}

#[test]
fn what_only_somebody_can_mend_is_parked_at_once() {
    use ReasonCode as R;
    for (blame, code) in [
        (Blame::Provider, R::KeyConflictOtherAccount),
        (Blame::Provider, R::KeyTypeNotAllowed),
        (Blame::Provider, R::KeyTooShort),
        (Blame::Provider, R::KeyRejected),
        (Blame::Provider, R::RemoveByHand),
        (Blame::Grant, R::KeySsoUnauthorized),
        (Blame::Grant, R::KeyOrgRestricted),
        (Blame::Grant, R::ScopeMissing),
        (Blame::Grant, R::GrantRevoked),
        (Blame::Grant, R::GrantExpired),
        (Blame::Grant, R::GrantLostRotation),
        (Blame::Grant, R::IdentityMismatch),
        (Blame::Us, R::KeyExpired),
        (Blame::Us, R::KeyNotUsable),
        (Blame::Us, R::KeyWrongType),
        (Blame::Us, R::KeyNotForSigning),
        (Blame::Us, R::KeyDuplicate),
        (Blame::Us, R::ProviderPaused),
        (Blame::Us, R::DecryptFailed),
        (Blame::Us, R::Internal),
        (Blame::Us, R::ProviderError),
    ] {
        let failure = failure(blame, code);
        assert_eq!(longest_wait(&number(1, &failure)), None, "{code:?}");
    }
}

#[test]
fn what_time_or_an_admin_mends_is_tried_again() {
    use ReasonCode as R;
    for (blame, code) in [
        (Blame::App, R::AppCredentialsInvalid),
        (Blame::App, R::RedirectUriMismatch),
        (Blame::App, R::AppSuspended),
        (Blame::App, R::AppScopeMissing),
        (Blame::App, R::ClockSkew),
        (Blame::Provider, R::ProviderUnreachable),
        (Blame::Provider, R::ProviderTls),
        (Blame::Provider, R::ProviderRateLimited),
        (Blame::Provider, R::ProviderError),
        (Blame::Provider, R::ProviderProtocol),
    ] {
        let failure = failure(blame, code);
        assert_eq!(longest_wait(&number(1, &failure)), Some(1), "{code:?}");
    }
}

#[test]
fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
    let failure = outage();
    let waits: Vec<_> = (1..=12)
        .map(|attempts| longest_wait(&number(attempts, &failure)))
        .collect();
    let doubled = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900].map(Some);
    assert_eq!(waits[..11], doubled);
    assert_eq!(waits[11], None);
}

#[test]
fn an_outage_spreads_its_victims_over_the_whole_wait() {
    let failure = outage();
    assert_eq!(POLICY().next_try(&number(5, &failure), 0.0), Some(now()));
}

#[test]
fn a_suspended_account_is_tried_rarely() {
    for blame in [Blame::Grant, Blame::Provider] {
        let failure = failure(blame, ReasonCode::AccountSuspended);
        let next = POLICY().next_try(&number(1, &failure), 0.0);
        assert_eq!(next, Some(now() + TimeDelta::hours(6)));
        // Those who were suspended together do not come back together.
        assert_eq!(
            longest_wait(&number(1, &failure)),
            Some(6 * 3_600 + 15 * 60)
        );
    }
}

#[test]
fn a_provider_that_limits_us_again_and_again_is_given_more_and_more_rest() {
    let failure = throttled();
    let asked = now() + TimeDelta::seconds(60);
    let waits = [1, 2, 5, 10].map(|attempts| {
        longest_wait(&FailedTry {
            not_before: Some(asked),
            ..number(attempts, &failure)
        })
    });
    assert_eq!(waits, [61, 62, 76, 572].map(Some));
}

#[test]
fn a_wish_that_has_passed_is_none() {
    let failure = outage();
    let failed = FailedTry {
        not_before: Some(now() - TimeDelta::hours(1)),
        ..number(1, &failure)
    };
    assert_eq!(longest_wait(&failed), Some(1));
}

#[test]
fn a_day_after_the_first_failure_there_is_no_other_try() {
    let failure = outage();
    let failed = |hours| FailedTry {
        first_at: Some(now() - TimeDelta::hours(hours)),
        ..number(3, &failure)
    };
    assert_eq!(longest_wait(&failed(23)), Some(4));
    assert_eq!(longest_wait(&failed(24)), None);
}

#[test]
fn a_limit_whose_end_is_known_is_waited_for_however_long_and_often() {
    let failure = throttled();
    let limit = |asked, told| FailedTry {
        not_before: Some(asked),
        told,
        first_at: Some(now() - TimeDelta::days(3)),
        ..number(40, &failure)
    };
    let asked = now() + TimeDelta::days(2);
    let next = POLICY().next_try(&limit(asked, true), 1.0).unwrap();
    assert_eq!(next, asked + TimeDelta::minutes(15));
    assert_eq!(
        longest_wait(&limit(asked, false)),
        None,
        "a guess has an end"
    );
    assert_eq!(longest_wait(&limit(DateTime::<Utc>::MAX_UTC, true)), None);
}

#[test]
fn another_failure_is_parked_although_a_time_is_named() {
    let failure = outage();
    let failed = FailedTry {
        not_before: Some(now() + TimeDelta::days(2)),
        told: true,
        ..number(1, &failure)
    };
    assert_eq!(longest_wait(&failed), None);
}

fn any_failure() -> impl Strategy<Value = Failure> {
    use ReasonCode as R;
    let blame = select(vec![Blame::Grant, Blame::App, Blame::Provider, Blame::Us]);
    let code = select(vec![
        R::KeyRejected,
        R::AccountSuspended,
        R::AppSuspended,
        R::ProviderUnreachable,
        R::ProviderRateLimited,
    ]);
    (blame, code).prop_map(|(blame, code)| failure(blame, code))
}

fn any_time() -> impl Strategy<Value = Option<DateTime<Utc>>> {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    (first.timestamp()..=last.timestamp()).prop_map(|seconds| DateTime::from_timestamp(seconds, 0))
}

proptest! {
    #[test]
    fn a_next_try_keeps_every_promise(
        failure in any_failure(),
        attempts in 0_u32..20,
        since in proptest::option::of(0_i64..100_000),
        asked in proptest::option::of(-1000_i64..200_000),
        told: bool,
        jitter in -0.5_f64..1.5,
    ) {
        let policy = POLICY();
        let failed = FailedTry {
            at: now(),
            failure: &failure,
            attempts,
            first_at: since.map(|seconds| now() - TimeDelta::seconds(seconds)),
            not_before: asked.map(|seconds| now() + TimeDelta::seconds(seconds)),
            told,
        };
        let Some(next) = policy.next_try(&failed, jitter) else {
            return Ok(());
        };
        let limited = failure.code == ReasonCode::ProviderRateLimited
            && matches!(failure.blame, Blame::Provider | Blame::App);
        let ends = limited && told && asked.is_some();
        prop_assert!(ends || attempts < policy.attempts);
        let earliest = failed.not_before.map_or(now(), |asked| asked.max(now()));
        prop_assert!(next >= earliest);
        let most = if failure.code == ReasonCode::AccountSuspended {
            policy.rarely + policy.longest
        } else {
            policy.longest
        };
        prop_assert!(next <= earliest + most);
        if failure.code == ReasonCode::ProviderRateLimited {
            prop_assert!(next >= earliest + policy.wait(attempts) / 2);
        }
        let first_at = failed.first_at.unwrap_or(now());
        prop_assert!(ends || next <= first_at + policy.give_up_after);
    }

    #[test]
    fn no_number_makes_it_panic(
        attempts: u32,
        first_at in any_time(),
        not_before in any_time(),
        jitter: f64,
        failure in any_failure(),
    ) {
        let failed = FailedTry {
            first_at,
            not_before,
            ..number(attempts, &failure)
        };
        RetryPolicy { attempts: u32::MAX, ..POLICY() }.next_try(&failed, jitter);
    }
}
