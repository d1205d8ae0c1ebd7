//! One simulation: the scheduler, which chooses what happens next, and writes down what did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use domain::AccountId;
use domain::provider::ProviderKind;
use lanyard::clock::{Clock, FixedClock, SeededIds};
use lanyard::database::Database;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::datadir::DataDirectory;
use lanyard::eventlog::EventLog;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::eventlog::sqlite::SqliteLog;
use tempfile::TempDir;
use uuid::Uuid;

use crate::chance::Chance;
use crate::chronicle::Chronicle;
use crate::gate::{Port, Verdict};
use crate::git::lock;
use crate::hosts::{Host, Hosts};
use crate::memory::MemoryDatabase;
use crate::people::{Person, registers};
use crate::process::{Answer, Around, Done, Process, Told};

pub(crate) const PEOPLE: [&str; 3] = ["ada", "bob", "cleo"];
pub(crate) const HOSTS: [(&str, ProviderKind); 3] = [
    ("hub", ProviderKind::Github),
    ("lab", ProviderKind::Gitlab),
    ("tea", ProviderKind::Gitea),
];

/// One seed in this many keeps its log and its database in files, written by threads.
const IN_FILES: u64 = 25;

/// What is told of a simulation that ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Story {
    /// What happened, line by line.
    pub(crate) trace: Vec<String>,
    /// What must never happen, and did.
    pub(crate) broken: Vec<String>,
}

/// How rough a simulation is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a thousand calls, how many fail.
    pub(crate) faults: usize,
    /// Of a thousand calls, at how many the process ends.
    pub(crate) ends: usize,
    /// How many things happen that nobody at the gate waits for.
    pub(crate) moves: usize,
    /// Of a hundred steps, in how many whoever waits at the gate goes first.
    pub(crate) eager: usize,
}

/// Where log and database are.
enum Disk {
    Memory,
    Files(TempDir),
}

/// A simulation.
pub(crate) struct Run {
    pub(crate) chance: Chance,
    pub(crate) weather: Weather,
    pub(crate) around: Around,
    pub(crate) process: Option<Process>,
    pub(crate) people: Vec<Person>,
    pub(crate) accounts: BTreeMap<AccountId, (&'static str, &'static str)>,
    pub(crate) chronicle: Chronicle,
    /// What was acknowledged.
    pub(crate) told: Vec<(String, Uuid, Told)>,
    pub(crate) story: Story,
    disk: Disk,
}

/// Simulates a seed.
pub(crate) fn simulate(seed: u64) -> Story {
    let mut run = Run::begin(seed);
    run.goes_on();
    run.calms_down();
    let mut story = std::mem::replace(
        &mut run.story,
        Story {
            trace: Vec::new(),
            broken: Vec::new(),
        },
    );
    story.broken.dedup();
    story
}

impl Run {
    pub(crate) fn begin(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let weather = Weather {
            faults: *chance.one(&[0, 10, 30, 80, 150]).unwrap(),
            ends: *chance.one(&[0, 2, 5, 15]).unwrap(),
            moves: 60 + chance.below(120),
            eager: *chance.one(&[50, 80, 90, 97]).unwrap(),
        };
        let begin: DateTime<Utc> = "2026-11-22T09:00:00Z".parse().unwrap();
        let clock = Arc::new(FixedClock::at(begin));
        let mut hosts = Hosts::default();
        for (name, kind) in HOSTS {
            let lenient = chance.permille(300);
            hosts.all.insert(name, Host::new(kind, &PEOPLE, lenient));
        }
        let (disk, log, database) = open_disk(seed, &clock);
        let around = Around {
            log,
            database,
            hosts: Arc::new(Mutex::new(hosts)),
            clock,
            ids: Arc::new(SeededIds::new(seed)),
        };
        let process = Process::start(&around);
        let mut people = Vec::new();
        for name in PEOPLE {
            people.push(process.through(Person::arrives(process.app.clone(), name)));
        }
        let mut accounts = BTreeMap::new();
        for (at, kind) in HOSTS {
            process.through(registers(process.app.clone(), at, kind));
            for login in PEOPLE {
                let app = process.app.clone();
                let id = async move { app.account_id(&at.parse().unwrap(), login).await.unwrap() };
                accounts.insert(process.through(id), (at, login));
            }
        }
        let mut run = Self {
            chance,
            weather,
            around,
            process: Some(process),
            people,
            accounts,
            chronicle: Chronicle::default(),
            told: Vec::new(),
            story: Story {
                trace: Vec::new(),
                broken: Vec::new(),
            },
            disk,
        };
        run.note(|| format!("seed {seed}: {weather:?}"));
        run
    }

    /// Lets whatever may happen happen.
    fn goes_on(&mut self) {
        let mut moves = 0;
        while moves < self.weather.moves && self.story.broken.is_empty() {
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
        self.process.as_mut().expect("it is always started again")
    }

    /// Writes a line of the story.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
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
            Verdict::Lost(how)
        } else {
            Verdict::Refused(how)
        }
    }

    /// The process ends, and is started again: only what is on disk is left.
    pub(crate) fn ends(&mut self) {
        self.note(|| "the process ends and is started again".to_owned());
        self.process = None;
        if let Disk::Files(folder) = &self.disk {
            // Closed before it is opened again: a file has one writer.
            let nothing = Arc::new(MemoryLog::new(self.around.clock.clone()));
            self.around.log = nothing;
            self.around.database = Arc::new(MemoryDatabase::take());
            let (log, database) = open_files(folder, &self.around.clock);
            (self.around.log, self.around.database) = (log, database);
        }
        self.process = Some(Process::start(&self.around));
        self.keeps_its_word();
    }

    /// Looks at what happened.
    pub(crate) fn look(&mut self) {
        self.process().quiet();
        for done in self.process().done() {
            self.take(done);
        }
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
                }
            }
            Err(what) => self.breaks(format!("the log: {what}")),
        }
        let effects = std::mem::take(&mut lock(&self.around.hosts).effects);
        for effect in effects {
            self.judge_effect(&effect);
        }
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
        self.process().pass_time(time);
    }
}

/// An event in a few words: its name, and what is not an id of ours.
struct Short<'a>(&'a domain::Event);

impl std::fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.kind().name)
    }
}

type Opened = (Arc<dyn EventLog>, Arc<dyn Database>);

fn open_disk(seed: u64, clock: &Arc<FixedClock>) -> (Disk, Arc<dyn EventLog>, Arc<dyn Database>) {
    if seed % IN_FILES == IN_FILES - 1 {
        // In memory where there is such a place: what a disk does is proven elsewhere.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.unwrap();
        let (log, database) = open_files(&folder, clock);
        return (Disk::Files(folder), log, database);
    }
    let log = Arc::new(MemoryLog::new(clock.clone()));
    (Disk::Memory, log, Arc::new(MemoryDatabase::take()))
}

fn open_files(folder: &TempDir, clock: &Arc<FixedClock>) -> Opened {
    let directory = Arc::new(DataDirectory::open(folder.path()).unwrap());
    let log = SqliteLog::open(directory, clock.clone()).unwrap();
    let database = SqliteDatabase::open(folder.path().join("state.db")).unwrap();
    (Arc::new(log), Arc::new(database))
}
