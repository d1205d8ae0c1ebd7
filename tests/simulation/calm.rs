//! The end of a simulation: the faults stop, and everything must come to be as the log wants it.

use std::time::Duration;

use chrono::TimeDelta;
use domain::campaign::CampaignCommand;
use domain::provider::ProviderCommand;
use domain::replay::ReplayInclude;
use domain::{AccountId, KeyId};
use lanyard::clock::Clock;
use lanyard::projecting::verify::verify;
use lanyard::vault::VaultError;

use crate::chronicle::{Account, Key, Link, Place, Standing};
use crate::gate::{Verdict, block_on};
use crate::git::lock;
use crate::hosts::Host;
use crate::process::Process;
use crate::run::Run;

/// How long after the last fault nothing may be left to be done.
const SOON: TimeDelta = TimeDelta::days(2);

/// More looks than this, and something goes round in circles.
const LOOKS: usize = 9_000;

/// More rounds of errands than this, and people are asked for the same again and again.
const ERRANDS: usize = 12;

impl Run {
    /// The faults stop; then the end is judged.
    pub(crate) fn calms_down(&mut self) {
        if !self.story.broken.is_empty() {
            return;
        }
        self.note(|| "the faults stop".to_owned());
        self.calm = true;
        for host in lock(&self.around.hosts).all.values_mut() {
            (host.down, host.limited_until) = (false, None);
        }
        if self.chance.permille(500) {
            self.ends();
        }
        self.finishes();
        self.is_let_go_on();
        self.settles();
        self.has_its_errands_run();
        self.has_nothing_left();
        self.replays_everything();
        self.agrees();
        // Says nothing new in most stories, and takes as long as the first.
        if self.chance.permille(300) {
            let before = lock(&self.around.hosts).changes;
            self.replays_everything();
            let changes = lock(&self.around.hosts).changes - before;
            if changes > 0 {
                self.breaks(format!("a second replay changes {changes} keys"));
            }
            self.agrees();
        }
        self.keeps_its_word();
        self.keeps_its_secrets();
        // Takes as long as half of the rest: a rebuild makes tables, and all statements anew.
        if self.chance.permille(200) {
            self.is_verified();
        }
    }

    /// What people stopped goes on, and no key grows too old meanwhile.
    fn is_let_go_on(&mut self) {
        let person = self.people[0].clone();
        for command in [
            ProviderCommand::EnableProvider,
            ProviderCommand::ResumeProvider,
        ] {
            for place in self.places.clone() {
                let app = self.process().app.clone();
                let switching = person.clone().switches(app, place.at, command.clone());
                self.process().command(switching);
            }
        }
        for campaign in self.chronicle.campaigns.clone() {
            let app = self.process().app.clone();
            let resume = CampaignCommand::ResumeCampaign;
            let resuming = person.clone().moves_campaign(app, campaign, resume);
            self.process().command(resuming);
        }
        let app = self.process().app.clone();
        self.process().command(person.limits_age(app, None));
    }

    /// Whatever people are asked to do by hand they do.
    fn has_its_errands_run(&mut self) {
        for _ in 0..ERRANDS {
            let errands = self.errands();
            if errands.is_empty() || !self.story.broken.is_empty() {
                return;
            }
            for errand in errands {
                self.runs(errand);
            }
            self.settles();
        }
        let left = self.errands();
        if !left.is_empty() {
            self.breaks(format!("people are never done: {left:?}"));
        }
    }

    fn replays_everything(&mut self) {
        for place in self.places.clone() {
            if place.is_by_hand() {
                continue;
            }
            let (app, person) = (self.process().app.clone(), self.people[0].clone());
            let replay = person.replays(app, place.at, ReplayInclude::All);
            self.process().command(replay);
        }
        self.settles();
    }

    /// Lets whatever is under way come to its end.
    pub(crate) fn finishes(&mut self) {
        for _ in 0..LOOKS {
            self.look();
            let mut went = false;
            for at in 0..self.processes.len() {
                self.at = at;
                while let Some(waiting) = self.process().gate.take(0) {
                    self.note(|| waiting.what.clone());
                    waiting.judge(Verdict::Go);
                    went = true;
                }
            }
            self.at = 0;
            if went {
                continue;
            }
            if !self.processes.iter().any(Process::is_busy) {
                return;
            }
            // A lane waits for the projector, or for another refresh to end, perhaps one whose
            // process is gone and whose lease has to run out.
            for process in &mut self.processes {
                process.project();
            }
            self.waits(Duration::from_millis(100));
        }
        self.breaks("something never ends".to_owned());
    }

    /// Goes on until nothing is due soon.
    pub(crate) fn settles(&mut self) {
        let until = self.around.clock.now() + SOON;
        for _ in 0..LOOKS {
            if !self.story.broken.is_empty() {
                return;
            }
            let (before, mut moved) = (self.chronicle.correlations.len(), false);
            for part in [Process::project, Process::decide, Process::publish] {
                for process in &mut self.processes {
                    process.moved = false;
                    part(process);
                }
                self.finishes();
                moved |= self.processes.iter().any(|process| process.moved);
            }
            let grown = self.chronicle.correlations.len() > before;
            if grown || moved || !self.is_up_to_date() {
                continue;
            }
            let now = self.around.clock.now();
            match self.due().filter(|due| *due <= until) {
                Some(due) => self.time_passes((due - now).max(TimeDelta::milliseconds(1))),
                None => return,
            }
        }
        self.breaks("the worker never comes to rest".to_owned());
    }

    fn is_up_to_date(&self) -> bool {
        let size = self.chronicle.correlations.len() as u64;
        let mut processes = self.processes.iter();
        processes.all(|process| process.app.applied.events() == size)
    }

    /// Nothing is pending but what is parked with a cause.
    fn has_nothing_left(&mut self) {
        let mut left = Vec::new();
        for (id, account) in &self.chronicle.accounts {
            let (at, login) = self.accounts[id];
            for (key, place) in &account.places {
                let pending = matches!(place, Place::Wanted | Place::Leaving);
                let helpless = matches!(account.link, Link::Lost | Link::Unlinked);
                let waits = *place == Place::Leaving && self.has_lost_its_successor(*id, *key);
                if pending && !helpless && !waits {
                    left.push(format!("{at}, {login}: key {key} is still {place:?}"));
                }
            }
        }
        for (asked, what) in [
            (projections::replays::running(), "a replay"),
            (projections::campaigns::running(), "a campaign"),
        ] {
            let database = self.around.database.clone();
            let rows = {
                let _entered = self.processes[0].enter();
                block_on(database.query(asked))
            };
            let rows = rows.map_or_else(|error| error.to_string(), |rows| rows.len().to_string());
            if rows != "0" {
                left.push(format!("{what} never ends: {rows}"));
            }
        }
        for what in left {
            self.breaks(what);
        }
    }

    /// Every server has what the log says that it has.
    pub(crate) fn agrees(&mut self) {
        let mut wrong = Vec::new();
        for (id, account) in &self.chronicle.accounts {
            let (at, login) = self.accounts[id];
            let mut say = |what: String| wrong.push(format!("{at}, {login}: {what}"));
            match account.link {
                Link::Linked => {
                    let keys: Vec<_> = self.chronicle.live(*id).collect();
                    let current = keys
                        .iter()
                        .filter(|(_, key)| key.standing == Standing::Current);
                    let current: Vec<KeyId> = current.map(|(key, _)| *key).collect();
                    if current.len() != 1 {
                        say(format!("{} keys are current", current.len()));
                    }
                    for (key, known) in keys {
                        self.judge_key(key, known, account, &mut say);
                    }
                }
                Link::Unlinking => {
                    let parked = |place: &Place| matches!(place, Place::LeavingParked(_));
                    if !account.parked && !account.places.values().any(parked) {
                        say("the unlinking never ends".to_owned());
                    }
                }
                Link::Unlinked => {
                    let hosts = lock(&self.around.hosts);
                    for entry in hosts.all[at].of(login).iter().filter(|entry| entry.ours) {
                        let known = self.chronicle.by_line(&entry.line).map(|(key, _)| key);
                        if known.is_none_or(|key| !account.residue.contains(&key)) {
                            say(format!("key {known:?} is left behind"));
                        }
                    }
                }
                Link::Lost => {}
            }
        }
        for what in wrong {
            self.breaks(what);
        }
    }

    fn judge_key(&self, key: KeyId, known: &Key, account: &Account, say: &mut impl FnMut(String)) {
        let (at, login) = self.accounts[&known.account.expect("it has one")];
        let hosts = lock(&self.around.hosts);
        let host = &hosts.all[at];
        let times = host
            .of(login)
            .iter()
            .filter(|entry| entry.line == known.line)
            .count();
        let place = account.places.get(&key);
        let meddled = host.meddled.contains(&known.line);
        // Where it never was it is not published: another account has it.
        let elsewhere = host.holder(&known.line).is_some() && !host.removed.contains(&known.line);
        match (known.standing, place) {
            // The person took its successor away, so it stays.
            (Standing::Replaced, Some(Place::Leaving))
                if times == 1 && self.is_without_successor(host, key, known) => {}
            // Its successor cannot get there, so it stays.
            (Standing::Replaced, Some(Place::Published))
                if times == 1 && Self::is_stuck(account) => {}
            // The person pasted it on another account, or took it away.
            (_, Some(Place::Parked(_) | Place::LeavingParked(_))) if meddled => {}
            (Standing::Current, Some(Place::Published))
                if times == 1 || (meddled && !elsewhere) => {}
            (standing, place) => say(format!(
                "key {key} is {standing:?}, {place:?}, and there {times} times"
            )),
        }
    }

    /// Says whether a key stays because its person took away what was to come in its place, or because
    /// that waits for somebody: another person has it.
    fn has_lost_its_successor(&self, account: AccountId, key: KeyId) -> bool {
        let hosts = lock(&self.around.hosts);
        let known = self.chronicle.keys.get(&key);
        let (at, _) = self.accounts[&account];
        known.is_some_and(|known| self.is_without_successor(&hosts.all[at], key, known))
    }

    fn is_without_successor(&self, host: &Host, key: KeyId, known: &Key) -> bool {
        let Some(account) = known.account else {
            return false;
        };
        let mut others = self.chronicle.live(account).filter(|(id, _)| *id != key);
        let places = self.chronicle.accounts.get(&account);
        let waits = |id: &KeyId| {
            let place = places.and_then(|known| known.places.get(id));
            matches!(place, Some(Place::Parked(_)))
        };
        known.standing == Standing::Replaced
            && others.any(|(id, other)| {
                other.standing == Standing::Current
                    && (host.removed.contains(&other.line) || waits(&id))
            })
    }

    /// Says whether a key waits for somebody.
    fn is_stuck(account: &Account) -> bool {
        let mut places = account.places.values();
        places.any(|place| matches!(place, Place::Parked(_)))
    }

    /// What ended cannot be opened any more, and what is in use can.
    fn keeps_its_secrets(&mut self) {
        let mut looked_at = Vec::new();
        for (id, key) in &self.chronicle.keys {
            let ended = key.standing == Standing::Retired;
            looked_at.push((format!("the private half of {id}"), key.secret, ended));
        }
        for (id, account) in &self.chronicle.accounts {
            let all = account.secrets.iter().map(|secret| (*secret, false));
            let spent = account.spent.difference(&account.secrets);
            let linked = account.link != Link::Unlinked;
            for (secret, ended) in all
                .filter(|_| linked)
                .chain(spent.map(|spent| (*spent, true)))
            {
                looked_at.push((format!("tokens of {id}"), secret, ended));
            }
        }
        for (what, secret, ended) in looked_at {
            let app = self.process().app.clone();
            let opened = async move { app.vault.open_secret(secret).await };
            let opened = self.process().through(opened);
            match (opened, ended) {
                (Ok(_), false) | (Err(VaultError::Destroyed | VaultError::NotFound), true) => {}
                (Ok(_), true) => self.breaks(format!("{what} can still be opened")),
                (Err(error), _) => self.breaks(format!("{what}: {error}")),
            }
        }
    }

    /// Every projection is what a fresh fold makes of the log.
    fn is_verified(&mut self) {
        let (log, database) = (self.around.log.clone(), self.around.database.clone());
        let verified = async move { verify(&*log, &*database, projections::ALL, |_| ()).await };
        match self.process().through(verified) {
            Ok(report) if report.is_sound() => {}
            Ok(report) => self.breaks(format!("verify: {report:?}")),
            Err(error) => self.breaks(format!("verify: {error}")),
        }
    }
}
