//! The system seen from outside.

mod database;
mod event_log;
mod keygen;
mod support;
mod vault;
