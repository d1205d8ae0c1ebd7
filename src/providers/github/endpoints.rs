//! Where everything is, worked out from one base URL.

use domain::BaseUrl;
use url::Url;

/// Which GitHub stands at a base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// github.com.
    DotCom,
    /// Enterprise Cloud with data residency: `*.ghe.com`.
    GheCom,
    /// GitHub Enterprise Server: every other host.
    Server,
}

/// The endpoints of one GitHub. A token goes to these and to no other origin.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    flavour: Flavour,
    web: Url,
    api: Url,
}

impl Endpoints {
    pub(super) fn of(base_url: &BaseUrl) -> Self {
        let web = base_url.url();
        let host = web.host_str().unwrap_or_default();
        let (flavour, api_host) = match host.trim_end_matches('.') {
            "github.com" => (Flavour::DotCom, Some("api.github.com".to_owned())),
            cloud if cloud.ends_with(".ghe.com") => (Flavour::GheCom, Some(format!("api.{cloud}"))),
            _ => (Flavour::Server, None),
        };
        let mut api = web.clone();
        match api_host {
            Some(host) => {
                // A host name with "api." before it is a host name still.
                let _set = api.set_host(Some(&host));
                api.set_path("");
            }
            None => push(&mut api, &["api", "v3"]),
        }
        Self { flavour, web, api }
    }

    pub(super) fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Says whether the product is known to heed PKCE: Enterprise Server is not.
    pub(super) fn knows_pkce(&self) -> bool {
        self.flavour != Flavour::Server
    }

    pub(super) fn authorize(&self) -> Url {
        self.page(&["login", "oauth", "authorize"])
    }

    pub(super) fn token(&self) -> Url {
        self.page(&["login", "oauth", "access_token"])
    }

    fn page(&self, path: &[&str]) -> Url {
        let mut url = self.web.clone();
        push(&mut url, path);
        url
    }

    /// Returns the URL of something in the API, its path given by segments.
    pub(super) fn api(&self, path: &[&str]) -> Url {
        let mut url = self.api.clone();
        push(&mut url, path);
        url
    }

    /// Says whether a URL that the API itself gave still belongs to the API.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.api.origin()
            && url.path().starts_with(self.api.path())
            && url.username().is_empty()
            && url.password().is_none()
    }
}

/// Adds segments, each encoded, so that none becomes two.
fn push(url: &mut Url, path: &[&str]) {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::RemoteKeyId;
    use super::*;

    fn endpoints(base: &str) -> Endpoints {
        Endpoints::of(&base.parse().unwrap())
    }

    #[test]
    fn every_endpoint_follows_from_the_base_url() {
        for (base, flavour, token, keys) in [
            (
                "https://github.com",
                Flavour::DotCom,
                "https://github.com/login/oauth/access_token",
                "https://api.github.com/user/keys",
            ),
            (
                "https://GitHub.com/",
                Flavour::DotCom,
                "https://github.com/login/oauth/access_token",
                "https://api.github.com/user/keys",
            ),
            (
                "https://acme.ghe.com",
                Flavour::GheCom,
                "https://acme.ghe.com/login/oauth/access_token",
                "https://api.acme.ghe.com/user/keys",
            ),
            (
                "https://git.acme.example",
                Flavour::Server,
                "https://git.acme.example/login/oauth/access_token",
                "https://git.acme.example/api/v3/user/keys",
            ),
            (
                "http://127.0.0.1:8080/",
                Flavour::Server,
                "http://127.0.0.1:8080/login/oauth/access_token",
                "http://127.0.0.1:8080/api/v3/user/keys",
            ),
            (
                "https://notgithub.com",
                Flavour::Server,
                "https://notgithub.com/login/oauth/access_token",
                "https://notgithub.com/api/v3/user/keys",
            ),
            (
                "https://ghe.com.evil.example",
                Flavour::Server,
                "https://ghe.com.evil.example/login/oauth/access_token",
                "https://ghe.com.evil.example/api/v3/user/keys",
            ),
            (
                "https://acme.example/github",
                Flavour::Server,
                "https://acme.example/github/login/oauth/access_token",
                "https://acme.example/github/api/v3/user/keys",
            ),
        ] {
            let endpoints = endpoints(base);
            assert_eq!(endpoints.flavour(), flavour, "{base}");
            assert_eq!(endpoints.token().as_str(), token);
            assert_eq!(endpoints.api(&["user", "keys"]).as_str(), keys);
        }
    }

    #[test]
    fn only_the_api_owns_a_link() {
        let endpoints = endpoints("https://git.acme.example");
        for (url, owned) in [
            ("https://git.acme.example/api/v3/user/keys?page=2", true),
            ("https://git.acme.example/user/keys?page=2", false),
            ("https://git.acme.example:8443/api/v3/user/keys", false),
            ("http://git.acme.example/api/v3/user/keys", false),
            ("https://evil.example/api/v3/user/keys", false),
            ("https://x@git.acme.example/api/v3/user/keys", false),
        ] {
            assert_eq!(endpoints.owns(&Url::parse(url).unwrap()), owned, "{url}");
        }
    }

    #[test]
    fn a_client_id_stays_one_segment() {
        let url = endpoints("https://github.com").api(&["applications", "a/../b?c#d", "token"]);
        assert_eq!(
            url.as_str(),
            "https://api.github.com/applications/a%2F..%2Fb%3Fc%23d/token"
        );
    }

    proptest! {
        #[test]
        fn no_input_makes_a_key_url_without_an_id(text in "\\PC{0,80}|[./%a-z0-9]{0,6}") {
            if let Some(id) = RemoteKeyId::new(text) {
                let url = endpoints("https://github.com").api(&["user", "keys", id.as_str()]);
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments, ["user", "keys", id.as_str()]);
                prop_assert!(!id.as_str().is_empty());
                prop_assert_eq!(url.query(), None);
            }
        }
    }

    #[test]
    fn ids_that_would_change_the_path_are_none() {
        for text in [
            "", " ", ".", "..", "/", "1/2", "%2e%2e", "1?x", "1#x", "é", "1\n",
        ] {
            assert_eq!(RemoteKeyId::new(text), None, "{text:?}");
        }
        assert_eq!(RemoteKeyId::new("x".repeat(65)), None);
        assert!(RemoteKeyId::new("17").is_some());
    }
}
