//! Where a `PostgreSQL` server is, and how to reach it.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::form_urlencoded;

use super::failure::Failure;

/// A database of a server: its address, who we are there, and whom we trust to be it.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// Why an address cannot be used. Says nothing of the address itself: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It is no address.
    #[error("a PostgreSQL address reads postgres://user:password@host:port/database")]
    Unreadable,
    /// The certificates to trust cannot be read.
    #[error("no certificates to trust can be read from {0}")]
    Certificates(String),
}

/// What every session is told first. Nothing acknowledged may be lost, nothing may wait for ever,
/// and none of the statements here gains from being compiled.
const MANNERS: &str = "
    SET jit = off;
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '60s';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'";

impl Server {
    /// Reads an address: `postgres://user:password@host:port/database`, or for a socket
    /// `postgres://user@%2Frun%2Fpostgresql/database`. A certificate is always checked against
    /// its host's name; `sslrootcert=<file>` names whom to trust instead of the system's list.
    pub fn at(address: &str) -> Result<Self, InvalidAddress> {
        let (address, trusted) = without_libpq_words(address);
        let mut config: Config = address.parse().map_err(|_| InvalidAddress::Unreadable)?;
        let no_host = |host: &Host| matches!(host, Host::Tcp(name) if name.is_empty());
        let hosts = config.get_hosts();
        let nowhere = hosts.is_empty() && config.get_hostaddrs().is_empty();
        if nowhere || hosts.iter().any(no_host) {
            return Err(InvalidAddress::Unreadable);
        }
        // Sockets have no TLS, and need none.
        if config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)))
        {
            config.ssl_mode(SslMode::Disable);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        // A server that is cut off is noticed in seconds, also by who only listens.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(20));
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_idle(Duration::from_secs(15));
            config.keepalives_interval(Duration::from_secs(5));
        }
        if config.get_application_name().is_none() {
            config.application_name("lanyard");
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(tls(trusted.as_deref())?),
        };
        Ok(Self { config, tls })
    }

    /// Tells whether it runs on this machine, as far as its address says.
    pub fn is_here(&self) -> bool {
        let is_here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                let address = name.parse::<IpAddr>();
                name == "localhost" || address.is_ok_and(|address| address.is_loopback())
            }
        };
        // Where there is an address beside the name, it is what is connected to.
        match self.config.get_hostaddrs() {
            [] => self.config.get_hosts().iter().all(is_here),
            addresses => addresses.iter().all(IpAddr::is_loopback),
        }
    }

    /// Opens a session. `heard` is told the payload of each notification that it comes to hear.
    /// The task ends with the connection.
    pub(crate) async fn connect(
        &self,
        heard: impl FnMut(&str) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), Failure> {
        let unreachable = |error: tokio_postgres::Error| Failure::to_connect(&error);
        let (client, driver) = if let Some(tls) = &self.tls {
            let connected = self.config.connect(tls.clone()).await;
            let (client, connection) = connected.map_err(unreachable)?;
            (client, tokio::spawn(drive(connection, heard)))
        } else {
            let connected = self.config.connect(NoTls).await;
            let (client, connection) = connected.map_err(unreachable)?;
            (client, tokio::spawn(drive(connection, heard)))
        };
        client.batch_execute(MANNERS).await?;
        Ok((client, driver))
    }
}

/// Moves a connection on until it ends. Why it ended is told to whoever waits for an answer.
async fn drive<T>(mut connection: Connection<Socket, T>, mut heard: impl FnMut(&str))
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(notification) = message {
            heard(notification.payload());
        }
    }
}

/// Takes out of an address what libpq knows and the driver does not: `sslrootcert`, which is
/// returned, and the modes `verify-ca` and `verify-full`, which ask for what is always done.
fn without_libpq_words(address: &str) -> (String, Option<String>) {
    let Some((address, query)) = address.split_once('?') else {
        return (address.to_owned(), None);
    };
    let mut trusted = None;
    let mut kept = Vec::new();
    for word in query.split('&') {
        let parsed = form_urlencoded::parse(word.as_bytes()).next();
        match parsed.as_ref().map(|(key, value)| (&**key, &**value)) {
            Some(("sslrootcert", file)) => trusted = Some(file.to_owned()),
            Some(("sslmode", "verify-ca" | "verify-full")) => kept.push("sslmode=require"),
            _ => kept.push(word),
        }
    }
    (format!("{address}?{}", kept.join("&")), trusted)
}

/// Sets TLS up: whom to trust is what `file` says, or else the system.
fn tls(file: Option<&str>) -> Result<MakeRustlsConnect, InvalidAddress> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        let unreadable = || InvalidAddress::Certificates(file.to_owned());
        for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unreadable())? {
            let certificate = certificate.map_err(|_| unreadable())?;
            roots.add(certificate).map_err(|_| unreadable())?;
        }
        if roots.is_empty() {
            return Err(unreadable());
        }
    } else {
        // Certificates of the system that cannot be read are not trusted; no more follows.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpq_calls_verify_full_is_what_is_always_done() {
        let (address, trusted) = without_libpq_words(
            "postgres://u@h/d?sslmode=verify-full&sslrootcert=%2Fca.pem&port=1",
        );
        assert_eq!(address, "postgres://u@h/d?sslmode=require&port=1");
        assert_eq!(trusted.as_deref(), Some("/ca.pem"));
    }

    #[test]
    fn a_socket_needs_no_tls_and_a_host_has_it() {
        let socket = Server::at("postgres://u@%2Frun%2Fpostgresql/lanyard").unwrap();
        assert!(socket.tls.is_none());
        let host = Server::at("postgres://u:p@db.example/lanyard").unwrap();
        assert!(host.tls.is_some());
        let refused = Server::at("postgres://u:p@db.example/lanyard?sslmode=disable").unwrap();
        assert!(refused.tls.is_none());
    }

    #[test]
    fn a_socket_and_a_loopback_address_are_of_this_machine() {
        let is_here = |host: &str| {
            let server = Server::at(&format!("postgres://u:p@{host}"));
            server.unwrap().is_here()
        };
        for host in [
            "%2Frun%2Fpostgresql/d",
            "localhost:5433/d",
            "127.0.0.2/d",
            "[::1]/d",
            "db.example/d?hostaddr=127.0.0.1",
        ] {
            assert!(is_here(host), "{host}");
        }
        for host in [
            "db.example/d",
            "192.0.2.1/d",
            "localhost,db.example/d",
            "localhost/d?hostaddr=192.0.2.1",
        ] {
            assert!(!is_here(host), "{host}");
        }
    }

    #[test]
    fn a_refused_address_is_not_repeated() {
        for address in ["", "postgres:///lanyard", "sqlite:x.db"] {
            let refused = Server::at(address).err();
            assert_eq!(refused, Some(InvalidAddress::Unreadable), "{address}");
        }
        let refused = Server::at("postgres://u@h/d?sslrootcert=/nowhere.pem")
            .err()
            .unwrap();
        assert_eq!(
            refused.to_string(),
            "no certificates to trust can be read from /nowhere.pem"
        );
    }
}
