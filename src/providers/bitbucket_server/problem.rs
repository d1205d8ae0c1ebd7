//! What OAuth 1.0a says when it refuses: `oauth_problem`, in the body and in a challenge (the OAuth
//! problem reporting extension, as Atlassian's provider has it).

use chrono::{DateTime, Utc};
use domain::{Blame, ReasonCode};
use url::form_urlencoded;

use crate::providers::http::Answer;
use crate::providers::{GrantVerdict, ProviderFailure};

/// What a refusal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// The word, `token_rejected` for one.
    pub(super) word: String,
    advice: Option<String>,
    absent: Option<String>,
    rejected: Option<String>,
    timestamps: Option<String>,
    base_string: Option<String>,
}

/// Where a refusal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The API: a token that it refuses may still be renewed.
    Api,
    /// The endpoints that give tokens: what they refuse is lost.
    Token,
}

impl Problem {
    /// Reads a refusal; nothing if it is none of OAuth 1.0a.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        let mut problem = Self::default();
        if let Some(challenge) = answer.header("www-authenticate") {
            for (name, value) in challenged(challenge) {
                problem.take(&name, value);
            }
        }
        if problem.word.is_empty() && !answer.status.is_success() {
            for (name, value) in form_urlencoded::parse(answer.body()) {
                problem.take(&name, value.into_owned());
            }
        }
        (!problem.word.is_empty()).then_some(problem)
    }

    fn take(&mut self, name: &str, value: String) {
        match name {
            "oauth_problem" => self.word = value,
            "oauth_problem_advice" => self.advice = Some(value),
            "oauth_parameters_absent" => self.absent = Some(value),
            "oauth_parameters_rejected" => self.rejected = Some(value),
            "oauth_acceptable_timestamps" => self.timestamps = Some(value),
            "oauth_signature_base_string" => self.base_string = Some(value),
            _ => {}
        }
    }

    /// Returns the address that Bitbucket believes it was called at, if it says so and it is
    /// another one than `ours`: a reverse proxy stands between that changes it. The rest of the
    /// base string holds tokens and is not looked at.
    pub(super) fn seen_elsewhere(&self, ours: &str) -> Option<String> {
        let encoded = self.base_string.as_deref()?.split('&').nth(1)?;
        let (seen, _) = form_urlencoded::parse(encoded.as_bytes()).next()?;
        let other = seen != without_query(ours) && seen.starts_with("http");
        other.then(|| seen.into_owned())
    }

    /// Judges the refusal of a call to `url` that was signed at `now`.
    pub(super) fn judge(
        &self,
        answer: &Answer,
        step: Step,
        url: &str,
        now: DateTime<Utc>,
    ) -> ProviderFailure {
        use ReasonCode as R;
        let gone = match step {
            Step::Api => GrantVerdict::Expired,
            Step::Token => GrantVerdict::Lost,
        };
        let plain = GrantVerdict::Unknown;
        let (blame, code, grant) = match self.word.as_str() {
            // The session handle may still get another token, whatever this one may not do.
            "token_rejected" | "token_revoked" | "token_used" | "permission_denied" => {
                (Blame::Grant, R::GrantRevoked, gone)
            }
            "token_expired" => (Blame::Grant, R::GrantExpired, gone),
            "user_refused" => (Blame::Grant, R::GrantRevoked, GrantVerdict::Lost),
            // The person has not answered: a browser came back that was not sent.
            "permission_unknown" => (Blame::Grant, R::GrantExpired, GrantVerdict::Lost),
            "additional_authorization_required" => (Blame::Grant, R::ScopeMissing, plain),
            "consumer_key_unknown"
            | "consumer_key_rejected"
            | "consumer_key_refused"
            | "signature_invalid"
            | "signature_method_rejected" => (Blame::App, R::AppCredentialsInvalid, plain),
            "parameter_rejected" if self.rejected.as_deref() == Some("oauth_callback") => {
                (Blame::App, R::RedirectUriMismatch, plain)
            }
            // Whose clock is wrong, nobody can tell from here; who runs both can.
            "timestamp_refused" => (Blame::App, R::ClockSkew, plain),
            "parameter_absent" | "parameter_rejected" | "version_rejected" => {
                (Blame::Us, R::ProviderProtocol, plain)
            }
            // Something between sent the call twice; the next one has a nonce of its own.
            "nonce_used" => (Blame::Provider, R::ProviderError, plain),
            _ => (Blame::Provider, R::ProviderProtocol, plain),
        };
        let words = self.words(answer, url, now);
        answer.failure(blame, code, &words).grant(grant)
    }

    /// Says it in words, for a person who is to mend it.
    fn words(&self, answer: &Answer, url: &str, now: DateTime<Utc>) -> String {
        match self.word.as_str() {
            "signature_invalid" => match self.seen_elsewhere(url) {
                Some(seen) => format!(
                    "signature_invalid: Bitbucket was called at {} and believes that it was \
                     {seen}; a reverse proxy changes the address",
                    without_query(url)
                ),
                None => {
                    "signature_invalid: the public key on the application link is another one, \
                         or a reverse proxy changes the address"
                        .to_owned()
                }
            },
            "consumer_key_unknown" => {
                "consumer_key_unknown: no application link has this consumer key".to_owned()
            }
            "timestamp_refused" => self.clocks(answer, now),
            word => {
                let more = [&self.advice, &self.absent, &self.rejected];
                let more: Vec<&str> = more.into_iter().filter_map(Option::as_deref).collect();
                if more.is_empty() {
                    word.to_owned()
                } else {
                    format!("{word}: {}", more.join("; "))
                }
            }
        }
    }

    /// Names both times.
    fn clocks(&self, answer: &Answer, now: DateTime<Utc>) -> String {
        let ours = stamp(now);
        match self.server_time().or_else(|| answer.date()) {
            Some(theirs) => format!(
                "timestamp_refused: this server's clock says {ours}, Bitbucket's says {}",
                stamp(theirs)
            ),
            None => format!("timestamp_refused: this server's clock says {ours}"),
        }
    }

    /// Works Bitbucket's time out from the times that it would take, `1788263700-1788264300`.
    pub(super) fn server_time(&self) -> Option<DateTime<Utc>> {
        let (oldest, newest) = self.timestamps.as_deref()?.split_once('-')?;
        let (oldest, newest): (i64, i64) = (oldest.parse().ok()?, newest.parse().ok()?);
        DateTime::from_timestamp(oldest.checked_add(newest)? / 2, 0)
    }
}

/// The query is signed apart from the address.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Reads `OAuth realm="…", oauth_problem="…"`; nothing of another scheme.
fn challenged(challenge: &str) -> Vec<(String, String)> {
    let Some((scheme, rest)) = challenge.split_once(' ') else {
        return Vec::new();
    };
    if !scheme.eq_ignore_ascii_case("oauth") {
        return Vec::new();
    }
    rest.split(',')
        .filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.trim_matches('"');
            let decoded = percent_decoded(value)?;
            Some((name.to_owned(), decoded))
        })
        .collect()
}

/// Undoes percent-encoding, where a plus is a plus.
fn percent_decoded(text: &str) -> Option<String> {
    let pair = format!("x={}", text.replace('+', "%2B"));
    let (_, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_whatever_stands_in_its_values() {
        let pairs = challenged(
            "OAuth realm=\"https%3A%2F%2Fgit.corp%2Fbitbucket\", oauth_problem=\"parameter_rejected\", \
             oauth_problem_advice=\"say%20%22a%2Cb%22+c\"",
        );
        assert_eq!(pairs[0].1, "https://git.corp/bitbucket");
        assert_eq!(pairs[1].1, "parameter_rejected");
        assert_eq!(pairs[2].1, "say \"a,b\"+c");
        assert!(challenged("Basic realm=\"x\"").is_empty());
        assert!(challenged("OAuth").is_empty());
    }

    #[test]
    fn the_servers_time_lies_in_the_middle() {
        let with = |timestamps: &str| Problem {
            timestamps: Some(timestamps.to_owned()),
            ..Problem::default()
        };
        let time = with("1788263700-1788264300").server_time().unwrap();
        assert_eq!(stamp(time), "2026-09-01 12:00:00 UTC");
        for odd in [
            "",
            "-",
            "1-",
            "x-y",
            "9223372036854775807-9223372036854775807",
        ] {
            assert_eq!(with(odd).server_time(), None, "{odd}");
        }
    }

    #[test]
    fn only_the_address_is_taken_from_a_base_string() {
        let problem = Problem {
            base_string: Some(
                "POST&http%3A%2F%2Finside%3A7990%2Fx&oauth_token%3Dsecret".to_owned(),
            ),
            ..Problem::default()
        };
        let seen = problem.seen_elsewhere("https://git.corp/x");
        assert_eq!(seen.as_deref(), Some("http://inside:7990/x"));
        assert_eq!(problem.seen_elsewhere("http://inside:7990/x?start=0"), None);
        assert_eq!(Problem::default().seen_elsewhere("http://x/"), None);
    }
}
