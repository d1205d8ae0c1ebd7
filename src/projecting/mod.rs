//! From the log into the read models: followed, rebuilt, verified.
//!
//! It reads events and writes rows. It decides nothing and calls nobody, so whoever has a log and
//! a database may use it.

pub mod projector;
pub mod rebuild;
pub mod types;
pub mod verify;

mod checkpoint;
mod reading;
