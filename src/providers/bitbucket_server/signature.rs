//! RSA-SHA1 signatures of OAuth 1.0 (RFC 5849, 3.4).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::rand_core::OsRng;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use url::Url;
use zeroize::Zeroizing;

use crate::vault::Secret;

/// The DER of a `DigestInfo` up to the digest itself, for SHA-1 (RFC 8017, 9.2, note 1).
const SHA1_INFO: [u8; 15] = [
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
];

/// Returns text with all but RFC 3986's unreserved characters percent-encoded (RFC 5849, 3.6).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 0xf] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
    encoded
}

/// Returns the base string URI (RFC 5849, 3.4.1.2): scheme and host in lower case, the port only if
/// it is not the usual one, the path, no query. `Url` has seen to all but the last.
fn place(url: &Url) -> String {
    let mut place = url.clone();
    place.set_query(None);
    place.set_fragment(None);
    place.into()
}

/// Returns what is signed (RFC 5849, 3.4.1.1): the protocol's parameters and the query's, sorted.
/// A form body would come in too; none of our signed calls has one, and JSON is not signed.
pub(super) fn base_string(
    method: &str,
    url: &Url,
    parameters: &[(&str, &str)],
) -> Zeroizing<String> {
    let own = parameters
        .iter()
        .map(|(name, value)| (encode(name), encode(value)));
    let query = url.query_pairs();
    let query = query.map(|(name, value)| (encode(&name), encode(&value)));
    let mut pairs: Vec<(String, String)> = own.chain(query).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Zeroizing::new(format!(
        "{method}&{}&{}",
        encode(&place(url)),
        encode(&pairs.join("&"))
    ))
}

/// Signs a base string: RSASSA-PKCS1-v1_5 with SHA-1 (RFC 5849, 3.4.3), as base64. The private
/// operation is blinded.
pub(super) fn sign(key: &RsaPrivateKey, base_string: &str) -> Option<String> {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, base_string.as_bytes());
    let padding = Pkcs1v15Sign {
        hash_len: Some(SHA1_FOR_LEGACY_USE_ONLY.output_len()),
        prefix: SHA1_INFO.into(),
    };
    let signature = key.sign_with_rng(&mut OsRng, padding, hash.as_ref()).ok()?;
    Some(STANDARD.encode(signature))
}

/// Returns the `Authorization` header of a signed call (RFC 5849, 3.5.1).
pub(super) fn header(
    key: &RsaPrivateKey,
    method: &str,
    url: &Url,
    parameters: &[(&str, &str)],
) -> Option<Secret> {
    let signature = sign(key, &base_string(method, url, parameters))?;
    let pairs: Vec<String> = parameters
        .iter()
        .chain(&[("oauth_signature", signature.as_str())])
        .map(|(name, value)| format!("{}=\"{}\"", encode(name), encode(value)))
        .collect();
    Some(format!("OAuth {}", pairs.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Undoes [`encode`].
    fn decoded(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(if byte == b'%' {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            } else {
                byte
            });
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn a_base_string_has_three_parts_and_says_every_parameter_once_in_order(
            path in "[a-zA-Z0-9/%._~!$&'()*+,;=:@-]{0,40}",
            query in prop::collection::vec(("\\PC{0,12}", "\\PC{0,12}"), 0..4),
            own in prop::collection::vec(("oauth_[a-z]{1,8}", "\\PC{0,20}"), 0..5),
        ) {
            let mut url: Url = "https://git.example.com".parse().unwrap();
            url.set_path(&path);
            for (name, value) in &query {
                url.query_pairs_mut().append_pair(name, value);
            }
            let parameters: Vec<(&str, &str)> =
                own.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            let signed = base_string("GET", &url, &parameters);
            let parts: Vec<&str> = signed.split('&').collect();
            prop_assert_eq!(parts.len(), 3);
            prop_assert_eq!(parts[0], "GET");
            let mut bare = url.clone();
            bare.set_query(None);
            prop_assert_eq!(decoded(parts[1]), bare.as_str());
            let pairs = decoded(parts[2]);
            let pairs: Vec<&str> = pairs.split('&').filter(|pair| !pair.is_empty()).collect();
            prop_assert!(pairs.is_sorted_by_key(|pair| pair.split_once('=')));
            let mut said: Vec<(String, String)> = pairs
                .iter()
                .map(|pair| pair.split_once('=').unwrap())
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect();
            let mut meant: Vec<(String, String)> = own.into_iter().chain(query).collect();
            said.sort();
            meant.sort();
            prop_assert_eq!(said, meant);
        }
    }

    /// The example of RFC 5849, 3.4.1.1, but for its form body, which stands in the query here.
    #[test]
    fn the_base_string_is_the_one_of_the_rfc() {
        let url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b&c2&a3=2+q";
        let parameters = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ];
        assert_eq!(
            *base_string("POST", &url.parse().unwrap(), &parameters),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D\
             %253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce\
             %3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26\
             oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn a_port_that_is_not_the_usual_one_stays_and_so_does_the_context_path() {
        for (url, expected) in [
            (
                "https://Git.Corp:443/bitbucket/rest",
                "https://git.corp/bitbucket/rest",
            ),
            ("http://git.corp:7990/x?y=z#f", "http://git.corp:7990/x"),
            ("https://git.corp:80/", "https://git.corp:80/"),
        ] {
            assert_eq!(place(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(
            encode(" +/=&%é*!'()"),
            "%20%2B%2F%3D%26%25%C3%A9%2A%21%27%28%29"
        );
    }
}
