//! Where messages are sent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::TextError;
use crate::text::plain_url;

/// A receiver's address: a URL of at most 500 characters, without a name, a query or a fragment.
/// It stands in the log for ever, and so must hold no secret: the signature tells who sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parsed URL.
    ///
    /// # Panics
    ///
    /// Never: only text that parses becomes a `WebhookUrl`.
    pub fn url(&self) -> Url {
        Url::parse(&self.0).expect("a webhook's URL was parsed before")
    }
}

impl FromStr for WebhookUrl {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        plain_url(text).map(|url| Self(url.into()))
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, TextError> {
        text.parse::<WebhookUrl>().map(String::from)
    }

    #[test]
    fn a_receiver_has_an_address_whose_path_is_kept_to_the_last_slash() {
        for (typed, kept) in [
            (
                " https://ops.example.com/hooks/ ",
                "https://ops.example.com/hooks/",
            ),
            ("https://ops.example.com", "https://ops.example.com/"),
            ("http://ops:8080/a/b", "http://ops:8080/a/b"),
        ] {
            assert_eq!(parsed(typed).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn what_could_hold_a_secret_or_is_no_address_is_refused() {
        let longest = format!("https://h/{}", "a".repeat(490));
        assert!(parsed(&longest).is_ok());
        for (typed, why) in [
            ("", TextError::Empty),
            ("ops.example.com", TextError::NotUrl),
            ("https://a b/", TextError::NotUrl),
            ("ftp://ops.example.com/", TextError::Scheme),
            ("https://ada@ops.example.com/", TextError::UserInfo),
            ("https://:pass@ops.example.com/", TextError::UserInfo),
            ("https://ops.example.com/?token=1", TextError::Query),
            ("https://ops.example.com/#part", TextError::Fragment),
            (&format!("{longest}a"), TextError::TooLong(500)),
            (
                &format!("https://h/{}", "ä".repeat(100)),
                TextError::TooLong(500),
            ),
        ] {
            assert_eq!(parsed(typed), Err(why), "{typed}");
        }
    }
}
