//! The people with an account.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::answer::stamp;
use super::scopes::Scopes;
use super::{Flavour, Hub};

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
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
    pub(super) joined: DateTime<Utc>,
    pub(super) email_verified: bool,
    /// Whether the API knows no token of theirs, however new.
    pub(super) is_refused: bool,
    pub(super) suspended_at: Option<DateTime<Utc>>,
    /// What they grant at most; `None` is whatever an app asks for.
    pub(super) grants_at_most: Option<Scopes>,
}

impl Person {
    /// Returns what `GET /user` says with these scopes.
    pub(super) fn json(&self, hub: &Hub, scopes: &Scopes) -> Value {
        let mut user = json!({
            "login": self.login,
            "id": self.id,
            "node_id": format!("U_{}", self.id),
            "avatar_url": format!("{}/avatars/u/{}", hub.base, self.id),
            "url": hub.api(&format!("/users/{}", self.login)),
            "html_url": format!("{}/{}", hub.base, self.login),
            "type": "User",
            "site_admin": false,
            "name": null,
            "email": null,
            "created_at": stamp(self.joined),
            "updated_at": stamp(self.joined),
        });
        if scopes.cover("user") {
            user["two_factor_authentication"] = json!(true);
        }
        if hub.options.flavour == Flavour::Enterprise {
            user["suspended_at"] = json!(self.suspended_at.map(stamp));
        }
        user
    }
}
