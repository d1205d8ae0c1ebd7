//! Log lines to standard error, and spans to a collector if the operator named one.
//!
//! A span says which route or which operation at which provider, how long, and what came of it. Log
//! lines, paths, bodies and people are not exported.
//!
//! What a request sets going happens later and elsewhere: the events it makes carry its id as their
//! correlation, and so do the events that follow from them. That id is the id of a trace as well. A
//! request without a `traceparent` (W3C Trace Context) is in that trace itself; one with it is in
//! its sender's, with a link. What the worker does about it is in the trace of the correlation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use uuid::Uuid;

/// How long a collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the last batch may hold up the end of the process.
const FAREWELL: Duration = Duration::from_millis(300);

/// Whether spans are exported: otherwise nothing is done for them.
static EXPORTED: AtomicBool = AtomicBool::new(false);

/// Log lines and, perhaps, spans on their way out.
#[derive(Debug)]
pub struct Telling(Option<SdkTracerProvider>);

/// Starts to log what `log` lets through, and to export spans if `exported`; where to is in the
/// standard variables of OpenTelemetry.
pub fn start(log: EnvFilter, exported: bool, runtime: &Handle) -> Telling {
    let provider = exported.then(|| exporter(runtime)).transpose();
    let (provider, fault) = match provider {
        Ok(provider) => (provider, None),
        Err(fault) => (None, Some(fault)),
    };
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("lanyard"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_told))
    });
    EXPORTED.store(spans.is_some(), Ordering::Relaxed);
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_filter(log),
        )
        .with(spans)
        .init();
    if let Some(fault) = fault {
        tracing::warn!(%fault, "no traces are exported: look at OTEL_EXPORTER_OTLP_ENDPOINT");
    }
    Telling(provider)
}

impl Telling {
    /// Exports what is left. To be called while the runtime is still there.
    pub fn end(self) {
        if let Some(provider) = self.0 {
            // Whoever waits for the end of the process does not wait for a collector.
            let _ = provider.shutdown_with_timeout(FAREWELL);
        }
    }
}

/// Says whether a span is exported: ours, of interest to an operator, and no log line.
fn is_told(metadata: &Metadata<'_>) -> bool {
    metadata.is_span()
        && *metadata.level() <= Level::INFO
        && metadata.target().starts_with("lanyard")
}

fn exporter(runtime: &Handle) -> Result<SdkTracerProvider, ExporterBuildError> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let client = client.map_err(|error| ExporterBuildError::InternalFailure(error.to_string()))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender {
            client,
            runtime: runtime.clone(),
        })
        .build()?;
    let resource = Resource::builder()
        .with_service_name("lanyard")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// Sends batches through the one HTTP library. The thread that asks has no runtime of its own.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request.try_into()?).await?;
            let status = answer.status();
            let headers = answer.headers().clone();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok::<_, reqwest::Error>(response)
        });
        Ok(sent.await??)
    }
}

/// Puts the span of a request into the trace of its sender, or else into that of its own
/// correlation. To be called before the span is entered.
pub fn follow_sender(span: &Span, headers: &HeaderMap, correlation: Uuid) {
    if !EXPORTED.load(Ordering::Relaxed) {
        return;
    }
    let sender = TraceContextPropagator::new()
        .extract_with_context(&Context::new(), &HeaderExtractor(headers));
    if sender.span().span_context().is_valid() {
        span.add_link(of(correlation));
        let _late = span.set_parent(sender);
    } else {
        follow(span, correlation);
    }
}

/// Puts a span into the trace of a correlation. To be called before the span is entered.
pub fn follow(span: &Span, correlation: Uuid) {
    if EXPORTED.load(Ordering::Relaxed) {
        let parent = Context::new().with_remote_span_context(of(correlation));
        let _late = span.set_parent(parent);
    }
}

/// Returns where the trace of a correlation begins: every process finds the same.
fn of(correlation: Uuid) -> SpanContext {
    let (_, low) = correlation.as_u64_pair();
    SpanContext::new(
        TraceId::from_bytes(*correlation.as_bytes()),
        SpanId::from_bytes(low.to_be_bytes()),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_a_correlation_has_its_id() {
        let correlation: Uuid = "01a1ee56-5e00-752f-80bf-9e194e541b28".parse().unwrap();
        let context = of(correlation);
        assert_eq!(
            context.trace_id().to_string(),
            "01a1ee565e00752f80bf9e194e541b28"
        );
        assert!(context.is_valid() && context.is_sampled() && context.is_remote());
    }
}
