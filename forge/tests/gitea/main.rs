//! The practice Gitea, seen from outside: every rule and every refusal, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stumble")]

mod support;

mod authorize;
mod faults;
mod gate;
mod introspect;
mod key_refusals;
mod keys;
mod proofs;
mod public;
mod refresh;
mod token;
