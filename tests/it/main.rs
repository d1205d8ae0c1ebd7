//! The system seen from outside.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on says so by ending"
)]

mod api;
mod bitbucket;
mod database;
mod dependencies;
mod docs;
mod event_log;
mod gitea;
mod github;
mod gitlab;
mod host_keys;
mod keygen;
mod program;
mod projections;
mod stories;
mod structure;
mod support;
mod vault;
