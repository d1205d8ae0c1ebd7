//! What every API call goes through: the token, the state of the account, the scope.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::{missing, refuse};
use super::scopes::needed;
use super::world::Caller;
use super::{API, GiteaFlavour, Hub};
use crate::server::AskedBy;

/// Refuses a token that is none, ran out, or whose grant is gone. Gitea looks for the person with
/// the number 0 then.
pub(super) fn dead_token(hub: &Hub) -> Response {
    let message = "user does not exist [uid: 0, name: ]";
    refuse(hub, StatusCode::UNAUTHORIZED, message)
}

/// Answers a path of the API that is not there.
pub(super) async fn no_route(State(hub): State<Arc<Hub>>) -> Response {
    missing(&hub)
}

/// Answers a method that a path does not know.
pub(super) async fn no_method() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

/// Lets a call in, or not.
pub(super) async fn gate(
    State(hub): State<Arc<Hub>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut caller = None;
    let mut answer = match admit(&hub, &request, &mut caller) {
        Ok(()) => {
            if let Some(caller) = caller.clone() {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(refusal) => refusal,
    };
    if let Some(caller) = caller {
        answer.extensions_mut().insert(AskedBy(caller.person.login));
    }
    answer
}

fn admit(hub: &Hub, request: &Request, seen: &mut Option<Caller>) -> Result<(), Response> {
    let caller = match credentials(request.headers()) {
        Credentials::None => None,
        Credentials::Strange => {
            let message = "invalid username, password or token";
            return Err(refuse(hub, StatusCode::UNAUTHORIZED, message));
        }
        Credentials::Token(secret) => {
            let caller = hub.world().caller(secret, hub.now());
            Some(caller.ok_or_else(|| dead_token(hub))?)
        }
    };
    if let Some(caller) = &caller {
        // These two come without a URL.
        let forbidden = |message: String| {
            let body = axum::Json(serde_json::json!({ "message": message }));
            Err((StatusCode::FORBIDDEN, body).into_response())
        };
        if caller.person.prohibited {
            let message = "This account is prohibited from signing in, please contact your site \
                           administrator.";
            return forbidden(message.to_owned());
        }
        if caller.person.must_change_password {
            return forbidden(format!(
                "You must change your password. Change it at: {}/user/change_password",
                hub.base
            ));
        }
    } else if hub.options.sign_in_to_view {
        let message = "Only signed in user is allowed to call APIs.";
        return Err(refuse(hub, StatusCode::FORBIDDEN, message));
    }
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let pattern = pattern.strip_prefix(&*hub.options.root).unwrap_or(pattern);
    let pattern = pattern.strip_prefix(API).unwrap_or(pattern);
    let Some(scope) = needed(request.method().as_str(), pattern) else {
        *seen = caller;
        return Ok(());
    };
    let Some(caller) = caller else {
        return Err(refuse(hub, StatusCode::UNAUTHORIZED, "token is required"));
    };
    let covered = !hub.options.scopes || caller.scopes.cover(scope);
    let held = caller.scopes.named();
    *seen = Some(caller);
    if covered {
        return Ok(());
    }
    let message = match hub.options.flavour {
        GiteaFlavour::Gitea => format!(
            "token does not have at least one of required scope(s), required=[{scope}], \
             token scope={held}"
        ),
        GiteaFlavour::Forgejo => {
            format!("token does not have at least one of required scope(s): [{scope}]")
        }
    };
    Err(refuse(hub, StatusCode::FORBIDDEN, &message))
}

enum Credentials<'a> {
    None,
    Token(&'a str),
    Strange,
}

fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Credentials::None;
    };
    match header.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") =>
        {
            Credentials::Token(token.trim())
        }
        _ => Credentials::Strange,
    }
}
