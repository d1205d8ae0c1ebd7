//! The audit trail. Every read of it is recorded before it is answered.

mod filters;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use domain::{ProviderSlug, UserId};
use futures::stream;
use projections::audit_trail::{Order, Search};
use projections::{Limit, Page};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use self::filters::{ActorId, EventCode, EventType};
use super::answer::Json;
use super::caller::{Asking, parse};
use super::extract::{InPath, Params};
use super::input::{Input, Rejected};
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::audit::AuditedEvent;
use crate::app::{App, CaseError};

/// The media type of lines as they are stored.
const NDJSON: &str = "application/x-ndjson";

/// The cursor of the next page, of an answer that has no room for it.
const NEXT: HeaderName = HeaderName::from_static("lanyard-next");

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody {
    /// Its place in the log, from 0, without gaps.
    index: u64,
    /// What happened, in one sentence.
    #[schema(example = "ada linked an account at github")]
    sentence: String,
    /// The event as it is stored.
    #[schema(value_type = Object)]
    event: Box<RawValue>,
    /// The personal data in it, opened; `erased` once the person is erased.
    #[schema(value_type = Object)]
    personal: serde_json::Map<String, serde_json::Value>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsBody {
    /// In the order that was asked for.
    events: Vec<EventBody>,
    /// The cursor of the next page, for `before` (newest first) or `after` (oldest first).
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// An event and what followed from it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventWithCausedBody {
    /// The event.
    #[serde(flatten)]
    event: EventBody,
    /// The events that name it as their cause, oldest first.
    caused: Vec<EventBody>,
}

/// What is asked of the trail.
struct Asked {
    search: Search,
    order: Order,
    cursor: Option<u64>,
    limit: Option<Limit>,
}

pub(super) async fn list(
    State(app): State<App>,
    asking: Asking,
    uri: Uri,
    headers: HeaderMap,
    Params(mut input): Params,
) -> Result<Response, Problem> {
    let asked = read(&mut input);
    let asked = input.finish(asked)?;
    let query = uri.query().unwrap_or_default();
    let accepts = headers.get(header::ACCEPT);
    let as_lines = accepts
        .and_then(|accepts| accepts.to_str().ok())
        .is_some_and(|accepts| accepts.contains(NDJSON));
    if as_lines && asked.limit.is_none() {
        return export(app, &asking, query, asked).await;
    }
    let Page { items, next } = app
        .find_events(
            &asked.search,
            asked.order,
            asked.cursor,
            asked.limit.unwrap_or_default(),
        )
        .await?;
    app.record_audit_read(query, items.len() as u64, &asking.caller())
        .await?;
    if as_lines {
        let mut response = lines(&app, &items).await?.into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
        if let Some(next) = next {
            response.headers_mut().insert(NEXT, HeaderValue::from(next));
        }
        return Ok(response);
    }
    let read = app.read_events(&items).await?;
    let events: Result<_, _> = read.into_iter().map(body).collect();
    Ok(Json(EventsBody {
        events: events?,
        next,
    })
    .into_response())
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listEvents", "Searches the audit trail")
        .says(
            "With `Accept: application/x-ndjson` the stored lines, byte for byte: all that fit, \
             or with `limit` a page, whose `Lanyard-Next` header has the next cursor. Every read \
             is itself recorded.",
        )
        .asks(
            "actor",
            "who caused it: a person's id, or the name of a part of the server",
        )
        .asks("user", "the person whom it concerns")
        .asks("provider", "the provider")
        .asks("type", "the event's type, such as KeyPublished")
        .asks("code", "the event's stable code, such as LAC07I")
        .asks("correlation", "everything that followed from one request")
        .asks("since", "recorded at or after this time")
        .asks("until", "recorded before this time")
        .asks(
            "order",
            "newest_first (as it is, where nobody says) or oldest_first",
        )
        .asks("before", "newest first: only events before this index")
        .asks("after", "oldest first: only events after this index")
        .asks(
            "limit",
            "how many at most: 1 to 1000, 100 where nobody says",
        )
        .answers::<EventsBody>(200, "a page of events")
        .problems(&["invalid-input"])
}

pub(super) async fn get(
    State(app): State<App>,
    asking: Asking,
    uri: Uri,
    InPath(index): InPath<String>,
) -> Result<Json<EventWithCausedBody>, Problem> {
    let index = parse::<u64>("index", &index)?;
    let (event, caused) = app.event(index).await?;
    let returned = 1 + caused.len() as u64;
    app.record_audit_read(uri.path(), returned, &asking.caller())
        .await?;
    let caused: Result<_, _> = caused.into_iter().map(body).collect();
    Ok(Json(EventWithCausedBody {
        event: body(event)?,
        caused: caused?,
    }))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getEvent", "Shows an event and what followed from it")
        .says("Read from the log itself.")
        .answers::<EventWithCausedBody>(200, "the event")
        .problems(&["event-not-found"])
}

/// Streams every line that fits, page by page: however many there are, few are in memory.
async fn export(
    app: App,
    asking: &Asking,
    query: &str,
    mut asked: Asked,
) -> Result<Response, Problem> {
    // What is appended meanwhile does not belong to the answer.
    asked.search.known_below = Some(app.log.size().await?);
    let returned = app.count_events(&asked.search).await?;
    app.record_audit_read(query, returned, &asking.caller())
        .await?;
    let pages = stream::try_unfold(Some((app, asked)), async |state| {
        let Some((app, mut asked)) = state else {
            return Ok::<_, CaseError>(None);
        };
        let limit = Limit::new(Limit::MOST).unwrap_or_default();
        let Page { items, next } = app
            .find_events(&asked.search, asked.order, asked.cursor, limit)
            .await?;
        let text = lines(&app, &items).await?;
        asked.cursor = next;
        Ok(Some((text, next.map(|_| (app, asked)))))
    });
    let kind = [(header::CONTENT_TYPE, NDJSON)];
    Ok((kind, Body::from_stream(pages)).into_response())
}

async fn lines(app: &App, indexes: &[u64]) -> Result<String, CaseError> {
    let mut text = String::new();
    for (_, line) in app.lines(indexes).await? {
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

fn read(input: &mut Input) -> Result<Asked, Rejected> {
    let actor = input.optional::<ActorId>("actor");
    let user = input.optional::<UserId>("user");
    let provider = input.optional::<ProviderSlug>("provider");
    let event_type = input.optional::<EventType>("type");
    let code = input.optional::<EventCode>("code");
    let correlation = input.optional::<Uuid>("correlation");
    let since = input.time("since");
    let until = input.time("until");
    let order = input.word(
        "order",
        &[
            ("newest_first", Order::NewestFirst),
            ("oldest_first", Order::OldestFirst),
        ],
    );
    let before = input.number("before");
    let after = input.number("after");
    let limit = if input.has("limit") {
        limit(input).map(Some)
    } else {
        Ok(None)
    };
    let (order, before, after) = (order?, before?, after?);
    // `after` alone says which way to go.
    let order = match (order, before, after) {
        (_, Some(_), Some(_)) => return Err(input.reject("after", "cannot stand beside before")),
        (Some(Order::NewestFirst), _, Some(_)) => {
            return Err(input.reject("after", "goes with order=oldest_first"));
        }
        (Some(Order::OldestFirst), Some(_), _) => {
            return Err(input.reject("before", "goes with order=newest_first"));
        }
        (Some(order), _, _) => order,
        (None, _, Some(_)) => Order::OldestFirst,
        (None, _, None) => Order::NewestFirst,
    };
    Ok(Asked {
        search: Search {
            actor: actor?.map(|actor| actor.0),
            user: user?,
            provider: provider?,
            event_type: event_type?.map(|name| name.0),
            code: code?.map(|code| code.0),
            correlation: correlation?,
            since: since?,
            until: until?,
            known_below: None,
        },
        order,
        cursor: before.or(after),
        limit: limit?,
    })
}

fn body(event: AuditedEvent) -> Result<EventBody, Problem> {
    let personal = event.personal.into_iter().map(|(name, opened)| {
        let shown = match opened {
            None => "erased".into(),
            Some(text) => match serde_json::from_str(&text) {
                Ok(value @ serde_json::Value::Object(_)) => value,
                Ok(_) | Err(_) => text.into(),
            },
        };
        (name.to_owned(), shown)
    });
    Ok(EventBody {
        index: event.index,
        sentence: event.sentence,
        personal: personal.collect(),
        event: RawValue::from_string(event.line).map_err(Problem::internal)?,
    })
}
