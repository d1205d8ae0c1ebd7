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
            "ProviderPaused: INSERT notices, UPDATE provider_list",
            "ProviderResumed: UPDATE notices, UPDATE provider_list",
            "ProviderSecretStaged: UPDATE provider_list",
            "ProviderSecretConfirmed: UPDATE provider_list",
            "ProviderSecretDropped: UPDATE provider_list",
            "ProviderAppRefused: INSERT notices, UPDATE provider_list",
            "ProviderAppAccepted: UPDATE notices, UPDATE provider_list",
            "ProviderHostKeysRecorded: UPDATE provider_list",
            "BreakerOpened: INSERT notices, UPDATE provider_list",
            "BreakerHalfOpened: UPDATE provider_list",
            "BreakerClosed: UPDATE notices, UPDATE provider_list",
            "HookSecretSet: UPDATE provider_list",
            "ProviderRedirectNoted: UPDATE provider_list",
            "ProviderGrantLeft: UPDATE provider_list, INSERT residues",
            "ProviderRemovalRequested: UPDATE provider_list",
            "ProviderRemovalCancelled: UPDATE provider_list",
            "ProviderRemoved: UPDATE notices, UPDATE provider_list",
            "SettingsChanged: INSERT settings",
            "TokenCreated: INSERT tokens",
            "TokenRevoked: UPDATE offboardings, UPDATE tokens",
            "WebhookAdded: INSERT webhooks",
            "WebhookChanged: UPDATE webhooks",
            "WebhookSecretRotated: UPDATE webhooks",
            "WebhookDisabled: UPDATE webhooks",
            "WebhookEnabled: UPDATE webhooks",
            "WebhookRemoved: UPDATE webhooks",
            "KeyGenerated: INSERT key_sync_keys, INSERT keys",
            "KeyRotated: UPDATE key_sync_keys, INSERT key_sync_keys, INSERT keys, UPDATE keys",
            "KeyRetired: DELETE key_sync_keys, UPDATE keys, UPDATE offboardings",
            "AccountLinked: INSERT key_sync, INSERT linked_accounts",
            "GrantRenewed: UPDATE key_sync, UPDATE key_sync_keys, UPDATE key_sync_keys, UPDATE linked_accounts, UPDATE notices",
            "KeyPublicationRequested: INSERT key_placements, UPDATE key_sync_keys, UPDATE notices",
            "KeyPublicationFailed: UPDATE key_placements, UPDATE key_sync_keys, UPDATE replay_items",
            "KeyPublicationParked: UPDATE key_placements, UPDATE key_sync_keys, INSERT notices, UPDATE notices, UPDATE replay_items",
            "KeyPublished: UPDATE key_placements, UPDATE key_placements, UPDATE key_sync_keys, UPDATE key_sync_keys, UPDATE notices, UPDATE replay_items",
            "GrantLost: UPDATE key_sync, UPDATE linked_accounts, INSERT notices",
            "UnlinkRequested: UPDATE key_placements, UPDATE key_sync, UPDATE linked_accounts, UPDATE notices, INSERT notice_leavers, INSERT revocations",
            "KeyWithdrawalRequested: INSERT key_placements, UPDATE key_sync_keys, UPDATE notices",
            "KeyWithdrawalFailed: UPDATE key_placements, UPDATE key_sync_keys, UPDATE replay_items",
            "KeyWithdrawalParked: UPDATE key_placements, UPDATE key_sync_keys, UPDATE replay_items",
            "KeyWithdrawn: UPDATE key_placements, UPDATE key_sync_keys, UPDATE notices, UPDATE offboardings, UPDATE replay_items",
            "KeyReleased: UPDATE key_placements, UPDATE key_sync_keys, UPDATE notices, UPDATE replay_items",
            "KeyPlacementDiscarded: UPDATE key_placements, UPDATE key_sync_keys, UPDATE notices, UPDATE offboardings, UPDATE replay_items, INSERT residues",
            "KeyExpiring: UPDATE key_placements, INSERT notices",
            "GrantRevocationFailed: UPDATE key_sync, UPDATE revocations",
            "GrantRevocationParked: UPDATE key_sync, INSERT notices, UPDATE notices, INSERT residues, UPDATE revocations",
            "GrantRevocationRequested: UPDATE key_sync, UPDATE residues, UPDATE revocations",
            "UnlinkForced: ",
            "LinkGivenUp: ",
            "KeyDriftFound: UPDATE key_placements, INSERT notices, UPDATE notices",
            "KeyDriftSettled: UPDATE key_placements, UPDATE key_placements, UPDATE notices",
            "KeyDriftFound: INSERT unknown_keys, INSERT notices, UPDATE notices",
            "KeyDriftSettled: DELETE unknown_keys, UPDATE notices",
            "AccountUnlinked: UPDATE key_placements, DELETE unknown_keys, UPDATE key_sync, UPDATE key_sync_keys, UPDATE linked_accounts, UPDATE notices, UPDATE notice_leavers, UPDATE offboardings, UPDATE replay_items, UPDATE residues, INSERT residues, UPDATE revocations",
            "ReplayStarted: INSERT replays",
            "ReplayCancelled: UPDATE replays",
            "ReplayResumed: UPDATE replays",
            "ReplayCompleted: UPDATE replays",
            "OffboardingRequested: INSERT offboardings",
            "OffboardingForced: UPDATE offboardings",
            "OffboardingCompleted: UPDATE offboardings",
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
