//! The policy between keyring and account: what is due, given where things stand.
//!
//! | whenever | then |
//! | --- | --- |
//! | an account is linked and has no key | generate one |
//! | its current key was never sent there | request its publication |
//! | its current key is published | request the withdrawal of the keys it replaced: the oldest that is there after its grace, all others at once |
//! | a replaced key is compromised | request its withdrawal first, before the new one is there |
//! | a replaced key is nowhere any more | retire it |
//! | the grant is lost | ask nothing of the provider until it is renewed |
//! | … and is renewed | request again what was parked because of the grant |
//! | an account is being unlinked | request the withdrawal of every key |
//! | … and no key is left that could still be withdrawn | finish the unlinking, unless its last step waits for its time or for somebody |
//! | an account is unlinked | retire its keys, whoever links it next |
//! | a replay is started | request again what is in its scope |
//! | a placement that a replay took up comes to rest | see whether the replay is complete |
//!
//! What is due follows from where things stand, not from which event came last: asking twice
//! is harmless, and a crash between two steps is mended by asking again.

mod memory;
mod revoking;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};

use crate::account::{AccountEvent, PublicationCause, Residue, WithdrawalCause};
use crate::keyring::{Holder, KeyringEvent};
use crate::replay::ReplayEvent;
use crate::{AccountId, Event, KeyId, ReplayId, UserId};

pub use memory::{AccountMemory, KeyMemory, KeyStanding, LinkState, Place, relieves};
pub use revoking::Revoking;

/// What an event may have made due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affected {
    /// Steps for one account.
    Account(AccountId),
    /// A replay has begun, or goes on.
    ReplayBegun(ReplayId),
    /// Nothing.
    Nothing,
}

/// Returns what an event may have made due.
pub fn affected(event: &Event) -> Affected {
    match event {
        Event::Account(
            AccountEvent::AccountLinked { account, .. }
            | AccountEvent::GrantRenewed { account, .. }
            | AccountEvent::GrantLost { account, .. }
            | AccountEvent::UnlinkRequested { account, .. }
            | AccountEvent::UnlinkForced { account, .. }
            | AccountEvent::GrantRevocationRequested { account, .. }
            | AccountEvent::GrantRevocationFailed { account, .. }
            | AccountEvent::GrantRevocationParked { account, .. }
            | AccountEvent::AccountUnlinked { account, .. }
            | AccountEvent::KeyPublicationRequested { account, .. }
            | AccountEvent::KeyPublished { account, .. }
            | AccountEvent::KeyPublicationFailed { account, .. }
            | AccountEvent::KeyPublicationParked { account, .. }
            | AccountEvent::KeyWithdrawalRequested { account, .. }
            | AccountEvent::KeyWithdrawn { account, .. }
            | AccountEvent::KeyWithdrawalFailed { account, .. }
            | AccountEvent::KeyWithdrawalParked { account, .. }
            | AccountEvent::KeyReleased { account, .. }
            | AccountEvent::KeyPlacementDiscarded { account, .. },
        ) => Affected::Account(*account),
        Event::Account(
            AccountEvent::LinkGivenUp { .. }
            | AccountEvent::KeyExpiring { .. }
            | AccountEvent::KeyDriftFound { .. }
            | AccountEvent::KeyDriftSettled { .. },
        ) => Affected::Nothing,
        Event::Keyring(
            KeyringEvent::KeyGenerated { holder, .. }
            | KeyringEvent::KeyRotated { holder, .. }
            | KeyringEvent::KeyRetired { holder, .. },
        ) => match holder {
            Holder::Account(account) => Affected::Account(*account),
            Holder::Personal => Affected::Nothing,
        },
        Event::Replay(
            ReplayEvent::ReplayStarted { replay, .. } | ReplayEvent::ReplayResumed { replay, .. },
        ) => Affected::ReplayBegun(*replay),
        Event::Replay(
            ReplayEvent::ReplayCancelled { .. } | ReplayEvent::ReplayCompleted { .. },
        )
        | Event::Access(_)
        | Event::Offboarding(_)
        | Event::Campaign(_)
        | Event::Provider(_)
        | Event::Settings(_)
        | Event::Token(_)
        | Event::Webhook(_) => Affected::Nothing,
    }
}

/// One thing to be done: one command on one stream, or one errand of the worker that ends in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a first key pair for the account.
    GenerateKey {
        /// The account.
        account: AccountId,
    },
    /// Request that a key be published.
    RequestPublication {
        /// The account.
        account: AccountId,
        /// The key.
        key: KeyId,
        /// Why.
        cause: PublicationCause,
    },
    /// Request that a key be withdrawn.
    RequestWithdrawal {
        /// The account.
        account: AccountId,
        /// The key.
        key: KeyId,
        /// Why.
        cause: WithdrawalCause,
    },
    /// End a key.
    RetireKey {
        /// The person.
        user: UserId,
        /// The key.
        key: KeyId,
    },
    /// Revoke the grant, destroy the secrets, record the end.
    FinishUnlink {
        /// The account.
        account: AccountId,
        /// What cannot be cleaned up.
        residue: Vec<Residue>,
    },
}

impl AccountMemory {
    /// Lists what is due at `now`, where a replaced key stays for `grace`.
    pub fn due(&self, now: DateTime<Utc>, grace: TimeDelta) -> Vec<Step> {
        match self.link {
            LinkState::Linked => self.due_while_linked(now, grace),
            // Nothing can be asked of the provider until the person links again.
            LinkState::GrantLost => self.retire_what_is_over(),
            LinkState::Unlinking => self.due_while_unlinking(now),
            LinkState::Unlinked => self.keys.iter().map(KeyMemory::retire).collect(),
        }
    }

    fn due_while_linked(&self, now: DateTime<Utc>, grace: TimeDelta) -> Vec<Step> {
        let account = self.account;
        // First, so that a holder's old key has ended before a new one is made.
        let mut steps = self.retire_what_is_over();
        let Some(current) = self.current() else {
            steps.push(Step::GenerateKey { account });
            return steps;
        };
        // A key that must not be trusted is withdrawn first; any other waits for its successor.
        steps.extend(self.withdraw(KeyStanding::Compromised, |_| true));
        if current.place.wants_publication() {
            let cause = if self.own().count() > 1 {
                PublicationCause::Rotation
            } else {
                PublicationCause::Link
            };
            let key = current.key;
            steps.push(Step::RequestPublication {
                account,
                key,
                cause,
            });
        }
        if current.place == Place::Published {
            let kept = self.kept();
            steps.extend(self.withdraw(KeyStanding::Replaced, |known| {
                kept != Some(known.key) || known.is_grace_over(now, grace)
            }));
        }
        steps
    }

    fn due_while_unlinking(&self, now: DateTime<Utc>) -> Vec<Step> {
        let account = self.account;
        let steps: Vec<_> = self
            .own()
            .filter(|known| known.place.wants_withdrawal())
            .map(|known| self.request_withdrawal(known, WithdrawalCause::Unlink))
            .collect();
        let is_waiting = |known: &KeyMemory| {
            matches!(known.place, Place::Withdrawing | Place::WithdrawingParked)
        };
        if !steps.is_empty() || self.own().any(is_waiting) || !self.revoking.is_due(now) {
            return steps;
        }
        let residue = self
            .own()
            .filter(|known| known.place == Place::WithdrawingLost)
            .map(|known| Residue::Key {
                key: known.key,
                remote_key: None,
                fingerprint: None,
            })
            .collect();
        vec![Step::FinishUnlink { account, residue }]
    }

    /// Lists the keys of this link. Those of an earlier one wait for their retirement only.
    fn own(&self) -> impl Iterator<Item = &KeyMemory> {
        self.keys.iter().filter(|known| !self.is_ended(known))
    }

    fn is_ended(&self, known: &KeyMemory) -> bool {
        known.standing == KeyStanding::Ended || known.user != self.user
    }

    fn current(&self) -> Option<&KeyMemory> {
        self.own()
            .find(|known| known.standing == KeyStanding::Current)
    }

    /// Returns the replaced key that stays for its grace: the oldest that is known to be there.
    /// Whoever has a key in use has that one; a younger one was superseded on its way, and would
    /// be a third.
    fn kept(&self) -> Option<KeyId> {
        self.own()
            .find(|known| {
                known.standing == KeyStanding::Replaced && known.place == Place::Published
            })
            .map(|known| known.key)
    }

    fn withdraw(
        &self,
        standing: KeyStanding,
        may_go: impl Fn(&KeyMemory) -> bool,
    ) -> impl Iterator<Item = Step> {
        self.own()
            .filter(move |known| known.standing == standing && known.place.wants_withdrawal())
            .filter(move |known| may_go(known))
            .map(|known| self.request_withdrawal(known, WithdrawalCause::Rotation))
    }

    fn request_withdrawal(&self, known: &KeyMemory, cause: WithdrawalCause) -> Step {
        Step::RequestWithdrawal {
            account: self.account,
            key: known.key,
            cause,
        }
    }

    fn retire_what_is_over(&self) -> Vec<Step> {
        let is_over = |known: &&KeyMemory| {
            let nowhere = matches!(known.place, Place::Nowhere | Place::Gone);
            self.is_ended(known) || (known.standing != KeyStanding::Current && nowhere)
        };
        self.keys
            .iter()
            .filter(is_over)
            .map(KeyMemory::retire)
            .collect()
    }
}

impl KeyMemory {
    fn retire(&self) -> Step {
        Step::RetireKey {
            user: self.user.clone(),
            key: self.key,
        }
    }
}

impl Place {
    /// Says whether a current key here is to be requested there.
    const fn wants_publication(self) -> bool {
        match self {
            Self::Nowhere | Self::PublishingDue => true,
            Self::Publishing
            | Self::PublishingParked
            | Self::PublishingLost
            | Self::Published
            | Self::Withdrawing
            | Self::WithdrawingParked
            | Self::WithdrawingLost
            | Self::WithdrawingDue
            | Self::Gone => false,
        }
    }

    /// Says whether a key that is over may be there and is not on its way back.
    const fn wants_withdrawal(self) -> bool {
        match self {
            Self::Publishing
            | Self::PublishingParked
            | Self::PublishingLost
            | Self::PublishingDue
            | Self::Published
            | Self::WithdrawingDue => true,
            Self::Nowhere
            | Self::Withdrawing
            | Self::WithdrawingParked
            | Self::WithdrawingLost
            | Self::Gone => false,
        }
    }
}
