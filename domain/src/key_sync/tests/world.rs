//! One account at one provider, its people's keyrings, and what the policy remembers of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;

use crate::account::{
    Account, AccountCommand, AccountError, AccountEvent, Link, PlacementStatus, Presence,
};
use crate::key_sync::{
    AccountMemory, KeyMemory, KeyStanding, LinkState, Place, Revoking, Step, relieves,
};
use crate::keyring::{
    Holder, KeyPair, Keyring, KeyringCommand, KeyringError, KeyringEvent, RotationCause,
};
use crate::samples::{account, ada, github, grant, noon, outage, pair, sealed};
use crate::{Event, Failure, KeyId, UserId};

/// The real aggregates, folded; the memory, folded from the same events as the projection does.
#[derive(Debug, Clone)]
pub(super) struct World {
    /// How long a replaced key stays.
    grace: TimeDelta,
    /// The time.
    pub(super) now: DateTime<Utc>,
    pub(super) account: Account,
    keyrings: BTreeMap<UserId, Keyring>,
    memory: Option<AccountMemory>,
    /// Everything that happened.
    pub(super) log: Vec<Event>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            grace: TimeDelta::zero(),
            now: noon(),
            account: Account::default(),
            keyrings: BTreeMap::new(),
            memory: None,
            log: vec![],
        }
    }
}

impl World {
    /// What the policy remembers, if it has heard of the account.
    pub(super) fn memory(&self) -> Option<&AccountMemory> {
        self.memory.as_ref()
    }

    /// Nothing has happened; a replaced key is to stay for `grace`.
    pub(super) fn with_grace(grace: TimeDelta) -> Self {
        Self {
            grace,
            ..Self::default()
        }
    }

    pub(super) fn due(&self) -> Vec<Step> {
        self.memory()
            .map(|memory| memory.due(self.now, self.grace))
            .unwrap_or_default()
    }

    pub(super) fn link(&self) -> &Link {
        self.account.link().unwrap()
    }

    pub(super) fn status(&self, key: KeyId) -> PlacementStatus {
        self.link().placements[&key].status
    }

    fn happen(&mut self, event: Event) {
        self.remember(&event);
        match event.clone() {
            Event::Account(event) => self.account.apply(event),
            Event::Keyring(event) => {
                let (KeyringEvent::KeyGenerated { user, .. }
                | KeyringEvent::KeyRotated { user, .. }
                | KeyringEvent::KeyRetired { user, .. }) = &event;
                self.keyrings.entry(user.clone()).or_default().apply(event);
            }
            Event::Access(_)
            | Event::Campaign(_)
            | Event::Provider(_)
            | Event::Offboarding(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => {}
        }
        self.log.push(event);
    }

    fn remember(&mut self, event: &Event) {
        if let Event::Account(AccountEvent::AccountLinked { user, .. }) = event {
            let before = self.memory.take();
            let number = before.as_ref().map_or(0, |before| before.number) + 1;
            let keys = before.map(|before| before.keys);
            self.memory = Some(AccountMemory {
                account: account(),
                user: user.clone(),
                provider: github(),
                link: LinkState::Linked,
                revoking: Revoking::Due,
                number,
                keys: keys.unwrap_or_default(),
            });
        }
        let Some(memory) = &mut self.memory else {
            return;
        };
        match event {
            Event::Account(event) => remember_account(memory, event, self.now),
            Event::Keyring(event) => remember_keyring(memory, event),
            Event::Access(_)
            | Event::Campaign(_)
            | Event::Provider(_)
            | Event::Offboarding(_)
            | Event::Replay(_)
            | Event::Settings(_)
            | Event::Token(_)
            | Event::Webhook(_) => {}
        }
    }

    pub(super) fn ask(&mut self, command: AccountCommand) -> Result<usize, AccountError> {
        let events = self.account.decide(command)?;
        let count = events.len();
        for event in events {
            self.happen(Event::Account(event));
        }
        Ok(count)
    }

    fn ask_keyring(
        &mut self,
        user: &UserId,
        command: KeyringCommand,
    ) -> Result<usize, KeyringError> {
        let ring = self.keyrings.entry(user.clone()).or_default();
        let events = ring.decide(command)?;
        let count = events.len();
        for event in events {
            self.happen(Event::Keyring(event));
        }
        Ok(count)
    }

    /// Makes the next key pair: the first that is used has the key 1, and so on.
    fn next_pair(&self) -> KeyPair {
        let is_made = |event: &&Event| {
            matches!(
                event,
                Event::Keyring(KeyringEvent::KeyGenerated { .. } | KeyringEvent::KeyRotated { .. })
            )
        };
        let made = self.log.iter().filter(is_made).count();
        pair(made as u128 + 1)
    }

    pub(super) fn links(&mut self, user: &UserId) -> Result<usize, AccountError> {
        self.ask(AccountCommand::LinkAccount {
            account: account(),
            user: user.clone(),
            provider: github(),
            profile: sealed(user),
            grant: Some(grant(self.account.generation() + 1)),
        })
    }

    /// Replaces the current key of ada's account; no key, no event.
    pub(super) fn rotates(&mut self, cause: RotationCause) -> Result<usize, KeyringError> {
        let made = self.next_pair();
        let ring = self.keyrings.entry(ada()).or_default();
        match ring.current(Holder::Account(account())) {
            Some((replaced, _)) => {
                let command = KeyringCommand::RotateKey {
                    replaced,
                    made,
                    cause,
                };
                self.ask_keyring(&ada(), command)
            }
            None => Ok(0),
        }
    }

    /// Takes one step and says how many events it gave, or that a rule refused it.
    pub(super) fn take(&mut self, step: Step) -> Option<usize> {
        match step {
            Step::GenerateKey { .. } => {
                let user = self.memory()?.user.clone();
                let command = KeyringCommand::GenerateKey {
                    user: user.clone(),
                    holder: Holder::Account(account()),
                    made: self.next_pair(),
                };
                self.ask_keyring(&user, command).ok()
            }
            Step::RequestPublication { key, cause, .. } => self
                .ask(AccountCommand::RequestKeyPublication {
                    key,
                    cause,
                    link: self.memory.as_ref().map(|memory| memory.number),
                })
                .ok(),
            Step::RequestWithdrawal { key, cause, .. } => self
                .ask(AccountCommand::RequestKeyWithdrawal { key, cause })
                .ok(),
            Step::RetireKey { user, key } => self
                .ask_keyring(&user, KeyringCommand::RetireKey { key })
                .ok(),
            Step::FinishUnlink { residue, .. } => self
                .ask(AccountCommand::RecordAccountUnlinked { residue })
                .ok(),
        }
    }

    /// Takes every step that is due, each twice, until none is left.
    pub(super) fn settles(&mut self) {
        for _ in 0..20 {
            let due = self.due();
            if due.is_empty() {
                return;
            }
            for step in due {
                let first = self.take(step.clone());
                assert!(
                    first.is_some(),
                    "a step that is due is not refused: {step:?}"
                );
                // An unlinking that has ended refuses nothing; whatever else comes twice gives nothing.
                assert!(
                    self.take(step.clone()).is_none_or(|events| events == 0),
                    "{step:?}"
                );
            }
        }
        panic!("the policy does not come to rest: {:?}", self.due());
    }

    pub(super) fn is_published(&mut self, key: KeyId, presence: Presence) {
        self.ask(AccountCommand::RecordKeyPublished {
            key,
            remote_key: Some("77".to_owned()),
            presence,
            expires_at: None,
        })
        .unwrap();
    }

    pub(super) fn is_withdrawn(&mut self, key: KeyId) {
        let was_there = true;
        self.ask(AccountCommand::RecordKeyWithdrawn { key, was_there })
            .unwrap();
    }

    pub(super) fn fails_to_publish(&mut self, key: KeyId, failure: Failure, again: bool) {
        self.ask(AccountCommand::RecordKeyPublicationFailed {
            key,
            failure,
            retry_at: again.then(crate::samples::noon),
        })
        .unwrap();
    }

    pub(super) fn fails_to_withdraw(&mut self, key: KeyId, failure: Failure, again: bool) {
        self.ask(AccountCommand::RecordKeyWithdrawalFailed {
            key,
            failure,
            retry_at: again.then(crate::samples::noon),
        })
        .unwrap();
    }

    /// The provider is down: every key on its way fails once more.
    pub(super) fn provider_fails(&mut self, again: bool) {
        for key in self.on_their_way() {
            self.fails_to_publish(key, outage(), again);
            self.fails_to_withdraw(key, outage(), again);
        }
    }

    pub(super) fn on_their_way(&self) -> Vec<KeyId> {
        let is_on_its_way = |status| {
            matches!(
                status,
                PlacementStatus::Publishing(_) | PlacementStatus::Withdrawing(_)
            )
        };
        self.account
            .link()
            .into_iter()
            .flat_map(|link| &link.placements)
            .filter(|(_, placement)| is_on_its_way(placement.status))
            .map(|(key, _)| *key)
            .collect()
    }

    /// Names the events since number `from`, for a story to be read.
    pub(super) fn told(&self, from: usize) -> Vec<&'static str> {
        self.log[from..]
            .iter()
            .map(|event| event.kind().name)
            .collect()
    }
}

fn remember_account(memory: &mut AccountMemory, event: &AccountEvent, now: DateTime<Utc>) {
    if let Some(next) = LinkState::after(event) {
        memory.link = memory.link.then(next);
    }
    if let Some(revoking) = Revoking::after(event) {
        memory.revoking = revoking;
    }
    if let Some(key) = relieves(event) {
        let before = memory.keys.iter().position(|known| known.key == key);
        for known in &mut memory.keys[..before.unwrap_or(0)] {
            if known.standing == KeyStanding::Replaced {
                known.relieved_at.get_or_insert(now);
            }
        }
    }
    let moved = Place::after(event);
    for known in &mut memory.keys {
        if let Some((key, place)) = moved
            && known.key == key
        {
            known.place = place;
        }
        if matches!(event, AccountEvent::GrantRenewed { .. }) {
            for (from, to) in Place::AFTER_RENEWAL {
                if known.place == from {
                    known.place = to;
                }
            }
        }
        if matches!(event, AccountEvent::AccountUnlinked { .. }) {
            known.standing = KeyStanding::Ended;
        }
    }
}

fn remember_keyring(memory: &mut AccountMemory, event: &KeyringEvent) {
    let (KeyringEvent::KeyGenerated { user, .. }
    | KeyringEvent::KeyRotated { user, .. }
    | KeyringEvent::KeyRetired { user, .. }) = event;
    for (key, standing) in KeyStanding::after(event) {
        let known = memory.keys.iter_mut().find(|known| known.key == key);
        match known {
            Some(known) => known.standing = known.standing.then(standing),
            None if standing == KeyStanding::Current => memory.keys.push(KeyMemory {
                key,
                user: user.clone(),
                standing,
                place: Place::Nowhere,
                relieved_at: None,
            }),
            None => {}
        }
    }
    if let KeyringEvent::KeyRetired { key, .. } = event {
        memory.keys.retain(|known| known.key != *key);
    }
}
