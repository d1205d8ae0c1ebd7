//! Webhooks: receivers of notices outside (Standard Webhooks).

mod body;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::TimeDelta;
use domain::webhook::{WebhookCommand, WebhookUrl};
use domain::{NoticeKind, WebhookId};
use projections::Page;

use self::body::{
    AddWebhook, ChangeWebhook, RotateWebhook, WebhookBody, WebhookSecretBody, WebhookTestBody,
    WebhooksBody, body, with_secret,
};
use super::answer::Json;
use super::caller::{Asking, parse};
use super::extract::{Fields, InPath, Params};
use super::fresh::{IfMatch, Index, Revision};
use super::input::{Input, Rejected};
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::App;
use crate::app::webhooks::{OVERLAP, Sent};

/// The longest time for which two secrets sign, in hours: a week.
const LONGEST_OVERLAP: u64 = 168;

pub(super) async fn list(
    State(app): State<App>,
    Params(mut input): Params,
) -> Result<Json<WebhooksBody>, Problem> {
    let after = input.optional::<WebhookId>("after");
    let limit = limit(&mut input);
    let (after, limit) = input.finish((|| Ok((after?, limit?)))())?;
    let Page { items, next } = app.list_webhooks(after, limit).await?;
    let now = app.now();
    Ok(Json(WebhooksBody {
        webhooks: items.into_iter().map(|known| body(known, now)).collect(),
        next: next.map(|webhook| webhook.to_string()),
    }))
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listWebhooks", "Lists the webhooks, never their secrets")
        .pages()
        .answers::<WebhooksBody>(200, "a page of webhooks")
        .problems(&["invalid-input"])
}

pub(super) async fn get(
    State(app): State<App>,
    InPath(webhook): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let webhook = parse::<WebhookId>("webhook", &webhook)?;
    let known = app.webhook(webhook).await?;
    Ok((Revision(known.row.revision), Json(body(known, app.now()))))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getWebhook", "Shows a webhook and how far its receiver is")
        .answers_with::<WebhookBody>(200, "the webhook", &["ETag"])
        .problems(&["webhook-not-found", "invalid-input"])
}

pub(super) async fn add(
    State(app): State<App>,
    asking: Asking,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let url = input.required::<WebhookUrl>("url");
    let url = url.and_then(|url| reachable(&app, &mut input, url));
    let kinds = input.words("kinds", &kinds());
    let (url, kinds) = input.finish((|| Ok((url?, kinds?)))())?;
    let made = app.add_webhook(url, kinds, &asking.caller()).await?;
    let place = format!("/api/v1/webhooks/{}", made.known.row.webhook);
    let (index, body) = (made.index, with_secret(made, app.now()));
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Index(index),
        Json(body),
    ))
}

pub(super) fn add_doc() -> Doc {
    Doc::new("addWebhook", "Registers a receiver of notices")
        .says(
            "It is told of what opens and closes from now on, each message at least once and in \
             order, signed as the Standard Webhooks specification has it.",
        )
        .takes::<AddWebhook>()
        .answers::<WebhookSecretBody>(201, "the webhook, and its secret, shown once")
        .problems(&["invalid-input"])
}

pub(super) async fn change(
    State(app): State<App>,
    asking: Asking,
    InPath(webhook): InPath<String>,
    IfMatch(seen): IfMatch,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let webhook = parse::<WebhookId>("webhook", &webhook)?;
    let url = match input.optional::<WebhookUrl>("url") {
        Ok(Some(url)) => reachable(&app, &mut input, url).map(Some),
        other => other,
    };
    let named = input.has("kinds");
    let kinds = input.words("kinds", &kinds());
    let command = input.finish((|| {
        Ok(WebhookCommand::ChangeWebhook {
            url: url?,
            kinds: Some(kinds?).filter(|_| named),
        })
    })())?;
    changed(&app, &asking, webhook, seen, command).await
}

pub(super) fn change_doc() -> Doc {
    Doc::new("changeWebhook", "Changes where messages go, or of what")
        .says("What could not be delivered is tried again at once.")
        .takes::<ChangeWebhook>()
        .answers_with::<WebhookBody>(200, "the webhook after it", &["ETag", "Lanyard-Index"])
        .honours_if_match()
        .problems(&["webhook-not-found", "invalid-input"])
}

pub(super) async fn enable(
    State(app): State<App>,
    asking: Asking,
    InPath(webhook): InPath<String>,
    IfMatch(seen): IfMatch,
    Fields(input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let webhook = parse::<WebhookId>("webhook", &webhook)?;
    input.finish(Ok(()))?;
    changed(&app, &asking, webhook, seen, WebhookCommand::EnableWebhook).await
}

pub(super) fn enable_doc() -> Doc {
    Doc::new(
        "enableWebhook",
        "Lets a disabled webhook go on where it stopped",
    )
    .says("Everything since then is delivered, in order.")
    .answers_with::<WebhookBody>(200, "the webhook after it", &["ETag", "Lanyard-Index"])
    .honours_if_match()
    .problems(&["webhook-not-found", "invalid-input"])
}

pub(super) async fn rotate(
    State(app): State<App>,
    asking: Asking,
    InPath(webhook): InPath<String>,
    IfMatch(seen): IfMatch,
    Fields(mut input): Fields,
) -> Result<impl IntoResponse, Problem> {
    let webhook = parse::<WebhookId>("webhook", &webhook)?;
    let overlap = overlap(&mut input);
    let overlap = input.finish(overlap)?;
    let made = app
        .rotate_webhook_secret(webhook, overlap, seen, &asking.caller())
        .await?;
    let revision = made.known.row.revision;
    let (index, body) = (made.index, with_secret(made, app.now()));
    Ok((Revision(revision), Index(index), Json(body)))
}

pub(super) fn rotate_doc() -> Doc {
    Doc::new("rotateWebhookSecret", "Signs with a new secret")
        .says(
            "Until the overlap is over, messages carry both signatures, so that a receiver may \
             change to the new secret at any time before. With 0 the old one ends at once.",
        )
        .takes::<RotateWebhook>()
        .answers_with::<WebhookSecretBody>(
            200,
            "the webhook, and its new secret, shown once",
            &["ETag", "Lanyard-Index"],
        )
        .honours_if_match()
        .problems(&["webhook-not-found", "invalid-input"])
}

pub(super) async fn test(
    State(app): State<App>,
    InPath(webhook): InPath<String>,
    Fields(input): Fields,
) -> Result<Json<WebhookTestBody>, Problem> {
    let webhook = parse::<WebhookId>("webhook", &webhook)?;
    input.finish(Ok(()))?;
    let problem = match app.test_webhook(webhook).await? {
        Sent::Delivered => None,
        Sent::Gone => Some("status 410: it wants nothing any more".to_owned()),
        Sent::Failed { problem, .. } => Some(problem),
    };
    Ok(Json(WebhookTestBody {
        delivered: problem.is_none(),
        problem,
    }))
}

pub(super) fn test_doc() -> Doc {
    Doc::new(
        "testWebhook",
        "Sends a message of the type webhook.test now",
    )
    .answers::<WebhookTestBody>(200, "what came of it")
    .problems(&["webhook-not-found", "invalid-input"])
}

pub(super) async fn remove(
    State(app): State<App>,
    asking: Asking,
    InPath(webhook): InPath<String>,
) -> Result<impl IntoResponse, Problem> {
    let webhook = parse::<WebhookId>("webhook", &webhook)?;
    let index = app.remove_webhook(webhook, &asking.caller()).await?;
    Ok((StatusCode::NO_CONTENT, Index(index), ()))
}

pub(super) fn remove_doc() -> Doc {
    Doc::new(
        "removeWebhook",
        "Removes a webhook and its secrets for good",
    )
    .answers_empty(204, "it is removed, or was before")
    .problems(&["webhook-not-found", "invalid-input"])
}

async fn changed(
    app: &App,
    asking: &Asking,
    webhook: WebhookId,
    seen: Option<u64>,
    command: WebhookCommand,
) -> Result<impl IntoResponse + use<>, Problem> {
    let (known, index) = app
        .change_webhook(webhook, command, seen, &asking.caller())
        .await?;
    let revision = known.row.revision;
    Ok((
        Revision(revision),
        Index(index),
        Json(body(known, app.now())),
    ))
}

/// Rejects an address that would never be called.
fn reachable(app: &App, input: &mut Input, url: WebhookUrl) -> Result<WebhookUrl, Rejected> {
    match app.check_receiver(&url) {
        Ok(()) => Ok(url),
        Err(why) => Err(input.reject("url", why)),
    }
}

fn overlap(input: &mut Input) -> Result<TimeDelta, Rejected> {
    match input.number("overlap_hours")? {
        None => Ok(OVERLAP),
        Some(hours) if hours <= LONGEST_OVERLAP => {
            Ok(TimeDelta::hours(i64::try_from(hours).unwrap_or(0)))
        }
        Some(_) => Err(input.reject("overlap_hours", "must be 0 to 168")),
    }
}

fn kinds() -> [(&'static str, NoticeKind); NoticeKind::ALL.len()] {
    NoticeKind::ALL.map(|kind| (kind.as_str(), kind))
}
