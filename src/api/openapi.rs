//! The `OpenAPI` 3.1 document, built from the routes themselves: none can be missing.

use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Header, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi,
    OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

use super::access::{May, rule};
use super::answer::Json;
use super::problem::{MEDIA_TYPE, ProblemBody};
use super::{Route, catalogue, routes};

type Schemas = Vec<(String, RefOr<Schema>)>;

/// What is said of one route.
pub(crate) struct Doc {
    operation: OperationBuilder,
    schemas: Schemas,
    problems: Vec<&'static str>,
}

impl Doc {
    /// Names what a route does: `listProviders`, and a sentence.
    pub(crate) fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            operation: OperationBuilder::new()
                .operation_id(Some(id))
                .summary(Some(summary)),
            schemas: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Says more than the summary.
    pub(crate) fn says(mut self, description: &'static str) -> Self {
        self.operation = self.operation.description(Some(description));
        self
    }

    /// Takes a JSON body.
    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        let body = RequestBodyBuilder::new()
            .content(
                "application/json",
                ContentBuilder::new()
                    .schema(Some(self.known::<T>()))
                    .build(),
            )
            .required(Some(Required::True))
            .build();
        self.operation = self.operation.request_body(Some(body));
        self
    }

    /// Answers with JSON.
    pub(crate) fn answers<T: ToSchema>(self, status: u16, description: &'static str) -> Self {
        let headers: &[_] = match status {
            201 | 202 => &["Location", "Lanyard-Index"],
            _ => &[],
        };
        self.answers_with::<T>(status, description, headers)
    }

    /// Answers with JSON and headers.
    pub(crate) fn answers_with<T: ToSchema>(
        mut self,
        status: u16,
        description: &'static str,
        headers: &[&'static str],
    ) -> Self {
        let content = ContentBuilder::new()
            .schema(Some(self.known::<T>()))
            .build();
        let mut response = ResponseBuilder::new()
            .description(description)
            .content("application/json", content);
        for name in headers {
            response = response.header(*name, Header::default());
        }
        self.operation = self.operation.response(status.to_string(), response);
        self
    }

    /// Answers with a text of another kind.
    pub(crate) fn answers_text(
        mut self,
        status: u16,
        description: &'static str,
        media_type: &'static str,
    ) -> Self {
        let content = ContentBuilder::new().schema(Some(text())).build();
        let response = ResponseBuilder::new()
            .description(description)
            .content(media_type, content);
        self.operation = self.operation.response(status.to_string(), response);
        self
    }

    /// Answers without a body.
    pub(crate) fn answers_empty(mut self, status: u16, description: &'static str) -> Self {
        let response = ResponseBuilder::new().description(description);
        self.operation = self.operation.response(status.to_string(), response);
        self
    }

    /// Takes a parameter of the query.
    pub(crate) fn asks(mut self, name: &'static str, description: &'static str) -> Self {
        self.operation = self.operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(text())),
        );
        self
    }

    /// Gives a page of a list at a time, after a cursor.
    pub(crate) fn pages(self) -> Self {
        self.asks("after", "the cursor of the page before").limits()
    }

    /// Lets whoever asks say how long the answer may be.
    pub(crate) fn limits(self) -> Self {
        self.asks(
            "limit",
            "how many at most: 1 to 1000, 100 where nobody says",
        )
    }

    /// Honours `If-Match`.
    pub(crate) fn honours_if_match(mut self) -> Self {
        self.operation = self.operation.parameter(header(
            "If-Match",
            "the ETag that the caller saw; stale: 412",
        ));
        self.problems(&["revision-changed"])
    }

    /// Names the problems that are the route's own.
    pub(crate) fn problems(mut self, codes: &[&'static str]) -> Self {
        self.problems.extend(codes);
        self
    }

    fn known<T: ToSchema>(&mut self) -> Ref {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(T::name())
    }
}

fn text() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .build()
        .into()
}

fn header(name: &'static str, description: &'static str) -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text()))
        .build()
}

/// Builds the document.
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut schemas: Schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    for route in routes() {
        let Some(method) = method(route.method) else {
            continue;
        };
        let (operation, needed) = operation(&route);
        schemas.extend(needed);
        paths = paths.path(
            route.path,
            PathItemBuilder::new().operation(method, operation).build(),
        );
    }
    schemas.sort_by(|one, other| one.0.cmp(&other.0));
    schemas.dedup_by(|one, other| one.0 == other.0);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("lyd_pat_…")
        .description(Some("An API token, made by an admin."))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Lanyard")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Links people to Git servers and carries their SSH keys there. Every refusal \
                     is a problem (RFC 9457) with a stable code. A write answers with \
                     `Lanyard-Index`; a read with `?wait=<index>` shows at least that event. A \
                     POST with an `Idempotency-Key` is done once.",
                ))
                .license(Some(
                    LicenseBuilder::new()
                        .name("Apache-2.0")
                        .identifier(Some("Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .paths(paths)
        .components(Some(
            ComponentsBuilder::new()
                .schemas_from_iter(schemas)
                .security_scheme("token", SecurityScheme::Http(bearer))
                .build(),
        ))
        .tags(Some(TAGS.map(|(name, description)| {
            TagBuilder::new()
                .name(name)
                .description(Some(description))
                .build()
        })))
        .build()
}

const TAGS: [(&str, &str); 12] = [
    ("providers", "The Git servers that admins registered"),
    ("users", "People's accounts and keys"),
    ("sync", "What is pending at the providers, and why"),
    ("replays", "Making a provider agree with the log again"),
    ("notices", "What people are told of by themselves"),
    ("webhooks", "Receivers of notices outside"),
    ("audit", "What happened"),
    ("projections", "The read models"),
    ("tokens", "API tokens"),
    ("settings", "The deployment's settings"),
    ("me", "Whoever asks"),
    ("server", "The server itself"),
];

fn operation(route: &Route) -> (utoipa::openapi::path::Operation, Schemas) {
    let Doc {
        mut operation,
        schemas,
        mut problems,
        ..
    } = (route.doc)();
    for name in parameters(route.path) {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text())),
        );
    }
    let may = rule(route.method, route.path);
    if may == May::Anyone {
        operation = operation.security(SecurityRequirement::default());
    } else {
        operation = operation.security(SecurityRequirement::new("token", Vec::<String>::new()));
        problems.extend(["unauthenticated", "forbidden"]);
        if route.method == "POST" {
            operation = operation.parameter(header(
                "Idempotency-Key",
                "the same key with the same body is done once, and answered alike for a day",
            ));
        }
    }
    let mut statuses: Vec<u16> = problems
        .iter()
        .filter_map(|code| catalogue::find(code).map(|entry| entry.status))
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let mut codes: Vec<_> = problems
            .iter()
            .filter(|code| catalogue::find(code).is_some_and(|entry| entry.status == status))
            .copied()
            .collect();
        codes.sort_unstable();
        codes.dedup();
        operation = operation.response(status.to_string(), problem(codes.join(", ")));
    }
    operation = operation
        .response("default", problem("any other problem"))
        .tag(tag(route.path));
    (operation.build(), schemas)
}

fn problem(description: impl Into<String>) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemBody::name())))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content(MEDIA_TYPE, content)
}

fn parameters(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
}

fn tag(path: &str) -> &'static str {
    let noun = path
        .strip_prefix("/api/v1/")
        .and_then(|rest| rest.split('/').next());
    TAGS.iter()
        .find(|(name, _)| Some(*name) == noun)
        .map_or("server", |(name, _)| name)
}

fn method(method: &str) -> Option<HttpMethod> {
    Some(match method {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => return None,
    })
}

/// Answers with the document.
pub(super) async fn serve() -> Response {
    Json(document()).into_response()
}

pub(super) fn serve_doc() -> Doc {
    Doc::new("describeApi", "Answers with this document").answers_text(
        200,
        "OpenAPI 3.1",
        "application/json",
    )
}
