//! The endpoint that gives tokens for codes and for refresh tokens.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use super::Hub;
use super::apps::Registration;
use super::tokens::{ACCESS_LIFE, Order, REFRESH_LIFE};
use super::world::World;
use crate::server::AskedBy;

/// Where the endpoint is.
pub(super) const PATH: &str = "/login/oauth/access_token";

const TROUBLESHOOTING: &str = "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/\
    troubleshooting-oauth-app-access-token-request-errors";

/// Why there is no token. GitHub says so with status 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    IncorrectClientCredentials,
    RedirectUriMismatch,
    BadVerificationCode,
    UnverifiedUserEmail,
    BadRefreshToken,
    UnsupportedGrantType,
}

impl Refusal {
    fn code(self) -> &'static str {
        match self {
            Self::IncorrectClientCredentials => "incorrect_client_credentials",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::BadVerificationCode => "bad_verification_code",
            Self::UnverifiedUserEmail => "unverified_user_email",
            Self::BadRefreshToken => "bad_refresh_token",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::IncorrectClientCredentials => {
                "The client_id and/or client_secret passed are incorrect."
            }
            Self::RedirectUriMismatch => {
                "The redirect_uri MUST match the registered callback URL for this application."
            }
            Self::BadVerificationCode => "The code passed is incorrect or expired.",
            Self::UnverifiedUserEmail => "The user must have a verified primary email.",
            Self::BadRefreshToken => "The refresh token passed is incorrect or expired.",
            Self::UnsupportedGrantType => "The grant type is not supported.",
        }
    }

    fn fields(self) -> Vec<(&'static str, Value)> {
        let section = self.code().replace('_', "-");
        vec![
            ("error", self.code().into()),
            ("error_description", self.description().into()),
            ("error_uri", format!("{TROUBLESHOOTING}/#{section}").into()),
        ]
    }
}

/// Gives a token, or says with status 200 why not.
pub(super) async fn exchange(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = fields(&headers, &body);
    let now = hub.now();
    let given = give(&mut hub.world(), &asked, now);
    let json = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .any(|accept| accept.contains("application/json"));
    match given {
        Ok((login, fields)) => {
            let mut answer = render(fields, json);
            answer.extensions_mut().insert(AskedBy(login));
            answer
        }
        Err(refusal) => render(refusal.fields(), json),
    }
}

/// Reads a form or a JSON object; anything else has no fields.
fn fields(headers: &HeaderMap, body: &[u8]) -> HashMap<String, String> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("");
    if kind.starts_with("application/json") {
        serde_json::from_slice(body).unwrap_or_default()
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        parse(body).into_owned().collect()
    } else {
        HashMap::new()
    }
}

fn render(fields: Vec<(&'static str, Value)>, json: bool) -> Response {
    if json {
        let object: serde_json::Map<_, _> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        return Json(object).into_response();
    }
    let mut form = Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::String(text) => form.append_pair(name, &text),
            other => form.append_pair(name, &other.to_string()),
        };
    }
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], form.finish()).into_response()
}

type Given = (String, Vec<(&'static str, Value)>);

fn give(
    world: &mut World,
    asked: &HashMap<String, String>,
    now: DateTime<Utc>,
) -> Result<Given, Refusal> {
    let field = |name: &str| asked.get(name).map_or("", String::as_str);
    let app = world
        .apps
        .get(field("client_id"))
        .filter(|app| app.knows_secret(field("client_secret")))
        .cloned()
        .ok_or(Refusal::IncorrectClientCredentials)?;
    let order = match field("grant_type") {
        "" | "authorization_code" => by_code(world, &app, asked, now)?,
        "refresh_token" => {
            let old = world
                .use_refresh(field("refresh_token"), &app.client_id, now)
                .ok_or(Refusal::BadRefreshToken)?;
            // The person may have taken some of them back since.
            let at_most = world
                .people
                .get(&old.person)
                .and_then(|person| person.grants_at_most.as_ref());
            let scopes =
                at_most.map_or_else(|| old.scopes.clone(), |at_most| old.scopes.within(at_most));
            Order {
                person: old.person,
                client_id: old.client_id,
                scopes,
                life: app.life,
            }
        }
        _ => return Err(Refusal::UnsupportedGrantType),
    };
    let login = world
        .people
        .get(&order.person)
        .map_or_else(String::new, |who| who.login.clone());
    let scope = order.scopes.joined(",");
    let access = world.issue(order, now);
    let mut fields = vec![("access_token", Value::from(access.clone()))];
    if let Some(refresh) = world
        .tokens
        .get(&access)
        .and_then(|token| token.refresh.as_ref())
    {
        fields.push(("expires_in", ACCESS_LIFE.num_seconds().into()));
        fields.push(("refresh_token", refresh.secret.clone().into()));
        fields.push((
            "refresh_token_expires_in",
            REFRESH_LIFE.num_seconds().into(),
        ));
    }
    fields.push(("scope", scope.into()));
    fields.push(("token_type", "bearer".into()));
    Ok((login, fields))
}

fn by_code(
    world: &mut World,
    app: &Registration,
    asked: &HashMap<String, String>,
    now: DateTime<Utc>,
) -> Result<Order, Refusal> {
    let secret = asked.get("code").map_or("", String::as_str);
    let code = world
        .codes
        .get(secret)
        .filter(|code| code.client_id == app.client_id && now < code.expires_at)
        .cloned()
        .ok_or(Refusal::BadVerificationCode)?;
    if let Some(redirect) = asked.get("redirect_uri") {
        let redirect = Url::parse(redirect).map_err(|_| Refusal::RedirectUriMismatch)?;
        let same = code
            .redirect
            .as_ref()
            .is_none_or(|authorized| *authorized == redirect);
        if !same || !app.admits(&redirect) {
            return Err(Refusal::RedirectUriMismatch);
        }
    }
    // From here on the code is used up, whatever follows.
    world.codes.remove(secret);
    if let Some(challenge) = &code.challenge {
        let verifier = asked.get("code_verifier").map_or("", String::as_str);
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != *challenge {
            return Err(Refusal::BadVerificationCode);
        }
    }
    let person = world
        .people
        .get(&code.person)
        .ok_or(Refusal::BadVerificationCode)?;
    if !person.email_verified {
        return Err(Refusal::UnverifiedUserEmail);
    }
    Ok(Order {
        person: person.id,
        client_id: code.client_id,
        scopes: code.scopes,
        life: app.life,
    })
}
