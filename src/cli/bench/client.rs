//! The least of an HTTP client, so that the server's cost is what is measured.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept: one request at a time.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Writes out a request, to be sent often.
    pub(super) fn request(path: &str, token: Option<&str>) -> String {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let bearer = bearer.unwrap_or_default();
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: lanyard-bench\r\n{bearer}\r\n")
    }

    /// Asks once; returns the body.
    pub(super) async fn get(&mut self, path: &str, token: Option<&str>) -> anyhow::Result<String> {
        let body = self.send(&Self::request(path, token)).await?;
        Ok(String::from_utf8_lossy(body).into_owned())
    }

    /// Sends a request and reads the whole answer, which must be 200; returns its body.
    pub(super) async fn send(&mut self, request: &str) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let length = length(&self.buffer[..head])?;
            if self.buffer.len() == head + 4 + length {
                return Ok(&self.buffer[head + 4..]);
            }
        }
    }
}

/// Reads the head of an answer; returns how long its body is.
fn length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head).context("an answer's head is text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200 ") {
        bail!("the server answered {status}");
    }
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.context("an answer without its length")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_length_is_read_and_a_refusal_is_an_error() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 15").unwrap(), 15);
        let refused = length(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0").unwrap_err();
        assert!(refused.to_string().contains("401"));
    }
}
