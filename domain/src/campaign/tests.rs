//! Every rule and every refusal.

use cqrs_es::test::AggregateTestExecutor;

use super::CampaignCommand as C;
use super::CampaignError as Refusal;
use super::CampaignEvent as E;
use super::*;
use crate::key_sync::LinkState;
use crate::keyring::Algorithm;
use crate::samples::{ada, campaign, github, given, key};
use crate::settings::KeyAge;
use crate::{RefusalKind, RefusedRule};

fn rsa() -> CampaignScope {
    CampaignScope {
        algorithms: vec![Algorithm::Rsa3072, Algorithm::Rsa4096],
        ..CampaignScope::default()
    }
}

fn days(days: u64) -> KeyAge {
    KeyAge::try_from(days).unwrap()
}

fn start(scope: CampaignScope) -> C {
    C::StartCampaign(StartCampaign {
        campaign: campaign(1),
        scope,
        compromised: true,
        keys_per_minute: KeysPerMinute::default(),
        planned: 40,
        skipped: 2,
    })
}

fn complete() -> C {
    C::RecordCampaignCompleted {
        rotated: 40,
        placed: 39,
        parked: 1,
        skipped: 2,
    }
}

fn started(scope: CampaignScope) -> E {
    E::CampaignStarted {
        campaign: campaign(1),
        scope,
        compromised: true,
        keys_per_minute: KeysPerMinute::default(),
        planned: 40,
        skipped: 2,
    }
}

fn paused() -> E {
    let campaign = campaign(1);
    E::CampaignPaused { campaign }
}

fn resumed() -> E {
    let campaign = campaign(1);
    E::CampaignResumed { campaign }
}

fn cancelled() -> E {
    let campaign = campaign(1);
    E::CampaignCancelled { campaign }
}

fn completed() -> E {
    E::CampaignCompleted {
        campaign: campaign(1),
        rotated: 40,
        placed: 39,
        parked: 1,
        skipped: 2,
    }
}

fn absent() -> AggregateTestExecutor<Campaign> {
    given([])
}

fn running() -> AggregateTestExecutor<Campaign> {
    given([started(rsa())])
}

fn standing() -> AggregateTestExecutor<Campaign> {
    given([started(rsa()), paused()])
}

fn over() -> [AggregateTestExecutor<Campaign>; 2] {
    [cancelled(), completed()].map(|end| running().and(vec![end]))
}

#[test]
fn a_campaign_is_started_once() {
    absent()
        .when(start(rsa()))
        .then_expect_events(vec![started(rsa())]);
    for begun in [running(), standing()] {
        begun.when(start(rsa())).then_expect_events(vec![]);
    }
    let other = CampaignScope {
        provider: Some(github()),
        ..rsa()
    };
    running()
        .when(start(other))
        .then_expect_error(Refusal::AlreadyStarted);
    for over in over() {
        over.when(start(rsa()))
            .then_expect_error(Refusal::AlreadyStarted);
    }
}

#[test]
fn a_campaign_over_every_key_there_is_has_to_be_said_in_words() {
    absent()
        .when(start(CampaignScope::default()))
        .then_expect_error(Refusal::EmptyScope);
    let everything = CampaignScope::default;
    for scope in [
        rsa(),
        CampaignScope {
            older_than_days: Some(days(90)),
            ..everything()
        },
        CampaignScope {
            provider: Some(github()),
            ..everything()
        },
        CampaignScope {
            users: vec![ada()],
            ..everything()
        },
        CampaignScope {
            keys: vec![key(1)],
            ..everything()
        },
    ] {
        assert!(!scope.is_everything());
        absent()
            .when(start(scope.clone()))
            .then_expect_events(vec![started(scope)]);
    }
}

#[test]
fn a_campaign_is_paused_and_goes_on() {
    running()
        .when(C::PauseCampaign)
        .then_expect_events(vec![paused()]);
    standing()
        .when(C::ResumeCampaign)
        .then_expect_events(vec![resumed()]);
    standing().when(C::PauseCampaign).then_expect_events(vec![]);
    running().when(C::ResumeCampaign).then_expect_events(vec![]);
    given::<Campaign>([started(rsa()), paused(), resumed()])
        .when(C::PauseCampaign)
        .then_expect_events(vec![paused()]);
}

#[test]
fn a_campaign_that_is_over_is_neither_paused_nor_resumed() {
    for command in [C::PauseCampaign, C::ResumeCampaign] {
        for over in over() {
            over.when(command.clone()).then_expect_error(Refusal::Over);
        }
    }
}

#[test]
fn a_campaign_is_cancelled_once_also_while_it_is_paused() {
    for begun in [running(), standing()] {
        begun
            .when(C::CancelCampaign)
            .then_expect_events(vec![cancelled()]);
    }
    for over in over() {
        over.when(C::CancelCampaign).then_expect_events(vec![]);
    }
}

#[test]
fn a_campaign_that_is_not_there_cannot_be_moved() {
    for command in [C::PauseCampaign, C::ResumeCampaign, C::CancelCampaign] {
        absent().when(command).then_expect_error(Refusal::NotFound);
    }
}

#[test]
fn a_campaign_is_completed_once_and_not_while_it_is_paused() {
    running()
        .when(complete())
        .then_expect_events(vec![completed()]);
    standing().when(complete()).then_expect_events(vec![]);
    absent().when(complete()).then_expect_events(vec![]);
    for over in over() {
        over.when(complete()).then_expect_events(vec![]);
    }
}

fn candidate() -> Candidate {
    Candidate {
        link: Some(LinkState::Linked),
        provider_works: true,
        removed: false,
        algorithm: Algorithm::Rsa4096,
        next: Algorithm::Ed25519,
    }
}

#[test]
fn a_key_of_a_linked_account_is_rotated() {
    for compromised in [false, true] {
        assert_eq!(rsa().skips(&candidate(), compromised), None);
    }
}

#[test]
fn a_key_that_could_not_be_put_anywhere_is_left_as_it_is() {
    for (link, why) in [
        (None, Skip::Personal),
        (Some(LinkState::GrantLost), Skip::GrantLost),
        (Some(LinkState::Unlinking), Skip::Unlinking),
        (Some(LinkState::Unlinked), Skip::Unlinking),
    ] {
        for provider_works in [true, false] {
            let candidate = Candidate {
                link,
                provider_works,
                ..candidate()
            };
            for compromised in [false, true] {
                assert_eq!(rsa().skips(&candidate, compromised), Some(why));
            }
        }
    }
    let stopped = Candidate {
        provider_works: false,
        ..candidate()
    };
    for compromised in [false, true] {
        let why = rsa().skips(&stopped, compromised);
        assert_eq!(why, Some(Skip::ProviderDisabled));
    }
}

#[test]
fn a_key_that_its_person_removed_is_not_put_back_by_another() {
    let removed = Candidate {
        removed: true,
        ..candidate()
    };
    for compromised in [false, true] {
        let why = rsa().skips(&removed, compromised);
        assert_eq!(why, Some(Skip::Removed));
    }
    // What stands before it is mended first.
    let lost = Candidate {
        link: Some(LinkState::GrantLost),
        ..removed
    };
    assert_eq!(rsa().skips(&lost, false), Some(Skip::GrantLost));
}

#[test]
fn a_key_whose_successor_would_be_no_better_is_left_as_it_is() {
    let same = Candidate {
        next: Algorithm::Rsa3072,
        ..candidate()
    };
    assert_eq!(rsa().skips(&same, false), Some(Skip::SameAlgorithm));
    // Compromised or old, it goes whatever comes after it.
    assert_eq!(rsa().skips(&same, true), None);
    let old = CampaignScope {
        older_than_days: Some(days(90)),
        ..rsa()
    };
    assert_eq!(old.skips(&same, false), None);
    let everybody = CampaignScope {
        provider: Some(github()),
        ..CampaignScope::default()
    };
    assert_eq!(everybody.skips(&same, false), None);
}

#[test]
fn every_reason_has_a_word_of_its_own_and_a_remedy() {
    let words = Skip::ALL.map(|why| {
        assert!(why.remedy().contains(' ') && !why.remedy().ends_with('.'));
        assert_eq!(why.to_string(), why.as_str());
        why.as_str()
    });
    assert_eq!(
        words,
        [
            "personal",
            "grant_lost",
            "unlinking",
            "provider_disabled",
            "removed",
            "same_algorithm"
        ]
    );
}

#[test]
fn a_rate_is_1_to_600_keys_a_minute() {
    for fine in [1, 60, 600] {
        let rate = KeysPerMinute::try_from(fine).unwrap();
        assert_eq!(u64::from(rate), fine);
    }
    assert_eq!(KeysPerMinute::default().get(), 60);
    for refused in [0, 601, u64::MAX] {
        let refused = KeysPerMinute::try_from(refused).unwrap_err();
        assert_eq!(refused.to_string(), "must be a whole number from 1 to 600");
    }
}

#[test]
fn every_refusal_has_its_code_and_its_kind() {
    let table = [
        (
            Refusal::NotFound,
            "campaign-not-found",
            RefusalKind::NotFound,
        ),
        (
            Refusal::AlreadyStarted,
            "campaign-already-started",
            RefusalKind::Conflict,
        ),
        (Refusal::Over, "campaign-over", RefusalKind::Conflict),
        (
            Refusal::EmptyScope,
            "campaign-empty-scope",
            RefusalKind::Invalid,
        ),
    ];
    for (refusal, code, kind) in table {
        assert_eq!((refusal.code(), refusal.kind()), (code, kind));
    }
}
