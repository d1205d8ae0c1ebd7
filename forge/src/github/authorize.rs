//! The page on which a person lets an app in.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::Hub;
use super::answer::{missing_page, page, send_to};
use super::scopes::Scopes;
use super::world::World;
use crate::html::escape;
use crate::server::AskedBy;

/// Where the page is.
pub(super) const PATH: &str = "/login/oauth/authorize";
/// The hidden field that ties a form to the page it came with.
pub(super) const CONSENT: &str = "authenticity_token";

/// How long a code may be exchanged.
const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
const TROUBLESHOOTING: &str = "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/\
    troubleshooting-authorization-request-errors";

/// A question put to a person.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    client_id: String,
    redirect: Url,
    redirect_was_asked: bool,
    scopes: Scopes,
    state: Option<String>,
    challenge: Option<String>,
}

/// An answer that an app may exchange for a token, once.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) person: u64,
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    /// The `redirect_uri` of the authorize URL, if it had one.
    pub(super) redirect: Option<Url>,
    pub(super) challenge: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
}

/// Shows the page.
pub(super) async fn ask(
    State(hub): State<Arc<Hub>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let mut world = hub.world();
    let app = asked
        .get("client_id")
        .and_then(|id| world.apps.get(id))
        .cloned();
    let Some(app) = app else {
        return missing_page();
    };
    let state = asked.get("state").cloned();
    if app.suspended {
        return turned_away(app.callback(), &APPLICATION_SUSPENDED, state.as_deref());
    }
    let redirect = match asked.get("redirect_uri").map(|uri| Url::parse(uri)) {
        None => app.callback().clone(),
        Some(Ok(uri)) if app.admits(&uri) => uri,
        Some(_) => {
            return turned_away(app.callback(), &REDIRECT_URI_MISMATCH, state.as_deref());
        }
    };
    let challenge = if hub.options.pkce {
        asked.get("code_challenge").cloned()
    } else {
        None
    };
    if let Some(challenge) = &challenge
        && (asked.get("code_challenge_method").map(String::as_str) != Some("S256")
            || challenge.len() != 43)
    {
        return page(
            StatusCode::BAD_REQUEST,
            "Authorization error",
            "<h1>Authorization error</h1><p>code_challenge_method must be S256.</p>",
        );
    }
    let consent = Consent {
        client_id: app.client_id,
        redirect,
        redirect_was_asked: asked.contains_key("redirect_uri"),
        scopes: Scopes::parse(asked.get("scope").map_or("", String::as_str)),
        state,
        challenge,
    };
    let ticket = world.dice.letters(40);
    let body = form(&world, &app.name, &consent, &ticket, asked.get("login"));
    world.consents.insert(ticket, consent);
    page(StatusCode::OK, &format!("Authorize {}", app.name), &body)
}

fn form(
    world: &World,
    app: &str,
    consent: &Consent,
    ticket: &str,
    hint: Option<&String>,
) -> String {
    let people: Vec<String> = world
        .people
        .values()
        .map(|person| {
            let hinted = hint.is_some_and(|hint| person.login.eq_ignore_ascii_case(hint));
            let login = escape(&person.login);
            let selected = if hinted { " selected" } else { "" };
            format!("<option value=\"{login}\"{selected}>{login}</option>")
        })
        .collect();
    let mut scopes: Vec<String> = consent
        .scopes
        .iter()
        .map(|scope| format!("<li>{}</li>", escape(scope)))
        .collect();
    if scopes.is_empty() {
        scopes.push("<li>who you are</li>".to_owned());
    }
    format!(
        "<h1>Authorize {app}</h1>\n<p><strong>{app}</strong> wants to use your account:</p>\n\
         <ul>{scopes}</ul>\n<form method=\"post\" action=\"{PATH}\">\n\
         <input type=\"hidden\" name=\"{CONSENT}\" value=\"{ticket}\">\n\
         <p><label>Sign in as <select name=\"login\">{people}</select></label></p>\n\
         <p><button class=\"go\" name=\"authorize\" value=\"1\">Authorize</button>\n\
         <button name=\"authorize\" value=\"0\">Cancel</button></p>\n</form>\n\
         <p><small>You will be sent to {redirect}. This is a practice server.</small></p>",
        app = escape(app),
        people = people.concat(),
        scopes = scopes.concat(),
        redirect = escape(&consent.redirect.origin().ascii_serialization()),
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
        return page(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Your browser did something unexpected",
            "<h1>Your browser did something unexpected.</h1><p>Please start again.</p>",
        );
    };
    if person.suspended_at.is_some() {
        let body = "<h1>Sorry. Your account was suspended.</h1>";
        return page(StatusCode::FORBIDDEN, "Account suspended", body);
    }
    let state = consent.state.as_deref();
    let mut answer = if form.get("authorize").map(String::as_str) == Some("1") {
        let code = world.grant(&consent, person.id, now);
        let mut callback = consent.redirect.clone();
        callback.query_pairs_mut().append_pair("code", &code);
        if let Some(state) = state {
            callback.query_pairs_mut().append_pair("state", state);
        }
        send_to(callback.as_str())
    } else {
        match world.apps.get(&consent.client_id) {
            Some(app) => turned_away(app.callback(), &ACCESS_DENIED, state),
            None => turned_away(&consent.redirect, &ACCESS_DENIED, state),
        }
    };
    answer.extensions_mut().insert(AskedBy(person.login));
    answer
}

impl World {
    /// Writes the grant down and returns a code for it.
    fn grant(&mut self, consent: &Consent, person: u64, now: DateTime<Utc>) -> String {
        let place = (person, consent.client_id.clone());
        // A GitHub App is asked for no scopes, whatever the address says. Without a scope GitHub
        // grants what was granted last time.
        let asked = if self.permissions(&consent.client_id).is_some() {
            Scopes::default()
        } else if consent.scopes.is_empty() {
            self.grants.get(&place).cloned().unwrap_or_default()
        } else {
            consent.scopes.clone()
        };
        let at_most = self
            .people
            .get(&person)
            .and_then(|person| person.grants_at_most.as_ref());
        let scopes = at_most.map_or_else(|| asked.clone(), |at_most| asked.within(at_most));
        self.grants.insert(place, scopes.clone());
        let secret = self.dice.hex(20);
        let code = Code {
            person,
            client_id: consent.client_id.clone(),
            scopes,
            redirect: consent.redirect_was_asked.then(|| consent.redirect.clone()),
            challenge: consent.challenge.clone(),
            expires_at: now + CODE_LIFE,
        };
        self.codes.insert(secret.clone(), code);
        secret
    }
}

struct Refusal {
    error: &'static str,
    description: &'static str,
    section: &'static str,
}

const ACCESS_DENIED: Refusal = Refusal {
    error: "access_denied",
    description: "The user has denied your application access.",
    section: "access-denied",
};
const REDIRECT_URI_MISMATCH: Refusal = Refusal {
    error: "redirect_uri_mismatch",
    description: "The redirect_uri MUST match the registered callback URL for this application.",
    section: "redirect-uri-mismatch",
};
const APPLICATION_SUSPENDED: Refusal = Refusal {
    error: "application_suspended",
    description: "Your application has been suspended. Contact support@github.com.",
    section: "application-suspended",
};

/// Sends the browser to the registered callback with an error.
fn turned_away(callback: &Url, refusal: &Refusal, state: Option<&str>) -> Response {
    let mut callback = callback.clone();
    callback
        .query_pairs_mut()
        .append_pair("error", refusal.error)
        .append_pair("error_description", refusal.description)
        .append_pair(
            "error_uri",
            &format!("{TROUBLESHOOTING}/#{}", refusal.section),
        );
    if let Some(state) = state {
        callback.query_pairs_mut().append_pair("state", state);
    }
    send_to(callback.as_str())
}
