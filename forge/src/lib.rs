//! Plays: practice Git servers that are as strict as the real ones.
//!
//! A practice server is a whole server on a loopback port: people, apps, OAuth, SSH keys and the
//! refusals that go with them. Tests and `lanyard demo` talk to it over HTTP, as they would to the
//! real one, and reach behind its counter with plain method calls: to sign a person in, to look at
//! what it holds, to take it down and bring it back.
//!
//! It never reads a clock of its own accord (see [`Clock`]).

mod clock;
mod ssh;

pub use clock::{Clock, HandClock, system_clock};
pub use ssh::{KeyRefusal, PublicKey};
