//! What every event makes of every projection.

use domain::Event;

use crate::ALL;
use crate::sample::{assert_sound, every, recorded, verb};

/// Lists what an event does to every projection but the audit trail, which takes each one.
fn effects(index: u64, event: Event) -> String {
    let recorded = recorded(index, event);
    let mut effects = Vec::new();
    for projection in ALL {
        for statement in projection.apply(&recorded) {
            assert_sound(&statement, index);
            if projection.name() != "audit_trail" {
                effects.push(verb(&statement));
            }
        }
    }
    format!("{}: {}", recorded.event.kind().name, effects.join(", "))
}

#[test]
fn every_event_is_remembered_where_it_matters() {
    let effects: Vec<_> = every()
        .into_iter()
        .zip(0..)
        .map(|(event, index)| effects(index, event))
        .collect();
    assert_eq!(
        effects,
        [
            "ProviderAdded: INSERT provider_list",
            "ProviderChanged: UPDATE provider_list",
            "ProviderDisabled: UPDATE provider_list",
            "ProviderEnabled: UPDATE provider_list",
            "ProviderPaused: UPDATE provider_list",
            "ProviderResumed: UPDATE provider_list",
            "ProviderSecretStaged: UPDATE provider_list",
            "ProviderSecretConfirmed: UPDATE provider_list",
            "ProviderSecretDropped: UPDATE provider_list",
            "ProviderAppRefused: UPDATE provider_list",
            "ProviderAppAccepted: UPDATE provider_list",
            "ProviderHostKeysRecorded: UPDATE provider_list",
            "ProviderRemovalRequested: UPDATE provider_list",
            "ProviderRemoved: UPDATE provider_list",
            "SettingsChanged: INSERT settings",
            "TokenCreated: INSERT tokens",
            "TokenRevoked: UPDATE tokens",
            "KeyGenerated: INSERT key_sync_keys, INSERT keys",
            "KeyRotated: UPDATE key_sync_keys, INSERT key_sync_keys, INSERT keys, UPDATE keys",
            "KeyRetired: DELETE key_sync_keys, UPDATE keys",
            "AccountLinked: INSERT key_sync, INSERT linked_accounts",
            "GrantRenewed: UPDATE key_sync, UPDATE key_sync_keys, UPDATE key_sync_keys, \
             UPDATE linked_accounts",
            "KeyPublicationRequested: INSERT key_placements, UPDATE key_sync_keys",
            "KeyPublicationFailed: UPDATE key_placements, UPDATE key_sync_keys",
            "KeyPublicationParked: UPDATE key_placements, UPDATE key_sync_keys",
            "KeyPublished: UPDATE key_placements, UPDATE key_sync_keys, UPDATE key_sync_keys",
            "GrantLost: UPDATE key_sync, UPDATE linked_accounts",
            "UnlinkRequested: UPDATE key_sync, UPDATE linked_accounts",
            "KeyWithdrawalRequested: INSERT key_placements, UPDATE key_sync_keys",
            "KeyWithdrawalFailed: UPDATE key_placements, UPDATE key_sync_keys",
            "KeyWithdrawalParked: UPDATE key_placements, UPDATE key_sync_keys",
            "KeyWithdrawn: UPDATE key_placements, UPDATE key_sync_keys",
            "KeyReleased: UPDATE key_placements, UPDATE key_sync_keys",
            "KeyExpiring: UPDATE key_placements",
            "AccountUnlinked: UPDATE key_placements, UPDATE key_sync, UPDATE key_sync_keys, \
             UPDATE linked_accounts",
            "ReplayStarted: INSERT replays",
            "ReplayCancelled: UPDATE replays",
            "ReplayCompleted: UPDATE replays",
            "CampaignStarted: INSERT campaigns",
            "CampaignPaused: UPDATE campaigns",
            "CampaignResumed: UPDATE campaigns",
            "CampaignCancelled: UPDATE campaigns",
            "CampaignCompleted: UPDATE campaigns",
            "AuditRead: ",
        ]
    );
}

#[test]
fn the_audit_trail_takes_every_event_once() {
    for (event, index) in every().into_iter().zip(0..) {
        let recorded = recorded(index, event);
        let rows = crate::named("audit_trail")
            .unwrap()
            .apply(&recorded)
            .iter()
            .filter(|statement| verb(statement) == "INSERT audit_trail")
            .count();
        assert_eq!(rows, 1);
    }
}
