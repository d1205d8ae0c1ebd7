//! What may happen next: somebody asks for something, a part of the service looks, a server goes
//! away, a person does something there, time passes, the process ends.

use std::time::Duration;

use chrono::TimeDelta;
use domain::keyring::RotationCause;
use domain::provider::ProviderCommand;
use domain::replay::ReplayInclude;
use lanyard::clock::Clock;
use lanyard::worker::policy::Policy;
use projections::Statement;

use crate::chronicle::{Link, Standing};
use crate::gate::block_on;
use crate::git::lock;
use crate::run::{HOSTS, PEOPLE, Run};

/// How many people ask at once at most.
const AT_ONCE: usize = 3;

impl Run {
    /// Lets one thing happen that nobody at the gate waits for.
    pub(crate) fn something_happens(&mut self) {
        match self.chance.below(100) {
            0..16 => {
                if self.process().project() {
                    self.note(|| "the projector looks".to_owned());
                }
            }
            16..34 => {
                if self.process().decide() {
                    self.note(|| "the policy looks".to_owned());
                }
            }
            34..50 => {
                if self.process().publish() {
                    self.note(|| "the publisher looks".to_owned());
                }
            }
            50..72 => self.somebody_asks(),
            72..84 => self.time_goes_on(),
            84..94 => self.a_server_changes(),
            94..96 => {
                if self.process().sweep() {
                    self.note(|| "the sweeper looks".to_owned());
                }
            }
            96..98 => self.is_delivered_again(),
            _ => {
                if self.weather.ends > 0 {
                    self.ends();
                } else {
                    self.patience_ends(Duration::from_secs(11));
                }
            }
        }
    }

    fn somebody_asks(&mut self) {
        if self.process().commands >= AT_ONCE {
            return;
        }
        let app = self.process().app.clone();
        let who = self.chance.below(PEOPLE.len());
        let (person, login) = (self.people[who].clone(), PEOPLE[who]);
        let (at, _) = *self.chance.one(&HOSTS).unwrap();
        match self.chance.below(100) {
            0..36 => {
                // Now and then somebody comes back as somebody else.
                let other = self.chance.permille(50);
                let login = if other {
                    PEOPLE[(who + 1) % PEOPLE.len()]
                } else {
                    login
                };
                self.note(|| format!("{} begins to link {login} at {at}", person.user()));
                let asked_at = self.chronicle.correlations.len() as u64;
                self.process()
                    .command(person.links(app, at, login, asked_at));
            }
            36..72 => {
                let user = person.user().clone();
                let keys: Vec<_> = self
                    .chronicle
                    .keys
                    .iter()
                    .filter(|(_, key)| key.user == user && key.standing == Standing::Current)
                    .map(|(id, _)| *id)
                    .collect();
                let Some(key) = self.chance.one(&keys).copied() else {
                    return;
                };
                let compromised = self.chance.permille(250);
                let cause = if compromised {
                    RotationCause::Compromised
                } else {
                    RotationCause::Requested
                };
                self.note(|| format!("{user} asks to rotate {key}: {cause:?}"));
                self.process().command(person.rotates(app, key, cause));
            }
            72..83 => {
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
                if self.chance.permille(250) {
                    self.note(|| format!("{} forces to unlink {account}", person.user()));
                    self.process()
                        .command(person.forces_unlinking(app, account));
                } else {
                    self.note(|| format!("{} asks to unlink {account}", person.user()));
                    self.process().command(person.unlinks(app, account));
                }
            }
            83..85 => {
                let leaver = self.people[(who + 1) % PEOPLE.len()].user().clone();
                let force = self.chance.permille(250);
                self.note(|| format!("{} sees {leaver} off, by force: {force}", person.user()));
                self.process().command(person.sees_off(app, leaver, force));
            }
            85..88 => {
                self.note(|| format!("everything at {at} is to be looked at"));
                self.process().command(person.has_looked_at(app, at));
            }
            88..92 => {
                let include = *self
                    .chance
                    .one(&[
                        ReplayInclude::Unfinished,
                        ReplayInclude::Parked,
                        ReplayInclude::All,
                    ])
                    .unwrap();
                self.note(|| format!("a replay of {at} is asked for: {include:?}"));
                self.process().command(person.replays(app, at, include));
            }
            92..94 => {
                self.process().command(person.makes_a_personal_key(app));
            }
            _ => {
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
                self.note(|| format!("{command:?} is asked for at {at}"));
                self.process().command(person.switches(app, at, command));
            }
        }
    }

    fn time_goes_on(&mut self) {
        let now = self.around.clock.now();
        let process = self.process();
        let due = process.again_at.into_iter().chain(process.next_at).min();
        match self.chance.below(100) {
            0..40 => {
                let wait = due.map_or(TimeDelta::seconds(1), |due| due - now);
                // What is due in months is not waited for here.
                let wait = wait.clamp(TimeDelta::milliseconds(1), TimeDelta::hours(25));
                self.time_passes(wait);
            }
            40..60 => self.time_passes(TimeDelta::seconds(2)),
            60..75 => self.time_passes(TimeDelta::minutes(11)),
            75..85 => self.time_passes(TimeDelta::hours(3)),
            85..88 => self.time_passes(TimeDelta::hours(25)),
            88..94 => self.patience_ends(Duration::from_millis(500)),
            _ => self.patience_ends(Duration::from_secs(11)),
        }
    }

    /// A server goes or comes back, or a person does something there.
    fn a_server_changes(&mut self) {
        let now = self.around.clock.now();
        let (at, _) = *self.chance.one(&HOSTS).unwrap();
        let login = *self.chance.one(&PEOPLE).unwrap();
        let what = self.chance.below(100);
        let nth = self.chance.below(1_000);
        let fresh = self.chance.draw();
        let shared = self.around.hosts.clone();
        let mut hosts = lock(&shared);
        let host = hosts.all.get_mut(at).expect("it is one of ours");
        let note = match what {
            0..20 => {
                host.down = true;
                format!("{at} goes down")
            }
            20..55 => {
                host.down = false;
                host.limited_until = None;
                format!("{at} is up")
            }
            55..65 => {
                let wait = i64::try_from(fresh % 900).unwrap_or(0);
                host.limited_until = Some(now + TimeDelta::seconds(wait));
                format!("{at} has had too many requests for {wait} s")
            }
            65..75 => {
                host.paste(login, "my laptop", format!("ssh-ed25519 {login}{fresh}"));
                format!("{login} pastes a key of their own at {at}")
            }
            75..85 => {
                let keys = host.keys.get_mut(login).expect("everybody has an account");
                if keys.is_empty() {
                    return;
                }
                let gone = keys.remove(nth % keys.len());
                let whose = if gone.ours { "ours" } else { "their own" };
                let note = format!("{login} removes key {} at {at}: {whose}", gone.id);
                host.meddled.insert(gone.line.clone());
                host.removed.insert(gone.line);
                note
            }
            85..92 => {
                // A key of ours, taken from our list and pasted by hand, before or after us.
                let keys = self.chronicle.keys.iter();
                let keys: Vec<_> = keys
                    .filter(|(_, key)| {
                        let account = key.account.and_then(|id| self.accounts.get(&id));
                        account == Some(&(at, login)) && key.standing == Standing::Current
                    })
                    .collect();
                let Some((id, key)) = self.chance.one(&keys) else {
                    return;
                };
                if host.holder(&key.line).is_some() {
                    return;
                }
                // On their own account, or on another one: then it is taken for good.
                let on = if nth.is_multiple_of(3) {
                    PEOPLE[nth % PEOPLE.len()]
                } else {
                    login
                };
                host.meddled.insert(key.line.clone());
                host.paste(on, "pasted by hand", key.line.clone());
                format!("{on} pastes our key {id} for {login} at {at}")
            }
            _ => {
                for given in host.grants.values_mut() {
                    given.dead |= given.account == login;
                }
                format!("{login} revokes every grant at {at}")
            }
        };
        drop(hosts);
        self.note(|| note);
    }

    /// The policy sees again what it has seen: another instance had not written down how far it
    /// was, or an older copy of the database came back.
    fn is_delivered_again(&mut self) {
        if self.process().policy.is_none() {
            return;
        }
        let next = self.chance.below(self.chronicle.correlations.len() + 1) as u64;
        let back = Statement::new(
            "UPDATE projections SET next_index = $1 WHERE name = 'policy' AND next_index > $1",
            [next.into()],
        );
        let moved = block_on(self.around.database.transact(vec![back]));
        let app = self.process().app.clone();
        self.process().policy = Some(Policy::new(app));
        self.note(|| format!("the policy begins again at event {next}: {moved:?}"));
    }
}
