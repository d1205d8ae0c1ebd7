//! Messages to the receivers of notices: through the same checks as every call to a provider.

use reqwest::Method;
use reqwest::header::HeaderName;
use url::Url;

use super::http::Answer;
use super::{Network, NotAllowed, ProviderFailure, Providers};

/// A signed message (Standard Webhooks, version 1.0.0, "Webhook headers").
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The same at each try.
    pub id: &'a str,
    /// When this try is made, in seconds since 1970.
    pub timestamp: i64,
    /// The signatures, with blanks between them.
    pub signature: &'a str,
    /// JSON, to the byte as it was signed.
    pub body: &'a str,
}

impl Providers {
    /// Sends a message; waits 15 seconds for an answer, and follows no redirect.
    pub async fn tell(&self, url: Url, message: &Outgoing<'_>) -> Result<Answer, ProviderFailure> {
        self.http
            .call(&Network::default(), Method::POST, url)
            .probe()
            .says(HeaderName::from_static("webhook-id"), message.id)
            .says(
                HeaderName::from_static("webhook-timestamp"),
                &message.timestamp.to_string(),
            )
            .says(
                HeaderName::from_static("webhook-signature"),
                message.signature,
            )
            .json_text(message.body)
            .send()
            .await
    }

    /// Says why a receiver would never be called, before it is registered.
    pub fn check_receiver(&self, url: &Url) -> Result<(), NotAllowed> {
        self.http.check(url)
    }
}
