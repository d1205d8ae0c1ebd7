//! The person's SSH keys.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::GitLab;
use super::endpoints::Endpoints;
use super::judge::{Caller, Refusal, judge};
use crate::providers::http::Answer;
use crate::providers::{Added, NewKey, OauthApp, ProviderFailure, RemoteKey, RemoteKeyId};
use crate::vault::Secret;

/// GitLab's most.
const PER_PAGE: usize = 100;
/// Ten thousand keys: beyond that something goes round in circles.
const MOST_PAGES: usize = 100;
/// GitLab refuses longer titles.
const LONGEST_TITLE: usize = 255;
/// How many days a key is to live where GitLab wants every key to end (Ultimate, *maximum allowable
/// lifetime for SSH keys*): the longest that it takes. It is replaced a month before it ends, so
/// that less than a quarter of a year is not tried.
const LIVES: [i64; 3] = [365, 180, 90];

#[derive(Serialize)]
struct Body<'a> {
    title: &'a str,
    key: &'a str,
    /// Since 15.7; older releases ignore it, as they do every field they do not know.
    usage_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    #[serde(default)]
    title: Option<String>,
    key: String,
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
    /// `auth`, `signing` or `auth_and_signing`; since 15.7.
    #[serde(default)]
    usage_type: Option<String>,
}

impl Row {
    /// Leaves the comment out: GitLab replaces it by the owner's name and its own.
    fn key(self) -> Option<RemoteKey> {
        let mut parts = self.key.split_ascii_whitespace();
        Some(RemoteKey {
            id: RemoteKeyId::new(self.id.to_string())?,
            title: self.title.unwrap_or_default(),
            line: format!("{} {}", parts.next()?, parts.next()?),
            expires_at: self.expires_at,
            good_for: match self.usage_type.as_deref() {
                Some("signing") => GoodFor::SigningOnly,
                Some(_) | None => GoodFor::SigningIn,
            },
        })
    }
}

impl GitLab {
    pub(super) async fn keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        let mut keys = Vec::new();
        let mut page = 1;
        for _ in 0..MOST_PAGES {
            let mut url = Endpoints::of(&app.base_url).api(&["user", "keys"]);
            url.set_query(Some(&format!("per_page={PER_PAGE}&page={page}")));
            let call = self.http.call(&app.network, Method::GET, url);
            let answer = call.bearer(access).send().await?;
            if answer.status != StatusCode::OK {
                return Err(judge(&answer, Caller::Person, self.http.now()));
            }
            let rows = answer.expect::<Vec<Row>>()?;
            let next = next_page(&answer, page, rows.len());
            for row in rows {
                // A list with a hole would look like a key that somebody removed.
                keys.push(row.key().ok_or_else(|| answer.not_the_api())?);
            }
            match next {
                None => return Ok(keys),
                Some(next) => page = next,
            }
        }
        let endless = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderProtocol);
        Err(endless.detail("the pages of keys do not end"))
    }

    pub(super) async fn add(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        let mut asked = new.expires_at;
        let mut lives = LIVES.iter().map(|days| TimeDelta::days(*days));
        loop {
            let answer = self.post_key(app, access, new, asked).await?;
            match answer.status {
                StatusCode::CREATED => {
                    let row = answer.expect::<Row>()?;
                    return row
                        .key()
                        .map(Added::Created)
                        .ok_or_else(|| answer.not_the_api());
                }
                StatusCode::BAD_REQUEST => match (key_refused(&answer), lives.next()) {
                    (Some(KeyRefused::Taken), _) => return Ok(Added::AlreadyThere),
                    (Some(KeyRefused::End(_)), Some(life)) => {
                        asked = Some(self.http.now() + life);
                    }
                    (Some(KeyRefused::End(words)), None) => {
                        let code = ReasonCode::KeyRejected;
                        return Err(answer.failure(Blame::Us, code, &words));
                    }
                    // The key is ours: neither person nor provider can mend it.
                    (Some(KeyRefused::For(code, words)), _) => {
                        return Err(answer.failure(Blame::Us, code, &words));
                    }
                    (None, _) => return Err(judge(&answer, Caller::Person, self.http.now())),
                },
                _ => return Err(judge(&answer, Caller::Person, self.http.now())),
            }
        }
    }

    async fn post_key(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Answer, ProviderFailure> {
        let body = Body {
            title: cut(new.title),
            key: &new.key.line,
            usage_type: if app.signing {
                "auth_and_signing"
            } else {
                "auth"
            },
            expires_at: expires_at.map(|end| end.to_rfc3339_opts(SecondsFormat::Secs, true)),
        };
        let url = Endpoints::of(&app.base_url).api(&["user", "keys"]);
        let call = self.http.call(&app.network, Method::POST, url);
        call.bearer(access).json(&body).send().await
    }

    pub(super) async fn remove(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).api(&["user", "keys", key.as_str()]);
        let answer = self
            .http
            .call(&app.network, Method::DELETE, url)
            // Without it maintenance mode takes us for a browser, and sends us to the front page.
            .header(CONTENT_TYPE, "application/json")
            .bearer(access)
            .send()
            .await?;
        match answer.status {
            StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND if is_gone(&answer) => Ok(false),
            _ => Err(judge(&answer, Caller::Person, self.http.now())),
        }
    }
}

/// Returns the number of the next page. The header `Link` names it too, but with the address that
/// GitLab believes to have, which behind a proxy may be wrong.
fn next_page(answer: &Answer, page: usize, rows: usize) -> Option<usize> {
    match answer.header("x-next-page") {
        Some(next) => next.trim().parse().ok().filter(|next| *next > page),
        // Where something on the way took the header, a full page means: ask again.
        None => (rows >= PER_PAGE).then_some(page + 1),
    }
}

fn cut(title: &str) -> &str {
    match title.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => &title[..end],
        None => title,
    }
}

/// Says whether a 404 is about the key: `404 Key Not Found`. Grape's own, about the route, has an
/// `error` in the place of the `message`.
fn is_gone(answer: &Answer) -> bool {
    let message = Refusal::of(answer).and_then(|refusal| refusal.message);
    message
        .as_ref()
        .and_then(Value::as_str)
        .is_some_and(|words| words.starts_with("404"))
}

#[derive(Debug, PartialEq, Eq)]
enum KeyRefused {
    Taken,
    /// It has no end and needs one, or it ends too late.
    End(String),
    For(ReasonCode, String),
}

/// Reads why a key was refused: a list of words per field, all that is wrong at once.
fn key_refused(answer: &Answer) -> Option<KeyRefused> {
    let refusal = Refusal::of(answer)?;
    match &refusal.message {
        Some(Value::Object(fields)) => why(fields, &refusal.words()),
        _ => None,
    }
}

fn why(fields: &Map<String, Value>, words: &str) -> Option<KeyRefused> {
    // `fingerprint` and `key` until 15.x, `fingerprint_sha256` alone since.
    let said: Vec<String> = ["key", "fingerprint", "fingerprint_sha256"]
        .into_iter()
        .filter_map(|field| fields.get(field)?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_lowercase)
        .collect();
    let says = |part: &str| said.iter().any(|words| words.contains(part));
    let code = if said.is_empty() {
        return None;
    } else if says("cannot be generated") {
        // What cannot be read has no type, and so a forbidden one.
        ReasonCode::KeyRejected
    } else if says("type is forbidden") {
        ReasonCode::KeyTypeNotAllowed
    } else if says("must be at least") {
        ReasonCode::KeyTooShort
    } else if says("expiration date") {
        // `ee/app/models/ee/key.rb`
        return Some(KeyRefused::End(words.to_owned()));
    } else if said
        .iter()
        .all(|words| words.contains("already been taken"))
    {
        return Some(KeyRefused::Taken);
    } else {
        ReasonCode::KeyRejected
    };
    Some(KeyRefused::For(code, words.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(message: &Value) -> Option<KeyRefused> {
        why(message.as_object().unwrap(), "words")
    }

    #[test]
    fn the_words_of_a_400_say_why_a_key_is_refused() {
        let taken = "has already been taken";
        for (message, code) in [
            (json!({ "fingerprint_sha256": [taken] }), None),
            (json!({ "fingerprint": [taken], "key": [taken] }), None),
            (
                json!({ "key": ["type is forbidden. Must be RSA or ECDSA"] }),
                Some(ReasonCode::KeyTypeNotAllowed),
            ),
            (
                json!({
                    "key": ["type is forbidden. Must be RSA", "is invalid"],
                    "fingerprint_sha256": ["cannot be generated"],
                }),
                Some(ReasonCode::KeyRejected),
            ),
            (
                json!({ "key": ["must be at least 4096 bits"] }),
                Some(ReasonCode::KeyTooShort),
            ),
            (
                json!({ "key": ["must be at least 4096 bits"], "fingerprint_sha256": [taken] }),
                Some(ReasonCode::KeyTooShort),
            ),
            (
                json!({ "key": ["has expired"] }),
                Some(ReasonCode::KeyRejected),
            ),
            (
                json!({ "key": ["cannot be used because it belongs to a compromised private key."] }),
                Some(ReasonCode::KeyRejected),
            ),
        ] {
            let expected = match code {
                None => KeyRefused::Taken,
                Some(code) => KeyRefused::For(code, "words".to_owned()),
            };
            assert_eq!(refused(&message), Some(expected), "{message}");
        }
        assert_eq!(refused(&json!({ "title": ["can't be blank"] })), None);
        let no_end = "has no expiration date but an expiration date is required";
        let end = KeyRefused::End("words".to_owned());
        assert_eq!(refused(&json!({ "key": [no_end] })), Some(end));
    }

    #[test]
    fn a_listed_key_is_type_and_blob_without_its_comment() {
        let row = |key: &str| {
            let key = key.to_owned();
            Row {
                id: 7,
                title: None,
                key,
                expires_at: None,
                usage_type: None,
            }
            .key()
        };
        let key = row("ssh-ed25519 AAAA Ada Lovelace (gitlab.example)").unwrap();
        assert_eq!(key.line, "ssh-ed25519 AAAA");
        assert_eq!(key.id.as_str(), "7");
        assert_eq!(row("ssh-ed25519"), None);
    }

    #[test]
    fn a_title_is_cut_to_what_fits() {
        assert_eq!(cut("Lanyard"), "Lanyard");
        assert_eq!(cut(&"é".repeat(256)), "é".repeat(255));
    }
}
