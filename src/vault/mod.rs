//! Sealed secrets, by reference.

mod secret;

pub use secret::Secret;
