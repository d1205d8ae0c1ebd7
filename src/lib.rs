//! Acts: the log, the providers, the workers, the front doors.
//!
//! `domain` decides and `projections` remember; this crate does everything that touches the
//! outside. Front doors (`api`, `web`, `cli`) call `app`; `app` and `worker` call the adapters
//! (`eventlog`, `database`, `vault`, `providers`); `projecting` stands on log and database alone;
//! adapters know nothing of who calls them.

// The names say it here; the crates below are documented throughout.
#![allow(
    missing_docs,
    clippy::allow_attributes,
    reason = "public items of the program itself are documented where the name is not enough"
)]

pub mod api;
pub mod app;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod datadir;
pub mod eventlog;
pub mod host_keys;
pub mod keygen;
pub mod projecting;
pub mod providers;
pub mod server;
pub mod sshsig;
pub mod telemetry;
pub mod threads;
pub mod vault;
pub mod web;
pub mod worker;
