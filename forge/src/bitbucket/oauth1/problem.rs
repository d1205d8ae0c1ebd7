//! What is wrong with a signed request, in the words of the OAuth problem reporting extension.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::message::encode;

/// A refusal: a word, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bitbucket) struct Problem {
    word: String,
    more: Vec<(&'static str, String)>,
}

/// Every word with its status, as `net.oauth` has them.
const WORDS: &[(&str, StatusCode)] = &[
    ("version_rejected", StatusCode::BAD_REQUEST),
    ("parameter_absent", StatusCode::BAD_REQUEST),
    ("parameter_rejected", StatusCode::BAD_REQUEST),
    ("timestamp_refused", StatusCode::BAD_REQUEST),
    ("signature_method_rejected", StatusCode::BAD_REQUEST),
    ("nonce_used", StatusCode::UNAUTHORIZED),
    ("token_used", StatusCode::UNAUTHORIZED),
    ("token_expired", StatusCode::UNAUTHORIZED),
    ("token_revoked", StatusCode::UNAUTHORIZED),
    ("token_rejected", StatusCode::UNAUTHORIZED),
    ("signature_invalid", StatusCode::UNAUTHORIZED),
    ("consumer_key_unknown", StatusCode::UNAUTHORIZED),
    ("consumer_key_rejected", StatusCode::UNAUTHORIZED),
    (
        "additional_authorization_required",
        StatusCode::UNAUTHORIZED,
    ),
    ("permission_unknown", StatusCode::UNAUTHORIZED),
    ("permission_denied", StatusCode::UNAUTHORIZED),
    ("user_refused", StatusCode::SERVICE_UNAVAILABLE),
    ("consumer_key_refused", StatusCode::SERVICE_UNAVAILABLE),
];

impl Problem {
    /// Makes a problem with one of the known words.
    pub(in crate::bitbucket) fn new(word: &str) -> Self {
        Self {
            word: word.to_owned(),
            more: Vec::new(),
        }
    }

    /// Makes a problem if there is such a word.
    pub(in crate::bitbucket) fn named(word: &str) -> Option<Self> {
        WORDS
            .iter()
            .any(|(known, _)| *known == word)
            .then(|| Self::new(word))
    }

    /// Says more about it.
    pub(in crate::bitbucket) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    /// A request without these parameters.
    pub(in crate::bitbucket) fn absent(names: &[&str]) -> Self {
        Self::new("parameter_absent").with("oauth_parameters_absent", &names.join("&"))
    }

    /// A parameter with a value that will not do.
    pub(in crate::bitbucket) fn rejected(name: &str, advice: &str) -> Self {
        Self::new("parameter_rejected")
            .with("oauth_parameters_rejected", name)
            .with("oauth_problem_advice", advice)
    }

    /// Returns the answer: a form body, and the same once more as a challenge.
    pub(in crate::bitbucket) fn answer(&self, base: &str) -> Response {
        let status = WORDS
            .iter()
            .find(|(known, _)| *known == self.word)
            .map_or(StatusCode::FORBIDDEN, |(_, status)| *status);
        let problem = [("oauth_problem", &self.word)];
        let fields: Vec<(&str, String)> = problem
            .into_iter()
            .chain(self.more.iter().map(|(name, value)| (*name, value)))
            .map(|(name, value)| (name, encode(value)))
            .collect();
        let challenge: Vec<String> = [("realm", encode(base))]
            .iter()
            .chain(&fields)
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers: [(HeaderName, String); 2] = [
            (
                header::WWW_AUTHENTICATE,
                format!("OAuth {}", challenge.join(", ")),
            ),
            (
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded;charset=UTF-8".to_owned(),
            ),
        ];
        (status, headers, body.join("&")).into_response()
    }
}
