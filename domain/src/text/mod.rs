//! Words that people type: parsed once at the edge, trusted afterwards.
//!
//! Stored text comes back through the same door. A rule here may become looser, never stricter:
//! what it refuses can no longer be read.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but blanks.
    #[error("must not be empty")]
    Empty,
    /// Too long.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// Holds something that does not print.
    #[error("must not contain control characters")]
    Control,
    /// Not printable ASCII without blanks.
    #[error("must be printable ASCII without blanks")]
    NotAscii,
    /// No URL at all.
    #[error("must be a URL such as https://git.example.com")]
    NotUrl,
    /// Neither https nor http.
    #[error("must start with https://")]
    Scheme,
    /// A name or password stands before the host.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// A part after `#`.
    #[error("must not contain a fragment (#…)")]
    Fragment,
    /// A part after `?`.
    #[error("must not contain a query (?…)")]
    Query,
    /// A part after the host.
    #[error("must end after the host and port")]
    Path,
    /// Not a host, a key type and a key.
    #[error("must be a host, a key type and a key, as in a known_hosts file")]
    NotHostKey,
    /// Not what stands between PEM markers (RFC 7468) of this label.
    #[error("must be PEM text with the label {0}")]
    NotPem(&'static str),
}

fn printable(text: &str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(TextError::TooLong(most));
    }
    // Besides control characters, those that do not show, break the line or turn its direction.
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}'
                    | '\u{61c}'
                    | '\u{180e}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{feff}'
            )
    };
    if text.chars().any(hidden) {
        return Err(TextError::Control);
    }
    Ok(text.to_owned())
}

/// What a person calls a thing: 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl FromStr for DisplayName {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = printable(text, 100)?;
        if text.is_empty() {
            Err(TextError::Empty)
        } else {
            Ok(Self(text))
        }
    }
}

/// A few words about a thing: at most 500 characters, perhaps none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Description(String);

impl Description {
    /// Says whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Description {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        printable(text, 500).map(Self)
    }
}

/// The id of a registered OAuth app: 1 to 255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl FromStr for ClientId {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            Err(TextError::Empty)
        } else if text.len() > 255 {
            Err(TextError::TooLong(255))
        } else if text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError::NotAscii)
        }
    }
}

/// A Git server's address. Its path is kept, without a slash at the end; every endpoint derives
/// from it, so that a token never goes to another origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Returns the parsed URL.
    ///
    /// # Panics
    ///
    /// Never: only text that parses becomes a `BaseUrl`.
    pub fn url(&self) -> Url {
        Url::parse(&self.0).expect("a base URL was parsed before")
    }

    /// Returns what the address stands for, however it is written: host, port and path.
    pub fn place(&self) -> String {
        let url = self.url();
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let port = url.port().map(|port| format!(":{port}"));
        let path = url.path().trim_end_matches('/');
        format!("{host}{}{path}", port.unwrap_or_default())
    }

    /// Returns the host and, where it is not the scheme's own, the port.
    pub fn authority(&self) -> String {
        let url = self.url();
        let host = url.host_str().unwrap_or_default().to_owned();
        url.port()
            .map_or(host.clone(), |port| format!("{host}:{port}"))
    }
}

impl FromStr for BaseUrl {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let url = plain_url(text)?;
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

/// How long an address may be.
const LONGEST_URL: usize = 500;

/// Reads an address of a host that holds no secret: no name, no query, no fragment.
pub(crate) fn plain_url(text: &str) -> Result<Url, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > LONGEST_URL {
        return Err(TextError::TooLong(LONGEST_URL));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(TextError::NotUrl);
    }
    let url = Url::parse(text).map_err(|_| TextError::NotUrl)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(TextError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TextError::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(TextError::Fragment);
    }
    if url.query().is_some() {
        return Err(TextError::Query);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(TextError::NotUrl);
    }
    // Again, as it is kept: encoding makes a text longer.
    if url.as_str().len() > LONGEST_URL {
        return Err(TextError::TooLong(LONGEST_URL));
    }
    Ok(url)
}

/// A proxy's address: scheme, host and port, nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// Returns the parsed URL.
    ///
    /// # Panics
    ///
    /// Never: only text that parses becomes a `ProxyUrl`.
    pub fn url(&self) -> Url {
        Url::parse(&self.0).expect("a proxy's URL was parsed before")
    }
}

impl FromStr for ProxyUrl {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let base: BaseUrl = text.parse()?;
        match base.url().path() {
            "/" => Ok(Self(base.0)),
            _ => Err(TextError::Path),
        }
    }
}

/// Certificates of authorities, as PEM text (RFC 7468): at most 64 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaBundle(String);

impl FromStr for CaBundle {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        pem(text, "CERTIFICATE", 65_536).map(Self)
    }
}

/// A public key, as PEM text (RFC 7468): at most 2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicPem(String);

impl FromStr for PublicPem {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        pem(text, "PUBLIC KEY", 2_000).map(Self)
    }
}

/// One line of a `known_hosts` file: host, key type, key (`sshd(8)`, "`SSH_KNOWN_HOSTS` FILE
/// FORMAT"). At most 2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostKeyLine(String);

impl FromStr for HostKeyLine {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.len() > 2_000 {
            return Err(TextError::TooLong(2_000));
        }
        let parts: Vec<&str> = text.split(' ').collect();
        let plain = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
        // A marker or a hashed host would say something else than "this host has this key".
        let whole = parts.len() == 3
            && parts.iter().all(plain)
            && !text.starts_with(['@', '|', '#'])
            && parts[2].starts_with("AAAA");
        if whole {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError::NotHostKey)
        }
    }
}

/// Takes PEM text in which every part has one label. What the parts hold is for their reader.
fn pem(text: &str, label: &'static str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.len() > most {
        return Err(TextError::TooLong(most));
    }
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut open = false;
    let mut parts = 0;
    for line in text.lines().map(str::trim_end) {
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        match (open, line) {
            (false, "") => {}
            (false, line) if line == begin => open = true,
            (true, line) if line == end => {
                open = false;
                parts += 1;
            }
            (true, line) if line.bytes().all(is_base64) => {}
            (_, _) => return Err(TextError::NotPem(label)),
        }
    }
    if open || parts == 0 {
        return Err(TextError::NotPem(label));
    }
    Ok(text.to_owned())
}

/// Gives a parsed text its conversions to and from plain text.
macro_rules! plain_text {
    ($($name:ident),*) => { $(
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

plain_text!(
    DisplayName,
    Description,
    ClientId,
    BaseUrl,
    ProxyUrl,
    CaBundle,
    PublicPem,
    HostKeyLine
);
