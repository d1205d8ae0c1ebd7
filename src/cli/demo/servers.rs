//! The practice Git servers of the demo, and what an admin and a browser do at each.

use forge::{
    BitbucketOptions, BitbucketServer, ForgeError, GitHub, GitHubOptions, GitLab, GitLabOptions,
    Gitea, GiteaOptions, RedirectRule,
};
use serde_json::{Map, Value, json};
use url::Url;

/// One practice server.
pub(super) enum Server {
    GitHub(GitHub),
    GitLab(GitLab),
    Bitbucket(BitbucketServer),
    Gitea(Gitea),
}

/// A server and how it becomes a provider.
pub(super) struct Practice {
    /// The provider's short name.
    pub(super) slug: &'static str,
    /// What people call it.
    pub(super) name: &'static str,
    kind: &'static str,
    protocol: Option<&'static str>,
    pub(super) server: Server,
}

impl Practice {
    /// Starts a practice server of every kind that has an API, GitHub's two apart.
    pub(super) async fn others() -> Result<Vec<Self>, ForgeError> {
        let gitlab = GitLab::start(GitLabOptions::below("/gitlab")).await?;
        let data_center = BitbucketServer::start(BitbucketOptions::data_center()).await?;
        let server = BitbucketServer::start(BitbucketOptions::server()).await?;
        let gitea = Gitea::start(GiteaOptions::gitea()).await?;
        let forgejo = Gitea::start(GiteaOptions::forgejo_that_takes_proofs()).await?;
        let practice = |slug, name, kind, protocol, server| Self {
            slug,
            name,
            kind,
            protocol,
            server,
        };
        let bitbucket = "bitbucket_server";
        Ok(vec![
            practice("gitlab", "GitLab", "gitlab", None, Server::GitLab(gitlab)),
            practice(
                "bitbucket",
                "Bitbucket Data Center (OAuth 2.0)",
                bitbucket,
                Some("oauth2"),
                Server::Bitbucket(data_center),
            ),
            practice(
                "bitbucket-old",
                "Bitbucket Server (OAuth 1.0a)",
                bitbucket,
                Some("oauth1"),
                Server::Bitbucket(server),
            ),
            practice("gitea", "Gitea", "gitea", None, Server::Gitea(gitea)),
            practice("forgejo", "Forgejo", "gitea", None, Server::Gitea(forgejo)),
        ])
    }

    /// Starts the two of GitHub.
    pub(super) async fn githubs() -> Result<[Self; 2], ForgeError> {
        let dot_com = GitHub::start(GitHubOptions::dot_com()).await?;
        let enterprise = GitHub::start(GitHubOptions::enterprise()).await?;
        let github = |slug, name, server| Self {
            slug,
            name,
            kind: "github",
            protocol: None,
            server: Server::GitHub(server),
        };
        Ok([
            github("github", "GitHub", dot_com),
            github("ghe", "GitHub Enterprise", enterprise),
        ])
    }

    /// Registers an app there, and returns what the admin then enters in Lanyard.
    pub(super) fn registration(&self, callback: &str) -> Value {
        let mut body = Map::new();
        for (field, value) in [
            ("provider", self.slug),
            ("kind", self.kind),
            ("name", self.name),
            ("base_url", self.server.base_url()),
        ] {
            body.insert(field.to_owned(), value.into());
        }
        if let Some(protocol) = self.protocol {
            body.insert("protocol".to_owned(), protocol.into());
        }
        if self.proves_keys() {
            body.insert("signing".to_owned(), true.into());
        }
        let app = match &self.server {
            Server::GitHub(server) => {
                let app = server.register_app("Lanyard", callback, RedirectRule::Exact);
                Some((app.client_id, app.client_secret))
            }
            Server::GitLab(server) => {
                let app = server.register_app("Lanyard", callback, "api");
                Some((app.client_id, app.client_secret))
            }
            Server::Gitea(server) => {
                let app = server.register_app("Lanyard", callback);
                Some((app.client_id, app.client_secret))
            }
            Server::Bitbucket(server) if self.protocol == Some("oauth2") => {
                let app = server.add_incoming_link("Lanyard", callback, &["ACCOUNT_WRITE"]);
                Some((app.client_id, app.client_secret))
            }
            // An application link: Lanyard shows what is to be pasted there.
            Server::Bitbucket(_) => None,
        };
        if let Some((id, secret)) = app {
            body.insert("client_id".to_owned(), id.into());
            body.insert("client_secret".to_owned(), secret.into());
        }
        body.into()
    }

    /// Says whether keys are proven there, so that commits are trusted that are signed with them.
    pub(super) fn proves_keys(&self) -> bool {
        self.slug == "forgejo"
    }

    /// Pastes what Lanyard showed, where it is for the admin to paste.
    pub(super) fn paste(&self, added: &Value) -> bool {
        let text = |field: &str| added[field].as_str().unwrap_or_default();
        match &self.server {
            Server::Bitbucket(server) if self.protocol == Some("oauth1") => {
                server.link_application("Lanyard", text("client_id"), text("public_key"))
            }
            _ => true,
        }
    }
}

impl Server {
    pub(super) fn base_url(&self) -> &str {
        match self {
            Self::GitHub(server) => server.base_url(),
            Self::GitLab(server) => server.base_url(),
            Self::Bitbucket(server) => server.base_url(),
            Self::Gitea(server) => server.base_url(),
        }
    }

    /// Returns the host and port.
    pub(super) fn host(&self) -> String {
        let rest = self.base_url().trim_start_matches("http://");
        rest.split('/').next().unwrap_or_default().to_owned()
    }

    pub(super) fn add_user(&self, login: &str) {
        match self {
            Self::GitHub(server) => drop(server.add_user(login)),
            Self::GitLab(server) => drop(server.add_user(login)),
            Self::Bitbucket(server) => drop(server.add_user(login)),
            Self::Gitea(server) => drop(server.add_user(login)),
        }
    }

    /// Signs in and agrees on the consent page; returns the callback.
    pub(super) async fn approve(&self, page: &str, login: &str) -> Result<Url, ForgeError> {
        match self {
            Self::GitHub(server) => server.approve(page, login).await,
            Self::GitLab(server) => server.approve(page, login).await,
            Self::Bitbucket(server) => server.approve(page, login).await,
            Self::Gitea(server) => server.approve(page, login).await,
        }
    }

    /// Says whether every key of a person is proven, as the server itself has it.
    pub(super) fn has_proofs_of(&self, login: &str) -> bool {
        match self {
            Self::Gitea(server) => server.keys_of(login).iter().all(|key| key.verified),
            Self::GitHub(_) | Self::GitLab(_) | Self::Bitbucket(_) => false,
        }
    }

    /// Lists the fingerprints of a person's keys, as the server itself has them.
    pub(super) fn fingerprints_of(&self, login: &str) -> Vec<String> {
        match self {
            Self::GitHub(server) => fingerprints(server.keys_of(login), |key| key.fingerprint),
            Self::GitLab(server) => fingerprints(server.keys_of(login), |key| key.fingerprint),
            Self::Bitbucket(server) => fingerprints(server.keys_of(login), |key| key.fingerprint),
            Self::Gitea(server) => fingerprints(server.keys_of(login), |key| key.fingerprint),
        }
    }
}

fn fingerprints<K>(keys: Vec<K>, of: impl Fn(K) -> String) -> Vec<String> {
    keys.into_iter().map(of).collect()
}

/// What an admin enters for a provider where people carry their keys themselves.
pub(super) fn by_hand(slug: &str, kind: &str, name: &str, base_url: &str) -> Value {
    json!({ "provider": slug, "kind": kind, "name": name, "base_url": base_url })
}
