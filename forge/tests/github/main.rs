//! The practice GitHub, seen from outside: every rule and every refusal, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stumble")]

mod support;

mod applications;
mod authorize;
mod caching;
mod faults;
mod gate;
mod github_apps;
mod keys;
mod limits;
mod outage;
mod people;
mod public;
mod refresh;
mod token;
