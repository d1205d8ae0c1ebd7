//! The system seen from outside.

mod api;
#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says so by ending"
)]

mod database;
#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says so by ending"
)]

mod event_log;
mod program;
mod keygen;
mod support;
mod vault;
#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says so by ending"
)]

mod github;
