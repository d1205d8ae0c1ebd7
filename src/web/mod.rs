//! What browsers see: the way to a provider and back.

pub mod oauth;
mod page;
