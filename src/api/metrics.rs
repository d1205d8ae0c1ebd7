//! What is measured, for Prometheus.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::openapi::Doc;
use super::problem::Problem;
use crate::app::App;
use crate::telemetry::metrics::MEDIA_TYPE;

pub(super) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let text = app.measured().await;
    let text = text.map_err(|error| Problem::internal(error.to_string()))?;
    let kind = HeaderValue::from_static(MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

pub(super) fn show_doc() -> Doc {
    Doc::new("getMetrics", "Says what is measured, for Prometheus")
        .says("With --metrics-listen, another address answers the same without a token.")
        .answers_text(200, "OpenMetrics 1.0", MEDIA_TYPE)
}
