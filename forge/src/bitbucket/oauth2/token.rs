//! The endpoint that gives tokens for codes and for refresh tokens.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use super::super::Hub;
use super::super::answer::{Fields, not_here};
use super::super::links::Incoming;
use super::super::world::World;
use super::{ACCESS_LIFE, Challenge, Pair, REFRESH_LIFE, refused};
use crate::server::AskedBy;

/// Why there is no token: error and description.
type Refusal = (&'static str, &'static str);

/// `POST /rest/oauth2/latest/token`.
pub(in crate::bitbucket) async fn give(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hub.options.oauth2 {
        return not_here();
    }
    let form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return refused("invalid_request", "The body must be a form.");
    }
    let fields: Fields = form_urlencoded::parse(&body).into_owned().collect();
    let now = hub.now();
    let rotates = hub.options.rotates_refresh;
    match exchange(&mut hub.world(), &fields, rotates, now) {
        Ok((name, body)) => {
            let mut answer = ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
            answer.extensions_mut().insert(AskedBy(name));
            answer
        }
        Err((error, description)) => refused(error, description),
    }
}

fn exchange(
    world: &mut World,
    fields: &Fields,
    rotates: bool,
    now: DateTime<Utc>,
) -> Result<(String, Value), Refusal> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let app = world
        .incoming
        .get(field("client_id"))
        .filter(|app| app.secret == field("client_secret"))
        .cloned()
        .ok_or(("invalid_client", "Invalid client credentials"))?;
    // The redirect URL is needed for a refresh as well.
    if Url::parse(field("redirect_uri")).ok().as_ref() != Some(&app.redirect) {
        return Err(("invalid_request", "Invalid redirect_uri"));
    }
    let pair = match field("grant_type") {
        "authorization_code" => by_code(world, &app, fields, now)?,
        "refresh_token" => by_refresh(world, &app, field("refresh_token"), rotates, now)?,
        _ => return Err(("unsupported_grant_type", "Unsupported grant type")),
    };
    let name = world
        .people
        .get(&pair.person)
        .filter(|person| person.active)
        .map(|person| person.name.clone())
        .ok_or(("invalid_grant", "Invalid user"))?;
    let body = json!({
        "access_token": pair.access,
        "refresh_token": pair.refresh,
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE.num_seconds(),
        "created_at": now.timestamp(),
        "scope": pair.scopes.join(" "),
    });
    world.pairs.push(pair);
    Ok((name, body))
}

fn by_code(
    world: &mut World,
    app: &Incoming,
    fields: &Fields,
    now: DateTime<Utc>,
) -> Result<Pair, Refusal> {
    let value = fields.get("code").map_or("", String::as_str);
    let code = world
        .codes
        .get(value)
        .filter(|code| code.client_id == app.client_id && now < code.expires_at)
        .filter(|code| code.redirect == app.redirect)
        .cloned()
        .ok_or(("invalid_grant", "Invalid authorization code"))?;
    // From here on the code is used up, whatever follows.
    world.codes.remove(value);
    let verifier = fields.get("code_verifier").map(String::as_str);
    let proven = match (&code.challenge, verifier) {
        (None, None) => true,
        (Some(Challenge::Plain(challenge)), Some(verifier)) => challenge == verifier,
        (Some(Challenge::S256(challenge)), Some(verifier)) => {
            *challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
        }
        (None, Some(_)) | (Some(_), None) => false,
    };
    if !proven {
        return Err(("invalid_grant", "Invalid code verifier"));
    }
    Ok(world.pair(code.person, &app.client_id, code.scopes, now))
}

fn by_refresh(
    world: &mut World,
    app: &Incoming,
    refresh: &str,
    rotates: bool,
    now: DateTime<Utc>,
) -> Result<Pair, Refusal> {
    let place = world
        .pairs
        .iter()
        .position(|pair| {
            pair.refresh == refresh && pair.client_id == app.client_id && now < pair.refresh_ends
        })
        .ok_or(("invalid_grant", "Invalid refresh token"))?;
    let old = world.pairs.remove(place);
    let mut new = world.pair(old.person, &app.client_id, old.scopes, now);
    if !rotates {
        new.refresh = old.refresh;
        new.refresh_ends = old.refresh_ends;
    }
    Ok(new)
}

impl World {
    fn pair(
        &mut self,
        person: u64,
        client_id: &str,
        scopes: Vec<String>,
        now: DateTime<Utc>,
    ) -> Pair {
        Pair {
            person,
            client_id: client_id.to_owned(),
            scopes,
            access: self.dice.hex(64),
            access_ends: now + ACCESS_LIFE,
            refresh: self.dice.hex(64),
            refresh_ends: now + REFRESH_LIFE,
        }
    }
}
