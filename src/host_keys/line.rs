//! One line of a `known_hosts` file (sshd(8), "`SSH_KNOWN_HOSTS` FILE FORMAT").

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::key::{KeyType, NoKey, parts};

/// The longest line that is read, as for `domain::HostKeyLine`: an RSA key of 8192 bits fits.
const LONGEST: usize = 2_000;
/// The most names that one line may have.
const MOST_HOSTS: usize = 16;

/// One host key and the hosts that have it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HostKey {
    hosts: Vec<String>,
    kind: KeyType,
    blob: Vec<u8>,
}

/// Why a line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoHostKey {
    /// Longer than any key.
    #[error("the line is longer than 2000 characters")]
    TooLong,
    /// More than one line, or signs that no line has.
    #[error("enter one line")]
    NotALine,
    /// The half that stays on the server.
    #[error(
        "this is a private key: it must not leave its server; enter the public half, and replace the key"
    )]
    Private,
    /// `|1|…`.
    #[error("the host name is hashed; enter the line with the name in the clear")]
    Hashed,
    /// `@cert-authority` or `@revoked`.
    #[error("lines that begin with @ are not taken: enter the host key itself")]
    Marker,
    /// Not three words.
    #[error("a line has a host, a key type and a key, with spaces between")]
    Words,
    /// A host that is none, or one that stands for many.
    #[error("the host must be a name or an address, or [name]:port, without wildcards")]
    Host,
    /// Not base64.
    #[error("the key is not base64")]
    NotBase64,
    /// The key is of another type than the line says.
    #[error("the key is of another type than the line says")]
    OtherType,
    /// The key itself.
    #[error(transparent)]
    Key(#[from] NoKey),
}

impl HostKey {
    /// Puts a key under the name that OpenSSH looks it up by: the port is named if it is not 22.
    pub fn new(host: &str, port: u16, blob: Vec<u8>) -> Result<Self, NoHostKey> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host.to_ascii_lowercase();
        let name = if port == 22 {
            host
        } else {
            format!("[{host}]:{port}")
        };
        if !is_host(&name) {
            return Err(NoHostKey::Host);
        }
        let (kind, _) = parts(&blob)?;
        Ok(Self {
            hosts: vec![name],
            kind,
            blob,
        })
    }

    /// Returns the hosts, as the line names them.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Returns the kind of key.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// Returns the key as it travels.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Returns the fingerprint as `ssh-keygen -l` shows it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        let digest = digest(&SHA256, &self.blob);
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest))
    }
}

impl FromStr for HostKey {
    type Err = NoHostKey;

    fn from_str(line: &str) -> Result<Self, NoHostKey> {
        let line = line.trim();
        if line.contains("PRIVATE KEY") || line.contains("openssh-key-v1") {
            return Err(NoHostKey::Private);
        }
        if line.len() > LONGEST {
            return Err(NoHostKey::TooLong);
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(NoHostKey::NotALine);
        }
        if line.starts_with('@') {
            return Err(NoHostKey::Marker);
        }
        if line.starts_with('|') {
            return Err(NoHostKey::Hashed);
        }
        // What follows the key is a comment.
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(hosts), Some(kind), Some(blob)) = (words.next(), words.next(), words.next())
        else {
            return Err(NoHostKey::Words);
        };
        let hosts: Vec<String> = hosts.split(',').map(str::to_ascii_lowercase).collect();
        if hosts.len() > MOST_HOSTS || !hosts.iter().all(|host| is_host(host)) {
            return Err(NoHostKey::Host);
        }
        let named = KeyType::named(kind).ok_or(NoKey::Type)?;
        let blob = STANDARD.decode(blob).map_err(|_| NoHostKey::NotBase64)?;
        if blob.starts_with(b"openssh-key-v1") {
            return Err(NoHostKey::Private);
        }
        let (kind, _) = parts(&blob)?;
        if kind != named {
            return Err(NoHostKey::OtherType);
        }
        Ok(Self { hosts, kind, blob })
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode(&self.blob);
        write!(f, "{} {} {key}", self.hosts.join(","), self.kind)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({self})")
    }
}

/// Says whether a word names one host: `host` or `[host]:port`.
fn is_host(word: &str) -> bool {
    let (host, port) = match word.strip_prefix('[') {
        None => (word, None),
        Some(rest) => match rest.split_once("]:") {
            Some((host, port)) => (host, Some(port)),
            None => return false,
        },
    };
    let port = port.is_none_or(|port| {
        !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let signs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    // An IPv6 address is the one host with colons; a name never begins like an option.
    let named = host.chars().all(signs) && !host.starts_with('-');
    let host =
        (1..=253).contains(&host.len()) && (named || host.parse::<std::net::Ipv6Addr>().is_ok());
    host && port
}

/// Puts the keys that a vendor publishes (as GitHub does in `ssh_keys` of `GET /meta`: type and
/// base64) under the name of its host.
pub fn published<T: AsRef<str>>(
    host: &str,
    port: u16,
    keys: impl IntoIterator<Item = T>,
) -> Result<Vec<HostKey>, NoHostKey> {
    let read = |key: &str| {
        let key: HostKey = format!("published {key}").parse()?;
        HostKey::new(host, port, key.blob)
    };
    keys.into_iter().map(|key| read(key.as_ref())).collect()
}
