//! What the stories share.

pub(crate) mod logs;
pub(crate) mod postgres;
pub(crate) mod tree;
