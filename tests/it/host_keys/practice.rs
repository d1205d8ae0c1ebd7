//! A practice SSH server that speaks as far as its host key, and lies where it is told to.

use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use lanyard::host_keys::{HostKey, ScanError, Scanner};
use lanyard::providers::Outbound;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a server goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It does not.
    None,
    /// It says some lines first, and some packets in between, as it may.
    Chatter,
    /// Its signature is over something else.
    OtherHash,
    /// Its signature is of another key.
    OtherKey,
    /// Its signature names another way to sign.
    OtherName,
    /// Its key is not the one that was agreed on.
    OtherType,
    /// Something stands behind its signature.
    Trailing,
    /// Its half of the key exchange makes every secret zero.
    ZeroPoint,
    /// It knows only old key exchanges.
    OldExchange,
    /// It has no key of a kind that is taken.
    OldKeys,
    /// It wants to be left alone.
    Disconnects,
    /// It sends ignorable packets without an end.
    Endless,
    /// A packet longer than anybody may send.
    Oversized,
    /// A packet that is all padding.
    AllPadding,
}

fn put(into: &mut Vec<u8>, string: &[u8]) {
    into.extend(u32::try_from(string.len()).unwrap().to_be_bytes());
    into.extend(string);
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut padding = 8 - (payload.len() + 5) % 8;
    if padding < 4 {
        padding += 8;
    }
    let mut packet = Vec::new();
    let length = u32::try_from(payload.len() + padding + 1).unwrap();
    packet.extend(length.to_be_bytes());
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(payload);
    packet.extend(vec![0; padding]);
    packet
}

async fn read_packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut packet = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut packet).await.ok()?;
    let end = packet.len() - usize::from(packet[0]);
    Some(packet[1..end].to_vec())
}

fn kexinit(lie: Lie) -> Vec<u8> {
    let mut packet = vec![20];
    packet.extend([7; 16]);
    let exchanges = match lie {
        Lie::OldExchange => "diffie-hellman-group14-sha1",
        _ => "sntrup761x25519-sha512@openssh.com,curve25519-sha256",
    };
    let keys = match lie {
        Lie::OldKeys => "ssh-dss",
        _ => "ssh-ed25519",
    };
    for names in [exchanges, keys, "x", "x", "x", "x", "none", "none", "", ""] {
        put(&mut packet, names.as_bytes());
    }
    packet.extend([0; 5]);
    packet
}

const VERSION: &str = "SSH-2.0-Practice_1.0 with a comment";

/// Speaks with one client.
async fn serve(mut stream: TcpStream, lie: Lie, pair: &Ed25519KeyPair) -> Option<()> {
    if lie == Lie::Chatter {
        stream.write_all(b"Welcome.\r\nBe good.\n").await.ok()?;
    }
    stream
        .write_all(format!("{VERSION}\r\n").as_bytes())
        .await
        .ok()?;
    let mut their_version = Vec::new();
    loop {
        match stream.read_u8().await.ok()? {
            b'\n' => break,
            byte => their_version.push(byte),
        }
    }
    their_version.pop();
    match lie {
        Lie::Oversized => {
            stream.write_all(&35_001_u32.to_be_bytes()).await.ok()?;
            stream.read_u8().await.ok()?;
        }
        Lie::AllPadding => stream.write_all(&[0, 0, 0, 5, 4, 0, 0, 0, 0]).await.ok()?,
        Lie::Disconnects => {
            let mut bye = vec![1, 0, 0, 0, 12];
            put(&mut bye, b"too many connections");
            put(&mut bye, b"");
            stream.write_all(&framed(&bye)).await.ok()?;
        }
        Lie::Endless => loop {
            stream.write_all(&framed(&[2, 0, 0, 0, 0])).await.ok()?;
        },
        _ => {}
    }
    let ours = kexinit(lie);
    if lie == Lie::Chatter {
        let debug = [4, 1, 0, 0, 0, 2, b'h', b'i', 0, 0, 0, 0];
        stream.write_all(&framed(&debug)).await.ok()?;
    }
    stream.write_all(&framed(&ours)).await.ok()?;
    let theirs = read_packet(&mut stream).await?;
    let init = read_packet(&mut stream).await?;
    let client_point = &init[5..];

    let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
    let point = match lie {
        Lie::ZeroPoint => vec![0; 32],
        _ => private.compute_public_key().unwrap().as_ref().to_vec(),
    };
    let mut blob = Vec::new();
    let kind = if lie == Lie::OtherType {
        "ssh-rsa"
    } else {
        "ssh-ed25519"
    };
    put(&mut blob, kind.as_bytes());
    put(&mut blob, pair.public_key().as_ref());

    let mut exchange = Vec::new();
    for part in [
        &their_version[..],
        VERSION.as_bytes(),
        &theirs,
        &ours,
        &blob,
        client_point,
        &point,
    ] {
        put(&mut exchange, part);
    }
    let peer = UnparsedPublicKey::new(&X25519, client_point);
    agree_ephemeral(private, peer, (), |secret| {
        let start = secret.iter().position(|byte| *byte != 0).unwrap();
        let mut number = secret[start..].to_vec();
        if number[0] >= 0x80 {
            number.insert(0, 0);
        }
        put(&mut exchange, &number);
        Ok(())
    })
    .ok()?;
    let mut hash = digest(&SHA256, &exchange).as_ref().to_vec();
    if lie == Lie::OtherHash {
        hash[0] ^= 1;
    }
    let other = Ed25519KeyPair::generate().unwrap();
    let signer = if lie == Lie::OtherKey { &other } else { pair };
    let mut signature = Vec::new();
    let name = if lie == Lie::OtherName {
        "rsa-sha2-512"
    } else {
        "ssh-ed25519"
    };
    put(&mut signature, name.as_bytes());
    put(&mut signature, signer.sign(&hash).as_ref());
    if lie == Lie::Trailing {
        signature.push(0);
    }
    let mut reply = vec![31];
    for part in [&blob[..], &point, &signature] {
        put(&mut reply, part);
    }
    stream.write_all(&framed(&reply)).await.ok()?;
    // Until the other side has read it all.
    let _closed = stream.read_u8().await;
    Some(())
}

/// Starts a server; returns its port and its one key, as a line has it.
pub(crate) async fn start(lie: Lie) -> (u16, Vec<u8>) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let mut blob = Vec::new();
    put(&mut blob, b"ssh-ed25519");
    put(&mut blob, pair.public_key().as_ref());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let pair = std::sync::Arc::new(pair);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let pair = pair.clone();
            tokio::spawn(async move { serve(stream, lie, &pair).await });
        }
    });
    (port, blob)
}

/// Starts a server that says these bytes and then nothing, and keeps the connection.
pub(super) async fn saying(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // The other side may hang up in the middle of it.
            let _said = stream.write_all(&bytes).await;
            kept.push(stream);
        }
    });
    port
}

/// Scans a port of this machine.
pub(super) async fn scanned(port: u16) -> Result<Vec<HostKey>, ScanError> {
    let outbound = Outbound::to_practice([format!("127.0.0.1:{port}")]);
    Scanner::new(&outbound).scan("127.0.0.1", port).await
}
