//! What may happen next: somebody asks for something (`asking.rs`), a part of the service looks, a server goes
//! away, a person does something there, time passes, the process ends.

use std::time::Duration;

use chrono::TimeDelta;
use lanyard::clock::Clock;
use lanyard::worker::policy::Policy;
use projections::Statement;

use crate::gate::block_on;
use crate::git::lock;
use crate::places::PEOPLE;
use crate::run::Run;

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
            50..70 => self.somebody_asks(),
            70..84 => self.time_goes_on(),
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

    fn time_goes_on(&mut self) {
        let now = self.around.clock.now();
        let due = self.due();
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
        let at = self.chance.one(&self.places).unwrap().at;
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
                let line = format!("ssh-ed25519 {login}{fresh}");
                host.paste(login, "my laptop", line, false);
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
                drop(hosts);
                let keys = self.current_keys(at);
                if let Some((account, key)) = self.chance.one(&keys).copied() {
                    self.pastes(account, key);
                }
                return;
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
