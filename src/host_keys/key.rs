//! Public host keys, read down to the last byte.

use std::fmt;

use super::wire::Reader;

/// The kinds of host keys that are taken (RFC 8709, RFC 5656, RFC 4253).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyType {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`.
    EcdsaP384,
    /// `ecdsa-sha2-nistp521`.
    EcdsaP521,
    /// `ssh-rsa`: the kind of key; it says nothing of the signatures made with it.
    Rsa,
}

/// Why bytes are not a host key that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// A kind that is not taken.
    #[error(
        "host keys of this type are not taken; use ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa"
    )]
    Type,
    /// Cut short, too long, or not what the type says.
    #[error("the key is damaged")]
    Damaged,
    /// Too few bits.
    #[error("the RSA key is shorter than 2048 bits")]
    TooShort,
    /// Too many bits.
    #[error("the RSA key is longer than 8192 bits")]
    TooLong,
}

impl KeyType {
    /// Every one, in the order in which they are preferred.
    pub const ALL: [Self; 5] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa,
    ];

    /// Returns the name that a `known_hosts` line has.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::EcdsaP521 => "ecdsa-sha2-nistp521",
            Self::Rsa => "ssh-rsa",
        }
    }

    /// Finds a type by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A public key, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts<'a> {
    Ed25519(&'a [u8]),
    Ecdsa { point: &'a [u8] },
    Rsa { e: &'a [u8], n: &'a [u8] },
}

/// Takes a key apart; nothing may follow it.
pub(super) fn parts(blob: &[u8]) -> Result<(KeyType, Parts<'_>), NoKey> {
    let mut reader = Reader(blob);
    let name = reader.string().ok_or(NoKey::Damaged)?;
    let kind = str::from_utf8(name)
        .ok()
        .and_then(KeyType::named)
        .ok_or(NoKey::Type)?;
    let parts = match kind {
        KeyType::Ed25519 => ed25519(&mut reader),
        KeyType::EcdsaP256 => ecdsa(&mut reader, "nistp256", 65),
        KeyType::EcdsaP384 => ecdsa(&mut reader, "nistp384", 97),
        KeyType::EcdsaP521 => ecdsa(&mut reader, "nistp521", 133),
        KeyType::Rsa => rsa(&mut reader)?,
    };
    match parts {
        Some(parts) if reader.is_empty() => Ok((kind, parts)),
        _ => Err(NoKey::Damaged),
    }
}

fn ed25519<'a>(reader: &mut Reader<'a>) -> Option<Parts<'a>> {
    let key = reader.string()?;
    (key.len() == 32).then_some(Parts::Ed25519(key))
}

fn ecdsa<'a>(reader: &mut Reader<'a>, curve: &str, length: usize) -> Option<Parts<'a>> {
    let named = reader.string()? == curve.as_bytes();
    let point = reader.string()?;
    // Uncompressed, as RFC 5656 wants it of everybody.
    let whole = point.len() == length && point[0] == 4;
    (named && whole).then_some(Parts::Ecdsa { point })
}

fn rsa<'a>(reader: &mut Reader<'a>) -> Result<Option<Parts<'a>>, NoKey> {
    let (Some(e), Some(n)) = (reader.positive(), reader.positive()) else {
        return Ok(None);
    };
    let spare = usize::try_from(n[0].leading_zeros()).unwrap_or(0);
    match n.len() * 8 - spare {
        ..2048 => Err(NoKey::TooShort),
        2048..=8192 => Ok(Some(Parts::Rsa { e, n })),
        _ => Err(NoKey::TooLong),
    }
}
