//! The stored form of every event, for ever: files in `tests/snapshots` are only added.
//!
//! A file holds one stored line as it was written by the version that brought its schema.

#![expect(clippy::unwrap_used, reason = "all of it is tests")]

mod envelope;
mod samples;
mod snapshots;
mod types;
mod words;
