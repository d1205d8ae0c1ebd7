//! The way to a provider and back: `/oauth/start/{ticket}` and `/oauth/callback[/{provider}]`.
//!
//! The browser that starts gets a cookie, and only that browser can come back. Whatever a provider
//! or anybody else sends here is never shown; after the callback, the address bar holds neither
//! code nor state.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use domain::ProviderSlug;
use url::form_urlencoded;

use super::page::Page;
use crate::api::catalogue;
use crate::api::extract::InPath;
use crate::api::frame::{Asked, log};
use crate::api::openapi::Doc;
use crate::api::problem::Problem;
use crate::app::App;
use crate::app::flows::{FLOW_LIFE, cookie_name};
use crate::app::linking::Returned;
use crate::providers::Came;
use crate::vault::Secret;

/// The verifier of a person who said no (Atlassian application links).
const DENIED: &str = "denied";

/// Where a browser goes after a link that has nowhere else to go.
const LINKED: &str = "/oauth/linked";

pub(crate) async fn start(
    State(app): State<App>,
    asked: Asked,
    method: Method,
    headers: HeaderMap,
    InPath(ticket): InPath<String>,
) -> Result<Response, Failed> {
    if method == Method::HEAD {
        return Err(Problem::new("method-not-allowed").into());
    }
    // A browser says where a visit comes from. One that does not come from us may be somebody
    // else's idea: then the person is told whose account it will be, and asked.
    let from = headers.get("sec-fetch-site");
    if from.is_some_and(|from| from != "same-origin") {
        let intended = app.intended_link(&ticket).await?;
        let title = format!("Link an account at {}?", intended.provider);
        let whose = format!(
            "It will belong to the Lanyard user {}. Go on only if that is you.",
            intended.user
        );
        return Ok(Page {
            status: StatusCode::OK,
            title: &title,
            says: &[&whose],
            link: Some((&ticket, "Go on")),
        }
        .into_response());
    }
    let started = app.start_link(&ticket, &asked.by_nobody()).await?;
    let cookie = cookie(
        &started.cookie_name,
        started.cookie.expose_str(),
        FLOW_LIFE.num_seconds(),
        app.is_secure(),
    );
    let headers = [
        (header::LOCATION, started.authorize_url.to_string()),
        (header::SET_COOKIE, cookie),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

pub(crate) fn start_doc() -> Doc {
    Doc::new(
        "startLink",
        "Sends a browser to the provider, once per ticket",
    )
    .says("Sets a cookie without which the callback is refused.")
    .answers_empty(303, "the provider's page, where the person agrees")
    .answers_text(
        200,
        "a question, where the browser comes from elsewhere",
        "text/html",
    )
    .problems(&["flow-not-found", "flow-outdated"])
}

pub(crate) async fn callback(
    app: State<App>,
    asked: Asked,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    InPath(provider): InPath<String>,
) -> Response {
    match provider.parse() {
        Ok(provider) => come_back(app, &asked, &method, &uri, &headers, Some(provider)).await,
        Err(_) => fail(&Problem::new("flow-refused")),
    }
}

pub(crate) fn callback_doc() -> Doc {
    shared(Doc::new(
        "finishLink",
        "Takes a browser back from a provider",
    ))
}

pub(crate) async fn shared_callback(
    app: State<App>,
    asked: Asked,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    come_back(app, &asked, &method, &uri, &headers, None).await
}

pub(crate) fn shared_callback_doc() -> Doc {
    shared(Doc::new(
        "finishSharedLink",
        "Takes a browser back from a provider that is set to the shared redirect URL",
    ))
}

fn shared(doc: Doc) -> Doc {
    doc.answers_empty(
        303,
        "the `return_to` of the link, `/oauth/linked`, or `/oauth/failed/{code}`",
    )
}

pub(crate) async fn linked() -> Response {
    Page {
        status: StatusCode::OK,
        title: "The account is linked",
        says: &["Its SSH key is on the way. You can close this page."],
        link: None,
    }
    .into_response()
}

pub(crate) fn linked_doc() -> Doc {
    Doc::new("showLinked", "Says that an account is linked").answers_text(
        200,
        "a small page",
        "text/html",
    )
}

pub(crate) async fn failed(InPath(code): InPath<String>) -> Failed {
    let known = catalogue::find(&code).map_or("not-found", |entry| entry.code);
    Failed(Problem::new(known))
}

pub(crate) fn failed_doc() -> Doc {
    Doc::new(
        "showFailed",
        "Says why an account is not linked, and what to do",
    )
    .answers_text(
        200,
        "a small page, with the status of the problem",
        "text/html",
    )
}

async fn come_back(
    State(app): State<App>,
    asked: &Asked,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    provider: Option<ProviderSlug>,
) -> Response {
    let secure = app.is_secure();
    let Some(returned) = read(uri, provider).filter(|_| method == Method::GET) else {
        return fail(&Problem::new("flow-refused"));
    };
    let name = cookie_name(&returned.state, secure);
    let returned = Returned {
        cookie: sent_cookie(headers, &name),
        ..returned
    };
    let request = asked.by_nobody();
    let mut response = match app.finish_link(returned, &request).await {
        Ok(linked) => {
            let place = linked.return_to.unwrap_or_else(|| LINKED.to_owned());
            see_other(&place)
        }
        Err(error) => fail(&error.into()),
    };
    if let Ok(gone) = HeaderValue::from_str(&cookie(&name, "", 0, secure)) {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    response
}

/// Reads what a browser came back with; nothing, if a parameter stands twice or none is `state`.
fn read(uri: &Uri, provider: Option<ProviderSlug>) -> Option<Returned> {
    let mut returned = Returned {
        provider,
        ..Returned::default()
    };
    let (mut code, mut token) = (None, None);
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(uri.query()?.as_bytes()) {
        if seen.contains(&name) || value.len() > 4096 {
            return None;
        }
        match name.as_ref() {
            "state" => returned.state = value.into_owned(),
            "code" | "oauth_verifier" => code = Some(Secret::from(value.into_owned())),
            "oauth_token" => token = Some(Secret::from(value.into_owned())),
            "error" => returned.error = Some(value.into_owned()),
            "iss" => returned.issuer = Some(value.into_owned()),
            _ => {}
        }
        seen.push(name);
    }
    // OAuth 1.0a has no error parameter: a person who says no comes back with this verifier.
    if let (Some(code), Some(_)) = (&code, &token)
        && code.expose_str() == DENIED
    {
        returned.error = Some(DENIED.to_owned());
    }
    returned.came = code.map(|code| Came { code, token });
    (!returned.state.is_empty()).then_some(returned)
}

fn sent_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned());
    let first = found.next();
    // Of two cookies of one name, one was put there by somebody else.
    first.filter(|_| found.next().is_none())
}

fn cookie(name: &str, value: &str, seconds: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn see_other(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// Sends the browser on to a page that says what was wrong, and logs why.
fn fail(problem: &Problem) -> Response {
    log(problem);
    see_other(&format!("/oauth/failed/{}", problem.code))
}

/// A problem, as a page.
pub(crate) struct Failed(Problem);

impl<E: Into<Problem>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        log(&self.0);
        let entry = catalogue::find(self.0.code);
        let title = entry.map_or("something went wrong here", |entry| entry.title);
        let remedy = entry.map_or("", |entry| entry.remedy);
        Page {
            status: self.0.status,
            title,
            says: &[remedy],
            link: None,
        }
        .into_response()
    }
}
