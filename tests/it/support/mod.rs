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
pub(crate) mod tree;
pub(crate) mod worker;
