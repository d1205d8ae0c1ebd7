//! The REST API, one file per noun.

mod door;
