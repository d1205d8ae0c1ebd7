//! The history.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::{Outcome, ProviderSlug, UserId};
use futures::{Stream, TryStreamExt};
use projections::audit_trail::{Order, Search, sentence};
use projections::{Limit, Page};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Asking;
use super::extract::{InPath, Params};
use super::openapi::Doc;
use super::problem::Problem;
use super::tokens::limit;
use crate::app::audit::Seen;
use crate::app::{App, CaseError, Rule};

/// One event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody {
    /// Its place in the log, from 0, without gaps.
    index: u64,
    /// Its id, for ever.
    id: String,
    /// When the log took it.
    recorded_at: DateTime<Utc>,
    /// Its stable code; the last letter tells the outcome.
    #[schema(example = "LAC01I")]
    code: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "AccountLinked")]
    event_type: &'static str,
    /// What happened, as a sentence.
    sentence: String,
    /// Who caused it.
    actor: ActorBody,
    /// From where.
    origin: OriginBody,
    /// `success` or `failure`.
    outcome: &'static str,
    /// Why, in the words of whoever asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Its stream.
    #[schema(example = "account-6f1c0a52-…")]
    stream: String,
    /// Its place in the stream, from 1.
    version: u64,
    /// What belongs together.
    correlation: Uuid,
    /// The event that it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<String>,
    /// The fact; personal data opened, or `erased`.
    data: Value,
}

/// Who caused an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActorBody {
    /// `person`, `system` or `terminal`.
    kind: Value,
    /// The person's id, or the name of a part of the server.
    id: String,
    /// The roles held at that time.
    roles: Vec<&'static str>,
    /// How they proved who they are.
    means: Value,
}

/// From where an event was caused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginBody {
    /// The request's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Uuid>,
    /// The address; `erased` once the person is.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The user agent; `erased` once the person is.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsBody {
    /// The events.
    events: Vec<EventBody>,
    /// The cursor of the next page, for `before` (newest first) or `after` (oldest first); absent
    /// on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// One event and what it caused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventAndCausedBody {
    /// The event.
    #[serde(flatten)]
    event: EventBody,
    /// The events that follow from it.
    caused: Vec<EventBody>,
}

const ORDERS: [(&str, Order); 2] = [("desc", Order::NewestFirst), ("asc", Order::OldestFirst)];

pub(super) async fn list(
    State(app): State<App>,
    asking: Asking,
    headers: HeaderMap,
    uri: Uri,
    Params(mut input): Params,
) -> Result<Response, Problem> {
    let actor = input.optional::<String>("actor");
    let user = input.optional::<UserId>("user");
    let provider = input.optional::<ProviderSlug>("provider");
    let event_type = input.optional::<String>("type");
    let code = input.optional::<String>("code");
    let (since, until) = (input.time("since"), input.time("until"));
    let order = input.word("order", &ORDERS);
    let (after, before) = (input.number("after"), input.number("before"));
    let limit = limit(&mut input);
    let (search, order, after, before, limit) = input.finish((|| {
        let search = Search {
            actor: actor?,
            user: user?,
            provider: provider?,
            event_type: event_type?,
            code: code?,
            since: since?,
            until: until?,
            ..Search::default()
        };
        Ok((search, order?, after?, before?, limit?))
    })())?;
    let query = uri.query().unwrap_or_default().to_owned();
    let caller = asking.caller();
    if wants_lines(&headers) {
        // What comes while it is read belongs to the next read.
        let until = Some(app.applied.events());
        let search = Search { known_below: until, ..search };
        let count = count(&app, &search, after).await?;
        app.record_audit_read(query, count, &caller).await?;
        let lines = Body::from_stream(lines(app, search, after).map_err(std::io::Error::other));
        return Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response());
    }
    // A cursor says its direction: `after` goes on to newer events, `before` to older ones.
    let default = if after.is_some() { Order::OldestFirst } else { Order::NewestFirst };
    let order = order.unwrap_or(default);
    let (cursor, search) = match order {
        Order::OldestFirst => (after, Search { known_below: before, ..search }),
        Order::NewestFirst if after.is_some() => {
            return Err(Problem::field("after", "goes with order=asc; use before"));
        }
        Order::NewestFirst => (before, search),
    };
    let Page { items, next } = app.search_audit(&search, order, cursor, limit).await?;
    app.record_audit_read(query, items.len() as u64, &caller).await?;
    Ok(Json(EventsBody { events: items.into_iter().map(body).collect(), next }).into_response())
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listAuditEvents", "Searches the history")
        .says(
            "Newest first, unless `order` says otherwise. With Accept: application/x-ndjson, every \
             event that fits as its stored line, oldest first. Each read is itself recorded before \
             it is answered.",
        )
        .asks("actor", "who caused it")
        .asks("user", "whom it concerns")
        .asks("provider", "at which provider")
        .asks("type", "the type of event")
        .asks("code", "the stable code")
        .asks("since", "recorded at or after this time")
        .asks("until", "recorded before this time")
        .asks("order", "desc or asc")
        .asks("after", "with order=asc: events after this index")
        .asks("before", "events before this index")
        .asks("limit", "how many at most: 1 to 1000, 100 where nobody says")
        .answers::<EventsBody>(200, "a page of events")
        .problems(&["invalid-input"])
}

pub(super) async fn get(
    State(app): State<App>,
    asking: Asking,
    InPath(index): InPath<String>,
) -> Result<Json<EventAndCausedBody>, Problem> {
    let index: u64 = index.parse().map_err(|_| CaseError::from(Rule::EventNotFound))?;
    let (event, caused) = app.audit_event(index).await?;
    let returned = 1 + caused.len() as u64;
    app.record_audit_read(format!("index={index}"), returned, &asking.caller()).await?;
    Ok(Json(EventAndCausedBody {
        event: body(event),
        caused: caused.into_iter().map(body).collect(),
    }))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getAuditEvent", "Shows one event and what it caused")
        .says("The read is itself recorded before it is answered.")
        .answers::<EventAndCausedBody>(200, "the event")
        .problems(&["event-not-found"])
}

fn wants_lines(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .any(|accept| accept.contains("application/x-ndjson"))
}

/// Returns the most rows of a page.
fn most() -> Limit {
    Limit::new(Limit::MOST).unwrap_or_default()
}

async fn count(app: &App, search: &Search, mut after: Option<u64>) -> Result<u64, CaseError> {
    let mut count = 0;
    loop {
        let rows = app.audit_rows(search, Order::OldestFirst, after, most()).await?;
        let Some(last) = rows.last() else { return Ok(count) };
        count += rows.len() as u64;
        after = Some(last.index);
    }
}

/// Gives the stored lines page by page, each with a line break, as they are asked for.
fn lines(
    app: App,
    search: Search,
    after: Option<u64>,
) -> impl Stream<Item = Result<Vec<u8>, CaseError>> {
    futures::stream::try_unfold((app, search, after), |(app, search, after)| async move {
        let rows = app.audit_rows(&search, Order::OldestFirst, after, most()).await?;
        let Some(last) = rows.last().map(|row| row.index) else { return Ok(None) };
        let mut page = Vec::new();
        for stored in app.lines(&rows).await? {
            page.extend_from_slice(stored.line.as_bytes());
            page.push(b'\n');
        }
        Ok(Some((page, (app, search, Some(last)))))
    })
}

fn body(seen: Seen) -> EventBody {
    let Seen { recorded, address, agent, data } = seen;
    let sentence = sentence(&recorded);
    let header = recorded.header;
    EventBody {
        index: recorded.index,
        id: header.id.to_string(),
        recorded_at: recorded.recorded_at,
        code: recorded.code,
        event_type: recorded.event.kind().name,
        sentence,
        actor: ActorBody {
            kind: json!(header.actor.kind),
            id: header.actor.id,
            roles: header.actor.roles.iter().map(|role| role.as_str()).collect(),
            means: json!(header.actor.means),
        },
        origin: OriginBody { request: header.origin.request, address, agent },
        outcome: match recorded.outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
        },
        reason: header.reason,
        stream: recorded.stream.to_string(),
        version: recorded.version,
        correlation: header.correlation,
        causation: header.causation.map(|event| event.to_string()),
        data,
    }
}
