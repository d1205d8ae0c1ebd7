//! What must hold: looked at after every step.

use domain::account::AccountEvent;
use domain::{AccountId, Event};
use uuid::Uuid;

use crate::chronicle::{Chronicle, Link, Standing};
use crate::git::lock;
use crate::hosts::{Effect, What};
use crate::process::Told;
use crate::run::Run;

impl Run {
    /// Judges what was just done to a key at a server.
    pub(crate) fn judge_effect(&mut self, effect: &Effect) {
        let verdict = match effect.what {
            What::Blindly => Err("a key is sent without a look before it".to_owned()),
            What::Added => self.judge_added(effect),
            What::Removed { ours: true } => self.judge_removed(effect),
            What::Removed { ours: false } => Err("a key is taken away that is not ours".to_owned()),
        };
        let (at, login) = (effect.host, effect.account);
        // Of several instances one writes to a provider: whoever has its lane. One that stood still
        // for longer than the lease allows for cannot know that it has lost it (`gate::STILL`).
        let verdict = match &effect.out_of_turn {
            Some(owner) => Err(format!("{owner} has the lane")),
            None => verdict,
        };
        match verdict {
            Ok(()) => self.note(|| format!("  {:?} at {at} for {login}", effect.what)),
            Err(what) => self.breaks(format!("{at}, {login}: {what}")),
        }
    }

    /// Judges what the log was just told.
    pub(crate) fn judge_event(&mut self, event: &Event) {
        let Event::Account(AccountEvent::GrantLost { account, .. }) = event else {
            return;
        };
        let (at, login) = self.accounts[account];
        // An outage, or an answer that is lost, never costs a person their link.
        if !lock(&self.around.hosts).all[at].refused.contains(login) {
            self.breaks(format!(
                "{at}, {login}: a grant is lost that nobody refused"
            ));
        }
    }

    fn judge_added(&self, effect: &Effect) -> Result<(), String> {
        let Some((key, known)) = self.chronicle.by_line(&effect.line) else {
            return Err("a key is put there that the log does not know".to_owned());
        };
        let meant = known
            .account
            .and_then(|account| self.accounts.get(&account));
        if meant != Some(&(effect.host, effect.account)) {
            return Err(format!("key {key} belongs elsewhere"));
        }
        let hosts = lock(&self.around.hosts);
        let there = hosts.all[effect.host].of(effect.account);
        // What a person pasted in the moment between is theirs.
        let times = there
            .iter()
            .filter(|entry| entry.ours && entry.line == effect.line)
            .count();
        if times != 1 {
            return Err(format!("key {key} is there {times} times"));
        }
        let current = |line: &str| {
            let known = self.chronicle.by_line(line);
            known.is_some_and(|(_, key)| key.standing == Standing::Current)
        };
        let current = there
            .iter()
            .filter(|entry| entry.ours && current(&entry.line))
            .count();
        if current > 1 {
            return Err(format!("{current} keys of one generation are there"));
        }
        Ok(())
    }

    fn judge_removed(&self, effect: &Effect) -> Result<(), String> {
        let Some((key, known)) = self.chronicle.by_line(&effect.line) else {
            return Err("a key is taken away that the log does not know".to_owned());
        };
        let account = known
            .account
            .and_then(|id| Some((id, self.chronicle.accounts.get(&id)?)));
        let Some((id, account)) = account else {
            return Err(format!("key {key} has no account"));
        };
        // Of an earlier link, of one that ends, or said to be compromised: it may go.
        let goes = matches!(known.standing, Standing::Retired | Standing::Compromised);
        let ends = matches!(account.link, Link::Unlinking | Link::Unlinked);
        if goes || ends || account.broken || account.user != known.user {
            return Ok(());
        }
        if known.standing == Standing::Current {
            return Err(format!("the current key {key} is taken away"));
        }
        let hosts = lock(&self.around.hosts);
        let host = &hosts.all[effect.host];
        let there = host.of(effect.account);
        let mut live = self.chronicle.live(id);
        let good = live.any(|(_, other)| {
            let is_there = there.iter().any(|entry| entry.line == other.line);
            // What a person took away is theirs to answer for.
            is_there || host.removed.contains(&other.line)
        });
        if good {
            Ok(())
        } else {
            Err(format!("key {key} is taken away and no other is there"))
        }
    }

    /// Compares what was acknowledged with the log.
    pub(crate) fn keeps_its_word(&mut self) {
        let (mut whole, log) = (Chronicle::default(), self.around.log.clone());
        let read = {
            let _entered = self.process().enter();
            whole.read_on(&*log)
        };
        if let Err(what) = read {
            return self.breaks(format!("the log, read anew: {what}"));
        }
        self.finds(&whole, 0);
        let seen = &self.chronicle.correlations;
        if !whole.correlations.starts_with(seen) {
            self.breaks("the log is not what it was".to_owned());
        }
    }

    /// Looks in the log for what was acknowledged since the last time.
    pub(crate) fn has_kept_its_word(&mut self) {
        let from = std::mem::replace(&mut self.checked, self.told.len());
        if from < self.told.len() {
            let chronicle = std::mem::take(&mut self.chronicle);
            self.finds(&chronicle, from);
            self.chronicle = chronicle;
        }
    }

    fn finds(&mut self, log: &Chronicle, from: usize) {
        let missing = |(_, correlation, told): &&(String, Uuid, Told)| match told {
            Told::At(Some(index)) => {
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                log.correlations.get(index) != Some(correlation)
            }
            Told::At(None) => false,
            Told::Linked { account, asked_at } => {
                let renewed = |(index, id): &(u64, AccountId)| index >= asked_at && id == account;
                !log.renewals.iter().any(renewed)
            }
        };
        let missing = self.told[from..].iter().filter(missing);
        let missing: Vec<String> = missing.map(|(what, ..)| what.clone()).collect();
        for what in missing {
            self.breaks(format!("acknowledged, and not in the log: {what}"));
        }
    }
}
