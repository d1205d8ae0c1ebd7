//! What the log says, folded as plainly as can be: by this the servers are judged.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{AccountEvent, Residue};
use domain::campaign::CampaignEvent;
use domain::keyring::{Holder, KeyringEvent};
use domain::replay::ReplayEvent;
use domain::{
    AccountId, CampaignId, Event, KeyId, ReasonCode, Recorded, ReplayId, SecretRef, UserId,
};
use lanyard::eventlog::EventLog;
use uuid::Uuid;

use crate::gate::block_on;

/// The history so far.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    /// What each event belongs to, by index.
    pub(crate) correlations: Vec<Uuid>,
    /// Where an account was linked, or its grant renewed.
    pub(crate) renewals: Vec<(u64, AccountId)>,
    pub(crate) keys: BTreeMap<KeyId, Key>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    /// What was ever begun.
    pub(crate) replays: Vec<ReplayId>,
    pub(crate) campaigns: Vec<CampaignId>,
}

/// A key that was ever made.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) user: UserId,
    pub(crate) account: Option<AccountId>,
    pub(crate) line: String,
    pub(crate) secret: SecretRef,
    pub(crate) standing: Standing,
}

/// How a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Current,
    Replaced,
    Compromised,
    Retired,
}

/// An account that was ever linked.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) link: Link,
    /// Whether a key was said to be compromised, and none was published since.
    pub(crate) broken: bool,
    pub(crate) places: BTreeMap<KeyId, Place>,
    /// Where its tokens are, with those of earlier links.
    pub(crate) secrets: BTreeSet<SecretRef>,
    pub(crate) spent: BTreeSet<SecretRef>,
    /// Keys that stay where they are, of this link or an earlier one: that was said when it ended.
    pub(crate) residue: BTreeSet<KeyId>,
    /// Whether the revocation of its grant waits for somebody.
    pub(crate) parked: bool,
}

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Linked,
    Lost,
    Unlinking,
    Unlinked,
}

/// Where a key stands at an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Wanted,
    Parked(ReasonCode),
    Published,
    Leaving,
    LeavingParked(ReasonCode),
    Gone,
}

impl Chronicle {
    /// Reads on to the end of the log.
    pub(crate) fn read_on(&mut self, log: &dyn EventLog) -> Result<Vec<Recorded<Event>>, String> {
        let mut news = Vec::new();
        if *log.watch().borrow() == self.correlations.len() as u64 {
            return Ok(news);
        }
        loop {
            let next = self.correlations.len() as u64;
            let page = block_on(log.read_all(next, 1_000)).map_err(|error| error.to_string())?;
            if page.is_empty() {
                return Ok(news);
            }
            for stored in page {
                let next = self.correlations.len() as u64;
                if stored.index != next {
                    return Err(format!(
                        "event {} stands where {next} belongs",
                        stored.index
                    ));
                }
                let event = Event::decode(stored.index, &stored.line);
                let event = event.map_err(|error| error.to_string())?;
                self.correlations.push(event.header.correlation);
                if let Event::Account(
                    AccountEvent::AccountLinked { account, .. }
                    | AccountEvent::GrantRenewed { account, .. },
                ) = &event.event
                {
                    self.renewals.push((event.index, *account));
                }
                self.take(&event.event);
                news.push(event);
            }
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Keyring(event) => self.take_keyring(event),
            Event::Account(event) => self.take_account(event),
            Event::Replay(ReplayEvent::ReplayStarted { replay, .. }) => self.replays.push(*replay),
            Event::Campaign(CampaignEvent::CampaignStarted { campaign, .. }) => {
                self.campaigns.push(*campaign);
            }
            _ => {}
        }
    }

    fn take_keyring(&mut self, event: &KeyringEvent) {
        match event {
            KeyringEvent::KeyGenerated {
                user,
                key,
                holder,
                public_key,
                private_key,
                ..
            } => self.made(user, *key, *holder, &public_key.line, *private_key),
            KeyringEvent::KeyRotated {
                user,
                key,
                replaced,
                holder,
                public_key,
                private_key,
                cause,
                ..
            } => {
                self.made(user, *key, *holder, &public_key.line, *private_key);
                let compromised = cause.is_compromised();
                if let Some(old) = self.keys.get_mut(replaced) {
                    old.standing = if compromised {
                        Standing::Compromised
                    } else {
                        Standing::Replaced
                    };
                }
                if let Holder::Account(account) = holder
                    && compromised
                    && let Some(account) = self.accounts.get_mut(account)
                {
                    account.broken = true;
                }
            }
            KeyringEvent::KeyRetired { key, .. } => {
                if let Some(key) = self.keys.get_mut(key) {
                    key.standing = Standing::Retired;
                }
            }
        }
    }

    fn made(&mut self, user: &UserId, key: KeyId, holder: Holder, line: &str, secret: SecretRef) {
        let account = match holder {
            Holder::Account(account) => Some(account),
            Holder::Personal => None,
        };
        let made = Key {
            user: user.clone(),
            account,
            line: line.to_owned(),
            secret,
            standing: Standing::Current,
        };
        self.keys.insert(key, made);
    }

    fn take_account(&mut self, event: &AccountEvent) {
        use AccountEvent as E;
        if let E::AccountLinked {
            account,
            user,
            grant,
            ..
        } = event
        {
            let before = self.accounts.remove(account);
            let (spent, residue) = before
                .map(|before| (before.spent, before.residue))
                .unwrap_or_default();
            let linked = Account {
                user: user.clone(),
                link: Link::Linked,
                broken: false,
                places: BTreeMap::new(),
                secrets: grant.iter().map(|grant| grant.secret).collect(),
                spent,
                residue,
                parked: false,
            };
            self.accounts.insert(*account, linked);
            return;
        }
        let (id, key_place) = match event {
            E::KeyPublicationRequested { account, key, .. }
            | E::KeyPublicationFailed { account, key, .. } => (account, Some((key, Place::Wanted))),
            E::KeyPublicationParked {
                account,
                key,
                failure,
                ..
            } => (account, Some((key, Place::Parked(failure.code)))),
            E::KeyPublished { account, key, .. } => (account, Some((key, Place::Published))),
            E::KeyWithdrawalRequested { account, key, .. }
            | E::KeyWithdrawalFailed { account, key, .. } => (account, Some((key, Place::Leaving))),
            E::KeyWithdrawalParked {
                account,
                key,
                failure,
                ..
            } => (account, Some((key, Place::LeavingParked(failure.code)))),
            E::KeyWithdrawn { account, key, .. }
            | E::KeyReleased { account, key, .. }
            | E::KeyPlacementDiscarded { account, key, .. } => (account, Some((key, Place::Gone))),
            E::GrantRenewed { account, .. }
            | E::GrantLost { account, .. }
            | E::UnlinkRequested { account, .. }
            | E::GrantRevocationParked { account, .. }
            | E::GrantRevocationRequested { account, .. }
            | E::AccountUnlinked { account, .. } => (account, None),
            _ => return,
        };
        let Some(known) = self.accounts.get_mut(id) else {
            return;
        };
        if let Some((key, place)) = key_place {
            known.places.insert(*key, place);
            known.broken &= place != Place::Published;
        }
        match event {
            E::GrantRenewed { grant, .. } => {
                known.secrets.insert(grant.secret);
                if known.link == Link::Lost {
                    known.link = Link::Linked;
                }
            }
            E::GrantLost { .. } if known.link == Link::Linked => known.link = Link::Lost,
            E::UnlinkRequested { .. } => known.link = Link::Unlinking,
            E::GrantRevocationParked { .. } => known.parked = true,
            E::GrantRevocationRequested { .. } => known.parked = false,
            E::AccountUnlinked { residue, .. } => {
                known.link = Link::Unlinked;
                known.spent.append(&mut known.secrets);
                known.residue.extend(residue.iter().filter_map(key_left));
            }
            _ => {}
        }
    }

    /// Lists an account's keys that have not ended.
    pub(crate) fn live(&self, account: AccountId) -> impl Iterator<Item = (KeyId, &Key)> {
        self.keys
            .iter()
            .filter(move |(_, key)| key.account == Some(account))
            .filter(|(_, key)| key.standing != Standing::Retired)
            .map(|(id, key)| (*id, key))
    }

    /// Finds a key by its public half.
    pub(crate) fn by_line(&self, line: &str) -> Option<(KeyId, &Key)> {
        let mut keys = self.keys.iter();
        keys.find(|(_, key)| key.line == line)
            .map(|(id, key)| (*id, key))
    }
}

fn key_left(left: &Residue) -> Option<KeyId> {
    match left {
        Residue::Key { key, .. } => Some(*key),
        Residue::Grant => None,
    }
}
