//! The endpoint that gives tokens for codes and for refresh tokens, and the one that tells an
//! application what a token is. The order of the checks and the words are those of
//! `routers/web/auth/oauth2_provider.go`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use url::form_urlencoded::parse;

use super::answer::no_page;
use super::apps::Registration;
use super::authorize::Challenge;
use super::world::{ACCESS_LIFE, World};
use super::{GiteaFlavour, GiteaRefresh, Hub};
use crate::server::AskedBy;

/// Where tokens are given.
pub(super) const PATH: &str = "/login/oauth/access_token";
/// Where an application asks what a token is (RFC 7662).
pub(super) const INTROSPECT: &str = "/login/oauth/introspect";

const INVALID_REQUEST: &str = "invalid_request";
const INVALID_CLIENT: &str = "invalid_client";
const INVALID_GRANT: &str = "invalid_grant";
const UNAUTHORIZED_CLIENT: &str = "unauthorized_client";

/// Why there is no token. Gitea says so with status 400, whatever it is.
struct Refusal {
    error: &'static str,
    description: String,
}

impl Refusal {
    fn new(error: &'static str, description: &str) -> Self {
        Self {
            error,
            description: description.to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

type Fields = HashMap<String, String>;

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// Gives a token, or says why not.
pub(super) async fn exchange(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hub.options.oauth {
        return no_page().await;
    }
    match give(&hub, &headers, &body) {
        Ok((login, answer)) => (axum::Extension(AskedBy(login)), answer).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Reads a form or a JSON object; anything else has no fields.
fn fields(headers: &HeaderMap, body: &[u8]) -> Fields {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("");
    if kind.starts_with("application/json") {
        serde_json::from_slice(body).unwrap_or_default()
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        parse(body).into_owned().collect()
    } else {
        Fields::new()
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = header.split_once(' ')?;
    let pair = STANDARD.decode(value.trim()).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let basic = scheme.eq_ignore_ascii_case("basic");
    basic.then(|| (id.to_owned(), secret.to_owned()))
}

fn give(hub: &Hub, headers: &HeaderMap, body: &[u8]) -> Result<(String, Response), Refusal> {
    let mut asked = fields(headers, body);
    let incomplete = ["client_id", "client_secret"].map(|name| field(&asked, name).is_empty());
    if incomplete.contains(&true) && headers.contains_key(header::AUTHORIZATION) {
        let Some((id, secret)) = basic(headers) else {
            return Err(Refusal::new(
                INVALID_REQUEST,
                "cannot parse basic auth header",
            ));
        };
        for (name, value) in [("client_id", id), ("client_secret", secret)] {
            let sent = field(&asked, name);
            if !sent.is_empty() && sent != value {
                let why = format!("{name} in request body inconsistent with Authorization header");
                return Err(Refusal::new(INVALID_REQUEST, &why));
            }
            asked.insert(name.to_owned(), value);
        }
    }
    let now = hub.now();
    let mut world = hub.world();
    let grant = match field(&asked, "grant_type") {
        "refresh_token" => by_refresh(hub, &world, &asked, now)?,
        "authorization_code" => by_code(hub, &mut world, &asked, now)?,
        _ => {
            let why = "Only refresh_token or authorization_code grant type is supported";
            return Err(Refusal::new("unsupported_grant_type", why));
        }
    };
    let mut counter = 0;
    if let Some(grant) = world.grants.get_mut(&grant) {
        if hub.options.refresh == GiteaRefresh::Rotating {
            grant.counter += 1;
        }
        counter = grant.counter;
    }
    let (access, refresh) = world.issue(grant, counter, now);
    let login = world
        .grants
        .get(&grant)
        .and_then(|grant| world.people.get(&grant.person))
        .map_or_else(String::new, |person| person.login.clone());
    let body = json!({
        "access_token": access,
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE.num_seconds(),
        "refresh_token": refresh,
    });
    Ok((login, Json(body).into_response()))
}

/// Finds the application. A wrong secret has another name for a code than for a refresh token.
fn app<'a>(
    world: &'a World,
    asked: &Fields,
    wrong_secret: &'static str,
) -> Result<&'a Registration, Refusal> {
    let id = field(asked, "client_id");
    let app = world.apps.get(id).ok_or_else(|| {
        let why = format!("cannot load client with client id: \"{id}\"");
        Refusal::new(INVALID_CLIENT, &why)
    })?;
    let secret = field(asked, "client_secret");
    if app.confidential && app.secret != secret {
        let why = if secret.is_empty() {
            "invalid empty client secret"
        } else {
            "invalid client secret"
        };
        return Err(Refusal::new(wrong_secret, why));
    }
    Ok(app)
}

fn by_refresh(
    hub: &Hub,
    world: &World,
    asked: &Fields,
    now: DateTime<Utc>,
) -> Result<u64, Refusal> {
    let app = app(world, asked, INVALID_CLIENT)?;
    let ticket = world
        .read_refresh(field(asked, "refresh_token"), now)
        .ok_or_else(|| Refusal::new(UNAUTHORIZED_CLIENT, "unable to parse refresh token"))?;
    let grant = world
        .grants
        .get(&ticket.grant)
        .ok_or_else(|| Refusal::new(INVALID_GRANT, "grant does not exist"))?;
    if hub.options.flavour == GiteaFlavour::Gitea && grant.client_id != app.client_id {
        let why = "refresh token belongs to a different client";
        return Err(Refusal::new(INVALID_GRANT, why));
    }
    if hub.options.refresh == GiteaRefresh::Rotating && grant.counter != ticket.counter {
        return Err(Refusal::new(UNAUTHORIZED_CLIENT, "token was already used"));
    }
    Ok(ticket.grant)
}

fn by_code(
    hub: &Hub,
    world: &mut World,
    asked: &Fields,
    now: DateTime<Utc>,
) -> Result<u64, Refusal> {
    let app = app(world, asked, UNAUTHORIZED_CLIENT)?.clone();
    let redirect = field(asked, "redirect_uri");
    if !redirect.is_empty() && !app.admits(redirect) {
        return Err(Refusal::new(UNAUTHORIZED_CLIENT, "unexpected redirect URI"));
    }
    let secret = field(asked, "code");
    let code = world
        .codes
        .get(secret)
        .filter(|code| world.grants.contains_key(&code.grant))
        .cloned()
        .ok_or_else(|| Refusal::new(UNAUTHORIZED_CLIENT, "client is not authorized"))?;
    let newest = hub.options.flavour == GiteaFlavour::Gitea;
    if newest && now >= code.expires_at {
        world.codes.remove(secret);
        return Err(Refusal::new(INVALID_GRANT, "authorization code expired"));
    }
    let verifier = field(asked, "code_verifier");
    let proven = match &code.challenge {
        None => true,
        Some(Challenge::Plain(challenge)) => verifier == challenge,
        Some(Challenge::S256(challenge)) => {
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge
        }
    };
    if !proven {
        return Err(Refusal::new(
            UNAUTHORIZED_CLIENT,
            "failed PKCE code challenge",
        ));
    }
    if newest && redirect != code.redirect {
        let why = "redirect_uri differs from the original authorization request";
        return Err(Refusal::new(INVALID_GRANT, why));
    }
    if code.client_id != app.client_id {
        return Err(Refusal::new(INVALID_GRANT, "invalid grant"));
    }
    world.codes.remove(secret);
    Ok(code.grant)
}

/// Tells an application what a token is.
pub(super) async fn introspect(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hub.options.oauth {
        return no_page().await;
    }
    let world = hub.world();
    let known = basic(&headers)
        .is_some_and(|(id, secret)| world.apps.get(&id).is_some_and(|app| app.secret == secret));
    if !known {
        let asks = [(header::WWW_AUTHENTICATE, "Basic realm=\"Gitea OAuth2\"")];
        return (StatusCode::UNAUTHORIZED, asks, "no valid authorization").into_response();
    }
    let asked = fields(&headers, &body);
    let Some(grant) = world.grant_behind(field(&asked, "token"), hub.now()) else {
        return Json(json!({ "active": false })).into_response();
    };
    let login = world.people.get(&grant.person).map(|person| &person.login);
    let mut body = json!({
        "active": true,
        "username": login,
        "iss": hub.base,
        "sub": grant.person.to_string(),
        "aud": [grant.client_id],
    });
    if !grant.scopes.text().is_empty() {
        body["scope"] = grant.scopes.text().into();
    }
    Json(body).into_response()
}
