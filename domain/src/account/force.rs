//! The end of an unlinking that waits for nobody any more.

use std::collections::BTreeMap;

use super::{AccountEvent, Link, Placement, PlacementStatus, Residue};
use crate::{KeyId, ReasonCode};

impl Link {
    /// Ends the link now: whatever may still be at the provider is named, and nothing is asked of it.
    pub(super) fn force_unlink(&self, fingerprints: &BTreeMap<KeyId, String>) -> Vec<AccountEvent> {
        let (account, user, provider) = (self.account, self.user.clone(), self.provider.clone());
        let remaining = || {
            self.placements
                .iter()
                .filter(|(_, placement)| placement.status != PlacementStatus::Gone)
        };
        let mut events = Vec::new();
        if !self.unlinking {
            events.push(AccountEvent::UnlinkRequested {
                account,
                user: user.clone(),
                provider: provider.clone(),
            });
        }
        events.push(AccountEvent::UnlinkForced {
            account,
            user: user.clone(),
            provider: provider.clone(),
        });
        // What was there before us stays by right, as in any other unlinking.
        let adopted = remaining().filter(|(_, placement)| placement.adopted);
        events.extend(adopted.map(|(key, _)| AccountEvent::KeyReleased {
            account,
            user: user.clone(),
            provider: provider.clone(),
            key: *key,
        }));
        let ours = remaining().filter(|(_, placement)| !placement.adopted);
        let mut residue: Vec<Residue> = ours
            .map(|(key, placement)| left(*key, placement, fingerprints))
            .collect();
        if self.may_still_be_granted() {
            residue.push(Residue::Grant);
        }
        events.push(AccountEvent::AccountUnlinked {
            account,
            user,
            provider,
            residue,
        });
        events
    }

    /// Says whether the provider may still honour what it gave us.
    fn may_still_be_granted(&self) -> bool {
        let revoked = self
            .lost
            .as_ref()
            .is_some_and(|failure| failure.code == ReasonCode::GrantRevoked);
        self.grant.is_some() && !revoked
    }
}

fn left(key: KeyId, placement: &Placement, fingerprints: &BTreeMap<KeyId, String>) -> Residue {
    Residue::Key {
        key,
        remote_key: placement.remote_key.clone(),
        fingerprint: fingerprints.get(&key).cloned(),
    }
}
