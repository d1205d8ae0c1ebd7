//! The policy: its table, one long story, and laws that hold in every story.

mod laws;
mod story;
mod table;
mod world;
