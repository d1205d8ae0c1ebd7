//! One connection to an SSH server, as far as its host key: version exchange, key exchange,
//! signature (RFC 4253, sections 4 to 8; RFC 8731; RFC 5656, section 4). Nothing secret is sent,
//! and nobody signs in.

use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::key::NoKey;
use super::verify::{Signing, verify};
use super::wire::{Reader, put_positive, put_string};

const OUR_VERSION: &str = concat!("SSH-2.0-Lanyard_", env!("CARGO_PKG_VERSION"));

/// The longest line of a version exchange (RFC 4253, section 4.2), with its end.
const LONGEST_LINE: usize = 255;
/// How many lines a server may say before its version.
const MOST_LINES: usize = 32;
/// The longest packet that everybody must take (RFC 4253, section 6.1).
const LONGEST_PACKET: usize = 35_000;
/// How many packets may come in place of the one that is waited for.
const MOST_PACKETS: usize = 16;

const DISCONNECT: u8 = 1;
const IGNORE: u8 = 2;
const UNIMPLEMENTED: u8 = 3;
const DEBUG: u8 = 4;
const KEXINIT: u8 = 20;
const ECDH_INIT: u8 = 30;
const ECDH_REPLY: u8 = 31;

/// The key exchanges that are offered, with what each agrees by. All hash with SHA-256.
const EXCHANGES: [(&str, &Algorithm); 3] = [
    ("curve25519-sha256", &X25519),
    ("curve25519-sha256@libssh.org", &X25519),
    ("ecdh-sha2-nistp256", &ECDH_P256),
];

/// Named because a key exchange has to agree on them too; never used.
const CIPHERS: &str = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,\
    aes256-ctr,aes192-ctr,aes128-ctr";
const MACS: &str = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,\
    hmac-sha2-512,hmac-sha1";

/// Why a conversation led to no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TalkError {
    /// The connection broke.
    #[error("the connection broke off")]
    Broken,
    /// What answers does not speak SSH.
    #[error("what answers there is not an SSH server")]
    NotSsh,
    /// It speaks SSH, but not as the standards say.
    #[error("the server does not speak SSH as the standards say: {0}")]
    Protocol(&'static str),
    /// A packet longer than anybody may send.
    #[error("the server sent a packet that is too long")]
    TooLong,
    /// No key exchange in common.
    #[error("the server knows none of the key exchanges curve25519-sha256 and ecdh-sha2-nistp256")]
    NoExchange,
    /// The server asked to be left alone.
    #[error("the server ended the conversation (reason {0} of RFC 4253)")]
    Disconnected(u32),
    /// The key is not one that is taken.
    #[error("the server's key is not taken: {0}")]
    Key(NoKey),
    /// The signature is not of the key.
    #[error("the server cannot prove that it holds its key: the signature is wrong")]
    Signature,
    /// A fault of ours.
    #[error("no random numbers")]
    Internal,
}

/// Talks to a server until it has shown, and proven to hold, a key that signs in one way; returns
/// the key, or nothing if the server has none of this kind.
pub(super) async fn host_key(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    signing: Signing,
) -> Result<Option<Vec<u8>>, TalkError> {
    let mut talk = Talk(BufReader::new(stream));
    talk.send(format!("{OUR_VERSION}\r\n").as_bytes()).await?;
    let their_version = talk.version().await?;
    let ours = kexinit(signing)?;
    talk.send_packet(&ours).await?;
    let theirs = talk.packet(KEXINIT).await?;
    let Some(agreed) = agree_on(signing, &theirs)? else {
        return Ok(None);
    };

    let private = EphemeralPrivateKey::generate(agreed.algorithm, &SystemRandom::new())
        .map_err(|_| TalkError::Internal)?;
    let public = private
        .compute_public_key()
        .map_err(|_| TalkError::Internal)?;
    let mut init = vec![ECDH_INIT];
    put_string(&mut init, public.as_ref());
    talk.send_packet(&init).await?;
    let reply = talk.packet(ECDH_REPLY).await?;
    let mut reader = Reader(&reply[1..]);
    let (key, point, signature) = (reader.string(), reader.string(), reader.string());
    let (Some(key), Some(point), Some(signature), true) =
        (key, point, signature, reader.is_empty())
    else {
        return Err(TalkError::Protocol("its reply is damaged"));
    };

    let mut exchange = Vec::new();
    for part in [
        OUR_VERSION.as_bytes(),
        &their_version,
        &ours,
        &theirs,
        key,
        public.as_ref(),
        point,
    ] {
        put_string(&mut exchange, part);
    }
    let peer = UnparsedPublicKey::new(agreed.algorithm, point);
    let refused = TalkError::Protocol("its half of the key exchange is not valid");
    let exchange = agree_ephemeral(private, peer, refused, |shared| {
        put_positive(&mut exchange, shared);
        Ok(exchange)
    })?;
    let hash = digest(&SHA256, &exchange);
    verify(signing, agreed.host_key, key, hash.as_ref(), signature)?;
    Ok(Some(key.to_vec()))
}

/// What both sides know.
struct Agreed {
    algorithm: &'static Algorithm,
    host_key: &'static str,
}

/// Finds what both sides know: of each list the first of ours (RFC 4253, section 7.1).
fn agree_on(signing: Signing, theirs: &[u8]) -> Result<Option<Agreed>, TalkError> {
    let damaged = TalkError::Protocol("its list of algorithms is damaged");
    // The number of the message, and the cookie.
    let mut reader = Reader(theirs.get(17..).ok_or(damaged)?);
    let exchanges = reader.names().ok_or(damaged)?;
    let host_keys = reader.names().ok_or(damaged)?;
    let known = |name: &&&str| host_keys.contains(*name);
    let Some(host_key) = signing.names().iter().find(known).copied() else {
        return Ok(None);
    };
    let known = |(name, _): &&(&str, _)| exchanges.contains(name);
    let (_, algorithm) = EXCHANGES
        .iter()
        .find(known)
        .copied()
        .ok_or(TalkError::NoExchange)?;
    Ok(Some(Agreed {
        algorithm,
        host_key,
    }))
}

fn kexinit(signing: Signing) -> Result<Vec<u8>, TalkError> {
    let mut cookie = [0; 16];
    aws_lc_rs::rand::fill(&mut cookie).map_err(|_| TalkError::Internal)?;
    let mut packet = vec![KEXINIT];
    packet.extend(cookie);
    let exchanges = EXCHANGES.map(|(name, _)| name).join(",");
    let host_keys = signing.names().join(",");
    for names in [
        &*exchanges,
        &host_keys,
        CIPHERS,
        CIPHERS,
        MACS,
        MACS,
        "none",
        "none",
        "",
        "",
    ] {
        put_string(&mut packet, names.as_bytes());
    }
    // No guess follows; and a number that is kept for later.
    packet.extend([0; 5]);
    Ok(packet)
}

struct Talk<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), TalkError> {
        let stream = self.0.get_mut();
        stream
            .write_all(bytes)
            .await
            .map_err(|_| TalkError::Broken)?;
        stream.flush().await.map_err(|_| TalkError::Broken)
    }

    /// Sends a packet, filled up to a multiple of eight bytes (RFC 4253, section 6).
    async fn send_packet(&mut self, payload: &[u8]) -> Result<(), TalkError> {
        let mut padding = 8 - (payload.len() + 5) % 8;
        if padding < 4 {
            padding += 8;
        }
        let length = u32::try_from(payload.len() + padding + 1).unwrap_or(u32::MAX);
        let mut packet = length.to_be_bytes().to_vec();
        packet.push(u8::try_from(padding).unwrap_or(u8::MAX));
        packet.extend(payload);
        packet.extend(std::iter::repeat_n(0, padding));
        self.send(&packet).await
    }

    /// Reads the server's version; lines before it are passed over.
    async fn version(&mut self) -> Result<Vec<u8>, TalkError> {
        for _ in 0..MOST_LINES {
            let line = self.line().await?;
            if line.starts_with(b"SSH-") {
                let two = line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-");
                return two
                    .then_some(line)
                    .ok_or(TalkError::Protocol("it does not know version 2"));
            }
        }
        Err(TalkError::NotSsh)
    }

    async fn line(&mut self) -> Result<Vec<u8>, TalkError> {
        let mut line = Vec::new();
        loop {
            let byte = self.0.read_u8().await.map_err(|_| {
                // A web server says nothing, or hangs up.
                if line.is_empty() {
                    TalkError::Broken
                } else {
                    TalkError::NotSsh
                }
            })?;
            match byte {
                b'\n' => {
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    return Ok(line);
                }
                _ if line.len() >= LONGEST_LINE - 1 => return Err(TalkError::NotSsh),
                other => line.push(other),
            }
        }
    }

    /// Reads packets until the one that is waited for, and returns what is in it.
    async fn packet(&mut self, wanted: u8) -> Result<Vec<u8>, TalkError> {
        for _ in 0..MOST_PACKETS {
            let payload = self.any_packet().await?;
            match payload.first() {
                Some(&number) if number == wanted => return Ok(payload),
                Some(&(IGNORE | DEBUG | UNIMPLEMENTED)) => {}
                Some(&DISCONNECT) => {
                    let reason = Reader(&payload[1..]).number().unwrap_or(0);
                    return Err(TalkError::Disconnected(reason));
                }
                _ => return Err(TalkError::Protocol("it sent another message than expected")),
            }
        }
        Err(TalkError::Protocol("it talks without an end"))
    }

    async fn any_packet(&mut self) -> Result<Vec<u8>, TalkError> {
        let broken = |_| TalkError::Broken;
        let length = self.0.read_u32().await.map_err(broken)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST_PACKET {
            return Err(TalkError::TooLong);
        }
        let mut packet = vec![0; length];
        self.0.read_exact(&mut packet).await.map_err(broken)?;
        let mut reader = Reader(&packet);
        let padding = reader.byte().map(usize::from);
        let payload = padding
            .and_then(|padding| length.checked_sub(padding + 1))
            .filter(|payload| *payload > 0)
            .and_then(|payload| reader.bytes(payload));
        payload
            .map(<[u8]>::to_vec)
            .ok_or(TalkError::Protocol("it sent a damaged packet"))
    }
}
