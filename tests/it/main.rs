//! The system seen from outside.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says so by ending"
)]

mod database;
mod event_log;
mod keygen;
mod support;
mod vault;
