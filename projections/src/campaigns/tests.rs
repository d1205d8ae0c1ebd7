//! How far a campaign is with a key.

use domain::campaign::CampaignScope;
use domain::key_sync::LinkState;
use domain::keyring::{Algorithm, Holder, RotationCause};
use domain::settings::KeyAge;

use super::questions::state_of;
use super::*;
use crate::key_placements::PlacementStatus as P;
use crate::sample::{ada, at, campaign, generated, github, key, recorded, rotated, verb};

/// A campaign from its start to its end.
pub(crate) fn every() -> [CampaignEvent; 5] {
    let campaign = campaign();
    [
        CampaignEvent::CampaignStarted {
            campaign,
            scope: CampaignScope {
                algorithms: vec![Algorithm::Rsa4096],
                ..CampaignScope::default()
            },
            compromised: false,
            keys_per_minute: KeysPerMinute::default(),
            planned: 3,
            skipped: 1,
        },
        CampaignEvent::CampaignPaused { campaign },
        CampaignEvent::CampaignResumed { campaign },
        CampaignEvent::CampaignCancelled { campaign },
        CampaignEvent::CampaignCompleted {
            campaign,
            rotated: 3,
            placed: 2,
            parked: 1,
            skipped: 1,
        },
    ]
}

const LINKED: Option<LinkState> = Some(LinkState::Linked);

#[test]
fn a_key_is_done_when_its_successor_is_there() {
    for (new, expected) in [
        (None, KeyState::Open),
        (Some(P::Requested), KeyState::Open),
        (Some(P::Failed), KeyState::Open),
        (Some(P::Parked), KeyState::Parked),
        (Some(P::Published), KeyState::Placed),
        (Some(P::Withdrawn), KeyState::Over),
        (Some(P::Released), KeyState::Over),
        (Some(P::Left), KeyState::Over),
    ] {
        assert_eq!(state_of(new, None, LINKED, false), expected, "{new:?}");
    }
}

#[test]
fn a_compromised_key_is_done_when_it_is_gone_as_well() {
    for (old, expected) in [
        (P::Published, KeyState::Open),
        (P::Requested, KeyState::Open),
        (P::Failed, KeyState::Open),
        (P::Parked, KeyState::Parked),
        (P::Withdrawn, KeyState::Placed),
        (P::Released, KeyState::Placed),
        (P::Left, KeyState::Placed),
    ] {
        let state = state_of(Some(P::Published), Some(old), LINKED, false);
        assert_eq!(state, expected, "{old:?}");
        let state = state_of(Some(P::Failed), Some(old), LINKED, false);
        assert_eq!(state, KeyState::Open, "{old:?}");
    }
}

#[test]
fn what_a_person_is_to_carry_waits_for_somebody() {
    let requested = Some(P::Requested);
    assert_eq!(state_of(requested, None, LINKED, true), KeyState::Parked);
    let state = state_of(Some(P::Published), requested, LINKED, true);
    assert_eq!(state, KeyState::Parked);
}

#[test]
fn what_was_never_asked_for_waits_for_the_link() {
    for (link, expected) in [
        (LINKED, KeyState::Open),
        (Some(LinkState::GrantLost), KeyState::Parked),
        (Some(LinkState::Unlinking), KeyState::Over),
        (Some(LinkState::Unlinked), KeyState::Over),
        (None, KeyState::Over),
    ] {
        assert_eq!(state_of(None, None, link, false), expected, "{link:?}");
    }
}

#[test]
fn only_a_rotation_of_a_campaign_counts() {
    let campaign = campaign();
    let in_campaign = RotationCause::Campaign {
        campaign,
        compromised: true,
    };
    for (event, expected) in [
        (rotated(1, 2, in_campaign), vec!["INSERT campaign_keys"]),
        (rotated(1, 2, RotationCause::Requested), vec![]),
        (rotated(1, 2, RotationCause::Compromised), vec![]),
        (rotated(1, 2, RotationCause::Age), vec![]),
        (generated(1, Holder::Personal), vec![]),
    ] {
        let statements = Campaigns.apply(&recorded(7, Event::Keyring(event)));
        let verbs: Vec<_> = statements.iter().map(verb).collect();
        assert_eq!(verbs, expected);
        for statement in &statements {
            crate::sample::assert_sound(statement, 7);
        }
    }
}

#[test]
fn a_scope_asks_for_as_much_as_it_says() {
    let nothing = in_scope(
        &CampaignScope::default(),
        at(0),
        None,
        None,
        Limit::default(),
    );
    assert_eq!(nothing.args, ["".into(), 100_u32.into()]);
    let scope = CampaignScope {
        algorithms: vec![Algorithm::Rsa3072, Algorithm::Rsa4096],
        older_than_days: Some(KeyAge::try_from(90).unwrap()),
        provider: Some(github()),
        users: vec![ada()],
        keys: vec![],
    };
    let asked = in_scope(&scope, at(0), Some(7), Some(key(1)), Limit::default());
    let expected: [Value; 8] = [
        key(1).to_string().into(),
        "rsa-3072".into(),
        "rsa-4096".into(),
        "ada".into(),
        "2026-08-24T12:00:00.000000Z".into(),
        "github".into(),
        7_u64.into(),
        100_u32.into(),
    ];
    assert_eq!(asked.args, expected);
    for part in [
        "k.algorithm IN ($2, $3)",
        "k.user_id IN ($4)",
        "k.made_at <= $5",
        "s.provider = $6",
        "k.idx < $7",
        "LIMIT $8",
    ] {
        assert!(asked.sql.contains(part), "{part}: {}", asked.sql);
    }
}
