//! The system seen from outside.

mod api;
mod database;
mod event_log;
mod keygen;
mod support;
mod vault;
