//! Applications and the redirect URIs they may use.

use url::{Host, Url};

/// An application as its admin sees it right after registering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiteaApp {
    /// The client id.
    pub client_id: String,
    /// The client secret, shown this once.
    pub client_secret: String,
}

/// An application as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) name: String,
    pub(super) client_id: String,
    /// One at a time: a new one ends the old.
    pub(super) secret: String,
    pub(super) callbacks: Vec<String>,
    /// Whether it can keep a secret; if not, none is asked for, and PKCE is a must.
    pub(super) confidential: bool,
}

impl Registration {
    /// Says whether the app may have the browser sent to `asked`: to the letter, but for case.
    /// For an app without a secret the port of a loopback address does not count (RFC 8252,
    /// section 7.3).
    pub(super) fn admits(&self, asked: &str) -> bool {
        let listed = |uri: &str| {
            self.callbacks
                .iter()
                .any(|callback| callback.eq_ignore_ascii_case(uri))
        };
        listed(asked) || !self.confidential && without_port(asked).is_some_and(|uri| listed(&uri))
    }
}

fn without_port(asked: &str) -> Option<String> {
    let mut url = Url::parse(asked).ok()?;
    let loopback = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    };
    (loopback && url.scheme() == "http").then_some(())?;
    url.set_port(None).ok()?;
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(confidential: bool, callback: &str) -> Registration {
        Registration {
            name: String::new(),
            client_id: String::new(),
            secret: String::new(),
            callbacks: vec![callback.to_owned()],
            confidential,
        }
    }

    #[test]
    fn a_redirect_uri_is_compared_to_the_letter() {
        let app = app(true, "https://lanyard.example/oauth/callback");
        assert!(app.admits("https://lanyard.example/oauth/callback"));
        assert!(app.admits("https://Lanyard.example/oauth/callback"));
        for wrong in ["", "https://lanyard.example/oauth/callback/gitea", "x"] {
            assert!(!app.admits(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_an_app_without_a_secret_may_use_any_loopback_port() {
        let callback = "http://127.0.0.1/";
        assert!(app(false, callback).admits("http://127.0.0.1:7777/"));
        assert!(!app(true, callback).admits("http://127.0.0.1:7777/"));
        assert!(!app(false, callback).admits("http://127.0.0.1:7777/other"));
    }
}
