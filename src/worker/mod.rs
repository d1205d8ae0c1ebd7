//! Loops that follow the log: the projector remembers, the policy asks, the publisher acts.

pub mod projector;
pub mod rebuild;
pub mod verify;

mod checkpoint;
mod reading;
