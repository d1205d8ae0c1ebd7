//! The practice Bitbucket Server, seen from outside: every rule and every refusal, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stumble")]

mod signer;
mod support;

mod faults;
mod keys;
mod links;
mod oauth1;
mod oauth2;
mod people;
mod problems;
mod renewal;
mod server;
