//! The people with an account.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Hub;
use super::answer::stamp;

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiteaUser {
    /// Stays for ever.
    pub id: u64,
    /// May change, and be taken by somebody else.
    pub login: String,
}

/// A person as the server keeps them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) full_name: String,
    pub(super) joined: DateTime<Utc>,
    pub(super) prohibited: bool,
    pub(super) must_change_password: bool,
    /// Whether this person may manage their own keys (`USER_DISABLED_FEATURES`).
    pub(super) manages_keys: bool,
}

impl Person {
    /// Returns what `GET /user` says.
    pub(super) fn json(&self, hub: &Hub) -> Value {
        json!({
            "id": self.id,
            "login": self.login,
            "login_name": "",
            "source_id": 0,
            "full_name": self.full_name,
            "email": format!("{}@example.org", self.login),
            "avatar_url": format!("{}/avatars/{}", hub.base, self.id),
            "html_url": format!("{}/{}", hub.base, self.login),
            "language": "en-US",
            "is_admin": false,
            "last_login": stamp(self.joined),
            "created": stamp(self.joined),
            "restricted": false,
            "active": true,
            "prohibit_login": self.prohibited,
            "visibility": "public",
            "username": self.login,
        })
    }
}
