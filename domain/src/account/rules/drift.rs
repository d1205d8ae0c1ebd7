//! What a look at the provider found otherwise than the log says.

use std::collections::BTreeMap;

use crate::KeyId;
use crate::account::{AccountEvent, Link, Placement, PlacementStatus};
use crate::reconcile::Drift;

impl Link {
    /// Says what is new of it and what is over. What is on its way is not judged: the publisher
    /// lists before it acts.
    pub(super) fn looked(
        &self,
        keys: &BTreeMap<KeyId, Drift>,
        foreign: &BTreeMap<String, String>,
    ) -> Vec<AccountEvent> {
        if self.unlinking {
            return vec![];
        }
        let of_keys = self.placements.iter().filter_map(|(key, placement)| {
            let found = keys.get(key).copied();
            match found.filter(|found| may_drift(placement, *found)) {
                Some(what) if placement.drift != Some(what) => {
                    Some(self.drifted(Some(*key), what, None, None))
                }
                None if is_settled(placement.status) => self.settled(*key),
                Some(_) | None => None,
            }
        });
        let appeared = foreign
            .iter()
            .filter(|(fingerprint, _)| !self.foreign.contains(*fingerprint))
            .map(|(fingerprint, remote_key)| {
                let (fingerprint, remote_key) = (Some(fingerprint.clone()), Some(remote_key));
                self.drifted(None, Drift::Foreign, fingerprint, remote_key.cloned())
            });
        let gone = self
            .foreign
            .iter()
            .filter(|fingerprint| !foreign.contains_key(*fingerprint))
            .map(|fingerprint| self.over(None, Some(fingerprint.clone())));
        of_keys.chain(appeared).chain(gone).collect()
    }

    /// Says that a key's drift is over, if there was one.
    fn settled(&self, key: KeyId) -> Option<AccountEvent> {
        let drifted = self.placements.get(&key)?.drift.is_some();
        drifted.then(|| self.over(Some(key), None))
    }

    /// Says that something happened which also ends the key's drift, if there was one.
    pub(super) fn and_settled(&self, key: KeyId, event: AccountEvent) -> Vec<AccountEvent> {
        std::iter::once(event).chain(self.settled(key)).collect()
    }

    fn drifted(
        &self,
        key: Option<KeyId>,
        what: Drift,
        fingerprint: Option<String>,
        remote_key: Option<String>,
    ) -> AccountEvent {
        AccountEvent::KeyDriftFound {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            what,
            fingerprint,
            remote_key,
        }
    }

    fn over(&self, key: Option<KeyId>, fingerprint: Option<String>) -> AccountEvent {
        AccountEvent::KeyDriftSettled {
            account: self.account,
            user: self.user.clone(),
            provider: self.provider.clone(),
            key,
            fingerprint,
        }
    }
}

/// Says whether a key is where it is to be, or nowhere.
fn is_settled(status: PlacementStatus) -> bool {
    match status {
        PlacementStatus::Published | PlacementStatus::Gone => true,
        PlacementStatus::Publishing(_)
        | PlacementStatus::PublishingParked
        | PlacementStatus::Withdrawing(_)
        | PlacementStatus::WithdrawingParked => false,
    }
}

fn may_drift(placement: &Placement, found: Drift) -> bool {
    match placement.status {
        PlacementStatus::Published => found != Drift::Foreign,
        // What was left to the person is theirs.
        PlacementStatus::Gone => found == Drift::Foreign && !placement.adopted,
        PlacementStatus::Publishing(_)
        | PlacementStatus::PublishingParked
        | PlacementStatus::Withdrawing(_)
        | PlacementStatus::WithdrawingParked => false,
    }
}
