//! Where everything is, worked out from one base URL with its context path.

use domain::BaseUrl;
use url::Url;

use crate::providers::RemoteKeyId;

/// The endpoints of one Bitbucket.
#[derive(Debug, Clone)]
pub(super) struct Endpoints(Url);

/// The address of one key: what may be deleted. It is made from an id and in no other way, because
/// without an id Bitbucket deletes every key of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OneKey(Url);

impl OneKey {
    /// Returns the address.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

impl Endpoints {
    pub(super) fn of(base_url: &BaseUrl) -> Self {
        Self(base_url.url())
    }

    /// Answers anybody, in any state.
    pub(super) fn status(&self) -> Url {
        self.at(&["status"])
    }

    /// Answers anybody; who asks stands in its headers.
    pub(super) fn properties(&self) -> Url {
        self.at(&["rest", "api", "latest", "application-properties"])
    }

    /// Everybody whose name, display name or address holds a text.
    pub(super) fn people(&self, filter: &str) -> Url {
        let mut url = self.at(&["rest", "api", "latest", "users"]);
        url.query_pairs_mut().append_pair("filter", filter);
        url
    }

    /// One person.
    pub(super) fn person(&self, slug: &str) -> Url {
        self.at(&["rest", "api", "latest", "users", slug])
    }

    /// The keys of whoever asks.
    pub(super) fn keys(&self) -> Url {
        self.at(&["rest", "ssh", "latest", "keys"])
    }

    /// The SSH server, told to whoever is signed in.
    pub(super) fn ssh_settings(&self) -> Url {
        self.at(&["rest", "ssh", "latest", "settings"])
    }

    /// One key of whoever asks.
    pub(super) fn key(&self, id: &RemoteKeyId) -> OneKey {
        OneKey(self.at(&["rest", "ssh", "latest", "keys", id.as_str()]))
    }

    /// OAuth 1.0a: gives request tokens.
    pub(super) fn request_token(&self) -> Url {
        self.at(&["plugins", "servlet", "oauth", "request-token"])
    }

    /// OAuth 1.0a: the page on which a person agrees.
    pub(super) fn authorize_request(&self, token: &str) -> Url {
        let mut url = self.at(&["plugins", "servlet", "oauth", "authorize"]);
        url.query_pairs_mut().append_pair("oauth_token", token);
        url
    }

    /// OAuth 1.0a: gives access tokens.
    pub(super) fn access_token(&self) -> Url {
        self.at(&["plugins", "servlet", "oauth", "access-token"])
    }

    /// OAuth 2.0: the page on which a person agrees.
    pub(super) fn authorize(&self) -> Url {
        self.at(&["rest", "oauth2", "latest", "authorize"])
    }

    /// OAuth 2.0: gives tokens.
    pub(super) fn token(&self) -> Url {
        self.at(&["rest", "oauth2", "latest", "token"])
    }

    /// For admins only: 401 where there is OAuth 2.0, 404 where there is none.
    pub(super) fn clients(&self) -> Url {
        self.at(&["rest", "oauth2", "1.0", "client"])
    }

    /// Adds segments, each encoded, so that none becomes two.
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// Pages of a hundred: four times what it gives unasked.
pub(super) fn page(mut list: Url, start: u64) -> Url {
    list.query_pairs_mut()
        .append_pair("limit", "100")
        .append_pair("start", &start.to_string());
    list
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoints(base: &str) -> Endpoints {
        Endpoints::of(&base.parse().unwrap())
    }

    #[test]
    fn the_context_path_stays() {
        let there = endpoints("https://git.corp/bitbucket");
        let keys = "https://git.corp/bitbucket/rest/ssh/latest/keys";
        assert_eq!(there.keys().as_str(), keys);
        assert_eq!(
            page(there.keys(), 25).as_str(),
            format!("{keys}?limit=100&start=25")
        );
        assert_eq!(there.status().as_str(), "https://git.corp/bitbucket/status");
        let root = endpoints("https://git.corp:7990");
        assert_eq!(root.status().as_str(), "https://git.corp:7990/status");
        assert_eq!(
            root.authorize_request("a&b").as_str(),
            "https://git.corp:7990/plugins/servlet/oauth/authorize?oauth_token=a%26b"
        );
    }

    proptest! {
        /// Whatever text stands for an id: either it is none, or the address is that of one key.
        #[test]
        fn no_id_leads_to_all_keys(
            id in prop_oneof![
                any::<String>(),
                "[/.%?#\\\\ 0-9]{0,6}",
                "(|\\.|\\.\\.|%2e|%2e%2e|/|//|\\?|#|0)",
                "[0-9]{1,20}",
            ],
            context in prop_oneof![Just(""), Just("/bitbucket"), Just("/a/keys"), Just("/keys")],
        ) {
            let there = endpoints(&format!("https://git.corp{context}"));
            let all = there.keys();
            if let Some(id) = RemoteKeyId::new(id) {
                let one = there.key(&id).url().clone();
                let rest = one.path().strip_prefix(all.path()).unwrap();
                prop_assert_eq!(rest.strip_prefix('/'), Some(id.as_str()));
                prop_assert!(!id.as_str().is_empty());
                prop_assert_eq!(one.query(), None);
                prop_assert_eq!(one.fragment(), None);
                // Written out and read again it is the same: nothing normalises it away.
                prop_assert_eq!(Url::parse(one.as_str()).unwrap(), one);
            }
        }
    }
}
