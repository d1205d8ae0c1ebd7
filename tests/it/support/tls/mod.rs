//! A practice server that speaks TLS, and a proxy that counts: each on threads of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

/// The authority that signed every certificate here.
pub(crate) const CA: &str = include_str!("ca.pem");
/// Of another authority: it signs itself.
pub(crate) const OTHER_CA: &str = include_str!("../../api/ca.pem");

const KEY: &str = include_str!("server.key");

/// What a server shows of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shows {
    /// A certificate for this machine.
    Good,
    /// One that ran out long ago.
    Expired,
    /// One for another host.
    Elsewhere,
}

/// Starts a server that answers everything with this JSON; returns its authority.
pub(crate) fn server(shows: Shows, body: &'static str) -> String {
    let certificate = match shows {
        Shows::Good => include_str!("good.pem"),
        Shows::Expired => include_str!("expired.pem"),
        Shows::Elsewhere => include_str!("elsewhere.pem"),
    };
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    listen(move |mut socket| {
        let mut session = ServerConnection::new(config.clone()).unwrap();
        let mut stream = Stream::new(&mut session, &mut socket);
        // A client that does not trust the certificate goes away here.
        if head(&mut stream).is_some() {
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            );
            let _gone = stream.write_all(answer.as_bytes());
            session.send_close_notify();
            let _gone = session.complete_io(&mut socket);
        }
    })
}

/// A proxy that takes CONNECT alone.
pub(crate) struct CountingProxy {
    pub(crate) authority: String,
    connected: Arc<AtomicUsize>,
}

impl CountingProxy {
    pub(crate) fn start() -> Self {
        let connected = Arc::new(AtomicUsize::new(0));
        let counted = connected.clone();
        let authority = listen(move |mut client| {
            let asked = head(&mut client).unwrap_or_default();
            let Some(target) = asked.strip_prefix("CONNECT ") else {
                return;
            };
            counted.fetch_add(1, Ordering::SeqCst);
            let target = target.split(' ').next().unwrap();
            let mut server = TcpStream::connect(target).unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut from_server, mut to_client) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let _gone = std::io::copy(&mut from_server, &mut to_client);
                let _gone = to_client.shutdown(std::net::Shutdown::Write);
            });
            let _gone = std::io::copy(&mut client, &mut server);
        });
        Self {
            authority,
            connected,
        }
    }

    /// How often it was asked to connect to somebody.
    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::SeqCst)
    }
}

/// Takes connections on this machine for as long as the process lives; returns the authority.
fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(socket));
        }
    });
    authority
}

/// Reads up to the end of the headers; nothing, if the other side goes away before.
fn head(stream: &mut impl Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) | Err(_) => return None,
        }
    }
    String::from_utf8(head).ok()
}
