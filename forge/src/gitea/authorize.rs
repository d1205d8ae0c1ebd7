//! The page on which a person lets an application in.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::answer::{page, send_to};
use super::apps::Registration;
use super::scopes::Scopes;
use super::world::World;
use super::{GiteaRegrant, Hub};
use crate::html::escape;
use crate::server::AskedBy;

/// Where the page is.
pub(super) const PATH: &str = "/login/oauth/authorize";
/// The hidden field that ties a form to the page it came with.
pub(super) const CONSENT: &str = "_csrf";

/// How long a code may be exchanged.
const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);

/// A question put to a person.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    client_id: String,
    redirect: Url,
    /// The `redirect_uri` as it was written.
    written: String,
    scopes: Scopes,
    state: String,
    challenge: Option<Challenge>,
}

/// What the holder of a code has to prove (RFC 7636).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Plain(String),
    S256(String),
}

/// An answer that an application may exchange for a token, once.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) grant: u64,
    pub(super) client_id: String,
    pub(super) redirect: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) expires_at: DateTime<Utc>,
}

/// Shows the page.
pub(super) async fn ask(
    State(hub): State<Arc<Hub>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let field = |name: &str| asked.get(name).map_or("", String::as_str);
    let mut world = hub.world();
    let Some(app) = world.apps.get(field("client_id")).cloned() else {
        return dead_end("unauthorized_client", "Client ID not registered");
    };
    let redirect = Url::parse(field("redirect_uri"))
        .ok()
        .filter(|_| app.admits(field("redirect_uri")));
    let Some(redirect) = redirect else {
        return dead_end("invalid_request", "Unregistered Redirect URI");
    };
    if field("response_type") != "code" {
        let why = "Only code response type is supported.";
        return turned_away(&redirect, "unsupported_response_type", why, field("state"));
    }
    let challenge = match field("code_challenge_method") {
        "S256" => Some(Challenge::S256(field("code_challenge").to_owned())),
        "plain" => Some(Challenge::Plain(field("code_challenge").to_owned())),
        // A challenge without a method is not looked at.
        "" if app.confidential => None,
        "" => {
            let why = "PKCE is required for public clients";
            return turned_away(&redirect, "invalid_request", why, field("state"));
        }
        _ => {
            let why = "unsupported code challenge method";
            return turned_away(&redirect, "invalid_request", why, field("state"));
        }
    };
    let consent = Consent {
        client_id: app.client_id.clone(),
        redirect,
        written: field("redirect_uri").to_owned(),
        scopes: Scopes::new(field("scope")),
        state: field("state").to_owned(),
        challenge,
    };
    let ticket = world.dice.letters(40);
    let body = form(&hub, &world, &app, &consent, &ticket);
    world.consents.insert(ticket, consent);
    page(StatusCode::OK, "Authorize", &body)
}

fn form(hub: &Hub, world: &World, app: &Registration, consent: &Consent, ticket: &str) -> String {
    let people: Vec<String> = world
        .people
        .values()
        .map(|person| {
            let login = escape(&person.login);
            format!("<option value=\"{login}\">{login}</option>")
        })
        .collect();
    let scopes = match consent.scopes.text() {
        "" => "everything in your account".to_owned(),
        text => escape(text),
    };
    format!(
        "<h1>Authorize \"{app}\" to access your account?</h1>\n<p>It will have access to: \
         {scopes}</p>\n<form method=\"post\" action=\"{base}{PATH}\">\n\
         <input type=\"hidden\" name=\"{CONSENT}\" value=\"{ticket}\">\n\
         <p><label>Sign in as <select name=\"login\">{people}</select></label></p>\n\
         <p><button class=\"go\" name=\"granted\" value=\"true\">Authorize Application</button>\n\
         <button name=\"granted\" value=\"false\">Cancel</button></p>\n</form>\n\
         <p><small>You will be sent to {redirect}. This is a practice server.</small></p>",
        app = escape(&app.name),
        base = escape(&hub.options.root),
        people = people.concat(),
        redirect = escape(&consent.written),
    )
}

/// Takes what the person decided. Who granted before is not asked again by an application with a
/// secret, and so cannot turn it away here.
pub(super) async fn decide(
    State(hub): State<Arc<Hub>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let now = hub.now();
    let mut world = hub.world();
    let consent = form
        .get(CONSENT)
        .and_then(|ticket| world.consents.remove(ticket));
    let person = form.get("login").and_then(|login| world.person(login));
    let (Some(consent), Some(person)) = (consent, person.cloned()) else {
        return page(
            StatusCode::BAD_REQUEST,
            "Bad Request",
            "<h1>400 Bad Request</h1>",
        );
    };
    let Some(app) = world.apps.get(&consent.client_id).cloned() else {
        return dead_end("unauthorized_client", "Client ID not registered");
    };
    if person.prohibited {
        let body = "<h1>Sign-in prohibited</h1><p>Your account is prohibited from signing in, \
                    please contact your site administrator.</p>";
        return page(StatusCode::OK, "Sign-in prohibited", body);
    }
    let known = world.grant_of(person.id, &app.client_id);
    let asked = !(app.confidential && known.is_some());
    let mut answer = if asked && form.get("granted").map(String::as_str) != Some("true") {
        let why = "the request is denied";
        turned_away(&consent.redirect, "access_denied", why, &consent.state)
    } else {
        match world.agree(&hub, &app, person.id, &consent) {
            Ok(grant) => world.code(grant, &consent, now),
            Err(why) => turned_away(&consent.redirect, "server_error", why, &consent.state),
        }
    };
    answer.extensions_mut().insert(AskedBy(person.login));
    answer
}

impl World {
    /// Writes the grant down, or changes the one that is there.
    fn agree(
        &mut self,
        hub: &Hub,
        app: &Registration,
        person: u64,
        consent: &Consent,
    ) -> Result<u64, &'static str> {
        let Some(id) = self.grant_of(person, &app.client_id) else {
            return Ok(self.add_grant(person, &app.client_id, consent.scopes.clone()));
        };
        if let Some(grant) = self.grants.get_mut(&id)
            && grant.scopes != consent.scopes
        {
            match hub.options.regrant {
                GiteaRegrant::Updates => grant.scopes = consent.scopes.clone(),
                GiteaRegrant::Keeps if app.confidential => {}
                GiteaRegrant::Keeps => return Err("a grant exists with different scope"),
            }
        }
        Ok(id)
    }

    fn code(&mut self, grant: u64, consent: &Consent, now: DateTime<Utc>) -> Response {
        let secret = format!("gta_{}", self.dice.letters(52).to_lowercase());
        let code = Code {
            grant,
            client_id: consent.client_id.clone(),
            redirect: consent.written.clone(),
            challenge: consent.challenge.clone(),
            expires_at: now + CODE_LIFE,
        };
        self.codes.insert(secret.clone(), code);
        let mut callback = consent.redirect.clone();
        callback.query_pairs_mut().append_pair("code", &secret);
        if !consent.state.is_empty() {
            callback
                .query_pairs_mut()
                .append_pair("state", &consent.state);
        }
        send_to(callback.as_str())
    }
}

/// Answers with a page, because there is nowhere to send the browser to.
fn dead_end(error: &str, why: &str) -> Response {
    let body = format!("<h1>Authorization failed</h1><p>{error}: {why}</p>");
    page(StatusCode::BAD_REQUEST, "Authorization failed", &body)
}

/// Sends the browser back with an error; `state` is there even when it is empty.
fn turned_away(callback: &Url, error: &str, why: &str, state: &str) -> Response {
    let mut callback = callback.clone();
    callback
        .query_pairs_mut()
        .append_pair("error", error)
        .append_pair("error_description", why)
        .append_pair("state", state);
    send_to(callback.as_str())
}
