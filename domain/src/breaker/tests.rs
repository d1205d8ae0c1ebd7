//! Every rule of the breaker, and what holds for any story.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::{Blame, ReasonCode};

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn seconds(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

fn outage(since: DateTime<Utc>, probed: bool) -> Outage {
    Outage {
        since,
        failure: Failure::new(Blame::Provider, ReasonCode::ProviderError, None),
        probed,
    }
}

/// Notes a story of `w`ell, `o`utage and `n`othing; returns what changed last.
fn told(breaker: &mut Breaker, story: &str) -> Option<Transition> {
    let mut last = None;
    for sign in story.chars() {
        let sign = match sign {
            'w' => Sign::Well,
            'o' => Sign::Outage,
            _ => Sign::Nothing,
        };
        last = breaker.note(sign, noon());
    }
    last
}

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    told(&mut breaker, "ooooo");
    breaker
}

fn half_open() -> Breaker {
    let mut breaker = opened();
    breaker.admit(seconds(30));
    breaker
}

#[test]
fn it_opens_after_five_outages_in_a_row_or_half_of_twenty_tries() {
    let four_in_five = "oooow".repeat(4);
    for (story, attempts) in [
        ("oooo", None),
        ("ooooo", Some(5)),
        ("oooowoooo", None),
        ("ooooowo", None),
        ("wwwwwwooooo", Some(5)),
        // A limit and a refusal in between neither count nor excuse.
        ("ooonnnoo", Some(5)),
        // Half of twenty, but not of nineteen.
        ("wowowowowowowowowow", None),
        ("wowowowowowowowowowo", Some(10)),
        ("wwowowowowowowowowowo", Some(10)),
        ("owowwowowowowowowowwo", None),
        (&four_in_five, None),
        (&format!("{four_in_five}o"), Some(16)),
    ] {
        let mut breaker = Breaker::default();
        let changed = told(&mut breaker, story);
        let expected = attempts.map(|attempts| Transition::Opened { attempts });
        let opens_before = story == "ooooowo";
        assert_eq!(changed, expected, "{story}");
        assert_eq!(
            breaker.is_closed(),
            expected.is_none() && !opens_before,
            "{story}"
        );
    }
}

#[test]
fn while_it_is_open_one_probe_goes_every_thirty_seconds() {
    let mut breaker = opened();
    assert_eq!(breaker.next_probe_at(), Some(seconds(30)));
    let wait = |seconds_on| Admission::NotBefore(seconds(seconds_on));
    let probe = |first, number| Admission::Probe { first, number };
    for (at, expected) in [
        (0, wait(30)),
        (29, wait(30)),
        (30, probe(true, 0)),
        (30, wait(60)),
        (59, wait(60)),
        (75, probe(false, 1)),
        (104, wait(105)),
        (105, probe(false, 2)),
    ] {
        assert_eq!(breaker.admit(seconds(at)), expected, "{at}");
        assert_eq!(breaker.note(Sign::Outage, seconds(at)), None, "{at}");
    }
}

#[test]
fn it_closes_on_the_first_success_of_a_probe_and_forgets_what_was() {
    let mut breaker = half_open();
    assert_eq!(told(&mut breaker, "onno"), None);
    assert_eq!(told(&mut breaker, "w"), Some(Transition::Closed));
    assert_eq!(breaker, Breaker::default());
    assert_eq!(breaker.admit(seconds(31)), Admission::Free);
    assert_eq!(told(&mut breaker, "oooo"), None);
}

#[test]
fn a_try_that_was_under_way_when_it_opened_does_not_close_it() {
    let mut breaker = opened();
    assert_eq!(told(&mut breaker, "wow"), None);
    assert!(!breaker.is_closed());
}

#[test]
fn a_probe_with_which_nobody_was_asked_is_not_counted() {
    let mut breaker = half_open();
    breaker.spare();
    let again = Admission::Probe {
        first: false,
        number: 1,
    };
    assert_eq!(breaker.admit(seconds(31)), again);
    // Nor is the next one later for it.
    let mut breaker = half_open();
    breaker.spare();
    assert_eq!(breaker.admit(seconds(61)), again);
}

#[test]
fn after_a_restart_the_outage_is_still_there_and_nobody_is_hammered() {
    for probed in [false, true] {
        let mut breaker = Breaker::default();
        breaker.follow(Some(&outage(noon(), probed)), seconds(3_600));
        assert_eq!(
            breaker.admit(seconds(3_600)),
            Admission::NotBefore(seconds(3_630))
        );
        let first = Admission::Probe {
            first: !probed,
            number: 0,
        };
        assert_eq!(breaker.admit(seconds(3_630)), first);
    }
}

#[test]
fn it_follows_the_log_when_another_instance_was_faster() {
    let mut breaker = opened();
    breaker.follow(None, seconds(10));
    assert_eq!(breaker, Breaker::default());
    let mut breaker = half_open();
    let before = breaker.clone();
    breaker.follow(Some(&outage(noon(), true)), seconds(40));
    assert_eq!(breaker, before);
    // A probe that either of the two made was the first.
    breaker.follow(Some(&outage(noon(), false)), seconds(40));
    assert_eq!(breaker, before);
    let mut breaker = opened();
    breaker.follow(Some(&outage(noon(), true)), seconds(10));
    assert!(matches!(
        breaker.admit(seconds(30)),
        Admission::Probe { first: false, .. }
    ));
    // What it counts while all is well is its own.
    let mut breaker = Breaker::default();
    told(&mut breaker, "oooo");
    breaker.follow(None, noon());
    assert!(told(&mut breaker, "o").is_some());
}

#[test]
fn a_clock_that_was_set_back_holds_nobody_up() {
    let mut breaker = half_open();
    assert!(matches!(
        breaker.admit(seconds(-7_200)),
        Admission::Probe { .. }
    ));
}

#[test]
fn only_the_provider_itself_can_be_out() {
    use Blame as B;
    use ReasonCode as R;
    for (blame, code, status, expected) in [
        (B::Provider, R::ProviderUnreachable, None, Sign::Outage),
        (B::Provider, R::ProviderTls, None, Sign::Outage),
        (B::Provider, R::ProviderError, Some(503), Sign::Outage),
        (B::Provider, R::ProviderError, Some(500), Sign::Outage),
        (B::Provider, R::ProviderProtocol, Some(200), Sign::Outage),
        (B::Provider, R::ProviderProtocol, Some(302), Sign::Outage),
        (B::Provider, R::ProviderProtocol, None, Sign::Outage),
        (B::Provider, R::ProviderProtocol, Some(404), Sign::Nothing),
        (B::Provider, R::ProviderError, Some(400), Sign::Nothing),
        (B::Provider, R::ProviderError, Some(499), Sign::Nothing),
        (
            B::Provider,
            R::ProviderRateLimited,
            Some(429),
            Sign::Nothing,
        ),
        (
            B::Provider,
            R::ProviderRateLimited,
            Some(403),
            Sign::Nothing,
        ),
        (B::Us, R::ProviderProtocol, Some(422), Sign::Nothing),
        (B::App, R::ProviderUnreachable, None, Sign::Nothing),
        (B::App, R::ProviderTls, None, Sign::Nothing),
        (B::App, R::AppCredentialsInvalid, Some(401), Sign::Well),
        (B::App, R::ClockSkew, Some(400), Sign::Well),
        (B::App, R::AppScopeMissing, Some(400), Sign::Well),
        (B::Grant, R::GrantRevoked, Some(401), Sign::Well),
        (B::Us, R::KeyRejected, Some(422), Sign::Well),
        (B::Us, R::KeyConflictOtherAccount, Some(422), Sign::Well),
        (B::Us, R::DecryptFailed, None, Sign::Nothing),
        (B::Us, R::Internal, None, Sign::Nothing),
    ] {
        let failure = Failure::new(blame, code, None);
        let sign = Sign::of(&failure, status);
        assert_eq!(sign, expected, "{blame:?} {code:?} {status:?}");
    }
}

#[test]
fn what_passes_with_an_outage_is_what_an_outage_is() {
    let of = |blame, code| Sign::passes(&Failure::new(blame, code, None));
    assert!(of(Blame::Provider, ReasonCode::ProviderError));
    assert!(!of(Blame::Provider, ReasonCode::ProviderRateLimited));
    assert!(!of(Blame::Us, ReasonCode::KeyRejected));
    assert!(!of(Blame::App, ReasonCode::ProviderUnreachable));
}

/// One step of a story: time passes, then somebody wants to try and says what came of it.
fn step() -> impl Strategy<Value = (i64, Sign)> {
    let sign = select(vec![Sign::Well, Sign::Outage, Sign::Outage, Sign::Nothing]);
    (0_i64..40, sign)
}

proptest! {
    #[test]
    fn no_two_probes_are_closer_than_thirty_seconds(steps in vec(step(), 0..200)) {
        let (mut breaker, mut now) = (Breaker::default(), noon());
        let mut probed: Option<DateTime<Utc>> = None;
        for (passes, sign) in steps {
            now += TimeDelta::seconds(passes);
            match breaker.admit(now) {
                Admission::Free => prop_assert!(breaker.is_closed()),
                Admission::Probe { .. } => {
                    prop_assert!(probed.is_none_or(|last| now - last >= BETWEEN_PROBES));
                    probed = Some(now);
                }
                Admission::NotBefore(at) => {
                    prop_assert!(at > now && at - now <= BETWEEN_PROBES);
                    prop_assert_eq!(breaker.next_probe_at(), Some(at));
                    continue;
                }
            }
            breaker.note(sign, now);
            if breaker.is_closed() {
                probed = None;
            }
        }
    }

    #[test]
    fn it_opens_exactly_when_the_rule_says(signs in vec(step(), 0..200)) {
        let mut breaker = Breaker::default();
        let mut seen: Vec<bool> = Vec::new();
        for (_, sign) in signs {
            if sign != Sign::Nothing {
                seen.push(sign == Sign::Outage);
            }
            let row = seen.iter().rev().take_while(|outage| **outage).count();
            let last: Vec<_> = seen.iter().rev().take(20).collect();
            let share = last.iter().filter(|outage| ***outage).count();
            let rule = sign == Sign::Outage && (row >= 5 || last.len() == 20 && share >= 10);
            let changed = breaker.note(sign, noon());
            prop_assert_eq!(matches!(changed, Some(Transition::Opened { .. })), rule);
            if rule {
                return Ok(());
            }
        }
    }

    #[test]
    fn only_a_success_closes_it(steps in vec(step(), 0..60)) {
        let (mut breaker, mut now) = (opened(), noon());
        for (passes, sign) in steps {
            now += TimeDelta::seconds(passes);
            let admitted = breaker.admit(now);
            let changed = breaker.note(sign, now);
            if changed.is_some() {
                prop_assert_eq!((sign, changed), (Sign::Well, Some(Transition::Closed)));
                return Ok(());
            }
            prop_assert!(admitted != Admission::Free);
            prop_assert!(!breaker.is_closed());
        }
    }
}
