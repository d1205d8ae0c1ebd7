//! Application links: who may ask people for access, and how they prove who they are.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

/// An incoming link of OAuth 2.0 as its admin sees it right after making it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitbucketClient {
    /// The client id.
    pub client_id: String,
    /// The client secret, shown this once.
    pub client_secret: String,
}

/// An application link of OAuth 1.0a.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) public: PublicKey,
}

/// An incoming link of OAuth 2.0.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) secret: String,
    /// Exact.
    pub(super) redirect: Url,
    /// What the admin ticked.
    pub(super) scopes: Vec<String>,
}

/// The RSA key that an admin pasted.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey(Vec<u8>);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bytes)", self.0.len())
    }
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`: an X.509 `SubjectPublicKeyInfo` of an RSA key of at
    /// least 2048 bits, and nothing else.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let body = pem
            .trim()
            .strip_prefix("-----BEGIN PUBLIC KEY-----")?
            .strip_suffix("-----END PUBLIC KEY-----")?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64).ok()?;
        let key = PublicEncryptingKey::from_der(&der).ok()?;
        let again = key.as_der().ok()?;
        (key.key_size_bits() >= 2048 && again.as_ref() == der).then_some(Self(der))
    }

    /// Says whether `signature` is one of this key over `text`: RSASSA-PKCS1-v1_5 with SHA-1.
    pub(super) fn signed(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &self.0)
            .verify(text.as_bytes(), signature)
            .is_ok()
    }
}

impl Incoming {
    /// Says whether the link gives all of `scopes`.
    pub(super) fn gives(&self, scopes: &[String]) -> bool {
        scopes.iter().all(|scope| self.scopes.contains(scope))
    }
}
