//! The SSH server that belongs to a Bitbucket, as Bitbucket tells of it to whoever is signed in.

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::BitbucketServer;
use super::calls::What;
use super::endpoints::Endpoints;
use super::judge::judge;
use crate::providers::{OauthApp, ProviderFailure, SshServer};
use crate::vault::Secret;

/// What `GET /rest/ssh/latest/settings` gives (`RestSshSettings` of Atlassian's `OpenAPI` for 8.19).
#[derive(Deserialize)]
struct Settings {
    enabled: bool,
    /// How people reach it: `ssh://git.example.com:7999`. Without a port it is SSH's own.
    #[serde(default, rename = "baseUrl")]
    base_url: Option<String>,
    /// Where it listens, which people behind a router may see elsewhere.
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    fingerprint: Option<Fingerprint>,
}

#[derive(Deserialize)]
struct Fingerprint {
    value: String,
}

impl Settings {
    fn server(self, base: &Url) -> SshServer {
        let told = self.base_url.as_deref().and_then(|told| {
            let url = Url::parse(told).ok().filter(|url| url.scheme() == "ssh")?;
            Some((url.host_str()?.to_owned(), url.port().unwrap_or(22)))
        });
        let listens = || Some((base.host_str()?.to_owned(), self.port?));
        SshServer {
            enabled: self.enabled,
            place: told.or_else(listens),
            fingerprint: self
                .fingerprint
                .map(|fingerprint| fingerprint.value)
                .filter(|value| !value.is_empty()),
        }
    }
}

impl BitbucketServer {
    pub(super) async fn settings_of_ssh(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<SshServer, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).ssh_settings();
        let answer = self.ask(app, What::Read(&url), access).await?;
        if answer.status != StatusCode::OK {
            return Err(judge(&answer, url.as_str(), self.calls.now()));
        }
        let mut server = answer.expect::<Settings>()?.server(&app.base_url.url());
        server.fingerprint = server.fingerprint.map(|told| answer.cleared(&told));
        Ok(server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(json: &str) -> Option<(String, u16)> {
        let settings: Settings = serde_json::from_str(json).unwrap();
        let base = Url::parse("https://git.corp/bitbucket").unwrap();
        settings.server(&base).place
    }

    #[test]
    fn people_reach_it_where_its_base_url_says() {
        let at = |host: &str, port| Some((host.to_owned(), port));
        for (json, expected) in [
            (
                r#"{"enabled":true,"baseUrl":"ssh://git@ssh.corp:7999","port":7999}"#,
                at("ssh.corp", 7999),
            ),
            (
                r#"{"enabled":true,"baseUrl":"ssh://ssh.corp","port":7999}"#,
                at("ssh.corp", 22),
            ),
            (r#"{"enabled":true,"port":7998}"#, at("git.corp", 7998)),
            (
                r#"{"enabled":true,"baseUrl":"https://git.corp","port":7998}"#,
                at("git.corp", 7998),
            ),
            (r#"{"enabled":false}"#, None),
        ] {
            assert_eq!(place(json), expected, "{json}");
        }
    }
}
