//! One simulation: the scheduler, which chooses what happens next, and writes down what did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use domain::AccountId;
use lanyard::clock::{Clock, FixedClock, SeededIds};
use uuid::Uuid;

use crate::chance::Chance;
use crate::chronicle::Chronicle;
use crate::disk::{Disk, nothing, open_disk, open_files};
use crate::faults::after_effect;
use crate::gate::{Port, Verdict};
use crate::git::lock;
use crate::hosts::{Host, Hosts};
use crate::people::Person;
use crate::places::{PEOPLE, Place, choose, external_id, registers};
use crate::process::{Answer, Around, Done, Process, Told};
use crate::weather::Weather;

/// What is told of a simulation that ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// What happened, line by line.
    pub(crate) trace: Vec<String>,
    /// What must never happen, and did.
    pub(crate) broken: Vec<String>,
}

/// A simulation.
pub(crate) struct Run {
    pub(crate) chance: Chance,
    pub(crate) weather: Weather,
    pub(crate) around: Around,
    /// The instances of the service, and which of them has its turn.
    pub(crate) processes: Vec<Process>,
    pub(crate) at: usize,
    pub(crate) places: Vec<Place>,
    pub(crate) people: Vec<Person>,
    pub(crate) accounts: BTreeMap<AccountId, (&'static str, &'static str)>,
    pub(crate) chronicle: Chronicle,
    /// What was acknowledged, and how much of it was looked for.
    pub(crate) told: Vec<(String, Uuid, Told)>,
    pub(crate) checked: usize,
    pub(crate) story: Story,
    /// Whether the faults have stopped.
    pub(crate) calm: bool,
    /// Whether what happens is written down.
    tells: bool,
    /// How often a process was started.
    started: u64,
    disk: Disk,
}

/// Simulates a seed; what happened is only told if it is asked for, for that takes its time.
pub(crate) fn simulate(seed: u64, told: bool) -> Story {
    let mut chance = Chance::new(seed);
    let weather = Weather::of(seed, &mut chance);
    let places = choose(&mut chance);
    let mut run = Run::begin(seed, chance, weather, places);
    run.tells = told;
    run.note(|| format!("seed {seed}: {weather:?}"));
    run.has_a_past();
    run.goes_on();
    run.calms_down();
    let mut story = std::mem::take(&mut run.story);
    story.broken.dedup();
    story
}

impl Run {
    pub(crate) fn begin(
        seed: u64,
        mut chance: Chance,
        weather: Weather,
        places: Vec<Place>,
    ) -> Self {
        let begin: DateTime<Utc> = "2026-11-22T09:00:00Z".parse().unwrap();
        let clock = Arc::new(FixedClock::at(begin));
        let mut hosts = Hosts::default();
        for place in &places {
            // Two instances that find the same missing both send it: a server that took it twice
            // would have it twice, so none does.
            let lenient = chance.permille(300) && weather.instances == 1;
            let host = Host::new(place.kind, &PEOPLE, lenient);
            hosts.all.insert(place.at, host);
        }
        let (disk, (log, database)) = open_disk(seed, &clock);
        let around = Around {
            log,
            database,
            hosts: Arc::new(Mutex::new(hosts)),
            clock,
            ids: Arc::new(SeededIds::new(seed)),
            shared: weather.instances > 1,
        };
        let first = Process::start(&around, 0);
        let mut people = Vec::new();
        for name in PEOPLE {
            people.push(first.through(Person::arrives(first.app.clone(), name)));
        }
        let mut accounts = BTreeMap::new();
        for place in &places {
            first.through(registers(first.app.clone(), *place));
            for login in PEOPLE {
                let (app, at) = (first.app.clone(), place.at);
                let external = external_id(*place, login);
                let id = async move {
                    app.account_id(&at.parse().unwrap(), &external)
                        .await
                        .unwrap()
                };
                accounts.insert(first.through(id), (at, login));
            }
        }
        let mut processes = vec![first];
        let instances = u64::try_from(weather.instances).unwrap_or(1);
        processes.extend((1..instances).map(|number| Process::start(&around, number)));
        Self {
            chance,
            weather,
            around,
            processes,
            at: 0,
            places,
            people,
            accounts,
            chronicle: Chronicle::default(),
            told: Vec::new(),
            checked: 0,
            story: Story::default(),
            calm: false,
            tells: true,
            started: instances,
            disk,
        }
    }

    /// Lets whatever may happen happen.
    fn goes_on(&mut self) {
        let mut moves = 0;
        while moves < self.weather.moves && self.story.broken.is_empty() {
            if self.processes.len() > 1 {
                self.at = self.chance.below(self.processes.len());
            }
            let waiting = self.process().gate.len();
            if waiting > 0 && self.chance.below(100) < self.weather.eager {
                self.lets_one_go();
            } else {
                moves += 1;
                self.something_happens();
            }
            self.look();
        }
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.processes[self.at]
    }

    /// Writes a line of the story.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if !self.tells {
            return;
        }
        let now = self.around.clock.now();
        let (day, hour, minute, second) = (now.day(), now.hour(), now.minute(), now.second());
        let number = self.story.trace.len();
        self.story.trace.push(format!(
            "{number:>5} {day:02} {hour:02}:{minute:02}:{second:02} {}",
            what()
        ));
    }

    /// Writes down what must never happen.
    pub(crate) fn breaks(&mut self, what: String) {
        self.note(|| format!("BROKEN: {what}"));
        self.story.broken.push(what);
    }

    /// Lets one of those that wait at the gate go, in one way or another.
    fn lets_one_go(&mut self) {
        let at = self.process().gate.len();
        let at = self.chance.below(at);
        let Some(waiting) = self.process().gate.take(at) else {
            return;
        };
        let verdict = self.verdict(waiting.port);
        if waiting.port != Port::Provider && self.chance.permille(self.weather.slow) {
            let seconds = 1 + self.chance.below(15) as u64;
            self.note(|| format!("the disk takes {seconds} s"));
            self.waits(Duration::from_secs(seconds));
        }
        self.note(|| match verdict {
            Verdict::Go => waiting.what.clone(),
            other => format!("{}: {other:?}", waiting.what),
        });
        waiting.judge(verdict);
        if matches!(verdict, Verdict::Ends | Verdict::EndsAfter) {
            self.process().quiet();
            self.ends();
        }
    }

    fn verdict(&mut self, port: Port) -> Verdict {
        if self.chance.permille(self.weather.ends) {
            return *self
                .chance
                .one(&[Verdict::Ends, Verdict::EndsAfter])
                .unwrap();
        }
        // The outside is worse than one's own disk.
        let faults = match port {
            Port::Provider => self.weather.faults * 2,
            Port::Log | Port::Database => self.weather.faults / 4,
        };
        if !self.chance.permille(faults) {
            return Verdict::Go;
        }
        let how = self.chance.draw();
        if self.chance.permille(500) {
            Verdict::Lost(after_effect(how))
        } else {
            Verdict::Refused(how)
        }
    }

    /// The process ends, and is started again: only what is on disk is left.
    pub(crate) fn ends(&mut self) {
        self.note(|| "the process ends and is started again".to_owned());
        drop(self.processes.remove(self.at));
        if let Disk::Files(folder) = &self.disk {
            // Closed before it is opened again: a file has one writer.
            (self.around.log, self.around.database) = nothing(&self.around.clock);
            (self.around.log, self.around.database) = open_files(folder, &self.around.clock);
        }
        let again = Process::start(&self.around, self.started);
        self.started += 1;
        self.processes.insert(self.at, again);
        self.keeps_its_word();
    }

    /// Looks at what happened.
    pub(crate) fn look(&mut self) {
        let turn = self.at;
        for at in 0..self.processes.len() {
            self.at = at;
            self.process().quiet();
            for done in self.process().done() {
                self.take(done);
            }
        }
        self.at = turn;
        let log = self.around.log.clone();
        let mut chronicle = std::mem::take(&mut self.chronicle);
        let news = {
            let _entered = self.process().enter();
            chronicle.read_on(&*log)
        };
        self.chronicle = chronicle;
        match news {
            Ok(news) => {
                for event in news {
                    self.note(|| format!("  {}: {:?}", event.index, Short(&event.event)));
                    self.judge_event(&event.event);
                    self.has_hands(&event.event);
                }
            }
            Err(what) => self.breaks(format!("the log: {what}")),
        }
        let effects = std::mem::take(&mut lock(&self.around.hosts).effects);
        for effect in effects {
            self.judge_effect(&effect);
        }
        self.has_kept_its_word();
    }

    fn take(&mut self, done: Done) {
        let mut failed = None;
        let process = self.process();
        match done {
            Done::Projector(projector, progress) => {
                process.projector = Some(projector);
                if let Err(error) = progress {
                    failed = Some((!error.passes(), format!("the projector: {error}")));
                }
            }
            Done::Policy(policy, looked) => {
                process.policy = Some(*policy);
                match looked {
                    Ok(looked) => {
                        process.moved |= looked.moved;
                        process.again_at = looked.again_at;
                    }
                    Err(error) => failed = Some((false, format!("the policy: {error}"))),
                }
            }
            Done::Publisher(publisher, looked) => {
                process.publisher = Some(publisher);
                match looked {
                    Ok(looked) => {
                        process.moved |= looked.moved;
                        process.next_at = looked.next_at;
                    }
                    Err(error) => failed = Some((false, format!("the publisher: {error}"))),
                }
            }
            Done::Sweeper(sweeper, stepped) => {
                process.sweeper = Some(sweeper);
                failed = stepped
                    .err()
                    .map(|error| (false, format!("the sweeper: {error}")));
            }
            Done::Command(answer) => {
                process.commands -= 1;
                self.hears(answer);
            }
        }
        match failed {
            Some((true, what)) => self.breaks(what),
            Some((false, what)) => self.note(|| what),
            None => {}
        }
    }

    fn hears(&mut self, answer: Answer) {
        let Answer {
            what,
            correlation,
            told,
        } = answer;
        self.note(|| format!("{what}: {told:?}"));
        if let Ok(told) = told {
            self.told.push((what, correlation, told));
        }
    }

    /// Returns when an instance wants to look again.
    pub(crate) fn due(&self) -> Option<DateTime<Utc>> {
        let wishes = self.processes.iter();
        let wishes = wishes.flat_map(|process| [process.again_at, process.next_at]);
        wishes.flatten().min()
    }

    /// Lets a time pass.
    pub(crate) fn time_passes(&mut self, time: TimeDelta) {
        self.around.clock.advance(time);
        self.note(|| format!("{} s pass", time.num_seconds()));
    }

    /// Lets timeouts run out.
    pub(crate) fn patience_ends(&mut self, time: Duration) {
        self.note(|| format!("whoever waits has waited {time:?} longer"));
        self.waits(time);
    }

    /// Lets the time pass that timeouts are measured with, and the clock with it.
    pub(crate) fn waits(&mut self, time: Duration) {
        let passed = TimeDelta::from_std(time).expect("it is short");
        self.around.clock.advance(passed);
        for process in &self.processes {
            process.pass_time(time);
        }
    }
}

/// An event in a few words: its name, and which key of whom it is about.
struct Short<'a>(&'a domain::Event);

impl std::fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.kind().name)?;
        let told = match self.0 {
            domain::Event::Account(event) => serde_json::to_value(event),
            domain::Event::Keyring(event) => serde_json::to_value(event),
            _ => return Ok(()),
        };
        let told = told.unwrap_or_default();
        for field in ["user", "account", "key", "replaced", "cause"] {
            match find(&told, field) {
                Some(serde_json::Value::String(word)) => write!(f, " {field} {word}")?,
                Some(other) => write!(f, " {field} {other}")?,
                None => {}
            }
        }
        Ok(())
    }
}

/// Finds a field, however deep.
fn find<'a>(told: &'a serde_json::Value, field: &str) -> Option<&'a serde_json::Value> {
    let fields = told.as_object()?;
    fields
        .get(field)
        .or_else(|| fields.values().find_map(|inner| find(inner, field)))
}
