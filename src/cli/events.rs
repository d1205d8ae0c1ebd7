//! Server-sent events, read as they come (WHATWG HTML, section 9.2.6).

use serde_json::Value;

/// The longest event, in bytes: a plan of ten thousand keys fits.
const LONGEST: usize = 32 << 20;

/// An event: its name, and its data as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: Value,
}

/// Events of one answer.
pub(super) struct Events {
    response: reqwest::Response,
    text: Text,
}

impl Events {
    /// Reads the events of an answer.
    pub(super) fn of(response: reqwest::Response) -> Self {
        Self {
            response,
            text: Text::default(),
        }
    }

    /// Waits for the next event; nothing once the answer has ended or broken off.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.text.take_event() {
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            if self.text.0.len() + chunk.len() > LONGEST {
                return None;
            }
            self.text.0.extend_from_slice(&chunk);
        }
    }
}

/// What has come and is not read yet.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    /// Takes the first whole event; comments and whatever has no data are passed over.
    fn take_event(&mut self) -> Option<Event> {
        loop {
            let end = self.0.windows(2).position(|pair| pair == b"\n\n")?;
            let block: Vec<u8> = self.0.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let mut name = "message".to_owned();
            let mut data = String::new();
            for line in block.lines() {
                let (field, value) = line.split_once(':').unwrap_or((line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "event" => value.clone_into(&mut name),
                    "data" => data.push_str(value),
                    _ => {}
                }
            }
            if let Ok(data) = serde_json::from_str(&data) {
                return Some(Event { name, data });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_whole_however_they_come() {
        let sent = ":\n\nevent: progress\nid: 7\ndata: {\"open\":3}\n\ndata:{}\n\nevent: end\nda";
        let mut text = Text::default();
        let mut seen = Vec::new();
        for byte in sent.bytes() {
            text.0.push(byte);
            seen.extend(text.take_event());
        }
        let event = |name: &str, data| Event {
            name: name.to_owned(),
            data,
        };
        assert_eq!(
            seen,
            [
                event("progress", json!({ "open": 3 })),
                event("message", json!({}))
            ]
        );
        text.0.extend_from_slice(b"ta: 1\n\n");
        assert_eq!(text.take_event(), Some(event("end", json!(1))));
        assert_eq!(text.take_event(), None);
    }
}
