//! What is said of those who leave, and of what stays behind.

use domain::account::Residue;
use domain::offboarding::{OffboardingEvent, OffboardingTally};

use super::counted;

pub(super) fn offboarding(event: &OffboardingEvent) -> String {
    match event {
        OffboardingEvent::OffboardingRequested { user, force: false } => {
            format!("asked to off-board {user}")
        }
        OffboardingEvent::OffboardingRequested { user, force: true } => {
            format!("asked to off-board {user} without waiting for any provider")
        }
        OffboardingEvent::OffboardingForced { user } => {
            format!("asked not to wait for any provider any more to off-board {user}")
        }
        OffboardingEvent::OffboardingCompleted { user, tally } => {
            let OffboardingTally {
                accounts,
                withdrawn: _,
                keys,
                tokens,
                keys_left,
                grants_left,
            } = tally;
            let left = match (*keys_left, *grants_left) {
                (0, 0) => String::new(),
                (keys, 0) => format!("; {} stayed at a provider", counted(keys, "key")),
                (0, grants) => format!("; {} stayed at a provider", counted(grants, "grant")),
                (keys, grants) => format!(
                    "; {} and {} stayed at a provider",
                    counted(keys, "key"),
                    counted(grants, "grant")
                ),
            };
            format!(
                "off-boarded {user}: unlinked {}, destroyed {}, revoked {}{left}",
                counted(*accounts, "account"),
                counted(*keys, "key"),
                counted(*tokens, "API token")
            )
        }
    }
}

pub(super) fn left_behind(residue: &[Residue]) -> String {
    let (mut keys, mut grants) = (0, 0);
    for left in residue {
        match left {
            Residue::Key { .. } => keys += 1,
            Residue::Grant => grants += 1,
        }
    }
    match (keys, grants) {
        (0, 0) => String::new(),
        (keys, 0) => format!(" and left {} there", counted(keys, "key")),
        (0, _) => " and left the grant there".to_owned(),
        (keys, _) => format!(" and left {} and the grant there", counted(keys, "key")),
    }
}
