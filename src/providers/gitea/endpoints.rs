//! Where everything is, worked out from one base URL, whose path is kept.

use domain::BaseUrl;
use url::Url;

/// The endpoints of one Gitea or Forgejo. A token goes to these and to no other origin.
#[derive(Debug, Clone)]
pub(super) struct Endpoints(Url);

impl Endpoints {
    pub(super) fn of(base_url: &BaseUrl) -> Self {
        Self(base_url.url())
    }

    pub(super) fn authorize(&self) -> Url {
        self.below(&["login", "oauth", "authorize"])
    }

    pub(super) fn token(&self) -> Url {
        self.below(&["login", "oauth", "access_token"])
    }

    pub(super) fn introspect(&self) -> Url {
        self.below(&["login", "oauth", "introspect"])
    }

    pub(super) fn discovery(&self) -> Url {
        self.below(&[".well-known", "openid-configuration"])
    }

    /// Returns the URL of something in the API, its path given by segments.
    pub(super) fn api(&self, path: &[&str]) -> Url {
        self.below(&[&["api", "v1"], path].concat())
    }

    /// Adds segments, each encoded, so that none becomes two.
    fn below(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_follows_from_the_base_url_and_its_path() {
        for (base, root) in [
            ("https://codeberg.org", "https://codeberg.org"),
            ("https://acme.example/git/", "https://acme.example/git"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ] {
            let endpoints = Endpoints::of(&base.parse().unwrap());
            for (url, path) in [
                (endpoints.authorize(), "/login/oauth/authorize"),
                (endpoints.token(), "/login/oauth/access_token"),
                (endpoints.introspect(), "/login/oauth/introspect"),
                (endpoints.discovery(), "/.well-known/openid-configuration"),
                (endpoints.api(&["user", "keys"]), "/api/v1/user/keys"),
                (
                    endpoints.api(&["user", "keys", "a/b"]),
                    "/api/v1/user/keys/a%2Fb",
                ),
            ] {
                assert_eq!(url.as_str(), format!("{root}{path}"));
            }
        }
    }
}
