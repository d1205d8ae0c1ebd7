//! What we call a key at a provider.

use crate::{KeyId, UserId};

/// The titles of one deployment's keys. At most 255 characters, and unique, because some products
/// want unique titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Titles<'a> {
    /// The host at which people reach this deployment.
    pub host: &'a str,
}

impl Titles<'_> {
    /// Names a key: which Lanyard, whose, which.
    pub fn of(&self, user: &UserId, key: KeyId) -> String {
        let short = key.to_string();
        let short = &short[short.len() - 12..];
        format!("Lanyard {} {user} {short}", self.host)
    }

    /// Says whether a title is one that this deployment would write for some key of somebody.
    pub fn is_one(&self, title: &str) -> bool {
        let rest = title
            .strip_prefix("Lanyard ")
            .and_then(|rest| rest.strip_prefix(self.host))
            .and_then(|rest| rest.strip_prefix(' '));
        let Some((user, short)) = rest.and_then(|rest| rest.split_once(' ')) else {
            return false;
        };
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        user.parse::<UserId>().is_ok() && short.len() == 12 && short.chars().all(hex)
    }
}
