//! An application that signs, written apart from the server that checks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use url::Url;

/// DER of `DigestInfo` before a SHA-1 digest (RFC 8017, 9.2, note 1).
const SHA1_INFO: [u8; 15] = [
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
];

/// A key pair: what signs, and what an admin pastes.
pub(crate) struct Pair {
    private: RsaPrivateKey,
    pub(crate) public_pem: String,
}

fn made() -> Pair {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public = pair.public_key().as_der().unwrap();
    Pair {
        private: RsaPrivateKey::from_pkcs8_der(der.as_ref()).unwrap(),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
    }
}

/// The pair of the application.
pub(crate) fn ours() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(made)
}

/// Another pair.
pub(crate) fn another() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(made)
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// RFC 3986: letters, digits, `-`, `.`, `_`, `~` stay.
pub(crate) fn encode(text: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| match byte {
            byte if stays(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A nonce that nothing had before.
pub(crate) fn nonce() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("nonce-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// What a request is signed with.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) pair: &'static Pair,
    pub(crate) consumer: String,
    pub(crate) timestamp: i64,
    pub(crate) nonce: String,
}

impl Signer {
    /// Returns the parameters of the protocol, besides the signature, then `more`.
    pub(crate) fn parameters(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let timestamp = self.timestamp.to_string();
        let usual = [
            ("oauth_consumer_key", self.consumer.as_str()),
            ("oauth_signature_method", "RSA-SHA1"),
            ("oauth_timestamp", timestamp.as_str()),
            ("oauth_nonce", self.nonce.as_str()),
            ("oauth_version", "1.0"),
        ];
        usual
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Signs a request; `form` are the fields of its body, if that is a form.
    pub(crate) fn sign(
        &self,
        method: &str,
        url: &str,
        parameters: &[(String, String)],
        form: &[(&str, &str)],
    ) -> String {
        let url = Url::parse(url).unwrap();
        let mut all: Vec<String> = parameters
            .iter()
            .cloned()
            .chain(url.query_pairs().into_owned())
            .chain(form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
            .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
            .collect();
        all.sort();
        let mut place = url;
        place.set_query(None);
        let text = format!(
            "{method}&{}&{}",
            encode(place.as_str()),
            encode(&all.join("&"))
        );
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let padding = Pkcs1v15Sign {
            hash_len: Some(20),
            prefix: SHA1_INFO.into(),
        };
        STANDARD.encode(self.pair.private.sign(padding, hash.as_ref()).unwrap())
    }

    /// Returns the `Authorization` header.
    pub(crate) fn header(&self, method: &str, url: &str, more: &[(&str, &str)]) -> String {
        let parameters = self.parameters(more);
        let signature = self.sign(method, url, &parameters, &[]);
        header_of(&parameters, &signature)
    }
}

/// Writes parameters and signature as an `Authorization` header.
pub(crate) fn header_of(parameters: &[(String, String)], signature: &str) -> String {
    let signature = ("oauth_signature".to_owned(), signature.to_owned());
    let pairs: Vec<String> = parameters
        .iter()
        .chain([&signature])
        .map(|(name, value)| format!("{}=\"{}\"", encode(name), encode(value)))
        .collect();
    format!("OAuth realm=\"practice\", {}", pairs.join(", "))
}
