//! Bodies and queries, as the handlers take them.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::input::Input;
use super::problem::Problem;

/// The longest body, in bytes.
pub const LONGEST_BODY: usize = 256 * 1024;

/// The fields of a JSON body.
#[derive(Debug)]
pub struct Fields(pub Input);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body).await?;
        if !body.is_empty() && !is_json(&parts.headers) {
            return Err(Problem::new("unsupported-media-type"));
        }
        Input::from_json(&body).map(Self)
    }
}

/// The parameters of a query, without those that the guard has answered to.
#[derive(Debug)]
pub struct Params(pub Input);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut input = Input::from_query(&parts.uri);
        let _answered: Result<Option<String>, _> = input.optional("wait");
        Ok(Self(input))
    }
}

/// Parts of the path, as texts.
#[derive(Debug)]
pub struct InPath<T>(pub T);

impl<T, S> FromRequestParts<S> for InPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(_) => Err(Problem::new("malformed-request").detail("the path is not UTF-8")),
        }
    }
}

/// Reads a whole body, if it is not too long.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LONGEST_BODY as u64) {
        return Err(Problem::new("body-too-large"));
    }
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| {
            Problem::new("malformed-request").detail("the body ended before it was complete")
        })?;
        if whole.len() + part.len() > LONGEST_BODY {
            return Err(Problem::new("body-too-large"));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
