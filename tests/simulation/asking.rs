//! What people ask for.

use domain::campaign::{CampaignCommand, CampaignScope};
use domain::keyring::RotationCause;
use domain::provider::ProviderCommand;
use domain::replay::ReplayInclude;

use crate::chronicle::{Link, Standing};
use crate::places::{PEOPLE, Place};
use crate::run::Run;

/// How many people ask at once at most.
const AT_ONCE: usize = 3;

impl Run {
    /// Lets somebody ask for something.
    pub(crate) fn somebody_asks(&mut self) {
        if self.process().commands >= AT_ONCE {
            return;
        }
        let who = self.chance.below(PEOPLE.len());
        let place = *self.chance.one(&self.places).unwrap();
        match self.chance.below(100) {
            0..26 => self.asks_to_link(who, place),
            26..56 => self.asks_to_rotate(who),
            56..66 => self.asks_to_unlink(who),
            66..68 => {
                let leaver = self.people[(who + 1) % PEOPLE.len()].user().clone();
                let force = self.chance.permille(250);
                let (person, app) = (self.people[who].clone(), self.process().app.clone());
                self.note(|| format!("{} sees {leaver} off, by force: {force}", person.user()));
                self.process().command(person.sees_off(app, leaver, force));
            }
            68..72 => {
                let (person, app) = (self.people[who].clone(), self.process().app.clone());
                self.note(|| format!("everything at {} is to be looked at", place.at));
                self.process().command(person.has_looked_at(app, place.at));
            }
            72..78 => self.asks_for_a_replay(who, place),
            78..82 => self.asks_for_a_campaign(who, place),
            82..90 => {
                let errands = self.errands();
                if let Some(errand) = self.chance.one(&errands).copied() {
                    self.runs(errand);
                }
            }
            90..92 => {
                let (person, app) = (self.people[who].clone(), self.process().app.clone());
                self.process().command(person.makes_a_personal_key(app));
            }
            92..94 => {
                let days = *self.chance.one(&[Some(1), Some(3), None]).unwrap();
                let (person, app) = (self.people[who].clone(), self.process().app.clone());
                self.note(|| format!("a key may be so many days old: {days:?}"));
                self.process().command(person.limits_age(app, days));
            }
            _ => self.asks_to_switch(who, place),
        }
    }

    fn asks_to_link(&mut self, who: usize, place: Place) {
        // Now and then somebody comes back as somebody else.
        let other = self.chance.permille(50) && !place.is_by_hand();
        let login = PEOPLE[(who + usize::from(other)) % PEOPLE.len()];
        let (person, app) = (self.people[who].clone(), self.process().app.clone());
        self.note(|| format!("{} begins to link {login} at {}", person.user(), place.at));
        let asked_at = self.chronicle.correlations.len() as u64;
        let linking = person.links(app, place, login, asked_at);
        self.process().command(linking);
    }

    fn asks_to_rotate(&mut self, who: usize) {
        let person = self.people[who].clone();
        let user = person.user().clone();
        let keys = self.chronicle.keys.iter();
        let keys = keys.filter(|(_, key)| key.user == user && key.standing == Standing::Current);
        let keys: Vec<_> = keys.map(|(id, _)| *id).collect();
        let Some(key) = self.chance.one(&keys).copied() else {
            return;
        };
        let cause = if self.chance.permille(250) {
            RotationCause::Compromised
        } else {
            RotationCause::Requested
        };
        self.note(|| format!("{user} asks to rotate {key}: {cause:?}"));
        let app = self.process().app.clone();
        self.process().command(person.rotates(app, key, cause));
    }

    fn asks_to_unlink(&mut self, who: usize) {
        let person = self.people[who].clone();
        let theirs = |known: &crate::chronicle::Account| {
            known.user == *person.user() && known.link != Link::Unlinked
        };
        let accounts = self.chronicle.accounts.iter();
        let accounts: Vec<_> = accounts
            .filter(|(_, known)| theirs(known))
            .map(|(id, _)| *id)
            .collect();
        let Some(account) = self.chance.one(&accounts).copied() else {
            return;
        };
        let app = self.process().app.clone();
        if self.chance.permille(250) {
            self.note(|| format!("{} forces to unlink {account}", person.user()));
            self.process()
                .command(person.forces_unlinking(app, account));
        } else {
            self.note(|| format!("{} asks to unlink {account}", person.user()));
            self.process().command(person.unlinks(app, account));
        }
    }

    fn asks_for_a_replay(&mut self, who: usize, place: Place) {
        let (person, app) = (self.people[who].clone(), self.process().app.clone());
        let replay = self.chance.one(&self.chronicle.replays).copied();
        match (self.chance.below(5), replay) {
            (0, Some(replay)) => {
                self.note(|| format!("replay {replay} is to stop"));
                self.process().command(person.stops_replay(app, replay));
            }
            (1, Some(replay)) => {
                self.note(|| format!("replay {replay} is to go on"));
                self.process().command(person.resumes_replay(app, replay));
            }
            _ => {
                use ReplayInclude as I;
                let include = *self
                    .chance
                    .one(&[I::Unfinished, I::Parked, I::All])
                    .unwrap();
                self.note(|| format!("a replay of {} is asked for: {include:?}", place.at));
                self.process()
                    .command(person.replays(app, place.at, include));
            }
        }
    }

    fn asks_for_a_campaign(&mut self, who: usize, place: Place) {
        use CampaignCommand as C;
        let (person, app) = (self.people[who].clone(), self.process().app.clone());
        let known = self.chance.one(&self.chronicle.campaigns).copied();
        let (what, compromised) = (self.chance.below(6), self.chance.permille(300));
        if let Some(campaign) = known
            && what < 3
        {
            let commands = [C::PauseCampaign, C::ResumeCampaign, C::CancelCampaign];
            let command = commands[what].clone();
            self.note(|| format!("campaign {campaign}: {command:?}"));
            self.process()
                .command(person.moves_campaign(app, campaign, command));
            return;
        }
        let scope = CampaignScope {
            provider: (what % 2 == 0).then(|| place.at.parse().unwrap()),
            users: if what == 5 {
                vec![person.user().clone()]
            } else {
                Vec::new()
            },
            ..CampaignScope::default()
        };
        self.note(|| format!("a campaign is asked for, compromised: {compromised}, {scope:?}"));
        self.process()
            .command(person.begins_campaign(app, scope, compromised));
    }

    fn asks_to_switch(&mut self, who: usize, place: Place) {
        use ProviderCommand as C;
        let commands = [
            C::PauseProvider,
            C::ResumeProvider,
            C::ResumeProvider,
            C::DisableProvider,
            C::EnableProvider,
            C::EnableProvider,
        ];
        let command = self.chance.one(&commands).unwrap().clone();
        let (person, app) = (self.people[who].clone(), self.process().app.clone());
        self.note(|| format!("{command:?} is asked for at {}", place.at));
        self.process()
            .command(person.switches(app, place.at, command));
    }
}
