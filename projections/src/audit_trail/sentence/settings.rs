//! What happened to the settings.

use domain::provider::Choice;
use domain::settings::SettingsEvent;

use super::counted;

pub(super) fn settings(event: &SettingsEvent) -> String {
    let SettingsEvent::SettingsChanged {
        algorithm,
        rotation_grace_hours,
        max_key_age_days,
    } = event;
    let mut said = Vec::new();
    if let Some(algorithm) = algorithm {
        said.push(format!("set the algorithm of new keys to {algorithm}"));
    }
    if let Some(hours) = rotation_grace_hours {
        let hours = counted(u64::from(*hours), "hour");
        said.push(format!("let a replaced key stay for {hours}"));
    }
    match max_key_age_days {
        Some(Choice::Own(days)) => {
            let days = counted(u64::from(*days), "day");
            said.push(format!("had keys replaced after {days}"));
        }
        Some(Choice::Default) => said.push("let keys grow as old as they may".to_owned()),
        None => {}
    }
    match said.as_slice() {
        [] => "changed no setting".to_owned(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use domain::keyring::Algorithm;
    use domain::settings::{GraceHours, KeyAge};

    use super::*;

    #[test]
    fn a_sentence_says_everything_that_changed() {
        let grace = GraceHours::try_from(1).unwrap();
        let age = KeyAge::try_from(90).unwrap();
        let changed = |algorithm, rotation_grace_hours, max_key_age_days| {
            settings(&SettingsEvent::SettingsChanged {
                algorithm,
                rotation_grace_hours,
                max_key_age_days,
            })
        };
        assert_eq!(changed(None, None, None), "changed no setting");
        assert_eq!(
            changed(Some(Algorithm::Rsa4096), None, None),
            "set the algorithm of new keys to rsa-4096"
        );
        assert_eq!(
            changed(None, Some(grace), Some(Choice::Own(age))),
            "let a replaced key stay for 1 hour and had keys replaced after 90 days"
        );
        assert_eq!(
            changed(Some(Algorithm::Ed25519), Some(grace), Some(Choice::Default)),
            "set the algorithm of new keys to ed25519, let a replaced key stay for 1 hour and \
             let keys grow as old as they may"
        );
    }
}
