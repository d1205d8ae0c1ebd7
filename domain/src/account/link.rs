//! A linked account as it now is, and how its events change it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    AccountEvent, Grant, Placement, PlacementStatus, Presence, PublicationCause, Revocation,
    WithdrawalCause,
};
use crate::{AccountId, Failure, KeyId, ProviderSlug, Sealed, SecretRef, UserId};

/// A linked account as it now is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// Who the person is there, sealed.
    pub profile: Sealed,
    /// What the provider gave us; nothing where keys are carried by hand.
    pub grant: Option<Grant>,
    /// Why the grant no longer works, if it does not.
    pub lost: Option<Failure>,
    /// Whether it is being unlinked.
    pub unlinking: bool,
    /// How far the revocation of its grant is, then.
    pub revocation: Revocation,
    /// Every key that was ever placed here.
    pub placements: BTreeMap<KeyId, Placement>,
    /// The fingerprints of keys that bear our name there, and that the log does not know.
    pub foreign: BTreeSet<String>,
    /// Where tokens were that were given up, or that an earlier link ended with: none comes back.
    pub ended: BTreeSet<SecretRef>,
    /// Which link of the account it is, counted from 1.
    pub number: u64,
}

impl Link {
    pub(super) fn new(
        account: AccountId,
        user: UserId,
        provider: ProviderSlug,
        profile: Sealed,
        grant: Option<Grant>,
        spent: BTreeSet<KeyId>,
    ) -> Self {
        Self {
            account,
            user,
            provider,
            profile,
            grant,
            lost: None,
            unlinking: false,
            revocation: Revocation::default(),
            placements: spent
                .into_iter()
                .map(|key| (key, Placement::GONE))
                .collect(),
            foreign: BTreeSet::new(),
            ended: BTreeSet::new(),
            number: 1,
        }
    }

    pub(super) fn apply(&mut self, event: AccountEvent) {
        use AccountEvent as E;
        use PlacementStatus as S;
        match event {
            E::GrantRenewed { profile, grant, .. } => {
                self.ended = self.secrets();
                self.ended.remove(&grant.secret);
                self.grant = Some(grant);
                self.lost = None;
                if let Some(profile) = profile {
                    self.profile = profile;
                }
            }
            E::LinkGivenUp { secret, .. } => {
                self.ended.insert(secret);
            }
            E::GrantLost { failure, .. } => self.lost = Some(failure),
            E::UnlinkRequested { .. } => self.unlinking = true,
            E::KeyPublicationRequested { key, cause, .. } => {
                let placement = self.placement(key);
                placement.status = S::Publishing(cause);
                placement.attempts = 0;
                match cause {
                    PublicationCause::Replay(replay) => placement.replay = Some(replay),
                    PublicationCause::AutoRestore => placement.restored = true,
                    PublicationCause::Link
                    | PublicationCause::Rotation
                    | PublicationCause::Retry
                    | PublicationCause::Restore => {}
                }
            }
            E::KeyPublished {
                key,
                remote_key,
                presence,
                expires_at,
                ..
            } => {
                let placement = self.placement(key);
                placement.status = S::Published;
                placement.attempts = 0;
                placement.expires_at = expires_at;
                placement.reminded = false;
                placement.adopted = match presence {
                    Presence::Adopted => true,
                    Presence::Created => false,
                    Presence::Found | Presence::ByHand => placement.adopted,
                };
                if remote_key.is_some() {
                    placement.remote_key = remote_key;
                }
            }
            E::KeyPublicationFailed { key, attempts, .. }
            | E::KeyWithdrawalFailed { key, attempts, .. } => {
                self.placement(key).attempts = attempts;
            }
            E::KeyPublicationParked { key, attempts, .. } => {
                let placement = self.placement(key);
                placement.status = S::PublishingParked;
                placement.attempts = attempts;
            }
            E::KeyWithdrawalRequested { key, cause, .. } => {
                let placement = self.placement(key);
                placement.status = S::Withdrawing(cause);
                placement.attempts = 0;
                if let WithdrawalCause::Replay(replay) = cause {
                    placement.replay = Some(replay);
                }
            }
            E::KeyWithdrawn { key, .. } => {
                let placement = self.placement(key);
                placement.status = S::Gone;
                placement.remote_key = None;
                placement.adopted = false;
                placement.expires_at = None;
            }
            // What stays there is no longer ours to count on; a look finds it foreign.
            E::KeyPlacementDiscarded { key, .. } => {
                let placement = self.placement(key);
                placement.status = S::Gone;
                placement.attempts = 0;
                placement.remote_key = None;
                placement.expires_at = None;
            }
            E::KeyReleased { key, .. } => {
                let placement = self.placement(key);
                placement.status = S::Gone;
                placement.adopted = true;
            }
            E::KeyWithdrawalParked { key, attempts, .. } => {
                let placement = self.placement(key);
                placement.status = S::WithdrawingParked;
                placement.attempts = attempts;
            }
            E::KeyExpiring { key, .. } => self.placement(key).reminded = true,
            E::KeyDriftFound {
                key: Some(key),
                what,
                ..
            } => self.placement(key).drift = Some(what),
            E::KeyDriftFound {
                key: None,
                fingerprint,
                ..
            } => self.foreign.extend(fingerprint),
            E::KeyDriftSettled { key: Some(key), .. } => self.placement(key).drift = None,
            E::KeyDriftSettled {
                key: None,
                fingerprint,
                ..
            } => {
                self.foreign
                    .retain(|known| Some(known) != fingerprint.as_ref());
            }
            E::GrantRevocationRequested { .. } => self.revocation = Revocation::default(),
            E::GrantRevocationFailed { attempts, .. } => self.revocation.attempts = attempts,
            E::GrantRevocationParked { attempts, .. } => {
                self.revocation = Revocation {
                    attempts,
                    parked: true,
                };
            }
            // Taken by the account itself.
            E::AccountLinked { .. } | E::AccountUnlinked { .. } => {}
            // What follows from it follows with it.
            E::UnlinkForced { .. } => {}
        }
    }

    fn placement(&mut self, key: KeyId) -> &mut Placement {
        self.placements.entry(key).or_insert(Placement::GONE)
    }

    pub(super) fn status(&self, key: KeyId) -> Option<PlacementStatus> {
        self.placements.get(&key).map(|placement| placement.status)
    }

    pub(super) fn attempts(&self, key: KeyId) -> u32 {
        self.placements
            .get(&key)
            .map_or(0, |placement| placement.attempts)
    }

    pub(super) fn remote_key(&self, key: KeyId) -> Option<String> {
        self.placements
            .get(&key)
            .and_then(|placement| placement.remote_key.clone())
    }

    /// Returns the generation of the grant, 0 where there is none.
    pub fn generation(&self) -> u64 {
        self.grant.as_ref().map_or(0, |grant| grant.generation)
    }

    pub(super) fn follows(&self, grant: &Grant) -> bool {
        grant.generation == self.generation() + 1
    }

    /// Says whether the link uses the tokens that are there.
    pub(super) fn uses(&self, secret: SecretRef) -> bool {
        self.grant
            .as_ref()
            .is_some_and(|grant| grant.secret == secret)
    }

    /// Lists where tokens are or were: those in use, and all that came to an end before.
    pub(super) fn secrets(&self) -> BTreeSet<SecretRef> {
        let mut secrets = self.ended.clone();
        secrets.extend(self.grant.as_ref().map(|grant| grant.secret));
        secrets
    }

    /// Lists the keys that may still be at the provider.
    pub fn remaining_keys(&self) -> impl Iterator<Item = KeyId> {
        self.placements
            .iter()
            .filter(|(_, placement)| placement.status != PlacementStatus::Gone)
            .map(|(key, _)| *key)
    }
}
