//! Whom a token speaks for. Bitbucket has no resource for that: it says so in headers.

use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use serde::Deserialize;
use url::form_urlencoded;

use super::BitbucketServer;
use super::calls::What;
use super::endpoints::{Endpoints, page};
use super::judge::judge;
use crate::providers::http::Answer;
use crate::providers::{Identity, OauthApp, ProviderFailure};
use crate::vault::Secret;

/// A thousand people whose names hold the one we look for.
const MOST_PAGES: usize = 10;

#[derive(Deserialize)]
struct Person {
    id: u64,
    name: String,
    #[serde(default, rename = "displayName")]
    display_name: Option<String>,
    #[serde(default)]
    active: Option<bool>,
}

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) values: Vec<T>,
    #[serde(default, rename = "isLastPage")]
    last: Option<bool>,
    #[serde(default, rename = "nextPageStart")]
    next: Option<u64>,
}

impl<T> Page<T> {
    /// Returns where the next page begins, if there is one, and it lies ahead.
    pub(super) fn next(&self, start: u64) -> Option<u64> {
        match self.last {
            Some(true) => None,
            Some(false) | None => self.next.filter(|next| *next > start),
        }
    }

    /// Says whether more was promised than can be asked for.
    pub(super) fn breaks_off(&self, start: u64) -> bool {
        self.last == Some(false) && self.next(start).is_none()
    }
}

/// Returns the name of who asked, as Bitbucket says it: URL-encoded, absent for nobody.
pub(super) fn asked_by(answer: &Answer) -> Option<String> {
    let encoded = answer.header("x-ausername")?;
    let pair = format!("name={encoded}");
    let (_, name) = form_urlencoded::parse(pair.as_bytes()).next()?;
    (!name.is_empty() && name != "anonymous").then(|| name.into_owned())
}

/// Returns the number of who asked.
fn number_of(answer: &Answer) -> Option<u64> {
    answer.header("x-auserid")?.trim().parse().ok()
}

/// Makes the slug that a name most often has: `jane@example` has `jane_example`.
fn likely_slug(name: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        '-' | '.' | '_' => c,
        _ => '_',
    };
    name.chars().map(letter).collect()
}

impl BitbucketServer {
    pub(super) async fn who(
        &self,
        app: &OauthApp,
        access: &Secret,
    ) -> Result<Identity, ProviderFailure> {
        let endpoints = Endpoints::of(&app.base_url);
        let answer = self
            .ask(app, What::Read(&endpoints.properties()), access)
            .await?;
        if answer.status != StatusCode::OK {
            return Err(judge(
                &answer,
                endpoints.properties().as_str(),
                self.calls.now(),
            ));
        }
        // 200 without the header: nobody is signed in. A dead token is refused with 401, so the
        // token is not heeded at all, by Bitbucket or by a proxy that drops it.
        let Some(name) = asked_by(&answer) else {
            let words = "Bitbucket answers as if there were no token: it does not heed tokens, or \
                         a proxy before it drops the Authorization header";
            return Err(answer.failure(Blame::App, ReasonCode::ProviderProtocol, words));
        };
        let number = number_of(&answer);
        let found = self.person(app, &endpoints, access, &name, number).await?;
        let Some(person) = found else {
            let words = format!("Bitbucket does not know the person {name} that it says is asking");
            return Err(answer.failure(Blame::Provider, ReasonCode::ProviderProtocol, &words));
        };
        if person.active == Some(false) {
            let words = "the account is switched off";
            return Err(answer.failure(Blame::Grant, ReasonCode::AccountSuspended, words));
        }
        Ok(Identity {
            external_id: person.id.to_string(),
            login: person.name,
            name: person.display_name.filter(|name| !name.is_empty()),
            scopes: None,
        })
    }

    /// Finds the person of a name, which need not be the slug, and whose number is `number`.
    async fn person(
        &self,
        app: &OauthApp,
        endpoints: &Endpoints,
        access: &Secret,
        name: &str,
        number: Option<u64>,
    ) -> Result<Option<Person>, ProviderFailure> {
        let fits = |person: &Person| {
            let same = number.is_none_or(|number| number == person.id);
            same && person.name == name
        };
        let mut start = 0;
        for _ in 0..MOST_PAGES {
            let url = page(endpoints.people(name), start);
            let answer = self.ask(app, What::Read(&url), access).await?;
            if answer.status != StatusCode::OK {
                return Err(judge(&answer, url.as_str(), self.calls.now()));
            }
            let people = answer.expect::<Page<Person>>()?;
            let next = people.next(start);
            if let Some(person) = people.values.into_iter().find(fits) {
                return Ok(Some(person));
            }
            let Some(next) = next else {
                break;
            };
            start = next;
        }
        // The list leaves out who is switched off.
        let url = endpoints.person(&likely_slug(name));
        let answer = self.ask(app, What::Read(&url), access).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.expect::<Person>()?).filter(fits)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(judge(&answer, url.as_str(), self.calls.now())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Page<u64> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_page_tells_where_the_next_one_begins() {
        let more = read(r#"{"values":[1],"isLastPage":false,"nextPageStart":25}"#);
        assert_eq!(more.next(0), Some(25));
        assert!(!more.breaks_off(0));
        assert_eq!(more.next(25), None, "it would go round in circles");
        assert!(more.breaks_off(25));
        let last = read(r#"{"values":[1],"isLastPage":true,"nextPageStart":25}"#);
        assert_eq!(last.next(0), None);
        assert!(!last.breaks_off(0));
        let null = read(r#"{"values":[],"isLastPage":false,"nextPageStart":null}"#);
        assert!(null.breaks_off(0));
    }

    #[test]
    fn a_slug_has_underscores_for_what_a_url_would_have_to_encode() {
        assert_eq!(likely_slug("Jane@Example.com"), "jane_example.com");
        assert_eq!(likely_slug("CORP\\ada"), "corp_ada");
    }
}
