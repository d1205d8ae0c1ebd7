//! The policy: its table, one long story, and laws that hold in every story.

mod grace;
mod laws;
mod revoking;
mod story;
mod table;
mod world;
