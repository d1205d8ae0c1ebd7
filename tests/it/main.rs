//! The system seen from outside.

mod database;
mod keygen;
mod vault;
