//! The endpoints of Doorkeeper that give, describe and revoke tokens.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::Hub;
use super::answer::fields;
use super::gate::bearer;
use super::tokens::{ACCESS_LIFE, Order};
use super::world::World;
use crate::server::AskedBy;

/// Where tokens are given, below the root.
pub(super) const PATH: &str = "/oauth/token";
/// Where they are revoked.
pub(super) const REVOKE: &str = "/oauth/revoke";
/// Where they are described.
pub(super) const INFO: &str = "/oauth/token/info";

/// Returns Doorkeeper's words for an error code (`config/locales/en.yml`).
pub(super) fn description(code: &str) -> &'static str {
    match code {
        "invalid_request" => {
            "The request is missing a required parameter, includes an unsupported parameter value, \
             or is otherwise malformed."
        }
        "invalid_redirect_uri" => {
            "The redirect URI included is not valid. It must match one that is registered."
        }
        "access_denied" => "The resource owner or authorization server denied the request.",
        "invalid_scope" => "The requested scope is invalid, unknown, or malformed.",
        "invalid_code_challenge_method" => "The code challenge method must be plain or S256.",
        "unsupported_response_type" => {
            "The authorization server does not support this response type."
        }
        "invalid_client" => {
            "Client authentication failed due to unknown client, no client authentication \
             included, or unsupported authentication method."
        }
        "invalid_grant" => {
            "The provided authorization grant is invalid, expired, revoked, does not match the \
             redirection URI used in the authorization request, or was issued to another client."
        }
        "unsupported_grant_type" => {
            "The authorization grant type is not supported by the authorization server."
        }
        "invalid_token" => "The access token is invalid",
        _ => "Something is wrong.",
    }
}

/// Refuses as Doorkeeper does: 401 for the application, 400 for the rest, and its challenge.
pub(super) fn refused(code: &str, description: &str) -> Response {
    let status = match code {
        "invalid_client" | "invalid_token" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    let challenge = format!(
        "Bearer realm=\"Doorkeeper\", error=\"{code}\", error_description=\"{description}\""
    );
    let headers = [
        (header::WWW_AUTHENTICATE, challenge),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::PRAGMA, "no-cache".to_owned()),
    ];
    let body = json!({ "error": code, "error_description": description });
    (status, headers, Json(body)).into_response()
}

/// Why there is no token.
#[derive(Debug)]
enum Refusal {
    Code(&'static str),
    /// `invalid_request`, with the name of what is missing.
    Missing(&'static str),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Code(code) => refused(code, description(code)),
            Self::Missing(name) => {
                let words = format!("Missing required parameter: {name}.");
                refused("invalid_request", &words)
            }
        }
    }
}

/// The fields of a request, and the credentials of an application that came with it.
struct Asked {
    fields: Map<String, Value>,
    basic: Option<(String, String)>,
}

impl Asked {
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        Self {
            fields: fields(kind, body).unwrap_or_default(),
            basic: basic(headers),
        }
    }

    /// Returns a field; an empty one counts as none.
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.fields.get(name)?.as_str()?;
        (!value.is_empty()).then_some(value)
    }

    fn need(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::Missing(name))
    }

    /// Returns the id of the application, if its secret is right.
    fn app(&self, world: &World) -> Option<String> {
        let (id, secret) = match &self.basic {
            Some((id, secret)) => (id.as_str(), secret.as_str()),
            None => (self.get("client_id")?, self.get("client_secret")?),
        };
        let app = world.apps.get(id)?;
        (app.secret == secret).then(|| id.to_owned())
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, pair) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// `POST /oauth/token`.
pub(super) async fn exchange(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::read(&headers, &body);
    match give(&mut hub.world(), &asked, hub.now()) {
        Ok((login, body)) => {
            let no_store = [
                (header::CACHE_CONTROL, "no-store"),
                (header::PRAGMA, "no-cache"),
            ];
            let mut answer = (no_store, Json(body)).into_response();
            answer.extensions_mut().insert(AskedBy(login));
            answer
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn give(world: &mut World, asked: &Asked, now: DateTime<Utc>) -> Result<(String, Value), Refusal> {
    let order = match asked.need("grant_type")? {
        "authorization_code" => by_code(world, asked, now)?,
        "refresh_token" => by_refresh(world, asked)?,
        _ => return Err(Refusal::Code("unsupported_grant_type")),
    };
    let login = world
        .people
        .get(&order.person)
        .map_or_else(String::new, |who| who.login.clone());
    let scope = order.scopes.join(" ");
    let access = world.issue(order, now);
    let refresh = world.tokens.get(&access).map(|token| token.refresh.clone());
    let body = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFE.num_seconds(),
        "refresh_token": refresh,
        "scope": scope,
        "created_at": now.timestamp(),
    });
    Ok((login, body))
}

/// Checks in Doorkeeper's order: what is missing, the application, the code, the redirect URI,
/// the verifier. Only a code that passes is used up.
fn by_code(world: &mut World, asked: &Asked, now: DateTime<Utc>) -> Result<Order, Refusal> {
    const BAD: Refusal = Refusal::Code("invalid_grant");
    let redirect = asked.need("redirect_uri")?;
    let secret = asked.get("code").unwrap_or_default();
    let code = world.codes.get(secret).cloned();
    let verifier = asked.get("code_verifier");
    let challenge = code.as_ref().and_then(|code| code.challenge.as_ref());
    if challenge.is_some() && verifier.is_none() {
        return Err(Refusal::Missing("code_verifier"));
    }
    let app = asked.app(world).ok_or(Refusal::Code("invalid_client"))?;
    let code = code
        .filter(|code| code.client_id == app && now < code.expires_at)
        .ok_or(BAD)?;
    if code.redirect != redirect {
        return Err(BAD);
    }
    if let (Some(challenge), Some(verifier)) = (&code.challenge, verifier)
        && !challenge.is_met_by(verifier)
    {
        return Err(BAD);
    }
    world.codes.remove(secret);
    Ok(Order {
        person: code.person,
        client_id: code.client_id,
        scopes: code.scopes,
        redirect: code.redirect,
    })
}

/// Uses up a refresh token: it dies, and the access token beside it, at once. The redirect URI
/// must be the one of the authorize page again (GitLab's `doc/api/oauth2.md`).
fn by_refresh(world: &mut World, asked: &Asked) -> Result<Order, Refusal> {
    const BAD: Refusal = Refusal::Code("invalid_grant");
    let refresh = asked.need("refresh_token")?;
    let app = asked.app(world);
    let pair = world
        .pair_of(refresh)
        .filter(|pair| !pair.revoked)
        .ok_or(BAD)?;
    let app = app.ok_or(Refusal::Code("invalid_client"))?;
    if pair.client_id != app || asked.get("redirect_uri") != Some(&*pair.redirect) {
        return Err(BAD);
    }
    pair.revoked = true;
    Ok(Order {
        person: pair.person,
        client_id: pair.client_id.clone(),
        scopes: pair.scopes.clone(),
        redirect: pair.redirect.clone(),
    })
}

/// `POST /oauth/revoke`: the pair that either half belongs to dies; an unknown token is no error
/// (RFC 7009), a stranger's is.
///
/// A pair whose access token has run out stays as it is, and its refresh token good, although the
/// answer is the same: Doorkeeper revokes only what is still accessible (`tokens_controller.rb`).
pub(super) async fn revoke(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::read(&headers, &body);
    let now = hub.now();
    let mut world = hub.world();
    let app = asked.app(&world);
    let secret = asked.get("token").unwrap_or_default().to_owned();
    let known = world.tokens.contains_key(&secret);
    let pair = if known {
        world.tokens.get_mut(&secret)
    } else {
        world.pair_of(&secret)
    };
    let theirs = pair
        .as_ref()
        .is_none_or(|pair| Some(&pair.client_id) == app.as_ref());
    if app.is_none() || !theirs {
        let body = json!({
            "error": "unauthorized_client",
            "error_description": "You are not authorized to revoke this token",
        });
        return (StatusCode::FORBIDDEN, Json(body)).into_response();
    }
    let mut answer = Json(json!({})).into_response();
    if let Some(pair) = pair {
        pair.revoked |= pair.is_live(now);
        let person = pair.person;
        if let Some(person) = world.people.get(&person) {
            let login = person.login.clone();
            answer.extensions_mut().insert(AskedBy(login));
        }
    }
    answer
}

/// `GET /oauth/token/info`.
pub(super) async fn info(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Response {
    let now = hub.now();
    let world = hub.world();
    let token = bearer(&headers)
        .and_then(|secret| world.tokens.get(secret))
        .filter(|token| token.is_live(now));
    match token {
        None => refused("invalid_token", description("invalid_token")),
        Some(token) => Json(json!({
            "resource_owner_id": token.person,
            "scope": token.scopes,
            "expires_in": token.seconds_left(now),
            "application": { "uid": token.client_id },
            "created_at": token.created_at.timestamp(),
            // For those who knew it before Doorkeeper 5.
            "scopes": token.scopes,
            "expires_in_seconds": token.seconds_left(now),
        }))
        .into_response(),
    }
}
