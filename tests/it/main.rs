//! The system seen from outside.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says so by ending"
)]

mod database;
mod keygen;
mod vault;
