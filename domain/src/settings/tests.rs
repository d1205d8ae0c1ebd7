//! Every rule; there is no refusal.

use serde_json::json;

use super::*;
use crate::provider::Choice;
use crate::samples::given;

fn change(changes: SettingsChanges) -> SettingsCommand {
    SettingsCommand::ChangeSettings(changes)
}

fn algorithm(algorithm: Algorithm) -> SettingsChanges {
    SettingsChanges {
        algorithm: Some(algorithm),
        ..SettingsChanges::default()
    }
}

fn grace(hours: u64) -> SettingsChanges {
    SettingsChanges {
        rotation_grace_hours: Some(GraceHours::try_from(hours).unwrap()),
        ..SettingsChanges::default()
    }
}

fn age(days: Choice<u64>) -> SettingsChanges {
    let days = match days {
        Choice::Default => Choice::Default,
        Choice::Own(days) => Choice::Own(KeyAge::try_from(days).unwrap()),
    };
    SettingsChanges {
        max_key_age_days: Some(days),
        ..SettingsChanges::default()
    }
}

fn changed(changes: SettingsChanges) -> SettingsEvent {
    SettingsEvent::SettingsChanged {
        algorithm: changes.algorithm,
        rotation_grace_hours: changes.rotation_grace_hours,
        max_key_age_days: changes.max_key_age_days,
    }
}

fn after(events: impl IntoIterator<Item = SettingsChanges>) -> Settings {
    let mut settings = Settings::default();
    for changes in events {
        settings.apply(changed(changes));
    }
    settings
}

#[test]
fn a_new_value_is_recorded() {
    for (before, new) in [
        (vec![], algorithm(Algorithm::Rsa4096)),
        (
            vec![algorithm(Algorithm::Rsa4096)],
            algorithm(Algorithm::Ed25519),
        ),
        (vec![], grace(0)),
        (vec![grace(0)], grace(24)),
        (vec![], age(Choice::Own(90))),
        (vec![age(Choice::Own(90))], age(Choice::Own(30))),
        (vec![age(Choice::Own(90))], age(Choice::Default)),
    ] {
        given::<Settings>(before.into_iter().map(changed))
            .when(change(new))
            .then_expect_events(vec![changed(new)]);
    }
}

#[test]
fn what_already_is_and_what_is_absent_give_no_event() {
    for (before, same) in [
        (vec![], SettingsChanges::default()),
        (vec![], algorithm(Algorithm::Ed25519)),
        (
            vec![algorithm(Algorithm::Rsa4096)],
            algorithm(Algorithm::Rsa4096),
        ),
        (vec![], grace(24)),
        (vec![grace(1)], grace(1)),
        (vec![], age(Choice::Default)),
        (vec![age(Choice::Own(90))], age(Choice::Own(90))),
    ] {
        given::<Settings>(before.into_iter().map(changed))
            .when(change(same))
            .then_expect_events(vec![]);
    }
}

#[test]
fn of_several_only_what_is_new_is_recorded() {
    let all = SettingsChanges {
        algorithm: Some(Algorithm::Ed25519),
        rotation_grace_hours: Some(GraceHours::try_from(48).unwrap()),
        max_key_age_days: Some(Choice::Default),
    };
    given::<Settings>([])
        .when(change(all))
        .then_expect_events(vec![changed(grace(48))]);
}

#[test]
fn what_is_absent_stays_as_it_was() {
    let before = [
        algorithm(Algorithm::Rsa4096),
        grace(3),
        age(Choice::Own(90)),
    ];
    let settings = after(before);
    assert_eq!(settings.algorithm, Algorithm::Rsa4096);
    assert_eq!(settings.rotation_grace_hours.get(), 3);
    assert_eq!(settings.max_key_age_days.map(KeyAge::get), Some(90));
    let settings = after(before.into_iter().chain([age(Choice::Default)]));
    assert_eq!(settings.max_key_age_days, None);
    assert_eq!(settings.rotation_grace_hours.get(), 3);
}

#[test]
fn a_replaced_key_stays_for_a_day_and_no_key_is_too_old_where_nobody_says() {
    let settings = Settings::default();
    assert_eq!(settings.rotation_grace_hours.time().num_hours(), 24);
    assert_eq!(settings.max_key_age_days, None);
}

#[test]
fn a_number_has_its_range() {
    for fine in [0, 24, 720] {
        assert_eq!(u64::from(GraceHours::try_from(fine).unwrap()), fine);
    }
    let refused = GraceHours::try_from(721).unwrap_err();
    assert_eq!(refused.to_string(), "must be a whole number from 0 to 720");
    for fine in [1, 90, 3650] {
        let age = KeyAge::try_from(fine).unwrap();
        assert_eq!(age.time().num_days().unsigned_abs(), fine);
    }
    for refused in [0, 3651, u64::MAX] {
        let refused = KeyAge::try_from(refused).unwrap_err();
        assert_eq!(refused.to_string(), "must be a whole number from 1 to 3650");
    }
}

#[test]
fn numbers_stand_in_a_line_as_numbers() {
    let event = SettingsEvent::SettingsChanged {
        algorithm: None,
        rotation_grace_hours: Some(GraceHours::default()),
        max_key_age_days: Some(Choice::Own(KeyAge::try_from(90).unwrap())),
    };
    let written = serde_json::to_value(&event).unwrap();
    let data = json!({ "rotation_grace_hours": 24, "max_key_age_days": { "own": 90 } });
    assert_eq!(written["data"], data);
    assert_eq!(
        serde_json::from_value::<SettingsEvent>(written).unwrap(),
        event
    );
    let wrong = json!({ "type": "SettingsChanged", "data": { "rotation_grace_hours": 721 } });
    assert!(serde_json::from_value::<SettingsEvent>(wrong).is_err());
}
