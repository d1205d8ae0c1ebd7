//! The life of a practice server: its port, its connections, the door that every request passes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use chrono::{DateTime, Utc};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::faults::{Fault, Faults, Moment};
use crate::journal::{Journal, JournalEntry, Ticket};

/// What every kind of practice server has.
pub(crate) trait Practice: Send + Sync + 'static {
    /// Where its API begins; routes in the journal are named without it.
    const API: &'static str;

    /// Returns the path below which all of it lives, if it does not live at the root of its host;
    /// routes in the journal are named without it too.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "only the default is a literal"
    )]
    fn root(&self) -> &str {
        ""
    }
    /// Returns the time.
    fn now(&self) -> DateTime<Utc>;
    /// Returns its faults.
    fn faults(&self) -> &Faults;
    /// Returns its journal.
    fn journal(&self) -> &Journal;
    /// Words a fault that is an answer, the way this kind of server does.
    fn word(&self, fault: &Fault) -> Response;
}

/// Stands in the extensions of an answer: the login of who asked.
#[derive(Clone, Debug)]
pub(crate) struct AskedBy(pub(crate) String);

/// A bound port that nobody listens on yet.
#[derive(Debug)]
pub(crate) struct Port(TcpListener);

impl Port {
    /// Binds a loopback port; 0 takes a free one.
    pub(crate) async fn bind(port: u16) -> io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map(Self)
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A running server; dropping it lets go of the port.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
}

impl Server {
    /// Serves `routes` behind the door.
    pub(crate) fn start<P: Practice>(port: Port, practice: Arc<P>, routes: Router) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let routes = routes.layer(from_fn_with_state(practice.clone(), door::<P>));
        let service = routes.into_make_service_with_connect_info::<Cord>();
        tokio::spawn(async move {
            let served = axum::serve(Doorstep(port.0), service)
                .with_graceful_shutdown(async move {
                    // The sender is either used or dropped; both mean stop.
                    drop(stopped.await);
                    practice.faults().heal();
                })
                .await;
            if let Err(error) = served {
                tracing::warn!(%error, "a practice server stopped");
            }
        });
        Self { stop: Some(stop) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody waits any more if the runtime is gone already.
            let _gone = stop.send(());
        }
    }
}

/// Writes the journal and lets faults strike.
async fn door<P: Practice>(
    State(practice): State<Arc<P>>,
    ConnectInfo(cord): ConnectInfo<Cord>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(&*path, MatchedPath::as_str);
    let pattern = pattern.strip_prefix(practice.root()).unwrap_or(pattern);
    let api = pattern.starts_with(P::API);
    let pattern = pattern.strip_prefix(P::API).unwrap_or(pattern);
    let method = request.method().to_string();
    let route = format!("{method} {pattern}");
    let strike = practice.faults().strike(&route, api);
    let ticket = practice.journal().arrived(JournalEntry {
        at: practice.now(),
        method,
        path,
        route,
        user: None,
        decided: None,
        answered: None,
    });
    let serve =
        async |request: Request, next: Next| decide(&*practice, ticket, request, next).await;
    let answer = match strike {
        None => Some(serve(request, next).await),
        Some(mut strike) => match strike.fault {
            Fault::Dropped(Moment::BeforeEffect) => None,
            Fault::Dropped(Moment::AfterEffect) => {
                serve(request, next).await;
                None
            }
            Fault::Silent(moment) => {
                if moment == Moment::AfterEffect {
                    serve(request, next).await;
                }
                strike.healed().await;
                None
            }
            Fault::LostAnswer => {
                serve(request, next).await;
                Some(practice.word(&Fault::BadGateway))
            }
            Fault::Repeated => Some(match twice(request).await {
                Ok((first, second)) => {
                    serve(first, next.clone()).await;
                    serve(second, next).await
                }
                Err(refusal) => refusal,
            }),
            Fault::AcceptLost => {
                let mut request = request;
                request.headers_mut().remove(header::ACCEPT);
                Some(serve(request, next).await)
            }
            Fault::Slow(pause) => {
                tokio::time::sleep(pause).await;
                Some(serve(request, next).await)
            }
            Fault::Held => {
                strike.healed().await;
                Some(serve(request, next).await)
            }
            answer => Some(practice.word(&answer)),
        },
    };
    if let Some(answer) = answer {
        practice
            .journal()
            .answered(ticket, answer.status().as_u16());
        answer
    } else {
        cord.cut();
        StatusCode::NO_CONTENT.into_response()
    }
}

async fn decide<P: Practice>(
    practice: &P,
    ticket: Ticket,
    request: Request,
    next: Next,
) -> Response {
    let answer = next.run(request).await;
    let user = answer.extensions().get::<AskedBy>().map(|by| by.0.clone());
    practice
        .journal()
        .decided(ticket, answer.status().as_u16(), user);
    answer
}

/// Returns the same request two times.
async fn twice(request: Request) -> Result<(Request, Request), Response> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
    let first = Request::from_parts(head.clone(), Body::from(body.clone()));
    Ok((first, Request::from_parts(head, Body::from(body))))
}

/// Pulled to close one connection without another byte.
#[derive(Clone, Debug)]
pub(crate) struct Cord(Arc<AtomicBool>);

impl Cord {
    fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Doorstep>> for Cord {
    fn connect_info(stream: IncomingStream<'_, Doorstep>) -> Self {
        stream.io().cord.clone()
    }
}

/// A listener whose connections have a cord.
struct Doorstep(TcpListener);

impl Listener for Doorstep {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a practice connection keeps Nagle's algorithm");
        }
        (
            Line {
                stream,
                cord: Cord(Arc::default()),
            },
            from,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// One connection.
struct Line {
    stream: TcpStream,
    cord: Cord,
}

impl Line {
    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.cord.0.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
