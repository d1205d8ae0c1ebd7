//! Spans as a collector gets them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use forge::{GitHub, GitHubOptions};
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::Server;
use super::remote::Remote;
use crate::support::app::PUBLIC_URL;

/// A collector that speaks OTLP over HTTP, as far as it has to.
struct Collector {
    url: String,
    got: Arc<Mutex<Vec<u8>>>,
}

/// A span: the trace it is in, and everything else that stands in its message.
struct Span {
    trace: Uuid,
    rest: Vec<u8>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        let take = move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            kept.lock().unwrap().extend_from_slice(&body);
            async {}
        };
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got }
    }

    /// Cuts what came into spans: each begins with its trace, field 1 of 16 bytes, and its own id,
    /// field 2 of 8 (OTLP, `trace.proto`). A link does so too.
    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let is_begin =
            |bytes: &[u8]| bytes.starts_with(b"\x0a\x10") && &bytes[18..20] == b"\x12\x08";
        let begins: Vec<usize> = (0..got.len().saturating_sub(20))
            .filter(|at| is_begin(&got[*at..]))
            .collect();
        let ends = begins.iter().skip(1).copied().chain([got.len()]);
        begins
            .iter()
            .zip(ends)
            .filter(|(begin, end)| *begin + 18 <= *end)
            .map(|(begin, end)| Span {
                trace: Uuid::from_slice(&got[begin + 2..begin + 18]).unwrap(),
                rest: got[begin + 18..end].to_vec(),
            })
            .collect()
    }

    /// Waits for a span with all these words in it.
    async fn waits_for(&self, words: &[&str]) -> Span {
        loop {
            let has_all = |span: &Span| words.iter().all(|word| span.says(word.as_bytes()));
            if let Some(found) = self.spans().into_iter().find(has_all) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Span {
    fn says(&self, words: &[u8]) -> bool {
        contains(&self.rest, words)
    }
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_sees_the_request_and_the_calls_to_the_provider_and_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let github = GitHub::start(GitHubOptions::dot_com()).await.unwrap();
    let server = Server::start_with(home.path(), |command| {
        command
            .args(["--public-url", PUBLIC_URL, "--allow-host", "127.0.0.1"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
            .env("OTEL_BSP_SCHEDULE_DELAY", "50");
    });
    let admin = Remote::first_admin(&server).await;
    let client_secret = admin.registers(&github).await;
    let body = json!({ "user": "ada", "name": "laptop", "roles": ["member"] });
    let made = admin.post("/api/v1/tokens", body).await.unwrap().is(201);
    let ada = Remote::new(&server.url(), made["token"].as_str().unwrap());
    let linked: Uuid = ada.links(&github, "octo-ada").await.parse().unwrap();

    // The worker's calls are in the trace of the request that they follow from.
    let request = collector
        .waits_for(&["request", "/oauth/callback/{provider}"])
        .await;
    assert_eq!(request.trace, linked);
    let exchanged = collector.waits_for(&["provider call", "exchange"]).await;
    assert_eq!(exchanged.trace, linked);
    let added = collector.waits_for(&["provider call", "add_key"]).await;
    assert_eq!(added.trace, linked);
    assert!(added.says(b"github"));

    // A request of somebody's trace is in that, with a link to its own.
    let trace: Uuid = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let parent = format!("00-{}-00f067aa0ba902b7-01", trace.simple());
    let tested = admin
        .send(
            reqwest::Method::POST,
            "/api/v1/providers/github/test",
            Some(json!({})),
            &[("traceparent", &parent)],
        )
        .await
        .unwrap();
    tested.is(200);
    let own: Uuid = tested.header("x-request-id").parse().unwrap();
    let call = collector.waits_for(&["provider call", "test"]).await;
    assert_eq!(call.trace, trace);
    let words = ["request", "/api/v1/providers/{provider}/test"];
    let request = collector.waits_for(&words).await;
    assert_eq!(request.trace, trace);
    // A link is a message of its own in the span, and begins with the trace it leads to.
    assert!(collector.spans().iter().any(|span| span.trace == own));

    let got = collector.got.lock().unwrap();
    let secrets = [
        client_secret.as_str(),
        admin.token(),
        ada.token(),
        "gho_",
        "octo-ada",
        "ssh-ed25519",
        "/oauth/callback/github",
    ];
    for secret in secrets {
        assert!(!contains(&got, secret.as_bytes()), "{secret} is exported");
    }
}
