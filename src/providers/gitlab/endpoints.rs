//! Where everything is, worked out from one base URL, its path kept: a GitLab may live below one.

use domain::BaseUrl;
use url::Url;

/// The endpoints of one GitLab. A token goes to these and to no other origin.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    web: Url,
}

impl Endpoints {
    pub(super) fn of(base_url: &BaseUrl) -> Self {
        Self {
            web: base_url.url(),
        }
    }

    pub(super) fn authorize(&self) -> Url {
        self.page(&["oauth", "authorize"])
    }

    pub(super) fn token(&self) -> Url {
        self.page(&["oauth", "token"])
    }

    pub(super) fn token_info(&self) -> Url {
        self.page(&["oauth", "token", "info"])
    }

    pub(super) fn revoke(&self) -> Url {
        self.page(&["oauth", "revoke"])
    }

    /// Returns the URL of something in the API, its path given by segments.
    pub(super) fn api(&self, path: &[&str]) -> Url {
        self.page(&[&["api", "v4"], path].concat())
    }

    /// Says whether a redirect leads to the front page.
    pub(super) fn is_front(&self, target: &str) -> bool {
        target.trim_end_matches('/') == self.web.as_str().trim_end_matches('/')
    }

    /// Adds segments, each encoded, so that none becomes two.
    fn page(&self, path: &[&str]) -> Url {
        let mut url = self.web.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
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
    fn every_endpoint_follows_from_the_base_url_with_its_path() {
        for (base, root) in [
            ("https://gitlab.com", "https://gitlab.com"),
            ("https://GitLab.com/", "https://gitlab.com"),
            (
                "https://git.acme.example:8443",
                "https://git.acme.example:8443",
            ),
            ("https://acme.example/gitlab", "https://acme.example/gitlab"),
            (
                "https://acme.example/dev/gitlab/",
                "https://acme.example/dev/gitlab",
            ),
        ] {
            let endpoints = endpoints(base);
            for (url, path) in [
                (endpoints.authorize(), "/oauth/authorize"),
                (endpoints.token(), "/oauth/token"),
                (endpoints.token_info(), "/oauth/token/info"),
                (endpoints.revoke(), "/oauth/revoke"),
                (endpoints.api(&["user", "keys"]), "/api/v4/user/keys"),
            ] {
                assert_eq!(url.as_str(), format!("{root}{path}"));
            }
            assert!(endpoints.is_front(&format!("{root}/")));
            assert!(!endpoints.is_front(&format!("{root}/users/sign_in")));
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_a_key_url_without_an_id(text in "\\PC{0,80}|[./%a-z0-9]{0,6}") {
            if let Some(id) = RemoteKeyId::new(text) {
                let url = endpoints("https://gitlab.com").api(&["user", "keys", id.as_str()]);
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments, ["api", "v4", "user", "keys", id.as_str()]);
                prop_assert_eq!(url.query(), None);
            }
        }
    }
}
