//! What came back, and what of it may be kept.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ReasonCode};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, LINK, LOCATION, RETRY_AFTER};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use crate::providers::ProviderFailure;
use crate::vault::Secret;

/// How much of a provider's words is kept, in characters.
const MOST_WORDS: usize = 400;
/// How long to keep still in maintenance, which people end by hand, where nobody says how long.
const MAINTENANCE: TimeDelta = TimeDelta::minutes(5);
/// No wait that a provider asks for is longer: what asks for more is broken. Up to that it is kept
/// exactly.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(30);
/// The earliest time of day that a server means by a number of seconds: September 2001.
const EARLIEST: i64 = 1_000_000_000;

/// A whole answer. It may hold secrets, and so has no `Debug`.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
    pub(super) whole: bool,
    pub(super) secrets: Vec<Secret>,
}

impl Answer {
    /// Returns a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the body as JSON; nothing if it is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Reads the body as JSON, or says what it is instead.
    pub fn expect<T: DeserializeOwned>(&self) -> Result<T, ProviderFailure> {
        self.json().ok_or_else(|| self.not_the_api())
    }

    /// Judges an answer that the product's API does not give.
    pub fn not_the_api(&self) -> ProviderFailure {
        let status = self.status.as_u16();
        let words = if let Some(target) = self.redirect() {
            format!("status {status}: it redirects to {target}")
        } else if !self.whole {
            format!("status {status}: the answer is too long")
        } else if self.body.trim_ascii_start().starts_with(b"<") {
            format!("status {status}: an HTML page instead of JSON")
        } else {
            format!("status {status}: not the JSON that was expected")
        };
        ProviderFailure::new(Blame::Provider, ReasonCode::ProviderProtocol)
            .detail(self.cleared(&words))
            .status(status)
    }

    /// Makes a failure with the provider's own words.
    pub fn failure(&self, blame: Blame, code: ReasonCode, words: &str) -> ProviderFailure {
        ProviderFailure::new(blame, code)
            .detail(self.cleared(words))
            .status(self.status.as_u16())
    }

    /// Judges an answer of a server that is not itself. 503 is what products and the proxies before
    /// them say in maintenance (RFC 9110, 15.6.4).
    pub fn broken(&self, now: DateTime<Utc>) -> ProviderFailure {
        let words = format!("status {}", self.status.as_u16());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            return self.in_maintenance(&words, now);
        }
        self.failure(Blame::Provider, ReasonCode::ProviderError, &words)
            .not_before(self.retry_after(now))
    }

    /// Judges an answer that says that the product is in maintenance: not before the time that it
    /// names, or, where it names none, slowly. That it is over the next probe finds, or the next
    /// key.
    pub fn in_maintenance(&self, words: &str, now: DateTime<Utc>) -> ProviderFailure {
        let failure = self.failure(Blame::Provider, ReasonCode::ProviderError, words);
        match self.retry_after(now) {
            Some(named) => failure.not_before(Some(named)),
            None => failure.guess(now + MAINTENANCE),
        }
    }

    /// Judges an answer that asks us to slow down: until the time that it names, or, where it
    /// names none, for `pause` and longer if it goes on.
    pub fn throttled(&self, words: &str, now: DateTime<Utc>, pause: TimeDelta) -> ProviderFailure {
        let limited = self.failure(Blame::Provider, ReasonCode::ProviderRateLimited, words);
        match self.retry_after(now).or_else(|| self.limit_resets(now)) {
            Some(named) => limited.not_before(Some(named)),
            None => limited.guess(now + pause),
        }
    }

    /// Returns where a redirect leads, without the query, which is nobody's business.
    pub fn redirect(&self) -> Option<String> {
        if !self.status.is_redirection() {
            return None;
        }
        let target = self.headers.get(LOCATION)?.to_str().ok()?;
        Some(
            target
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .to_owned(),
        )
    }

    /// Returns the provider's time.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        http_date(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// Returns how long the provider asks to wait: seconds or an HTTP date (RFC 9110 10.2.3).
    pub fn retry_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let asked = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let until = match asked.parse::<u32>() {
            Ok(seconds) => now + TimeDelta::seconds(seconds.into()),
            Err(_) => http_date(asked)?,
        };
        Some(until.min(now + LONGEST_WAIT))
    }

    /// Returns when a used-up rate limit begins anew, be the answer a refusal or the last that
    /// was allowed. GitHub, and what is modelled on it: `X-RateLimit-Reset`, in seconds since
    /// 1970. GitLab: the same without the `X` (`lib/gitlab/rack_attack.rb`). Atlassian's Data
    /// Center products: `X-RateLimit-Interval-Seconds`, after which there is more.
    pub fn limit_resets(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let used_up = |name: &str| self.number(name) == Some(0);
        let resets = if used_up("x-ratelimit-remaining") {
            let interval = || {
                let seconds = self.number("x-ratelimit-interval-seconds")?;
                now.timestamp().checked_add(seconds)
            };
            self.number("x-ratelimit-reset").or_else(interval)?
        } else if used_up("ratelimit-remaining") {
            self.number("ratelimit-reset")?
        } else {
            return None;
        };
        // Numbers this small are no time since the first of these servers: seconds from now, as later
        // drafts have it, however many.
        let resets = match resets {
            0..EARLIEST => now.timestamp() + resets,
            resets => resets,
        };
        let until = DateTime::from_timestamp(resets, 0)?;
        Some(until.clamp(now, now + LONGEST_WAIT))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.header(name)?.trim().parse().ok()
    }

    /// Returns the next page (RFC 8288).
    pub fn next_link(&self) -> Option<Url> {
        let links = self.headers.get_all(LINK).into_iter();
        links
            .filter_map(|link| link.to_str().ok())
            .find_map(next_link)
    }

    /// Makes words fit to be kept: no secret that was sent, no control characters, not too long.
    pub fn cleared(&self, words: &str) -> String {
        cleared(words, &self.secrets)
    }
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(Into::into)
}

fn next_link(links: &str) -> Option<Url> {
    links.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim();
            parameter.eq_ignore_ascii_case("rel=\"next\"")
                || parameter.eq_ignore_ascii_case("rel=next")
        });
        next.then(|| Url::parse(target).ok()).flatten()
    })
}

fn cleared(words: &str, secrets: &[Secret]) -> String {
    let mut words: String = words
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !turns_text(*c))
        .collect();
    for secret in secrets.iter().map(Secret::expose_str) {
        if secret.is_empty() {
            continue;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret, &encoded] {
            words = words.replace(form, "[removed]");
        }
    }
    match words.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => words[..end].trim().to_owned(),
        None => words.trim().to_owned(),
    }
}

/// Says whether a character is unseen or turns the direction of what follows.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 9, 1, 12, 0, 0).unwrap()
    }

    fn with(headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::OK,
            headers: map,
            body: Zeroizing::new(Vec::new()),
            whole: true,
            secrets: vec![],
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_a_month() {
        let asked = |value: &str| with(&[("retry-after", value)]).retry_after(noon());
        assert_eq!(asked("90"), Some(noon() + TimeDelta::seconds(90)));
        assert_eq!(
            asked("Tue, 01 Sep 2026 12:05:00 GMT"),
            Some(noon() + TimeDelta::minutes(5))
        );
        assert_eq!(asked("999999999"), Some(noon() + TimeDelta::days(30)));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-1"), None);
        assert_eq!(with(&[]).retry_after(noon()), None);
    }

    #[test]
    fn a_limit_resets_only_when_it_is_used_up() {
        let reset = (noon() + TimeDelta::minutes(7)).timestamp().to_string();
        let left = |left: &str| {
            with(&[
                ("x-ratelimit-remaining", left),
                ("x-ratelimit-reset", &reset),
            ])
            .limit_resets(noon())
        };
        assert_eq!(left("0"), Some(noon() + TimeDelta::minutes(7)));
        assert_eq!(left("1"), None);
        let strange = with(&[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "99999999999999999"),
        ]);
        assert_eq!(strange.limit_resets(noon()), None);
    }

    #[test]
    fn a_limit_is_read_in_every_dialect() {
        let reset = (noon() + TimeDelta::minutes(7)).timestamp().to_string();
        let resets = |headers: &[(&'static str, &str)]| with(headers).limit_resets(noon());
        let gitlab = [
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", reset.as_str()),
        ];
        assert_eq!(resets(&gitlab), Some(noon() + TimeDelta::minutes(7)));
        for (seconds, wait) in [
            ("30", TimeDelta::seconds(30)),
            ("86400", TimeDelta::days(1)),
            ("86401", TimeDelta::seconds(86_401)),
            ("172800", TimeDelta::days(2)),
            // Nobody waits for longer than a month before they ask again.
            ("99999999", TimeDelta::days(30)),
        ] {
            let draft = [("ratelimit-remaining", "0"), ("ratelimit-reset", seconds)];
            assert_eq!(resets(&draft), Some(noon() + wait), "{seconds}");
        }
        // A clock of theirs that is behind ours, and one that is far ahead.
        let behind = (noon() - TimeDelta::minutes(1)).timestamp().to_string();
        let past = [("ratelimit-remaining", "0"), ("ratelimit-reset", &*behind)];
        assert_eq!(resets(&past), Some(noon()));
        let far = (noon() + TimeDelta::days(400)).timestamp().to_string();
        let future = [("ratelimit-remaining", "0"), ("ratelimit-reset", &*far)];
        assert_eq!(resets(&future), Some(noon() + TimeDelta::days(30)));
        let bitbucket = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-interval-seconds", "5"),
        ];
        assert_eq!(resets(&bitbucket), Some(noon() + TimeDelta::seconds(5)));
        assert_eq!(resets(&[("ratelimit-remaining", "0")]), None);
        assert_eq!(resets(&[("ratelimit-reset", "30")]), None);
    }

    #[test]
    fn a_limit_that_names_no_time_is_a_guess() {
        let pause = TimeDelta::minutes(1);
        let of = |headers: &[(&'static str, &str)]| with(headers).throttled("", noon(), pause);
        let told = of(&[("retry-after", "120")]);
        assert_eq!(told.not_before, Some(noon() + TimeDelta::seconds(120)));
        assert!(!told.guessed);
        let guessed = of(&[]);
        assert_eq!(guessed.not_before, Some(noon() + pause));
        assert!(guessed.guessed);
        // What is asked for comes before what is left.
        let both = [
            ("retry-after", "5"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "30"),
        ];
        assert_eq!(of(&both).not_before, Some(noon() + TimeDelta::seconds(5)));
    }

    #[test]
    fn the_next_page_is_the_link_that_says_next() {
        let links = r#"<https://api.github.com/user/keys?page=1>; rel="prev", <https://api.github.com/user/keys?per_page=100&page=3>; rel="next""#;
        assert_eq!(
            with(&[("link", links)]).next_link().unwrap().as_str(),
            "https://api.github.com/user/keys?per_page=100&page=3"
        );
        let last = r#"<https://api.github.com/user/keys?page=1>; rel="first""#;
        assert_eq!(with(&[("link", last)]).next_link(), None);
        assert_eq!(with(&[("link", "nonsense")]).next_link(), None);
    }

    #[test]
    fn kept_words_are_cleared_of_secrets_and_control_characters_and_cut() {
        let secret = Secret::from("gho_very+secret");
        let words = "bad token gho_very+secret\u{0}\r\nor gho_very%2Bsecret \u{202e}x";
        assert_eq!(
            cleared(words, std::slice::from_ref(&secret)),
            "bad token [removed]  or [removed] x"
        );
        let split = "gho_ve\u{0}ry+secret";
        assert_eq!(cleared(split, std::slice::from_ref(&secret)), "[removed]");
        let long = "é".repeat(1000);
        assert_eq!(cleared(&long, &[]).chars().count(), MOST_WORDS);
        let at_the_edge = format!("{}gho_very+secret", "x".repeat(395));
        assert!(!cleared(&at_the_edge, &[secret]).contains("gho"));
    }

    #[test]
    fn a_redirect_is_named_without_its_query() {
        let mut answer = with(&[("location", "https://elsewhere.example/path?token=x#y")]);
        assert_eq!(answer.redirect(), None);
        answer.status = StatusCode::FOUND;
        assert_eq!(
            answer.redirect().as_deref(),
            Some("https://elsewhere.example/path")
        );
    }
}
