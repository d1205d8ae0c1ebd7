//! What a Bitbucket can be asked, and nothing else. Deletes want the address of one key: the rest of
//! the adapter has no client with which it could send one anywhere else.

use chrono::{DateTime, Utc};
use reqwest::Method;
use url::Url;

use super::endpoints::OneKey;
use super::keys::Wanted;
use crate::providers::OauthApp;
use crate::providers::http::{Call, Http};

/// The way to a Bitbucket. The HTTP client in it takes any method to any address, and so stays in it.
pub(super) struct Calls(Http);

/// What is asked of Bitbucket. What is deleted is always one key.
#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    /// Something to read.
    Read(&'a Url),
    /// An endpoint of OAuth 1.0a: all it is told stands in the header.
    Sign(&'a Url),
    /// An endpoint of OAuth 2.0, which takes a form.
    Post(&'a Url),
    /// A key for a list of keys.
    Add(&'a Url, &'a Wanted<'a>),
    /// A key that goes.
    Delete(&'a OneKey),
}

impl What<'_> {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Read(_) => Method::GET,
            Self::Sign(_) | Self::Post(_) | Self::Add(..) => Method::POST,
            Self::Delete(_) => Method::DELETE,
        }
    }

    pub(super) fn url(&self) -> &Url {
        match self {
            Self::Read(url) | Self::Sign(url) | Self::Post(url) | Self::Add(url, _) => url,
            Self::Delete(key) => key.url(),
        }
    }
}

impl Calls {
    pub(super) fn new(http: Http) -> Self {
        Self(http)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    /// Begins a call, with what belongs to it beside the credentials.
    pub(super) fn begin(&self, app: &OauthApp, what: What<'_>) -> Call<'_> {
        let url = what.url().clone();
        let call = self.0.call(&app.network, what.method(), url);
        match what {
            What::Sign(_) => call.nothing(),
            What::Add(_, key) => call.json(key),
            What::Read(_) | What::Post(_) | What::Delete(_) => call,
        }
    }
}
