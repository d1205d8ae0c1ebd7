//! The page on which a person lets an application in.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use url::Url;

use super::answer::{page, send_to};
use super::apps::{KNOWN_SCOPES, Registration};
use super::people::GitLabAccount;
use super::world::World;
use super::{Hub, token};
use crate::html::escape;
use crate::server::AskedBy;

/// Where the page is, below the root.
pub(super) const PATH: &str = "/oauth/authorize";
/// The hidden field that ties a form to the page it came with.
pub(super) const CONSENT: &str = "authenticity_token";

/// How long a code may be exchanged: Doorkeeper's own ten minutes, which GitLab leaves.
const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// What a `code_challenge` was made with (RFC 7636; Doorkeeper knows both).
#[derive(Clone, Debug)]
pub(super) struct Challenge {
    value: String,
    hashed: bool,
}

impl Challenge {
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        if self.hashed {
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == self.value
        } else {
            verifier == self.value
        }
    }
}

/// A question put to a person.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    client_id: String,
    redirect: String,
    scopes: Vec<String>,
    state: Option<String>,
    challenge: Option<Challenge>,
}

/// An answer that an application may exchange for a pair of tokens, once.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    pub(super) redirect: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) expires_at: DateTime<Utc>,
}

/// Shows the page.
pub(super) async fn ask(
    State(hub): State<Arc<Hub>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let mut world = hub.world();
    let checked = check(&world, &asked);
    let (name, consent) = match checked {
        Ok(checked) => checked,
        // GitLab shows an error to the person and sends nobody anywhere; its status is 200.
        Err(code) => return error_page(token::description(code)),
    };
    let ticket = world.dice.hex(40);
    let body = form(&hub, &world, &name, &consent, &ticket);
    world.consents.insert(ticket, consent);
    page(StatusCode::OK, &format!("Authorize {name}"), &body)
}

/// Checks in Doorkeeper's order; the error is its code.
fn check(
    world: &World,
    asked: &HashMap<String, String>,
) -> Result<(String, Consent), &'static str> {
    let field = |name: &str| asked.get(name).map_or("", String::as_str);
    let app = world.apps.get(field("client_id")).ok_or("invalid_client")?;
    if !app
        .redirects
        .iter()
        .any(|line| line == field("redirect_uri"))
    {
        return Err("invalid_redirect_uri");
    }
    match field("response_type") {
        "code" => {}
        "" => return Err("invalid_request"),
        _ => return Err("unsupported_response_type"),
    }
    let scopes = scopes(app, field("scope")).ok_or("invalid_scope")?;
    let challenge = match (field("code_challenge"), field("code_challenge_method")) {
        ("", _) => None,
        (value, method @ ("S256" | "plain")) => Some(Challenge {
            value: value.to_owned(),
            hashed: method == "S256",
        }),
        _ => return Err("invalid_code_challenge_method"),
    };
    let consent = Consent {
        client_id: app.client_id.clone(),
        redirect: field("redirect_uri").to_owned(),
        scopes,
        state: asked.get("state").cloned(),
        challenge,
    };
    Ok((app.name.clone(), consent))
}

/// Returns the scopes asked for, `api` if none are; nothing if the application may not have one.
fn scopes(app: &Registration, asked: &str) -> Option<Vec<String>> {
    let asked = if asked.trim().is_empty() {
        "api"
    } else {
        asked
    };
    let mut scopes: Vec<String> = Vec::new();
    for scope in asked.split_whitespace() {
        if !KNOWN_SCOPES.contains(&scope) || !app.scopes.iter().any(|held| held == scope) {
            return None;
        }
        if !scopes.iter().any(|have| have == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Some(scopes)
}

fn form(hub: &Hub, world: &World, app: &str, consent: &Consent, ticket: &str) -> String {
    let people: Vec<String> = world
        .people
        .values()
        .map(|person| {
            let login = escape(&person.login);
            format!("<option value=\"{login}\">{login}</option>")
        })
        .collect();
    let scopes: Vec<String> = consent
        .scopes
        .iter()
        .map(|scope| format!("<li>{}</li>", escape(scope)))
        .collect();
    format!(
        "<h1>{app} is requesting access to your account</h1>\n\
         <p>The application will be able to use:</p>\n<ul>{scopes}</ul>\n\
         <form method=\"post\" action=\"{root}{PATH}\">\n\
         <input type=\"hidden\" name=\"{CONSENT}\" value=\"{ticket}\">\n\
         <p><label>Sign in as <select name=\"login\">{people}</select></label></p>\n\
         <p><button class=\"go\" name=\"authorize\" value=\"1\">Authorize {app}</button>\n\
         <button name=\"authorize\" value=\"0\">Cancel</button></p>\n</form>\n\
         <p><small>You will be sent to {redirect}. This is a practice server.</small></p>",
        app = escape(app),
        root = hub.options.root,
        people = people.concat(),
        scopes = scopes.concat(),
        redirect = escape(&consent.redirect),
    )
}

/// Takes what the person decided.
pub(super) async fn decide(
    State(hub): State<Arc<Hub>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let now = hub.now();
    let mut world = hub.world();
    let consent = form
        .get(CONSENT)
        .and_then(|ticket| world.consents.remove(ticket));
    let known = form
        .get("login")
        .and_then(|login| world.person(login))
        .cloned();
    let (Some(consent), Some(person)) = (consent, known) else {
        let body = "<h1>422: The change you requested was rejected</h1>";
        return page(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The change was rejected",
            body,
        );
    };
    if person.account == GitLabAccount::Unconfirmed {
        return error_page("Verify the email address in your account profile before you sign in.");
    }
    if let Some(reason) = person.account.denial(&person.login, &hub.base) {
        let body = format!("<h1>Sign in</h1><p>{}</p>", escape(&reason));
        return page(StatusCode::OK, "Sign in", &body);
    }
    let Ok(mut callback) = Url::parse(&consent.redirect) else {
        return error_page(token::description("invalid_redirect_uri"));
    };
    if form.get("authorize").map(String::as_str) == Some("1") {
        let code = world.grant(&consent, person.id, now);
        callback.query_pairs_mut().append_pair("code", &code);
    } else {
        let code = "access_denied";
        callback
            .query_pairs_mut()
            .append_pair("error", code)
            .append_pair("error_description", token::description(code));
    }
    if let Some(state) = &consent.state {
        callback.query_pairs_mut().append_pair("state", state);
    }
    let mut answer = send_to(callback.as_str());
    answer.extensions_mut().insert(AskedBy(person.login));
    answer
}

fn error_page(words: &str) -> Response {
    let body = format!("<h1>An error has occurred</h1><p>{}</p>", escape(words));
    page(StatusCode::OK, "An error has occurred", &body)
}

impl World {
    /// Returns a code for what was granted.
    fn grant(&mut self, consent: &Consent, person: u64, now: DateTime<Utc>) -> String {
        let secret = self.dice.hex(64);
        let code = Code {
            person,
            client_id: consent.client_id.clone(),
            scopes: consent.scopes.clone(),
            redirect: consent.redirect.clone(),
            challenge: consent.challenge.clone(),
            expires_at: now + CODE_LIFE,
        };
        self.codes.insert(secret.clone(), code);
        secret
    }
}
