//! The page on which a person lets an app in.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use url::Url;

use super::super::Hub;
use super::super::answer::{Fields, TICKET, consent_form, not_here, page, send_to};
use super::{CODE_LIFE, Challenge, Code, Consent, SCOPES};
use crate::server::AskedBy;

/// `GET /rest/oauth2/latest/authorize`: shows the question.
pub(in crate::bitbucket) async fn ask(
    State(hub): State<Arc<Hub>>,
    Query(asked): Query<Fields>,
) -> Response {
    if !hub.options.oauth2 {
        return not_here();
    }
    let field = |name: &str| asked.get(name).map(String::as_str);
    let mut world = hub.world();
    let app = field("client_id").and_then(|id| world.incoming.get(id));
    let Some(app) = app.cloned() else {
        return broken("There is no link with this client id.");
    };
    // A redirect URL that is not the registered one is never followed.
    let redirect = field("redirect_uri").and_then(|text| Url::parse(text).ok());
    if redirect.as_ref() != Some(&app.redirect) {
        return broken("The redirect URL is not the one of the link.");
    }
    let state = field("state").map(str::to_owned);
    let turned_away = |error| turned_away(&app.redirect, error, state.as_deref());
    if field("response_type") != Some("code") {
        return turned_away("unsupported_response_type");
    }
    let scopes: Vec<String> = field("scope")
        .unwrap_or("")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let known = scopes.iter().all(|scope| SCOPES.contains(&scope.as_str()));
    if scopes.is_empty() || !known || !app.gives(&scopes) {
        return turned_away("invalid_scope");
    }
    let challenge = match (field("code_challenge"), field("code_challenge_method")) {
        (None, _) => None,
        (Some(text), Some("S256")) => Some(Challenge::S256(text.to_owned())),
        (Some(text), None | Some("plain")) => Some(Challenge::Plain(text.to_owned())),
        (Some(_), Some(_)) => return turned_away("invalid_request"),
    };
    let people: Vec<String> = world
        .people
        .values()
        .map(|person| person.name.clone())
        .collect();
    let asks = scopes.join(", ");
    let ticket = world.dice.letters(40);
    let form = consent_form(&app.name, &ticket, &people, &asks);
    let consent = Consent {
        client_id: app.client_id.clone(),
        redirect: app.redirect.clone(),
        scopes,
        state,
        challenge,
    };
    world.consents.insert(ticket, consent);
    page(StatusCode::OK, "Authorize", &form)
}

/// `POST /rest/oauth2/latest/authorize`: takes the answer.
pub(in crate::bitbucket) async fn decide(
    State(hub): State<Arc<Hub>>,
    Form(form): Form<Fields>,
) -> Response {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut world = hub.world();
    let consent = world.consents.remove(field(TICKET));
    let person = world
        .person(field("user"))
        .filter(|person| person.active)
        .cloned();
    let (Some(consent), Some(person)) = (consent, person) else {
        return broken("We couldn't log you in.");
    };
    let state = consent.state.as_deref();
    let mut answer = if field("decision") == "approve" {
        let value = world.dice.hex(64);
        let code = Code {
            person: person.id,
            client_id: consent.client_id,
            redirect: consent.redirect.clone(),
            scopes: consent.scopes,
            challenge: consent.challenge,
            expires_at: hub.now() + CODE_LIFE,
        };
        world.codes.insert(value.clone(), code);
        back(&consent.redirect, "code", &value, state)
    } else {
        turned_away(&consent.redirect, "access_denied", state)
    };
    answer.extensions_mut().insert(AskedBy(person.name));
    answer
}

fn broken(why: &str) -> Response {
    let body = format!("<h1>Something went wrong</h1><p>{why}</p>");
    page(StatusCode::BAD_REQUEST, "Something went wrong", &body)
}

fn turned_away(redirect: &Url, error: &str, state: Option<&str>) -> Response {
    back(redirect, "error", error, state)
}

/// Sends the browser to the app.
fn back(redirect: &Url, name: &str, value: &str, state: Option<&str>) -> Response {
    let mut url = redirect.clone();
    url.query_pairs_mut().append_pair(name, value);
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    send_to(url.as_str())
}
