//! The policy between keyring and account: what is due, given where things stand.
//!
//! | whenever | then |
//! | --- | --- |
//! | an account is linked and has no key | generate one |
//! | its current key was never sent there | request its publication |
//! | its current key is published | request the withdrawal of every key it replaced |
//! | a replaced key is compromised | request its withdrawal at once, before the new one is there |
//! | a replaced key is nowhere any more | retire it |
//! | an account is being unlinked | request the withdrawal of every key |
//! | … and no key is left that could still be withdrawn | finish the unlinking |
//! | an account is unlinked | retire its keys |
//! | a replay is started | request again what is in its scope |
//! | a placement that a replay took up comes to rest | see whether the replay is complete |
//!
//! What is due follows from where things stand, not from which event came last: asking twice
//! is harmless, and a crash between two steps is mended by asking again.

use serde::{Deserialize, Serialize};

use crate::account::{AccountEvent, PublicationCause, Residue, WithdrawalCause};
use crate::keyring::{Holder, KeyringEvent};
use crate::replay::ReplayEvent;
use crate::{AccountId, Event, KeyId, ProviderSlug, ReplayId, UserId};

/// What an event may have made due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affected {
    /// Steps for one account.
    Account(AccountId),
    /// A replay has begun.
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
            | AccountEvent::AccountUnlinked { account, .. }
            | AccountEvent::KeyPublicationRequested { account, .. }
            | AccountEvent::KeyPublished { account, .. }
            | AccountEvent::KeyPublicationFailed { account, .. }
            | AccountEvent::KeyPublicationParked { account, .. }
            | AccountEvent::KeyWithdrawalRequested { account, .. }
            | AccountEvent::KeyWithdrawn { account, .. }
            | AccountEvent::KeyWithdrawalFailed { account, .. }
            | AccountEvent::KeyWithdrawalParked { account, .. }
            | AccountEvent::KeyReleased { account, .. },
        ) => Affected::Account(*account),
        Event::Keyring(
            KeyringEvent::KeyGenerated { holder, .. }
            | KeyringEvent::KeyRotated { holder, .. }
            | KeyringEvent::KeyRetired { holder, .. },
        ) => match holder {
            Holder::Account(account) => Affected::Account(*account),
            Holder::Personal => Affected::Nothing,
        },
        Event::Replay(ReplayEvent::ReplayStarted { replay, .. }) => Affected::ReplayBegun(*replay),
        Event::Replay(
            ReplayEvent::ReplayCancelled { .. } | ReplayEvent::ReplayCompleted { .. },
        )
        | Event::Access(_)
        | Event::Provider(_)
        | Event::Settings(_)
        | Event::Token(_) => Affected::Nothing,
    }
}

/// How far the link of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Linked.
    Linked,
    /// Linked; the grant no longer works.
    GrantLost,
    /// On the way to be unlinked.
    Unlinking,
    /// Not linked.
    Unlinked,
}

/// Whether a key is its holder's current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStanding {
    /// It is.
    Current,
    /// Another takes its place.
    Replaced,
    /// Another takes its place, and it must not be trusted any more.
    Compromised,
}

/// Where a key is on its way to the provider or away from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Never sent there.
    Nowhere,
    /// To be published.
    Publishing,
    /// To be published; waits for somebody.
    PublishingParked,
    /// There.
    Published,
    /// To be withdrawn.
    Withdrawing,
    /// To be withdrawn; waits for somebody.
    WithdrawingParked,
    /// To be withdrawn, and it cannot be: the grant is gone.
    WithdrawingLost,
    /// No longer there, or left to the person.
    Gone,
}

/// Gives an enum of words its text and back.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// Returns the word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Reads the word for it.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words!(LinkState {
    Linked = "linked",
    GrantLost = "grant_lost",
    Unlinking = "unlinking",
    Unlinked = "unlinked",
});
words!(KeyStanding { Current = "current", Replaced = "replaced", Compromised = "compromised" });
words!(Place {
    Nowhere = "nowhere",
    Publishing = "publishing",
    PublishingParked = "publishing_parked",
    Published = "published",
    Withdrawing = "withdrawing",
    WithdrawingParked = "withdrawing_parked",
    WithdrawingLost = "withdrawing_lost",
    Gone = "gone",
});

/// What the policy remembers of one account: one row of the `key_sync` projection and its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMemory {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderSlug,
    /// How far its link is.
    pub link: LinkState,
    /// Its keys that have not ended, oldest first.
    pub keys: Vec<KeyMemory>,
}

/// What the policy remembers of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMemory {
    /// The key.
    pub key: KeyId,
    /// Whether it is the current one.
    pub standing: KeyStanding,
    /// Where it is.
    pub place: Place,
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
    /// Lists what is due.
    pub fn due(&self) -> Vec<Step> {
        match self.link {
            LinkState::Linked => self.due_while_linked(),
            // Nothing can be asked of the provider until the person links again.
            LinkState::GrantLost => self.retire_what_is_over(),
            LinkState::Unlinking => self.due_while_unlinking(),
            LinkState::Unlinked => self.keys.iter().map(|known| self.retire(known)).collect(),
        }
    }

    fn due_while_linked(&self) -> Vec<Step> {
        let account = self.account;
        let Some(current) = self
            .keys
            .iter()
            .find(|known| known.standing == KeyStanding::Current)
        else {
            return vec![Step::GenerateKey { account }];
        };
        let mut steps = Vec::new();
        if matches!(current.place, Place::Nowhere | Place::Gone) {
            let cause = if self.keys.len() > 1 {
                PublicationCause::Rotation
            } else {
                PublicationCause::Link
            };
            steps.push(Step::RequestPublication {
                account,
                key: current.key,
                cause,
            });
        }
        for known in &self.keys {
            let over = match known.standing {
                KeyStanding::Current => false,
                KeyStanding::Replaced => current.place == Place::Published,
                KeyStanding::Compromised => true,
            };
            let there = matches!(
                known.place,
                Place::Publishing | Place::PublishingParked | Place::Published
            );
            if over && there {
                let cause = WithdrawalCause::Rotation;
                steps.push(Step::RequestWithdrawal {
                    account,
                    key: known.key,
                    cause,
                });
            }
        }
        steps.extend(self.retire_what_is_over());
        steps
    }

    fn due_while_unlinking(&self) -> Vec<Step> {
        let account = self.account;
        let mut steps = Vec::new();
        let mut residue = Vec::new();
        let mut waiting = false;
        for known in &self.keys {
            match known.place {
                Place::Publishing | Place::PublishingParked | Place::Published => {
                    let cause = WithdrawalCause::Unlink;
                    steps.push(Step::RequestWithdrawal {
                        account,
                        key: known.key,
                        cause,
                    });
                }
                Place::Withdrawing | Place::WithdrawingParked => waiting = true,
                Place::WithdrawingLost => {
                    residue.push(Residue::Key {
                        key: known.key,
                        remote_key: None,
                    });
                }
                Place::Nowhere | Place::Gone => {}
            }
        }
        if steps.is_empty() && !waiting {
            steps.push(Step::FinishUnlink { account, residue });
        }
        steps
    }

    fn retire_what_is_over(&self) -> Vec<Step> {
        self.keys
            .iter()
            .filter(|known| known.standing != KeyStanding::Current)
            .filter(|known| matches!(known.place, Place::Nowhere | Place::Gone))
            .map(|known| self.retire(known))
            .collect()
    }

    fn retire(&self, known: &KeyMemory) -> Step {
        Step::RetireKey {
            user: self.user.clone(),
            key: known.key,
        }
    }
}
