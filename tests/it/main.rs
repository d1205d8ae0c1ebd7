//! The system seen from outside.

mod event_log;
mod support;
mod database;
mod keygen;
mod vault;
