//! A receiver of messages on loopback: takes what comes, and answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long a story waits for a message before it is told that it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signatures: Vec<String>,
    pub(crate) content_type: String,
    pub(crate) body: String,
    /// What was answered; nothing while it is held.
    pub(crate) answered: Option<u16>,
}

impl Taken {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The type of the message.
    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
}

struct Desk {
    taken: watch::Sender<Vec<Taken>>,
    next: Mutex<VecDeque<Reply>>,
    usual: Mutex<Reply>,
    held: watch::Sender<bool>,
}

/// A receiver of messages.
pub(crate) struct Receiver {
    authority: String,
    desk: Arc<Desk>,
}

impl Receiver {
    /// Begins to take messages, and answers 204.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let desk = Arc::new(Desk {
            taken: watch::Sender::new(Vec::new()),
            next: Mutex::default(),
            usual: Mutex::new(Reply::of(204)),
            held: watch::Sender::new(false),
        });
        let router = Router::new().fallback(take).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { authority, desk }
    }

    /// Where it takes messages.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.authority)
    }

    /// Answers like this from now on.
    pub(crate) fn answers(&self, status: u16) {
        *self.desk.usual.lock().unwrap() = Reply::of(status);
    }

    /// Answers like this the next time.
    pub(crate) fn answers_once(&self, status: u16, headers: &[(&'static str, &str)]) {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        self.desk
            .next
            .lock()
            .unwrap()
            .push_back(Reply { status, headers });
    }

    /// Takes messages and does not answer, or answers them all.
    pub(crate) fn holds(&self, held: bool) {
        self.desk.held.send_replace(held);
    }

    /// Everything that came, answered or not.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.desk.taken.borrow().clone()
    }

    /// The types of the messages that it has taken with success, in order.
    pub(crate) fn knows(&self) -> Vec<String> {
        let fine = |taken: &&Taken| taken.answered.is_some_and(|status| status < 300);
        self.taken().iter().filter(fine).map(Taken::kind).collect()
    }

    /// Waits until so many messages came.
    pub(crate) async fn until(&self, came: usize) {
        let mut taken = self.desk.taken.subscribe();
        let enough = taken.wait_for(|taken| taken.len() >= came);
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        assert!(waited.is_ok(), "it hangs");
    }
}

impl Reply {
    fn of(status: u16) -> Self {
        Self {
            status,
            headers: vec![],
        }
    }
}

async fn take(
    State(desk): State<Arc<Desk>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| {
        let value = headers.get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let taken = Taken {
        path: uri.path().to_owned(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().unwrap_or(0),
        signatures: header("webhook-signature")
            .split(' ')
            .map(str::to_owned)
            .collect(),
        content_type: header("content-type"),
        body: String::from_utf8(body.to_vec()).unwrap(),
        answered: None,
    };
    let mut place = 0;
    desk.taken.send_modify(|all| {
        place = all.len();
        all.push(taken);
    });
    let mut held = desk.held.subscribe();
    let _ = held.wait_for(|held| !held).await;
    let next = desk.next.lock().unwrap().pop_front();
    let reply = next.unwrap_or_else(|| desk.usual.lock().unwrap().clone());
    desk.taken
        .send_modify(|all| all[place].answered = Some(reply.status));
    let mut response = StatusCode::from_u16(reply.status).unwrap().into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
