//! The three steps: a request token, a person's word, an access token.

use std::sync::Arc;

use axum::Form;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use url::Url;
use url::form_urlencoded::Serializer;

use super::super::Hub;
use super::super::answer::{Fields, TICKET, consent_form, not_here, page, send_to};
use super::super::world::World;
use super::message::Message;
use super::problem::Problem;
use super::tokens::{ACCESS_LIFE, REQUEST_LIFE, RequestToken, SESSION_LIFE, Said};
use crate::html::escape;
use crate::server::AskedBy;

/// Answers as the endpoints for apps do: a form, labelled as text.
fn told(fields: &[(&str, String)]) -> Response {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    let kind = "text/plain;charset=UTF-8";
    ([(header::CONTENT_TYPE, kind)], form.finish()).into_response()
}

/// `POST /plugins/servlet/oauth/request-token`.
pub(in crate::bitbucket) async fn request_token(
    State(hub): State<Arc<Hub>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hub.options.oauth1 {
        return not_here();
    }
    let message = Message::read(&hub, &Method::POST, &uri, &headers, &body);
    match begin(&message, &mut hub.world(), hub.now()) {
        Ok(fields) => told(&fields),
        Err(problem) => problem.answer(&hub.base),
    }
}

type Told = Vec<(&'static str, String)>;

fn begin(message: &Message, world: &mut World, now: DateTime<Utc>) -> Result<Told, Problem> {
    let consumer = message.consumer(world)?;
    message.check(world, &consumer, now)?;
    let callback = match message.need(&["oauth_callback"])? {
        "oob" => None,
        text => match Url::parse(text) {
            Ok(url) if ["http", "https"].contains(&url.scheme()) => Some(url),
            _ => {
                let advice = "must be an absolute http or https URL, or oob";
                return Err(Problem::rejected("oauth_callback", advice));
            }
        },
    };
    let token = RequestToken {
        consumer: consumer.key,
        callback,
        said: Said::Nothing,
        expires_at: now + REQUEST_LIFE,
    };
    let value = world.dice.letters(32);
    world.request_tokens.insert(value.clone(), token);
    Ok(vec![
        ("oauth_token", value),
        ("oauth_token_secret", world.dice.letters(32)),
        ("oauth_callback_confirmed", "true".to_owned()),
    ])
}

/// Finds a request token that a person may still answer.
fn open(world: &World, value: &str, now: DateTime<Utc>) -> Result<RequestToken, Problem> {
    let token = world
        .request_tokens
        .get(value)
        .ok_or_else(|| Problem::new("token_rejected"))?;
    if now >= token.expires_at {
        return Err(Problem::new("token_expired"));
    }
    if token.said != Said::Nothing {
        return Err(Problem::new("token_used"));
    }
    Ok(token.clone())
}

/// `GET /plugins/servlet/oauth/authorize`: shows the question.
pub(in crate::bitbucket) async fn ask(
    State(hub): State<Arc<Hub>>,
    Query(asked): Query<Fields>,
) -> Response {
    let world = hub.world();
    let value = asked.get("oauth_token").map_or("", String::as_str);
    let token = match open(&world, value, hub.now()) {
        Ok(token) => token,
        Err(problem) => return problem.answer(&hub.base),
    };
    let app = world
        .consumers
        .get(&token.consumer)
        .map_or(&*token.consumer, |consumer| &consumer.name);
    let people: Vec<String> = world
        .people
        .values()
        .map(|person| person.name.clone())
        .collect();
    let asks = "access to read and write all that you may";
    page(
        StatusCode::OK,
        "Authorize",
        &consent_form(app, value, &people, asks),
    )
}

/// `POST /plugins/servlet/oauth/authorize`: takes the answer.
pub(in crate::bitbucket) async fn decide(
    State(hub): State<Arc<Hub>>,
    Form(form): Form<Fields>,
) -> Response {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut world = hub.world();
    let value = field(TICKET);
    let mut token = match open(&world, value, hub.now()) {
        Ok(token) => token,
        Err(problem) => return problem.answer(&hub.base),
    };
    let person = world.person(field("user")).filter(|person| person.active);
    let Some(person) = person.cloned() else {
        let body = "<h1>We couldn't log you in</h1>";
        return page(StatusCode::UNAUTHORIZED, "Log in", body);
    };
    let verifier = world.dice.letters(6);
    let (said, verifier) = if field("decision") == "approve" {
        let yes = Said::Yes {
            person: person.id,
            verifier: verifier.clone(),
        };
        (yes, verifier)
    } else {
        (Said::No { person: person.id }, "denied".to_owned())
    };
    token.said = said;
    let callback = token.callback.clone();
    world.request_tokens.insert(value.to_owned(), token);
    let mut answer = match callback {
        Some(mut url) => {
            url.query_pairs_mut()
                .append_pair("oauth_token", value)
                .append_pair("oauth_verifier", &verifier);
            send_to(url.as_str())
        }
        None => page(
            StatusCode::OK,
            "Authorized",
            &format!("<h1>Your code is <code>{}</code></h1>", escape(&verifier)),
        ),
    };
    answer.extensions_mut().insert(AskedBy(person.name));
    answer
}

/// `POST /plugins/servlet/oauth/access-token`: for a request token with its verifier, or for an
/// access token with its session handle.
pub(in crate::bitbucket) async fn access_token(
    State(hub): State<Arc<Hub>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hub.options.oauth1 {
        return not_here();
    }
    let message = Message::read(&hub, &Method::POST, &uri, &headers, &body);
    match exchange(&message, &mut hub.world(), hub.now()) {
        Ok((name, mut fields)) => {
            if !hub.options.session_handles {
                fields.truncate(2);
            }
            let mut answer = told(&fields);
            answer.extensions_mut().insert(AskedBy(name));
            answer
        }
        Err(problem) => problem.answer(&hub.base),
    }
}

fn exchange(
    message: &Message,
    world: &mut World,
    now: DateTime<Utc>,
) -> Result<(String, Told), Problem> {
    let value = message.need(&["oauth_token"])?.to_owned();
    let (consumer, person) = match world.request_tokens.get(&value) {
        Some(token) => (token.consumer.clone(), authorized(message, token, now)?),
        None => renewable(message, world, &value, now)?,
    };
    if message.get("oauth_consumer_key") != Some(&consumer) {
        return Err(Problem::new("token_rejected"));
    }
    let link = message.consumer(world)?;
    message.check(world, &link, now)?;
    // The old token dies, of either kind.
    world.request_tokens.remove(&value);
    world.access_tokens.remove(&value);
    let (token, handle) = world.issue_signed(&consumer, person, now);
    let name = world
        .people
        .get(&person)
        .map_or_else(String::new, |person| person.name.clone());
    let seconds = |life: chrono::TimeDelta| life.num_seconds().to_string();
    let fields = vec![
        ("oauth_token", token),
        ("oauth_token_secret", world.dice.letters(32)),
        ("oauth_expires_in", seconds(ACCESS_LIFE)),
        ("oauth_session_handle", handle),
        ("oauth_authorization_expires_in", seconds(SESSION_LIFE)),
    ];
    Ok((name, fields))
}

/// Checks a request token; returns who authorized it.
fn authorized(message: &Message, token: &RequestToken, now: DateTime<Utc>) -> Result<u64, Problem> {
    if now >= token.expires_at {
        return Err(Problem::new("token_expired"));
    }
    match &token.said {
        Said::Nothing => Err(Problem::new("permission_unknown")),
        Said::No { .. } => Err(Problem::new("permission_denied")),
        Said::Yes { person, verifier } => {
            if message.need(&["oauth_verifier"])? == verifier {
                Ok(*person)
            } else {
                Err(Problem::new("token_rejected"))
            }
        }
    }
}

/// Checks an access token that is to be renewed; returns whose it is.
fn renewable(
    message: &Message,
    world: &World,
    value: &str,
    now: DateTime<Utc>,
) -> Result<(String, u64), Problem> {
    let token = world
        .access_tokens
        .get(value)
        .ok_or_else(|| Problem::new("token_rejected"))?;
    let handle = message.need(&["oauth_session_handle"])?;
    let (known, ends_at) = &token.session;
    if handle != known {
        return Err(Problem::new("token_rejected"));
    }
    if now >= *ends_at {
        return Err(Problem::new("token_expired"));
    }
    Ok((token.consumer.clone(), token.person))
}
