//! The person's SSH keys.

use chrono::{DateTime, TimeDelta, Utc};
use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::BitbucketServer;
use super::calls::What;
use super::endpoints::{Endpoints, page};
use super::identity::{Page, asked_by};
use super::judge::{Refusal, judge};
use crate::providers::http::Answer;
use crate::providers::{
    Added, GrantVerdict, NewKey, OauthApp, ProviderFailure, RemoteKey, RemoteKeyId,
};
use crate::vault::Secret;

/// Ten thousand keys: beyond that something goes round in circles.
const MOST_PAGES: usize = 100;

/// What `POST /keys` takes.
#[derive(Serialize)]
pub(super) struct Wanted<'a> {
    text: &'a str,
    label: &'a str,
    /// After how many days Bitbucket takes the key for expired by itself: what it does not let us
    /// delete is of no use then at least.
    #[serde(rename = "expiryDays", skip_serializing_if = "Option::is_none")]
    expiry_days: Option<i64>,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    text: String,
    #[serde(default)]
    label: Option<String>,
    #[serde(default, rename = "createdDate")]
    created: Option<i64>,
    #[serde(default, rename = "expiryDays")]
    expiry_days: Option<i64>,
}

impl Row {
    fn key(self) -> Option<RemoteKey> {
        let mut parts = self.text.split_ascii_whitespace();
        Some(RemoteKey {
            id: RemoteKeyId::new(self.id.to_string())?,
            line: format!("{} {}", parts.next()?, parts.next()?),
            title: self.label.unwrap_or_default(),
            expires_at: expires_at(self.created, self.expiry_days),
            good_for: GoodFor::SigningIn,
        })
    }
}

fn expires_at(created: Option<i64>, days: Option<i64>) -> Option<DateTime<Utc>> {
    let created = DateTime::from_timestamp_millis(created?)?;
    created.checked_add_signed(TimeDelta::try_days(days?)?)
}

/// Counts the days until a key may go: whole ones, the last one begun, at least one.
fn days(until: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    let left = until - now;
    let whole = left.num_days();
    let begun = left > TimeDelta::days(whole);
    (whole + i64::from(begun)).max(1)
}

impl BitbucketServer {
    pub(super) async fn keys(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Vec<RemoteKey>, ProviderFailure> {
        let list = Endpoints::of(&app.base_url).keys();
        let mut start = 0;
        let mut keys = Vec::new();
        for _ in 0..MOST_PAGES {
            let url = page(list.clone(), start);
            let answer = self.ask(app, What::Read(&url), access).await?;
            if answer.status != StatusCode::OK {
                return Err(judge(&answer, url.as_str(), self.calls.now()));
            }
            let rows = answer.expect::<Page<Row>>()?;
            // With public access a dead token is nobody's, and nobody has an empty list.
            if asked_by(&answer).is_none() {
                return Err(nobodys(&answer));
            }
            let next = rows.next(start);
            if rows.breaks_off(start) {
                return Err(strays("the list of keys breaks off"));
            }
            for row in rows.values {
                // A list with a hole would look like a key that somebody removed.
                keys.push(row.key().ok_or_else(|| answer.not_the_api())?);
            }
            let Some(next) = next else {
                return Ok(keys);
            };
            start = next;
        }
        Err(strays("the pages of keys do not end"))
    }

    /// Adds a key. Where an admin allows no key as long a life as is wished, it gets the life that
    /// the admin allows.
    pub(super) async fn add(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        match self.add_for(app, access, new).await {
            Err(failure) if new.expires_at.is_some() && is_of_life(&failure) => {
                let forever = NewKey {
                    expires_at: None,
                    ..*new
                };
                self.add_for(app, access, &forever).await
            }
            added => added,
        }
    }

    async fn add_for(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<Added, ProviderFailure> {
        let url = Endpoints::of(&app.base_url).keys();
        let wanted = Wanted {
            text: &new.key.line,
            label: new.title,
            expiry_days: new.expires_at.map(|until| days(until, self.calls.now())),
        };
        let answer = self.ask(app, What::Add(&url, &wanted), access).await?;
        match answer.status {
            StatusCode::CREATED => {
                let row = answer.expect::<Row>()?;
                row.key()
                    .map(Added::Created)
                    .ok_or_else(|| answer.not_the_api())
            }
            // Anywhere on the instance, on another account or as an access key: a list tells.
            StatusCode::CONFLICT if Refusal::read(&answer).is_some() => Ok(Added::AlreadyThere),
            StatusCode::BAD_REQUEST => Err(key_refused(&answer)
                .unwrap_or_else(|| judge(&answer, url.as_str(), self.calls.now()))),
            _ => Err(judge(&answer, url.as_str(), self.calls.now())),
        }
    }

    /// Deletes one key. Bitbucket answers 204 whether it was there or not, and so the word counts
    /// for nothing: what the list shows afterwards does.
    pub(super) async fn remove(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &RemoteKeyId,
    ) -> Result<bool, ProviderFailure> {
        let one = Endpoints::of(&app.base_url).key(key);
        let answer = self.ask(app, What::Delete(&one), access).await?;
        let refused = matches!(
            answer.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        let done = answer.status == StatusCode::NO_CONTENT;
        let refusal = Refusal::read(&answer).filter(|_| refused);
        let words = match &refusal {
            Some(refusal) => refusal.words(),
            None if done => "Bitbucket said that the key is gone, and lists it all the same",
            None => return Err(judge(&answer, one.url().as_str(), self.calls.now())),
        };
        // The same 401 stands for a token that is dead and for a right that is missing. Who may
        // read the list is signed in, and lacks the right.
        let listed = self.keys(app, access).await?;
        if listed.iter().any(|listed| listed.id == *key) {
            Err(answer.failure(Blame::Grant, ReasonCode::RemoveByHand, words))
        } else {
            Ok(done)
        }
    }
}

fn nobodys(answer: &Answer) -> ProviderFailure {
    let words = "Bitbucket answers as if there were no token";
    answer
        .failure(Blame::Grant, ReasonCode::GrantRevoked, words)
        .grant(GrantVerdict::Expired)
}

fn strays(words: &str) -> ProviderFailure {
    ProviderFailure::new(Blame::Provider, ReasonCode::ProviderProtocol).detail(words)
}

/// Reads why a key was refused; the reason stands in a text only. The key is ours: neither person
/// nor provider can mend it.
fn key_refused(answer: &Answer) -> Option<ProviderFailure> {
    let refusal = Refusal::read(answer)?;
    let code = why(refusal.words())?;
    Some(answer.failure(Blame::Us, code, refusal.words()))
}

/// Says whether a key was refused for how long it is to live.
fn is_of_life(failure: &ProviderFailure) -> bool {
    let words = failure.failure.detail.as_deref().unwrap_or_default();
    failure.failure.code == ReasonCode::KeyRejected && words.to_lowercase().contains("expir")
}

fn why(words: &str) -> Option<ReasonCode> {
    let lower = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if says(&["expir"]) {
        Some(ReasonCode::KeyRejected)
    // An admin's restriction names type and length in one breath.
    } else if says(&["key type", "type of key", "not supported", "unsupported"]) {
        Some(ReasonCode::KeyTypeNotAllowed)
    } else if says(&["length", "too short", "bits"]) {
        Some(ReasonCode::KeyTooShort)
    } else if says(&["ssh key", "public key", "valid key"]) {
        Some(ReasonCode::KeyRejected)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn days_are_whole_and_the_last_one_counts() {
        let now = Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap();
        for (seconds, expected) in [
            (-1, 1),
            (0, 1),
            (1, 1),
            (86_400, 1),
            (86_401, 2),
            (90 * 86_400, 90),
        ] {
            assert_eq!(days(now + TimeDelta::seconds(seconds), now), expected);
        }
    }

    #[test]
    fn a_listed_key_is_type_and_blob_and_goes_so_many_days_after_it_came() {
        let row = |text: &str, expiry_days| Row {
            id: 7,
            text: text.to_owned(),
            label: Some("Lanyard".to_owned()),
            created: Some(1_788_264_000_000),
            expiry_days,
        };
        let key = row("ssh-ed25519 AAAA ada@laptop", Some(90)).key().unwrap();
        assert_eq!(key.line, "ssh-ed25519 AAAA");
        assert_eq!(key.id.as_str(), "7");
        assert_eq!(key.title, "Lanyard");
        let end = Utc.with_ymd_and_hms(2026, 11, 30, 12, 0, 0).unwrap();
        assert_eq!(key.expires_at, Some(end));
        assert_eq!(
            row("ssh-ed25519 AAAA", None).key().unwrap().expires_at,
            None
        );
        let never = row("ssh-ed25519 AAAA", Some(i64::MAX)).key().unwrap();
        assert_eq!(never.expires_at, None);
        assert_eq!(row("ssh-ed25519", None).key(), None);
    }

    #[test]
    fn the_words_of_a_400_say_why_a_key_is_refused() {
        for (words, code) in [
            (
                "Your SSH key does not meet the key type or key length requirements set by your \
                 admin.",
                ReasonCode::KeyTypeNotAllowed,
            ),
            (
                "RSA keys must have at least 2048 bits",
                ReasonCode::KeyTooShort,
            ),
            ("The expiry exceeds the maximum.", ReasonCode::KeyRejected),
            ("This is not a valid SSH key.", ReasonCode::KeyRejected),
        ] {
            assert_eq!(why(words), Some(code), "{words}");
        }
        assert_eq!(why("The request is not valid JSON."), None);
    }
}
