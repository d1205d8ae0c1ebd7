//! A client of the REST API.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// How long a stream is followed, or a trail of any length read: lines between the events of a
/// stream show that the server is there.
const LONGEST_STREAM: Duration = Duration::from_hours(24);

/// Speaks to one server with one token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The body; null where there is none.
    pub body: Value,
    /// Where to look for what goes on in the background.
    pub location: Option<String>,
    /// The revision of what was asked for.
    pub etag: Option<String>,
    /// The index of the last event that the request made.
    pub index: Option<u64>,
}

/// A problem as the server tells it (RFC 9457).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Problem {
    /// A page of the server that explains it; its last part is the stable code.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The sentence.
    #[serde(default)]
    pub title: String,
    /// This occurrence.
    #[serde(default)]
    pub detail: Option<String>,
    /// Which fields are wrong.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no.
    #[error("{}", .problem.sentence())]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        problem: Box<Problem>,
    },
    /// No server, or none of ours.
    #[error("cannot reach a lanyard server at {url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
}

impl Problem {
    /// Returns the stable code.
    pub fn code(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    fn sentence(&self) -> String {
        let mut sentence = self.title.clone();
        if let Some(detail) = self.detail.as_ref().filter(|detail| **detail != self.title) {
            sentence = format!("{sentence}: {detail}");
        }
        for error in &self.errors {
            sentence = format!("{sentence}\n  {}: {}", error.field, error.detail);
        }
        sentence
    }
}

impl ClientError {
    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let problem = match self {
            Self::Unreachable { .. } => {
                return Some(
                    "start one with `lanyard serve`, or name another with --url".to_owned(),
                );
            }
            Self::Refused { status: 401, .. } => {
                return Some(
                    "give an API token with --token or LANYARD_TOKEN; \
                     the first is made with `lanyard token first`"
                        .to_owned(),
                );
            }
            Self::Refused { problem, .. } => problem,
        };
        match problem.code() {
            "account-linked-elsewhere" => Some(
                "whoever linked it unlinks it with `lanyard account unlink …`; an admin can too"
                    .to_owned(),
            ),
            "provider-accounts-linked" => Some(
                "unlink them all with `lanyard provider remove … --unlink`, or stop it with \
                     `lanyard provider disable …`"
                    .to_owned(),
            ),
            "key-rotation-under-way" => {
                Some("see with `lanyard sync` where the older key still is".to_owned())
            }
            _ => None,
        }
    }

    /// Returns the exit code: 1 refused, 3 unavailable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } | Self::Refused { status: 503, .. } => 3,
            Self::Refused { .. } => 1,
        }
    }
}

impl Client {
    /// Speaks to the server at `url`.
    pub fn new(url: Url, token: String) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("lanyard-cli/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            .no_proxy()
            .build()
            .map_err(|error| ClientError::Unreachable {
                url: url.to_string(),
                why: error.to_string(),
            })?;
        Ok(Self { http, url, token })
    }

    /// Reads.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, ClientError> {
        let mut url = self.at(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(self.http.request(Method::GET, url)).await
    }

    /// Reads text as it is, however long that takes.
    pub async fn text(
        &self,
        path: &str,
        query: &[(&str, String)],
        accept: &str,
    ) -> Result<reqwest::Response, ClientError> {
        let mut url = self.at(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(Method::GET, url).header("accept", accept);
        self.open(request.timeout(LONGEST_STREAM)).await
    }

    /// Asks for something new.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.send(self.http.request(Method::POST, self.at(path)).json(body))
            .await
    }

    /// Changes a thing, if it still is as it was seen.
    pub async fn patch(
        &self,
        path: &str,
        seen: Option<&str>,
        body: &Value,
    ) -> Result<Answer, ClientError> {
        let mut request = self.http.request(Method::PATCH, self.at(path)).json(body);
        if let Some(seen) = seen {
            request = request.header(IF_MATCH, seen);
        }
        self.send(request).await
    }

    /// Puts a thing in the place of another.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, ClientError> {
        self.send(self.http.request(Method::PUT, self.at(path)).json(body))
            .await
    }

    /// Reads events as they come, for as long as the server sends them.
    pub async fn follow(&self, path: &str) -> Result<reqwest::Response, ClientError> {
        self.stream(self.http.request(Method::GET, self.at(path)))
            .await
    }

    /// Asks for something new, and reads events on the way there.
    pub async fn follow_post(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<reqwest::Response, ClientError> {
        self.stream(self.http.request(Method::POST, self.at(path)).json(body))
            .await
    }

    async fn stream(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, ClientError> {
        let request = request
            .header("accept", "text/event-stream")
            .timeout(LONGEST_STREAM);
        self.open(request).await
    }

    /// Ends a thing, in the way that the query says.
    pub async fn delete_as(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Answer, ClientError> {
        let mut url = self.at(path);
        url.query_pairs_mut().extend_pairs(query);
        self.send(self.http.request(Method::DELETE, url)).await
    }

    /// Ends a thing.
    pub async fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(self.http.request(Method::DELETE, self.at(path)))
            .await
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut why = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            why = cause.to_string();
            source = cause.source();
        }
        ClientError::Unreachable {
            url: self.url.to_string(),
            why,
        }
    }

    async fn open(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, ClientError> {
        let request = if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        };
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() || response.status().is_redirection() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let told = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
        if !told {
            return Err(ClientError::Unreachable {
                url: self.url.to_string(),
                why: format!("what answers there ({status}) is not lanyard"),
            });
        }
        let problem = response
            .json()
            .await
            .map_err(|error| self.unreachable(&error))?;
        Err(ClientError::Refused {
            status,
            problem: Box::new(problem),
        })
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, ClientError> {
        let response = self.open(request).await?;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let location = header("location");
        let etag = header(ETAG.as_str());
        let index = header("lanyard-index").and_then(|index| index.parse().ok());
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Unreachable {
                url: self.url.to_string(),
                why: format!("the answer is not JSON: {error}"),
            })?
        };
        Ok(Answer {
            body,
            location,
            etag,
            index,
        })
    }
}
