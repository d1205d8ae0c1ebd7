//! A browser that knows just enough: loopback, one page, one form.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::ForgeError;

/// What came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Page {
    /// Returns where the page sends the browser.
    pub(crate) fn sends_to(self) -> Result<Url, ForgeError> {
        match self.location {
            Some(location) => Url::parse(&location).map_err(|_| ForgeError::Url(location)),
            None => Err(ForgeError::DeadEnd {
                status: self.status,
                page: self.body,
            }),
        }
    }

    /// Returns the value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> Option<String> {
        let mark = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&mark)?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    }
}

/// Opens a page.
pub(crate) async fn open(url: &Url) -> Result<Page, ForgeError> {
    exchange(url, "GET", "").await
}

/// Sends a form.
pub(crate) async fn submit(url: &Url, fields: &[(&str, &str)]) -> Result<Page, ForgeError> {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    exchange(url, "POST", &body).await
}

/// Speaks HTTP/1.0, so that the answer ends where the connection ends.
async fn exchange(url: &Url, method: &str, body: &str) -> Result<Page, ForgeError> {
    let unusable = || ForgeError::Url(url.to_string());
    let host = url
        .host_str()
        .filter(|_| url.scheme() == "http")
        .ok_or_else(unusable)?;
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let form = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/x-www-form-urlencoded\r\n"
    };
    let request = format!(
        "{method} {target} HTTP/1.0\r\nHost: {host}:{port}\r\nUser-Agent: practice-browser\r\n\
         Accept: text/html\r\n{form}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    read(&String::from_utf8_lossy(&answer)).ok_or_else(|| ForgeError::DeadEnd {
        status: 0,
        page: "no answer".to_owned(),
    })
}

fn read(answer: &str) -> Option<Page> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let location = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, value)| value.trim().to_owned());
    Some(Page {
        status,
        location,
        body: body.to_owned(),
    })
}
