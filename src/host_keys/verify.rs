//! Whether a signature over an exchange hash is of the key that came with it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::key::{KeyType, Parts, parts};
use super::talk::TalkError;
use super::wire::Reader;

/// One way to sign with a host key: what is negotiated, and what its signatures are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    /// RFC 8709.
    Ed25519,
    /// RFC 5656.
    EcdsaP256,
    /// RFC 8332, the stronger digest first.
    RsaSha2,
}

impl Signing {
    /// Returns the names that a client offers.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Ed25519 => &["ssh-ed25519"],
            Self::EcdsaP256 => &["ecdsa-sha2-nistp256"],
            Self::RsaSha2 => &["rsa-sha2-512", "rsa-sha2-256"],
        }
    }

    const fn kind(self) -> KeyType {
        match self {
            Self::Ed25519 => KeyType::Ed25519,
            Self::EcdsaP256 => KeyType::EcdsaP256,
            Self::RsaSha2 => KeyType::Rsa,
        }
    }
}

/// Verifies a signature made in the way that was agreed on, by name.
pub(super) fn verify(
    signing: Signing,
    agreed: &str,
    key: &[u8],
    hash: &[u8],
    signature: &[u8],
) -> Result<(), TalkError> {
    let (kind, parts) = parts(key).map_err(TalkError::Key)?;
    if kind != signing.kind() {
        return Err(TalkError::Protocol("it sent a key of another type"));
    }
    let mut reader = Reader(signature);
    let (name, bytes) = (reader.string(), reader.string());
    let (Some(name), Some(bytes), true) = (name, bytes, reader.is_empty()) else {
        return Err(TalkError::Signature);
    };
    if name != agreed.as_bytes() {
        return Err(TalkError::Signature);
    }
    let verified = match parts {
        Parts::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key)
            .verify(hash, bytes)
            .is_ok(),
        Parts::Ecdsa { point } => fixed(bytes).is_some_and(|fixed| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(hash, &fixed)
                .is_ok()
        }),
        Parts::Rsa { e, n } => {
            let way = if agreed == "rsa-sha2-512" {
                &RSA_PKCS1_2048_8192_SHA512
            } else {
                &RSA_PKCS1_2048_8192_SHA256
            };
            RsaPublicKeyComponents { n, e }
                .verify(way, hash, bytes)
                .is_ok()
        }
    };
    verified.then_some(()).ok_or(TalkError::Signature)
}

/// Brings the two numbers of an ECDSA signature (RFC 5656, section 3.1.2) to their full length.
fn fixed(bytes: &[u8]) -> Option<[u8; 64]> {
    let mut reader = Reader(bytes);
    let numbers = [reader.positive()?, reader.positive()?];
    let mut fixed = [0; 64];
    for (number, half) in numbers.into_iter().zip(fixed.chunks_exact_mut(32)) {
        let start = half.len().checked_sub(number.len())?;
        half[start..].copy_from_slice(number);
    }
    reader.is_empty().then_some(fixed)
}
