//! The person's SSH keys.

use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::Gitea;
use super::endpoints::Endpoints;
use super::judge::{Caller, Refusal, judge};
use super::scopes::{KEYS, READ};
use super::title;
use crate::providers::http::Answer;
use crate::providers::{Added, NewKey, OauthApp, ProviderFailure, RemoteKey, RemoteKeyId};
use crate::vault::Secret;

/// Beyond this many pages something goes round in circles.
const MOST_PAGES: usize = 1000;
/// How many rows are asked for; a server may give fewer (`MAX_RESPONSE_ITEMS`).
const PER_PAGE: &str = "50";
/// How many titles are tried before it is said that none is free.
const MOST_TITLES: usize = 5;

const IN_USE: &str = "key content has been used";
const TITLE_USED: &str = "key title has been used";

#[derive(Serialize)]
struct NewRow<'a> {
    title: &'a str,
    key: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Row {
    id: u64,
    #[serde(default)]
    title: String,
    key: String,
    /// Whether it is proven, and so good for signing commits. Forgejo says so since 16.
    #[serde(default)]
    pub(super) verified: Option<bool>,
}

impl Row {
    /// Says whether it is this key.
    pub(super) fn is(&self, line: &str) -> bool {
        let ours = line.split_ascii_whitespace().take(2);
        self.key.split_ascii_whitespace().take(2).eq(ours)
    }

    /// Takes the comment off the key, and off the title what makes it unique. `signs` says whether
    /// it is to be good for signing commits.
    fn key(self, signs: bool) -> Option<RemoteKey> {
        let mut parts = self.key.split_ascii_whitespace();
        let line = format!("{} {}", parts.next()?, parts.next()?);
        let named = match title::fingerprint(&line) {
            Some(fingerprint) => title::name(&self.title, &fingerprint).to_owned(),
            None => self.title,
        };
        Some(RemoteKey {
            id: RemoteKeyId::new(self.id.to_string())?,
            title: named,
            line,
            expires_at: None,
            good_for: if signs && self.verified == Some(false) {
                GoodFor::SigningInOnly
            } else {
                GoodFor::SigningIn
            },
        })
    }
}

impl Gitea {
    /// Lists the person's own keys. Never by fingerprint: Gitea searches everybody's keys then.
    pub(super) async fn keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        let rows = self.rows(app, access).await?.into_iter();
        // A list with a hole would look like a key that somebody removed.
        let keys: Option<Vec<_>> = rows.map(|row| row.key(app.signing)).collect();
        keys.ok_or_else(|| strays("a key in the list is none"))
    }

    /// Lists them as the server shows them.
    pub(super) async fn rows(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<Row>, ProviderFailure> {
        let mut keys: Vec<Row> = Vec::new();
        for page in 1..=MOST_PAGES {
            let mut url = Endpoints::of(&app.base_url).api(&["user", "keys"]);
            url.query_pairs_mut()
                .append_pair("page", &page.to_string())
                .append_pair("limit", PER_PAGE);
            let call = self.api(app, Method::GET, url).bearer(access);
            let answer = call.send().await?;
            if answer.status != StatusCode::OK {
                return Err(judge(&answer, Caller::Person(READ), self.http.now()));
            }
            let rows = answer.expect::<Vec<Row>>()?;
            let total = answer
                .header("x-total-count")
                .and_then(|total| total.parse::<usize>().ok());
            let is_known = |row: &Row| keys.iter().any(|known| known.id == row.id);
            if rows.iter().all(is_known) {
                // Before 1.12 there are no pages, and every one is the whole list again. Who counts
                // has pages: something on the way drops which is asked for.
                let breaks_off = total.is_some_and(|total| keys.len() < total);
                return if breaks_off && !rows.is_empty() {
                    Err(strays("the same page of keys comes again"))
                } else {
                    Ok(keys)
                };
            }
            keys.extend(rows);
            if total.is_some_and(|total| keys.len() >= total) {
                return Ok(keys);
            }
        }
        Err(strays("the pages of keys do not end"))
    }

    pub(super) async fn add(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        let known = title::fingerprint(&new.key.line);
        let fingerprint = known.unwrap_or_else(|| new.key.fingerprint.clone());
        for attempt in 0..MOST_TITLES {
            let url = Endpoints::of(&app.base_url).api(&["user", "keys"]);
            let row = NewRow {
                title: &title::written(new.title, &fingerprint, attempt),
                key: &new.key.line,
            };
            let call = self.api(app, Method::POST, url).bearer(access).json(&row);
            let answer = call.send().await?;
            match self.judge_add(&answer, app.signing)? {
                Tried::Added(key) => return Ok(Added::Created(key)),
                Tried::InUse => return Ok(Added::AlreadyThere),
                Tried::TitleUsed => {
                    // Somebody was faster with the same key; or a person has the title.
                    let own = self.keys(app, access).await?;
                    if own.iter().any(|own| own.line == new.key.line) {
                        return Ok(Added::AlreadyThere);
                    }
                }
            }
        }
        let words = "every title that was tried is used by another key of the person";
        Err(ProviderFailure::new(Blame::Us, ReasonCode::KeyRejected).detail(words))
    }

    fn judge_add(&self, answer: &Answer, signs: bool) -> Result<Tried, ProviderFailure> {
        match answer.status {
            StatusCode::CREATED => answer
                .expect::<Row>()?
                .key(signs)
                .map(Tried::Added)
                .ok_or_else(|| answer.not_the_api()),
            StatusCode::UNPROCESSABLE_ENTITY => match answer.json::<Refusal>() {
                Some(Refusal { message }) => tried(answer, &message),
                None => Err(answer.not_the_api()),
            },
            StatusCode::NOT_FOUND => Err(no_keys(answer)),
            StatusCode::INTERNAL_SERVER_ERROR if answer.json::<Refusal>().is_some() => {
                let failure = judge(answer, Caller::Person(KEYS), self.http.now());
                let words = "status 500; versions before 1.11 answer so to a key that they do not \
                             take";
                Err(failure.detail(words))
            }
            _ => Err(judge(answer, Caller::Person(KEYS), self.http.now())),
        }
    }

    pub(super) async fn remove(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user", "keys", key.as_str()]);
        let call = self.api(app, Method::DELETE, url).bearer(access);
        let answer = call.send().await?;
        let words = answer
            .json::<Refusal>()
            .map(|refusal| refusal.message.to_lowercase());
        match (answer.status, words.as_deref()) {
            (StatusCode::NO_CONTENT, _) => Ok(true),
            // Gone; or the person may not manage keys, and then it is there still.
            (StatusCode::NOT_FOUND, Some(_)) => {
                let own = self.keys(app, access).await?;
                if own.iter().any(|own| own.id == *key) {
                    return Err(by_hand(
                        &answer,
                        "the provider lets this person manage no SSH keys",
                    ));
                }
                Ok(false)
            }
            (StatusCode::FORBIDDEN, Some(words)) if words.contains("externally managed") => {
                Err(by_hand(&answer, "the key is managed by a directory"))
            }
            // It belongs to somebody else by now, and so is not here.
            (StatusCode::FORBIDDEN, Some(words)) if words.contains("access to this key") => {
                Ok(false)
            }
            _ => Err(judge(&answer, Caller::Person(KEYS), self.http.now())),
        }
    }
}

fn strays(words: &str) -> ProviderFailure {
    ProviderFailure::new(Blame::Provider, ReasonCode::ProviderProtocol).detail(words)
}

/// What came of one try to add a key.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Added(RemoteKey),
    InUse,
    TitleUsed,
}

/// Reads why a key was refused; the reason stands in a text only.
fn tried(answer: &Answer, words: &str) -> Result<Tried, ProviderFailure> {
    let lower = words.to_lowercase();
    if lower.starts_with(IN_USE) {
        return Ok(Tried::InUse);
    }
    if lower.starts_with(TITLE_USED) {
        return Ok(Tried::TitleUsed);
    }
    // The key is ours: the person cannot mend it.
    Err(match refused(&lower) {
        Some(code) => answer.failure(Blame::Us, code, words),
        None => answer.failure(Blame::Us, ReasonCode::ProviderProtocol, words),
    })
}

fn refused(lower: &str) -> Option<ReasonCode> {
    let says = |part: &str| lower.contains(part);
    if says("length is not enough") {
        Some(ReasonCode::KeyTooShort)
    } else if says("type is not allowed") || says("unable to verify key content") {
        Some(ReasonCode::KeyTypeNotAllowed)
    } else if says("invalid key content") || says("ssh is disabled") {
        Some(ReasonCode::KeyRejected)
    } else {
        None
    }
}

/// Judges a 404 to a POST: the keys of this person are not to be managed
/// (`USER_DISABLED_FEATURES`).
fn no_keys(answer: &Answer) -> ProviderFailure {
    if answer.json::<Refusal>().is_none() {
        return answer.not_the_api();
    }
    let words = "the provider lets this person manage no SSH keys";
    answer.failure(Blame::Us, ReasonCode::KeyRejected, words)
}

fn by_hand(answer: &Answer, words: &str) -> ProviderFailure {
    answer.failure(Blame::Us, ReasonCode::RemoveByHand, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_422_say_why_a_key_is_refused() {
        for (words, code) in [
            (
                "invalid key content: key length is not enough: got 2048, needs 3071",
                Some(ReasonCode::KeyTooShort),
            ),
            (
                "invalid key content: key type is not allowed: dsa",
                Some(ReasonCode::KeyTypeNotAllowed),
            ),
            (
                "unable to verify key content",
                Some(ReasonCode::KeyTypeNotAllowed),
            ),
            ("invalid key content: no", Some(ReasonCode::KeyRejected)),
            ("ssh is disabled", Some(ReasonCode::KeyRejected)),
            ("[title]: required", None),
        ] {
            assert_eq!(refused(words), code, "{words}");
        }
    }
}
