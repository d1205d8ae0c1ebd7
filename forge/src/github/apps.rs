//! OAuth apps and the callbacks they may use.

use url::{Host, Url};

/// An app as its admin sees it right after registering it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The client id.
    pub client_id: String,
    /// The client secret, shown this once.
    pub client_secret: String,
}

/// Which `redirect_uri` an app may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectRule {
    /// One of the registered callbacks and nothing else: apps since 2026-08-03.
    Exact,
    /// A registered callback or a path below it on the same host and port; on a loopback address
    /// any port will do: apps before 2026-08-03, and Enterprise Server.
    Prefix,
}

/// Whether the tokens of an app expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLife {
    /// After eight hours, with a refresh token for six months.
    EightHours,
    /// Never, and without a refresh token.
    Forever,
}

/// Which of the two kinds of app it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An OAuth app: its tokens have scopes.
    Oauth,
    /// A GitHub App: its tokens have what the app is permitted to do with an account.
    GitHub(Permissions),
}

/// What a GitHub App may do with the account of a person who authorized it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permissions {
    /// "Git SSH keys", to read and to write.
    pub(super) keys: bool,
    /// "SSH signing keys", to read and to write.
    pub(super) signing: bool,
}

/// How many callbacks an app may have.
pub(super) const MOST_CALLBACKS: usize = 10;
/// How many client secrets are valid at once.
const MOST_SECRETS: usize = 2;

/// An app as the server keeps it.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) secrets: Vec<String>,
    pub(super) callbacks: Vec<Url>,
    pub(super) rule: RedirectRule,
    pub(super) life: TokenLife,
    pub(super) suspended: bool,
}

impl Registration {
    /// Returns the callback that errors are sent to.
    pub(super) fn callback(&self) -> &Url {
        &self.callbacks[0]
    }

    pub(super) fn knows_secret(&self, secret: &str) -> bool {
        self.secrets.iter().any(|known| known == secret)
    }

    /// Adds a secret; the oldest makes room.
    pub(super) fn add_secret(&mut self, secret: String) {
        self.secrets.push(secret);
        if self.secrets.len() > MOST_SECRETS {
            self.secrets.remove(0);
        }
    }

    /// Says whether the app may have the browser sent to `asked`.
    pub(super) fn admits(&self, asked: &Url) -> bool {
        self.callbacks.iter().any(|registered| match self.rule {
            RedirectRule::Exact => registered == asked,
            RedirectRule::Prefix => same_place(registered, asked) && below(registered, asked),
        })
    }
}

fn same_place(registered: &Url, asked: &Url) -> bool {
    let loopback = match registered.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    registered.scheme() == asked.scheme()
        && registered.host() == asked.host()
        && (loopback || registered.port_or_known_default() == asked.port_or_known_default())
        && asked.username().is_empty()
        && asked.password().is_none()
}

fn below(registered: &Url, asked: &Url) -> bool {
    match asked.path().strip_prefix(registered.path()) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || registered.path().ends_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(rule: RedirectRule, registered: &str, asked: &str) -> bool {
        let app = Registration {
            kind: Kind::Oauth,
            name: String::new(),
            client_id: String::new(),
            secrets: Vec::new(),
            callbacks: vec![Url::parse(registered).unwrap()],
            rule,
            life: TokenLife::Forever,
            suspended: false,
        };
        app.admits(&Url::parse(asked).unwrap())
    }

    #[test]
    fn exact_is_exact() {
        let callback = "https://lanyard.example/oauth/callback";
        assert!(admits(RedirectRule::Exact, callback, callback));
        assert!(!admits(
            RedirectRule::Exact,
            callback,
            &format!("{callback}/github")
        ));
        assert!(!admits(
            RedirectRule::Exact,
            callback,
            &format!("{callback}?a=b")
        ));
        assert!(!admits(
            RedirectRule::Exact,
            "http://127.0.0.1:80/c",
            "http://127.0.0.1:81/c"
        ));
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let callback = "https://lanyard.example/oauth/callback";
        assert!(admits(RedirectRule::Prefix, callback, callback));
        assert!(admits(
            RedirectRule::Prefix,
            callback,
            &format!("{callback}/github")
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            &format!("{callback}s")
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            "https://lanyard.example/oauth"
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            &format!("{callback}/../../evil")
        ));
    }

    #[test]
    fn a_prefix_is_of_one_host_and_port() {
        let callback = "https://lanyard.example/";
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            "https://evil.lanyard.example/"
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            "https://lanyard.example:8443/"
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            "http://lanyard.example/"
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            callback,
            "https://me@lanyard.example/"
        ));
    }

    #[test]
    fn loopback_addresses_may_use_any_port() {
        assert!(admits(
            RedirectRule::Prefix,
            "http://127.0.0.1:8080/c",
            "http://127.0.0.1:9/c/d"
        ));
        assert!(admits(
            RedirectRule::Prefix,
            "http://[::1]/c",
            "http://[::1]:9/c"
        ));
        assert!(!admits(
            RedirectRule::Prefix,
            "http://localhost:8080/c",
            "http://localhost:9/c"
        ));
    }
}
