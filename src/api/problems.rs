//! The pages behind the `type` of a problem.

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::catalogue::{self, Entry};
use super::extract::InPath;
use super::openapi::Doc;
use super::problem::Problem;

const TEXT: [(header::HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
    (header::CACHE_CONTROL, "public, max-age=3600"),
];

pub(super) async fn list() -> impl IntoResponse {
    let mut page = String::from("Every problem that Lanyard answers with:\n\n");
    for entry in catalogue::ALL {
        let _ = writeln!(page, "{:<34} {}  {}", entry.code, entry.status, entry.title);
    }
    (TEXT, page)
}

pub(super) fn list_doc() -> Doc {
    Doc::new("listProblems", "Lists every kind of problem").answers_text(
        200,
        "one line per code",
        "text/plain",
    )
}

pub(super) async fn get(InPath(code): InPath<String>) -> Result<impl IntoResponse, Problem> {
    let Entry {
        code,
        status,
        title,
        remedy,
    } = catalogue::find(&code).ok_or_else(|| Problem::new("not-found"))?;
    let reason = StatusCode::from_u16(*status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let page = format!("{code}\n\n{status} {reason}: {title}.\n\nWhat to do: {remedy}.\n");
    Ok((TEXT, page))
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getProblem", "Explains one kind of problem")
        .answers_text(200, "what it means and what to do", "text/plain")
        .problems(&["not-found"])
}
