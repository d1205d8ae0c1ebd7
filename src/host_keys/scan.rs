//! Asks a server for its host keys.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::line::HostKey;
use super::talk::{TalkError, host_key};
use super::verify::Signing;
use crate::providers::Outbound;
use crate::providers::http::NoSsh;

/// How long a whole scan may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The address may not be called, or is not known.
    #[error(transparent)]
    NotCalled(#[from] NoSsh),
    /// Nobody answers there.
    #[error("nothing listens at this host and port, or a firewall is in between")]
    Unreachable,
    /// It took too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The conversation failed.
    #[error(transparent)]
    Talk(#[from] TalkError),
    /// Every key is of another type.
    #[error("the server has no host key of type ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa")]
    NoKey,
    /// The host is no name that a `known_hosts` line may have.
    #[error("the host must be a name or an address")]
    Host,
}

/// Learns the host keys that a server offers, one connection for each way to sign. Every key is
/// proven: the server has signed with it. One wrong signature spoils the whole scan.
pub async fn scan(outbound: &Outbound, host: &str, port: u16) -> Result<Vec<HostKey>, ScanError> {
    Scanner::new(outbound).scan(host, port).await
}

/// A scan with a patience of its own.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    outbound: &'a Outbound,
    patience: Duration,
}

impl<'a> Scanner<'a> {
    /// Goes where the operator allows, and waits ten seconds.
    pub fn new(outbound: &'a Outbound) -> Self {
        Self {
            outbound,
            patience: PATIENCE,
        }
    }

    /// Waits this long for the whole scan.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Does as [`scan`] does.
    pub async fn scan(&self, host: &str, port: u16) -> Result<Vec<HostKey>, ScanError> {
        let scanned = timeout(self.patience, self.all(host, port)).await;
        scanned.unwrap_or(Err(ScanError::TimedOut))
    }

    async fn all(&self, host: &str, port: u16) -> Result<Vec<HostKey>, ScanError> {
        let addresses = self.outbound.ssh(host, port).await?;
        let ways = [Signing::Ed25519, Signing::EcdsaP256, Signing::RsaSha2];
        let asked = ways.map(|signing| one(&addresses, signing));
        let found = try_join_all(asked).await?;
        let keys: Vec<HostKey> = found
            .into_iter()
            .flatten()
            .map(|blob| HostKey::new(host, port, blob).map_err(|_| ScanError::Host))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(ScanError::NoKey);
        }
        Ok(keys)
    }
}

/// Calls the judged addresses, one after the other, and asks the first that answers.
async fn one(addresses: &[SocketAddr], signing: Signing) -> Result<Option<Vec<u8>>, ScanError> {
    let stream = TcpStream::connect(addresses)
        .await
        .map_err(|_| ScanError::Unreachable)?;
    Ok(host_key(stream, signing).await?)
}
