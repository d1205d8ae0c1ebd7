//! Every rule; there is no refusal.

use super::*;
use crate::samples::given;

fn change(algorithm: Option<Algorithm>) -> SettingsCommand {
    SettingsCommand::ChangeSettings { algorithm }
}

fn changed(algorithm: Algorithm) -> SettingsEvent {
    SettingsEvent::SettingsChanged {
        algorithm: Some(algorithm),
    }
}

#[test]
fn a_new_value_is_recorded() {
    given::<Settings>([])
        .when(change(Some(Algorithm::Rsa4096)))
        .then_expect_events(vec![changed(Algorithm::Rsa4096)]);
    given::<Settings>([changed(Algorithm::Rsa4096)])
        .when(change(Some(Algorithm::Ed25519)))
        .then_expect_events(vec![changed(Algorithm::Ed25519)]);
}

#[test]
fn what_already_is_and_what_is_absent_give_no_event() {
    given::<Settings>([])
        .when(change(Some(Algorithm::Ed25519)))
        .then_expect_events(vec![]);
    given::<Settings>([])
        .when(change(None))
        .then_expect_events(vec![]);
    given::<Settings>([changed(Algorithm::Rsa4096)])
        .when(change(Some(Algorithm::Rsa4096)))
        .then_expect_events(vec![]);
}
