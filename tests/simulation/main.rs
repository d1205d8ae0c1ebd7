//! The whole service under a scheduler of its own: what a year of bad luck would find, in minutes.
//!
//! The real app, projector, policy and publisher, the real logs and read models; the Git servers
//! are played in this process. Every call to the log, to the database (and so to the vault) and to
//! a server waits at a gate (`gate.rs`). A seed decides what goes when, what fails before or after
//! it was done, who asks for what (`moves.rs`), when time passes, and when the process ends and is
//! started again (`run.rs`). After each step the servers are judged by the log (`judge.rs`); in the
//! end the faults stop, and everything must come to rest and agree (`calm.rs`).
//!
//! The same seed tells the same story, word for word. `LANYARD_SEEDS=10000` plays so many;
//! `LANYARD_SEED=7` plays one and prints what happened.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a story that cannot go on says so by ending"
)]

mod asking;
mod calm;
mod chance;
mod chronicle;
mod disk;
mod faults;
mod found;
mod gate;
mod git;
mod hosts;
mod judge;
mod memory;
mod moves;
mod past;
mod people;
mod places;
mod ports;
mod process;
mod run;
mod weather;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use run::{Story, simulate};

/// How many seeds are played where nobody says how many.
const SEEDS: u64 = 200;

/// How many lines of a story are shown that went wrong.
const SHOWN: usize = 150;

/// Reads a number from the environment.
fn number(name: &str) -> Option<u64> {
    let value = std::env::var_os(name)?;
    let value = value.to_str().and_then(|value| value.parse().ok());
    Some(value.unwrap_or_else(|| panic!("{name} must be a number")))
}

/// Plays a seed, and once more to be told of it if it ended badly.
fn play(seed: u64) -> Story {
    let story = play_told(seed, false);
    if story.broken.is_empty() {
        story
    } else {
        play_told(seed, true)
    }
}

/// Plays a seed; a panic is a story that ended badly.
fn play_told(seed: u64, told: bool) -> Story {
    catch_unwind(AssertUnwindSafe(|| simulate(seed, told))).unwrap_or_else(|why| {
        let why = why.downcast_ref::<String>().cloned();
        let why = why.unwrap_or_else(|| "see above".to_owned());
        Story {
            trace: Vec::new(),
            broken: vec![format!("a panic: {why}")],
        }
    })
}

/// Tells how a story went wrong, and how to see it again.
fn tell(seed: u64, story: &Story) -> String {
    let from = story.trace.len().saturating_sub(SHOWN);
    format!(
        "seed {seed}:\n  {}\n\n{}\n\nsee it again: LANYARD_SEED={seed} cargo test -p lanyard --test simulation\n",
        story.broken.join("\n  "),
        story.trace[from..].join("\n")
    )
}

#[test]
fn whatever_happens_everything_comes_to_be_as_the_log_wants_it() {
    if let Some(seed) = number("LANYARD_SEED") {
        let story = play_told(seed, true);
        println!("{}", story.trace.join("\n"));
        assert!(story.broken.is_empty(), "{}", tell(seed, &story));
        return;
    }
    let seeds = number("LANYARD_SEEDS").unwrap_or(SEEDS);
    let first = number("LANYARD_FIRST_SEED").unwrap_or(0);
    // Counts how many seeds find a fault that was planted, instead of stopping at the first.
    let count = number("LANYARD_COUNT").is_some();
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let broken: Mutex<Vec<(u64, Story)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    let story = play(seed);
                    if !story.broken.is_empty() {
                        if count {
                            println!("seed {seed}: {}", story.broken.join("; "));
                        }
                        stop.store(!count, Ordering::Relaxed);
                        broken.lock().unwrap().push((seed, story));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    let played = next.into_inner().min(first + seeds) - first;
    let took = began.elapsed();
    let each = took.as_secs_f64() * 1_000.0 * threads as f64 / played.max(1) as f64;
    // Not by `println!`, which is shown only where a test fails.
    let figure = format!("{played} seeds in {took:.0?}: {each:.0} ms of a core each\n");
    std::io::stderr().write_all(figure.as_bytes()).unwrap();
    if count {
        println!("{} of {seeds} seeds", broken.len());
    }
    if let Some((seed, story)) = broken.first() {
        panic!("{}", tell(*seed, story));
    }
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    // Every kind of weather, in memory and in files.
    for seed in (0..12).chain([24, 49]) {
        let (once, twice) = (play_told(seed, true), play_told(seed, true));
        let differs = once
            .trace
            .iter()
            .zip(&twice.trace)
            .find(|(one, two)| one != two);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(once, twice, "seed {seed}");
        assert!(once.trace.len() > 100, "seed {seed} tells little");
    }
}
