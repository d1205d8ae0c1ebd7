//! The system seen from outside.

mod event_log;
mod support;
