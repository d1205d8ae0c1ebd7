//! Reading what one wrote, and writing what one read: `?wait`, `Lanyard-Index`, `ETag`, `If-Match`.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponseParts, ResponseParts};
use url::form_urlencoded;

use super::problem::Problem;
use crate::app::App;

/// The header with the index of the last event that a write made.
pub const INDEX: HeaderName = HeaderName::from_static("lanyard-index");

/// How long a read waits for the read models at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits until the read models have the event that `?wait=<index>` names; `?wait` alone names the
/// last event there is.
pub(super) async fn wait(app: &App, uri: &Uri) -> Result<(), Problem> {
    match uri.query() {
        // Boxed: all that waiting needs would be part of the future of each request.
        Some(query) if query.contains("wait") => Box::pin(wait_as_asked(app, query)).await,
        Some(_) | None => Ok(()),
    }
}

async fn wait_as_asked(app: &App, query: &str) -> Result<(), Problem> {
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "wait");
    let Some((_, value)) = asked else {
        return Ok(());
    };
    let index = if value.is_empty() {
        app.log.size().await?.checked_sub(1)
    } else {
        let index = value.parse::<u64>();
        Some(index.map_err(|_| Problem::field("wait", "must be the index of an event"))?)
    };
    match index {
        Some(index) if !app.applied.wait_for(index, PATIENCE).await => {
            Err(Problem::new("not-yet-applied").retry_after(1))
        }
        Some(_) | None => Ok(()),
    }
}

/// The index of the last event that a write made, if it made one: for `?wait`.
#[derive(Debug, Clone, Copy)]
pub struct Index(pub Option<u64>);

impl IntoResponseParts for Index {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Some(index) = self.0 {
            parts.headers_mut().insert(INDEX, HeaderValue::from(index));
        }
        Ok(parts)
    }
}

/// The revision of what is answered.
#[derive(Debug, Clone, Copy)]
pub struct Revision(pub u64);

impl IntoResponseParts for Revision {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            parts.headers_mut().insert(header::ETAG, tag);
        }
        Ok(parts)
    }
}

/// The revision that the caller saw, if they say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(sent) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let sent = sent.to_str().unwrap_or_default().trim();
        if sent == "*" {
            return Ok(Self(None));
        }
        sent.strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|revision| revision.parse().ok())
            .map(|revision| Self(Some(revision)))
            // Whatever it is, it is no tag of ours, and so does not match.
            .ok_or_else(|| Problem::new("revision-changed").detail("If-Match is no ETag of ours"))
    }
}
