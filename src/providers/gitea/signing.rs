//! Keys that are good for signing commits: they are proven, each by a signature of a text of the
//! server's. Forgejo takes such a proof through its API of late (`routers/api/v1/user/key.go`, there
//! `GetSSHVerificationToken` and `VerifyPublicKey`), Gitea in its web pages only.

use domain::{BaseUrl, Blame, ReasonCode};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use url::Host;

use super::Gitea;
use super::endpoints::Endpoints;
use super::judge::{Caller, Refusal, judge};
use super::keys::Row;
use super::probe::Version;
use super::scopes::{KEYS, READ};
use super::title;
use crate::providers::http::Answer;
use crate::providers::{NewKey, OauthApp, ProviderFailure, Signer};
use crate::vault::Secret;

/// How long the text to be signed is: a SHA-256 digest in hexadecimal digits. Nothing else is ever
/// signed, so that no signature can be had here that means something anywhere else.
const DIGITS: usize = 64;
/// The namespace before it was the server's own name.
const OLD: &str = "gitea";
/// What a server takes for its own name that has none (`DOMAIN`).
const UNNAMED: &str = "localhost";

#[derive(Serialize)]
struct Proof<'a> {
    fingerprint: &'a str,
    signature: &'a str,
}

impl Gitea {
    /// Proves the key, unless it is proven already.
    pub(super) async fn prove(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
        signer: &dyn Signer,
    ) -> Result<(), ProviderFailure> {
        let rows = self.rows(app, access).await?;
        let Some(row) = rows.iter().find(|row| row.is(&new.key.line)) else {
            return Err(gone());
        };
        if row.verified == Some(true) {
            return Ok(());
        }
        let known = title::fingerprint(&new.key.line);
        let fingerprint = known.unwrap_or_else(|| new.key.fingerprint.clone());
        let namespaces = namespaces(&app.base_url);
        for namespace in &namespaces {
            let text = self.text_to_sign(app, access).await?;
            let signature = signer.sign(namespace, &text).await?;
            let proof = Proof {
                fingerprint: &fingerprint,
                signature: &signature,
            };
            if self.show(app, access, &proof).await? {
                return Ok(());
            }
        }
        let words = format!(
            "the server takes no signature in the namespaces {}: the one that it wants is its own \
             DOMAIN",
            namespaces.join(", ")
        );
        Err(not_proven().detail(words))
    }

    /// Asks for what is to be signed. It is another text each minute, good for one or two.
    async fn text_to_sign(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<String, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user", "ssh_key_token"]);
        let call = self.api(app, Method::GET, url).bearer(access);
        let answer = call.send().await?;
        match answer.status {
            StatusCode::OK => {
                let text = std::str::from_utf8(answer.body()).unwrap_or_default();
                let is_digest = text.len() == DIGITS
                    && text
                        .bytes()
                        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                let text = is_digest.then(|| text.to_owned());
                text.ok_or_else(|| answer.not_the_api())
            }
            StatusCode::NOT_FOUND => Err(not_proven().detail(
                "the server has no way to prove a key, or lets this person manage no SSH keys",
            )),
            _ => Err(judge(&answer, Caller::Person(READ), self.http.now())),
        }
    }

    /// Shows a proof; says whether it was accepted.
    async fn show(
        &self,
        app: &OauthApp,
        access: &Secret,
        proof: &Proof<'_>,
    ) -> Result<bool, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user", "ssh_key_verify"]);
        let call = self.api(app, Method::POST, url).bearer(access).json(proof);
        let answer = call.send().await?;
        match answer.status {
            StatusCode::OK => match answer.expect::<Row>()?.verified {
                Some(true) => Ok(true),
                Some(false) | None => Err(answer.not_the_api()),
            },
            StatusCode::UNPROCESSABLE_ENTITY if is_of_the_signature(&answer) => Ok(false),
            StatusCode::NOT_FOUND => Err(gone()),
            _ => Err(judge(&answer, Caller::Person(KEYS), self.http.now())),
        }
    }

    /// Asks a server, as a stranger, whether it takes proofs: a route that is there wants a token.
    pub(super) async fn takes_proofs(&self, app: &OauthApp) -> Result<bool, ProviderFailure> {
        let endpoints = Endpoints::of(&app.base_url);
        let url = endpoints.api(&["version"]);
        let answer = self.api(app, Method::GET, url).probe().send().await?;
        if answer.status != StatusCode::OK {
            return Err(judge(&answer, Caller::App, self.http.now()));
        }
        answer.expect::<Version>()?;
        let url = endpoints.api(&["user", "ssh_key_token"]);
        let answer = self.api(app, Method::GET, url).probe().send().await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(judge(&answer, Caller::App, self.http.now())),
        }
    }
}

/// Lists the namespaces that a server may want, the likeliest first. The newest want their `DOMAIN`,
/// which is the host of `ROOT_URL` where that is a name (`modules/setting/server.go`); older ones
/// wanted the name of the product.
fn namespaces(base_url: &BaseUrl) -> Vec<String> {
    let host = match base_url.url().host() {
        Some(Host::Domain(name)) => vec![name.to_owned()],
        Some(Host::Ipv4(address)) => vec![address.to_string(), UNNAMED.to_owned()],
        Some(Host::Ipv6(address)) => vec![address.to_string(), UNNAMED.to_owned()],
        None => vec![UNNAMED.to_owned()],
    };
    let old = (!host.iter().any(|name| name == OLD)).then(|| OLD.to_owned());
    host.into_iter().chain(old).collect()
}

/// Says whether a refusal is of the signature, and not of the call.
fn is_of_the_signature(answer: &Answer) -> bool {
    let refusal = answer.json::<Refusal>();
    refusal.is_some_and(|refusal| refusal.message.to_lowercase().contains("do not match"))
}

fn not_proven() -> ProviderFailure {
    ProviderFailure::new(Blame::Us, ReasonCode::KeyNotForSigning)
}

/// Judges a key that was in the list a moment ago.
fn gone() -> ProviderFailure {
    ProviderFailure::new(Blame::Provider, ReasonCode::ProviderError)
        .detail("the key that was to be proven is no longer there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_signed_for_by_its_name_then_by_that_of_its_product() {
        for (base, wanted) in [
            ("https://codeberg.org", vec!["codeberg.org", "gitea"]),
            (
                "https://GIT.acme.example:8443/git/",
                vec!["git.acme.example", "gitea"],
            ),
            ("https://gitea", vec!["gitea"]),
            (
                "http://127.0.0.1:3000",
                vec!["127.0.0.1", "localhost", "gitea"],
            ),
            ("http://[::1]:3000", vec!["::1", "localhost", "gitea"]),
        ] {
            assert_eq!(namespaces(&base.parse().unwrap()), wanted, "{base}");
        }
    }
}
