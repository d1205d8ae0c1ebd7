//! The practice GitLab, seen from outside: every rule and every refusal, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stumble")]

mod support;

mod accounts;
mod authorize;
mod faults;
mod gate;
mod keys;
mod limits;
mod maintenance;
mod policy;
mod refresh;
mod revoke;
mod roots;
mod token;
