//! A signed request: its parameters, its base string (RFC 5849, 3.4.1), and whether all is right.

use axum::http::{HeaderMap, Method, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use url::form_urlencoded;

use super::super::Hub;
use super::super::gate::Caller;
use super::super::links::Consumer;
use super::super::world::World;
use super::problem::Problem;

/// How far a timestamp may lie from the clock of the server, in seconds.
const SKEW: i64 = 300;

/// Returns text with all but the unreserved letters of RFC 3986 percent-encoded.
pub(in crate::bitbucket) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => {
                encoded.push('%');
                for half in [other >> 4, other & 15] {
                    encoded.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
                }
            }
        }
    }
    encoded
}

/// Undoes percent-encoding; a plus stays a plus.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = pair {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A request as the signature sees it.
#[derive(Debug)]
pub(in crate::bitbucket) struct Message {
    method: String,
    /// Scheme, host, port if it is not the usual one, and path.
    url: String,
    /// Decoded, in no order, without the realm.
    parameters: Vec<(String, String)>,
}

impl Message {
    /// Reads a request: header, query, and the body if it is a form. The context path is gone from
    /// `uri`, and comes back.
    pub(in crate::bitbucket) fn read(
        hub: &Hub,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let mut parameters = text(header::AUTHORIZATION).map_or_else(Vec::new, from_header);
        let owned = |query: &[u8]| -> Vec<(String, String)> {
            form_urlencoded::parse(query).into_owned().collect()
        };
        parameters.extend(owned(uri.query().unwrap_or("").as_bytes()));
        let form = text(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if form {
            parameters.extend(owned(body));
        }
        let host = text(header::HOST).unwrap_or("").to_ascii_lowercase();
        let seen = host.strip_suffix(":80").unwrap_or(&host);
        let origin = hub
            .options
            .believes_to_be
            .clone()
            .unwrap_or_else(|| format!("http://{seen}"));
        Self {
            method: method.as_str().to_ascii_uppercase(),
            url: format!("{origin}{}{}", hub.options.context, uri.path()),
            parameters,
        }
    }

    /// Returns a parameter.
    pub(in crate::bitbucket) fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the first of these parameters, if all are there.
    pub(super) fn need(&self, names: &[&'static str]) -> Result<&str, Problem> {
        let absent: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| self.get(name).is_none_or(str::is_empty))
            .collect();
        if absent.is_empty() {
            Ok(names.first().and_then(|name| self.get(name)).unwrap_or(""))
        } else {
            Err(Problem::absent(&absent))
        }
    }

    /// RFC 5849, 3.4.1.1.
    fn base_string(&self) -> String {
        let mut pairs: Vec<(String, String)> = self
            .parameters
            .iter()
            .filter(|(name, _)| name != "oauth_signature")
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        pairs.sort();
        let joined: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!(
            "{}&{}&{}",
            self.method,
            encode(&self.url),
            encode(&joined.join("&"))
        )
    }

    /// Finds the link that the request says it comes from.
    pub(super) fn consumer(&self, world: &World) -> Result<Consumer, Problem> {
        let key = self.need(&["oauth_consumer_key"])?;
        world
            .consumers
            .get(key)
            .cloned()
            .ok_or_else(|| Problem::new("consumer_key_unknown"))
    }

    /// Checks all but the token, in the order of `SimpleOAuthValidator`.
    pub(super) fn check(
        &self,
        world: &mut World,
        consumer: &Consumer,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        self.no_parameter_twice()?;
        if let Some(version) = self.get("oauth_version")
            && version != "1.0"
        {
            return Err(
                Problem::new("version_rejected").with("oauth_acceptable_versions", "1.0-1.0")
            );
        }
        self.fresh(world, consumer, now)?;
        self.need(&["oauth_signature", "oauth_signature_method"])?;
        if self.get("oauth_signature_method") != Some("RSA-SHA1") {
            return Err(Problem::new("signature_method_rejected")
                .with("oauth_acceptable_signature_methods", "RSA-SHA1"));
        }
        let base_string = self.base_string();
        let signature = self.get("oauth_signature").unwrap_or("");
        let good = STANDARD
            .decode(signature)
            .is_ok_and(|bytes| consumer.public.signed(&base_string, &bytes));
        if good {
            return Ok(());
        }
        Err(Problem::new("signature_invalid")
            .with("oauth_signature", signature)
            .with("oauth_signature_base_string", &base_string)
            .with("oauth_signature_method", "RSA-SHA1"))
    }

    fn no_parameter_twice(&self) -> Result<(), Problem> {
        let mut names: Vec<&str> = self
            .parameters
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| name.starts_with("oauth_"))
            .collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Problem::rejected(pair[0], "stands there twice")),
            None => Ok(()),
        }
    }

    /// Refuses what is too old, too new, or was here before.
    fn fresh(
        &self,
        world: &mut World,
        consumer: &Consumer,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let timestamp = self.need(&["oauth_timestamp", "oauth_nonce"])?;
        let seconds: i64 = timestamp
            .parse()
            .map_err(|_| Problem::rejected("oauth_timestamp", "not a number"))?;
        let (oldest, newest) = (now.timestamp() - SKEW, now.timestamp() + SKEW);
        if seconds < oldest || seconds > newest {
            return Err(Problem::new("timestamp_refused")
                .with("oauth_acceptable_timestamps", &format!("{oldest}-{newest}")));
        }
        let nonce = self.get("oauth_nonce").unwrap_or("").to_owned();
        if world.nonces.insert((consumer.key.clone(), seconds, nonce)) {
            Ok(())
        } else {
            Err(Problem::new("nonce_used"))
        }
    }

    /// Finds out who calls the API; the token is looked at first, as the real filter does.
    pub(in crate::bitbucket) fn caller(
        &self,
        world: &mut World,
        now: DateTime<Utc>,
    ) -> Result<Caller, Problem> {
        let token = self
            .get("oauth_token")
            .and_then(|token| world.access_tokens.get(token))
            .filter(|token| self.get("oauth_consumer_key") == Some(&token.consumer))
            .cloned()
            .ok_or_else(|| Problem::new("token_rejected"))?;
        if now >= token.expires_at {
            return Err(Problem::new("token_expired"));
        }
        let consumer = self.consumer(world)?;
        self.check(world, &consumer, now)?;
        let person = world
            .people
            .get(&token.person)
            .filter(|person| person.active)
            .ok_or_else(|| Problem::new("permission_denied"))?;
        Ok(Caller {
            person: person.id,
            name: person.name.clone(),
            app: consumer.key,
            scopes: None,
        })
    }
}

/// Reads `OAuth realm="…", name="value", …`.
fn from_header(value: &str) -> Vec<(String, String)> {
    let Some((scheme, rest)) = value.split_once(' ') else {
        return Vec::new();
    };
    if !scheme.eq_ignore_ascii_case("oauth") {
        return Vec::new();
    }
    rest.split(',')
        .filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            Some((decode(name), decode(value)))
        })
        .filter(|(name, _)| !name.eq_ignore_ascii_case("realm"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 5849, 3.4.1.1.
    #[test]
    fn the_base_string_is_the_one_of_the_rfc() {
        let header = "OAuth realm=\"Example\", oauth_consumer_key=\"9djdj82h48djs9d2\", \
                      oauth_token=\"kkk9d7dh3k39sjv7\", oauth_signature_method=\"HMAC-SHA1\", \
                      oauth_timestamp=\"137131201\", oauth_nonce=\"7d8f3e4a\", \
                      oauth_signature=\"djosJKDKJSD8743243%2Fjdk33klY%3D\"";
        let mut parameters = from_header(header);
        for part in ["b5=%3D%253D&a3=a&c%40=&a2=r%20b", "c2&a3=2+q"] {
            parameters.extend(form_urlencoded::parse(part.as_bytes()).into_owned());
        }
        let message = Message {
            method: "POST".to_owned(),
            url: "http://example.com/request".to_owned(),
            parameters,
        };
        assert_eq!(
            message.base_string(),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D\
             %253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce\
             %3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26\
             oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn only_unreserved_letters_stay() {
        assert_eq!(
            encode("aZ09-._~ +/=&%é"),
            "aZ09-._~%20%2B%2F%3D%26%25%C3%A9"
        );
        assert_eq!(decode("%C3%A9+%2B%zz"), "é++%zz");
    }
}
