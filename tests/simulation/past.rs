//! What was before a story begins: accounts that are linked, and keys that are in place. And what
//! people do with their own hands.

use domain::keyring::{Holder, KeyringEvent};
use domain::{AccountId, Event, KeyId};

use crate::chronicle::{Link, Place as Stand, Standing};
use crate::git::lock;
use crate::hosts::What;
use crate::places::PEOPLE;
use crate::run::Run;

/// An errand that somebody is asked to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Errand {
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
    /// Whether the key is to be put there, or to be taken away.
    pub(crate) put: bool,
}

impl Run {
    /// Links some accounts before anything goes wrong.
    pub(crate) fn has_a_past(&mut self) {
        for (who, login) in PEOPLE.into_iter().enumerate() {
            for place in self.places.clone() {
                if !self.chance.permille(self.weather.linked) {
                    continue;
                }
                let (person, app) = (self.people[who].clone(), self.process().app.clone());
                let linking = person.links(app, place, login, 0);
                self.process().command(linking);
            }
        }
        self.finishes();
        self.settles();
        self.note(|| "the story begins".to_owned());
    }

    /// Now and then a person is faster than the publisher, and pastes the key that was just made:
    /// then it was there before us.
    pub(crate) fn has_hands(&mut self, event: &Event) {
        let Event::Keyring(
            KeyringEvent::KeyGenerated { key, holder, .. }
            | KeyringEvent::KeyRotated { key, holder, .. },
        ) = event
        else {
            return;
        };
        let Holder::Account(account) = holder else {
            return;
        };
        if !self.calm && self.chance.permille(self.weather.hands) {
            self.pastes(*account, *key);
        }
    }

    /// A key of ours, taken from our list, is pasted by hand.
    pub(crate) fn pastes(&mut self, account: AccountId, key: KeyId) {
        let (at, login) = self.accounts[&account];
        if self.is_by_hand(at) {
            return;
        }
        // On their own account, or on another one: then it is taken for good.
        let nth = self.chance.below(20);
        let on = PEOPLE.get(nth).copied().unwrap_or(login);
        let line = self.chronicle.keys[&key].line.clone();
        let shared = self.around.hosts.clone();
        let mut hosts = lock(&shared);
        let host = hosts.all.get_mut(at).expect("it is one of ours");
        if host.holder(&line).is_some() {
            return;
        }
        host.meddled.insert(line.clone());
        host.paste(on, "pasted by hand", line, false);
        drop(hosts);
        self.note(|| format!("{on} pastes our key {key} for {login} at {at}"));
    }

    pub(crate) fn is_by_hand(&self, at: &str) -> bool {
        let mut places = self.places.iter();
        places.any(|place| place.at == at && place.is_by_hand())
    }

    /// Lists what people are asked to do by hand.
    pub(crate) fn errands(&self) -> Vec<Errand> {
        let mut errands = Vec::new();
        for (id, account) in &self.chronicle.accounts {
            if !self.is_by_hand(self.accounts[id].0) || account.link == Link::Unlinked {
                continue;
            }
            for (key, stand) in &account.places {
                let put = match stand {
                    Stand::Wanted | Stand::Parked(_) => true,
                    Stand::Leaving | Stand::LeavingParked(_) => false,
                    Stand::Published | Stand::Gone => continue,
                };
                errands.push(Errand {
                    account: *id,
                    key: *key,
                    put,
                });
            }
        }
        errands
    }

    /// Somebody does as they are asked, and says so.
    pub(crate) fn runs(&mut self, errand: Errand) {
        let Errand { account, key, put } = errand;
        let (at, login) = self.accounts[&account];
        let known = &self.chronicle.keys[&key];
        let line = known.line.clone();
        let owner = known.user.clone();
        let shared = self.around.hosts.clone();
        let mut hosts = lock(&shared);
        let host = hosts.all.get_mut(at).expect("it is one of ours");
        let there = host.of(login).iter().position(|entry| entry.line == line);
        let did = match there {
            None if put => {
                host.paste(login, "as asked", line.clone(), true);
                Some(What::Added)
            }
            Some(index) if !put => {
                host.keys.entry(login).or_default().remove(index);
                Some(What::Removed { ours: true })
            }
            Some(_) | None => None,
        };
        if let Some(what) = did {
            // What they do at our request is judged as if we did it.
            hosts.did(at, login, line, (what, None));
        }
        drop(hosts);
        self.note(|| format!("{login} has {key} at {at}, as asked: {put}"));
        let Some(person) = self.people.iter().find(|person| *person.user() == owner) else {
            return;
        };
        let (person, app) = (person.clone(), self.process().app.clone());
        let confirming = person.confirms(app, account, key, put);
        self.process().command(confirming);
    }

    /// The keys that are current at the accounts of a person, or at all.
    pub(crate) fn current_keys(&self, at: &str) -> Vec<(AccountId, KeyId)> {
        let keys = self.chronicle.keys.iter();
        keys.filter(|(_, key)| key.standing == Standing::Current)
            .filter_map(|(id, key)| Some((key.account?, *id)))
            .filter(|(account, _)| {
                self.accounts
                    .get(account)
                    .is_some_and(|known| known.0 == at)
            })
            .collect()
    }
}
