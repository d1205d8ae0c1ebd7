//! The person's SSH keys.

use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::GitHub;
use super::endpoints::Endpoints;
use super::judge::{Caller, Fault, Refusal, judge, scope_missing};
use super::scopes::{self, KEYS, READ_KEYS, WRITE_KEYS};
use crate::providers::http::Answer;
use crate::providers::{Added, KeyList, NewKey, OauthApp, ProviderFailure, RemoteKey, RemoteKeyId};
use crate::vault::Secret;

/// Ten thousand keys: beyond that something goes round in circles.
const MOST_PAGES: usize = 100;

#[derive(Serialize)]
struct NewRow<'a> {
    title: &'a str,
    key: &'a str,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    #[serde(default)]
    title: Option<String>,
    key: String,
    /// GitHub lets nobody in with a key that it has not verified.
    #[serde(default)]
    verified: Option<bool>,
}

impl Row {
    fn key(self) -> Option<RemoteKey> {
        let mut parts = self.key.split_ascii_whitespace();
        Some(RemoteKey {
            id: RemoteKeyId::new(self.id.to_string())?,
            title: self.title.unwrap_or_default(),
            line: format!("{} {}", parts.next()?, parts.next()?),
            expires_at: None,
            good_for: if self.verified == Some(false) {
                GoodFor::Nothing
            } else {
                GoodFor::SigningIn
            },
        })
    }
}

/// One of a person's two lists of keys, and the scopes that it needs. The same key may stand in
/// both.
pub(super) struct List {
    path: &'static str,
    read: &'static str,
    write: &'static str,
    delete: &'static str,
}

/// For signing in.
pub(super) const SIGN_IN: List = List {
    path: "keys",
    read: READ_KEYS,
    write: WRITE_KEYS,
    delete: KEYS,
};

/// For signing commits.
pub(super) const SIGNING: List = List {
    path: "ssh_signing_keys",
    read: scopes::READ_SIGNING,
    write: scopes::WRITE_SIGNING,
    delete: scopes::SIGNING,
};

fn caller<'a>(answer: &Answer, access: &Secret, needs: &'a str) -> Caller<'a> {
    Caller::Person {
        granted: scopes::of_answer(answer, access),
        needs: Some(needs),
    }
}

impl GitHub {
    pub(super) async fn keys(
        &self,
        list: &List,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        match self.keys_since(list, app, access, None).await? {
            KeyList::Keys { keys, .. } => Ok(keys),
            KeyList::Same => Err(strays("the list is said to be as it was, and nobody asked")),
        }
    }

    /// Lists the keys, unless the first page is as it was: a 304 does not count against the limit
    /// (GitHub, "Best practices for using the REST API"). The tag is that page's alone, so there is
    /// none for a longer list.
    pub(super) async fn keys_since(
        &self,
        list: &List,
        app: &OauthApp,
        access: &Secret,
        tag: Option<&str>,
    ) -> Result<KeyList, ProviderFailure> {
        let endpoints = Endpoints::of(&app.base_url);
        let mut page = endpoints.api(&["user", list.path]);
        page.set_query(Some("per_page=100"));
        let mut keys = Vec::new();
        for number in 0..MOST_PAGES {
            let call = self.api(app, Method::GET, page).bearer(access);
            let asked = tag.filter(|_| number == 0);
            let call = match asked {
                Some(tag) => call.unless_is(tag),
                None => call,
            };
            let answer = call.send().await?;
            if answer.status == StatusCode::NOT_MODIFIED && asked.is_some() {
                return Ok(KeyList::Same);
            }
            if answer.status != StatusCode::OK {
                let caller = caller(&answer, access, list.read);
                return Err(judge(&answer, &caller, self.http.now()));
            }
            for row in answer.expect::<Vec<Row>>()? {
                // A list with a hole would look like a key that somebody removed.
                keys.push(row.key().ok_or_else(|| answer.not_the_api())?);
            }
            match answer.next_link() {
                None => {
                    let tag = answer.header("etag").filter(|_| number == 0);
                    let tag = tag.map(str::to_owned);
                    return Ok(KeyList::Keys { keys, tag });
                }
                Some(next) if endpoints.owns(&next) => page = next,
                Some(_) => return Err(strays("the next page of keys is said to be elsewhere")),
            }
        }
        Err(strays("the pages of keys do not end"))
    }

    pub(super) async fn add(
        &self,
        list: &List,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user", list.path]);
        let row = NewRow {
            title: new.title,
            key: &new.key.line,
        };
        let call = self.api(app, Method::POST, url).bearer(access).json(&row);
        let answer = call.send().await?;
        match answer.status {
            StatusCode::CREATED => {
                let row = answer.expect::<Row>()?;
                row.key()
                    .map(Added::Created)
                    .ok_or_else(|| answer.not_the_api())
            }
            StatusCode::UNPROCESSABLE_ENTITY => match key_refused(&answer) {
                Some(KeyRefused::InUse) => Ok(Added::AlreadyThere),
                Some(KeyRefused::For(code, words)) => {
                    // The key is ours: neither person nor provider can mend it.
                    Err(answer.failure(Blame::Us, code, &words))
                }
                None => Err(judge(&answer, &Caller::Nobody, self.http.now())),
            },
            _ => {
                let caller = caller(&answer, access, list.write);
                Err(judge(&answer, &caller, self.http.now()))
            }
        }
    }

    pub(super) async fn remove(
        &self,
        list: &List,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user", list.path, key.as_str()]);
        let answer = self
            .api(app, Method::DELETE, url)
            .bearer(access)
            .send()
            .await?;
        let caller = caller(&answer, access, list.delete);
        match answer.status {
            StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND => match (caller.lacks(), answer.json::<Refusal>()) {
                // GitHub hides the key from a token that may not delete it.
                (Some(scope), _) => Err(scope_missing(&answer, scope)),
                (None, Some(_)) => Ok(false),
                // The 404 of something that is not GitHub says nothing of the key.
                (None, None) => Err(answer.not_the_api()),
            },
            _ => Err(judge(&answer, &caller, self.http.now())),
        }
    }
}

pub(super) fn strays(words: &str) -> ProviderFailure {
    ProviderFailure::new(Blame::Provider, ReasonCode::ProviderProtocol).detail(words)
}

#[derive(Debug, PartialEq, Eq)]
enum KeyRefused {
    InUse,
    For(ReasonCode, String),
}

/// Reads why a key was refused; the reason stands in a text only.
fn key_refused(answer: &Answer) -> Option<KeyRefused> {
    let refusal = answer.json::<Refusal>()?;
    let fault = refusal.errors.iter().find(|fault| match fault {
        Fault::Field { field, .. } => field.as_deref() == Some("key"),
        Fault::Words(_) | Fault::Other(_) => false,
    })?;
    why(fault.words())
}

fn why(words: &str) -> Option<KeyRefused> {
    let lower = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if lower.is_empty() {
        return None;
    }
    if says(&["already in use"]) {
        return Some(KeyRefused::InUse);
    }
    let code = if says(&["too short", "too small", "at least", "bits"]) {
        ReasonCode::KeyTooShort
    } else if says(&[
        "must begin with",
        "type",
        "algorithm",
        "supported",
        "dsa",
        "allowed",
    ]) {
        ReasonCode::KeyTypeNotAllowed
    } else {
        ReasonCode::KeyRejected
    };
    Some(KeyRefused::For(code, words.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_422_say_why_a_key_is_refused() {
        assert_eq!(why("key is already in use"), Some(KeyRefused::InUse));
        for (words, code) in [
            (
                "key is invalid. You must supply a key in OpenSSH public key format",
                ReasonCode::KeyRejected,
            ),
            (
                "key is invalid. It must begin with 'ssh-ed25519', 'ssh-rsa', …",
                ReasonCode::KeyTypeNotAllowed,
            ),
            ("key type is not allowed", ReasonCode::KeyTypeNotAllowed),
            ("key is too short", ReasonCode::KeyTooShort),
            (
                "RSA keys must have at least 2048 bits",
                ReasonCode::KeyTooShort,
            ),
            ("key is strange", ReasonCode::KeyRejected),
        ] {
            assert_eq!(why(words), Some(KeyRefused::For(code, words.to_owned())));
        }
        assert_eq!(why(""), None);
    }

    #[test]
    fn a_listed_key_is_type_and_blob_without_its_comment() {
        let row = |key: &str| {
            let key = key.to_owned();
            Row {
                id: 7,
                title: None,
                key,
                verified: None,
            }
            .key()
        };
        let key = row("ssh-ed25519 AAAA ada@laptop").unwrap();
        assert_eq!(key.line, "ssh-ed25519 AAAA");
        assert_eq!(key.id.as_str(), "7");
        assert_eq!(row("ssh-ed25519"), None);
    }
}
