//! Problems: what a caller is told when something is not done (RFC 9457).

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Refusal, RefusalKind};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::catalogue;
use crate::app::{CaseError, CommandError};
use crate::database::DatabaseError;
use crate::eventlog::LogError;
use crate::vault::VaultError;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// How long a caller waits before the next try when nobody says, in seconds.
const RETRY_AFTER: u64 = 5;

/// Why something was not done, before it is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its stable code: an entry of the catalogue.
    pub code: &'static str,
    /// The answer's status.
    pub status: StatusCode,
    /// When it makes sense to try again, in seconds.
    retry_after: Option<u64>,
    /// What there is to say of it.
    said: Box<Said>,
}

/// What there is to say of a problem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    /// The title, where the rule that refused says it better than the catalogue.
    title: Option<String>,
    /// What is wrong this time, if there is more to say than the title says.
    detail: Option<String>,
    /// The rejected fields, every one of them.
    errors: Vec<FieldError>,
    /// What only the server's own log may know.
    cause: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as it was sent.
    #[schema(value_type = String, example = "base_url")]
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    #[schema(example = "must start with https://")]
    pub detail: String,
}

/// A problem as it is answered, with the media type `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The page that explains this kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/provider-already-added")]
    kind: String,
    /// What is wrong, in a sentence.
    title: String,
    /// The answer's status.
    #[schema(example = 409)]
    status: u16,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The request's id, as in `X-Request-Id`.
    instance: Uuid,
    /// The rejected fields, every one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// When it makes sense to try again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Problem {
    /// Makes the problem that the catalogue has under `code`.
    pub fn new(code: &'static str) -> Self {
        let status = catalogue::find(code).map_or(500, |entry| entry.status);
        Self {
            code,
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            retry_after: None,
            said: Box::default(),
        }
    }

    /// Returns what only the server's own log may know.
    pub fn cause(&self) -> &str {
        self.said.cause.as_deref().unwrap_or_default()
    }

    /// Returns the rejected fields.
    pub fn rejected(&self) -> &[FieldError] {
        &self.said.errors
    }

    /// Says what is wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.said.detail = Some(detail.into());
        self
    }

    /// Names rejected fields.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.said.errors = errors;
        self
    }

    /// Names one rejected field.
    pub fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::new("invalid-input").errors(vec![FieldError {
            field: field.into(),
            detail: detail.into(),
        }])
    }

    /// Says what only the server's own log may know.
    #[must_use]
    pub fn because(mut self, cause: impl Display) -> Self {
        self.said.cause = Some(cause.to_string());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Makes the problem of a fault of ours.
    pub fn internal(cause: impl Display) -> Self {
        Self::new("internal").because(cause)
    }

    /// Makes the problem of a log, database or vault that cannot be used now.
    pub fn unavailable(cause: impl Display) -> Self {
        Self::new("unavailable")
            .because(cause)
            .retry_after(RETRY_AFTER)
    }

    /// Writes the answer to the request `instance`.
    pub(super) fn render(self, instance: Uuid) -> Response {
        let known = catalogue::find(self.code);
        let said = *self.said;
        // A fault of ours is explained in our own log and nowhere else.
        let ours = self.status.is_server_error();
        let body = ProblemBody {
            kind: format!("/problems/{}", self.code),
            title: said
                .title
                .or_else(|| known.map(|entry| entry.title.to_owned()))
                .unwrap_or_default(),
            status: self.status.as_u16(),
            detail: said.detail.filter(|_| !ours),
            instance,
            errors: said.errors,
            retry_after: self.retry_after,
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], json).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"lanyard\""),
            );
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Hands the problem to the outermost layer, which knows the request's id and writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind() {
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        };
        Self {
            code: refusal.code(),
            status,
            retry_after: None,
            said: Box::new(Said {
                title: Some(refusal.to_string()),
                ..Said::default()
            }),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Changed { current } => {
                Self::new("revision-changed").detail(format!("its revision is now {current}"))
            }
            CommandError::Conflict => Self::new("busy").retry_after(1),
            CommandError::TooLong(bytes) => {
                Self::new("too-long").detail(format!("it would make an event of {bytes} bytes"))
            }
            CommandError::Unavailable(_) => Self::unavailable(error),
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Stale | DatabaseError::Duplicate => Self::new("busy").retry_after(1),
            DatabaseError::Unavailable(_) => Self::unavailable(error),
            DatabaseError::Broken(_) => Self::internal(error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        CommandError::from(error).into()
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        CommandError::from(error).into()
    }
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        match error {
            CaseError::Command(error) => error.into(),
            CaseError::Rule(rule) => {
                let mut problem = Self::new(rule.code());
                problem.said.detail = rule.detail();
                problem
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Rule;

    #[test]
    fn every_error_has_one_problem() {
        let cases = [
            (
                CommandError::Changed { current: 2 },
                "revision-changed",
                412,
            ),
            (CommandError::Conflict, "busy", 503),
            (CommandError::TooLong(70_000), "too-long", 422),
            (CommandError::Unavailable(String::new()), "unavailable", 503),
        ];
        for (error, code, status) in cases {
            let problem = Problem::from(error);
            assert_eq!((problem.code, problem.status.as_u16()), (code, status));
        }
        let cases = [
            (DatabaseError::Stale, "busy"),
            (DatabaseError::Duplicate, "busy"),
            (DatabaseError::Unavailable(String::new()), "unavailable"),
            (DatabaseError::Broken(String::new()), "internal"),
        ];
        for (error, code) in cases {
            assert_eq!(Problem::from(error).code, code);
        }
    }

    #[test]
    fn every_rule_over_more_than_one_stream_stands_in_the_catalogue() {
        for rule in [
            Rule::SharedCallbackTaken,
            Rule::ConsumerKeyTaken("bitbucket".parse().unwrap()),
            Rule::ProviderDisabled,
            Rule::ProviderLeaving,
            Rule::ConfirmationNotDue,
            Rule::ConfirmationOtherWay,
            Rule::NotByHand,
            Rule::NoOfficialHostKeys,
            Rule::HostKeysNotHad(String::new()),
            Rule::HostKeysDiffer(String::new()),
            Rule::FlowNotFound,
            Rule::FlowRefused,
            Rule::FlowOutdated,
            Rule::FlowDenied(String::new()),
            Rule::FlowFailed(String::new()),
            Rule::ScopesMissing(vec![]),
            Rule::OtherIdentity,
            Rule::EventNotFound,
            Rule::ProjectionNotFound,
            Rule::RebuildUnderWay,
        ] {
            assert!(catalogue::find(rule.code()).is_some(), "{}", rule.code());
        }
    }
}
