//! What the stories share.

pub(crate) mod actors;
pub(crate) mod adapter;
pub(crate) mod app;
pub(crate) mod by_hand;
pub(crate) mod github;
pub(crate) mod held_log;
pub(crate) mod link_key;
pub(crate) mod logs;
pub(crate) mod poison;
pub(crate) mod postgres;
pub(crate) mod receiver;
pub(crate) mod story;
pub(crate) mod tls;
pub(crate) mod tree;
pub(crate) mod worker;

/// Reads how many rounds of something are wanted, from the environment.
pub(crate) fn wanted(name: &str) -> Option<usize> {
    let value = std::env::var_os(name)?;
    Some(value.to_str().unwrap().parse().unwrap())
}
