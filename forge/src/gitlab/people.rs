//! The people with an account, and the states an account can be in.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Hub;
use super::answer::stamp;

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLabUser {
    /// Stays for ever.
    pub id: u64,
    /// May change, and be taken by somebody else.
    pub login: String,
    /// The full name; it stands in the comment of every key.
    pub name: String,
}

/// What state an account is in; every one but the first keeps its owner out of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitLabAccount {
    /// All is well.
    Active,
    /// An administrator blocked it.
    Blocked,
    /// An administrator has not let it in yet.
    PendingApproval,
    /// Nobody used it for long; signing in wakes it.
    Deactivated,
    /// Its owner has not accepted the terms of service.
    TermsNotAccepted,
    /// Its mail address is not confirmed.
    Unconfirmed,
    /// Its password ran out.
    PasswordExpired,
}

impl GitLabAccount {
    /// Returns why the API keeps the owner out (`lib/gitlab/auth/user_access_denied_reason.rb`).
    pub(super) fn denial(self, login: &str, base: &str) -> Option<String> {
        Some(match self {
            Self::Active => return None,
            Self::Blocked => "Your account has been blocked.".to_owned(),
            Self::PendingApproval => "Your account is pending approval from your administrator \
                and hence blocked."
                .to_owned(),
            Self::Deactivated => format!(
                "Your account has been deactivated by your administrator. Please log back in from \
                 a web browser to reactivate your account at {base}"
            ),
            Self::TermsNotAccepted => format!(
                "You (@{login}) must accept the Terms of Service in order to perform this action. \
                 To accept these terms, please access GitLab from a web browser at {base}."
            ),
            Self::Unconfirmed => format!(
                "Your primary email address is not confirmed. Please check your inbox for the \
                 confirmation instructions. In case the link is expired, you can request a new \
                 confirmation email at {base}/users/confirmation/new"
            ),
            Self::PasswordExpired => "Your password expired. Please access GitLab from a web \
                browser to update your password."
                .to_owned(),
        })
    }

    fn state(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::PendingApproval => "blocked_pending_approval",
            Self::Deactivated => "deactivated",
            _ => "active",
        }
    }
}

/// A person as the server keeps them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) joined: DateTime<Utc>,
    pub(super) account: GitLabAccount,
}

impl Person {
    pub(super) fn seen(&self) -> GitLabUser {
        GitLabUser {
            id: self.id,
            login: self.login.clone(),
            name: self.name.clone(),
        }
    }

    /// Returns what `GET /user` says.
    pub(super) fn json(&self, hub: &Hub) -> Value {
        let email = format!("{}@example.com", self.login);
        let confirmed = self.account != GitLabAccount::Unconfirmed;
        json!({
            "id": self.id,
            "username": self.login,
            "public_email": "",
            "name": self.name,
            "state": self.account.state(),
            "locked": false,
            "avatar_url": null,
            "web_url": format!("{}/{}", hub.base, self.login),
            "created_at": stamp(self.joined),
            "bio": "",
            "confirmed_at": confirmed.then(|| stamp(self.joined)),
            "last_activity_on": self.joined.format("%Y-%m-%d").to_string(),
            "email": email,
            "commit_email": email,
            "two_factor_enabled": true,
            "external": false,
            "private_profile": false,
        })
    }
}
