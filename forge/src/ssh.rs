//! Public SSH keys, read down to the last byte.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// A public key in OpenSSH form whose blob is what its first word says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: String,
    blob: String,
    comment: String,
    fingerprint: String,
}

/// Why a line is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// Not one line of algorithm, base64 and comment.
    NotALine,
    /// An algorithm nobody here knows.
    UnknownAlgorithm,
    /// Not base64.
    NotBase64,
    /// The blob names another algorithm than the line.
    OtherAlgorithm,
    /// The blob is cut short, too long, or holds what its algorithm does not allow.
    BadBlob,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotALine => "not a line of algorithm, base64 and comment",
            Self::UnknownAlgorithm => "unknown algorithm",
            Self::NotBase64 => "not base64",
            Self::OtherAlgorithm => "the blob names another algorithm",
            Self::BadBlob => "the blob is damaged",
        })
    }
}

impl std::error::Error for KeyRefusal {}

impl PublicKey {
    /// Reads one line.
    pub fn parse(line: &str) -> Result<Self, KeyRefusal> {
        let line = line.trim();
        if line.contains(['\n', '\r', '\0']) {
            return Err(KeyRefusal::NotALine);
        }
        let (algorithm, rest) = line.split_once(' ').ok_or(KeyRefusal::NotALine)?;
        let rest = rest.trim_start();
        let (blob, comment) = rest.split_once(' ').unwrap_or((rest, ""));
        let shape = Shape::of(algorithm).ok_or(KeyRefusal::UnknownAlgorithm)?;
        let bytes = STANDARD.decode(blob).map_err(|_| KeyRefusal::NotBase64)?;
        let mut reader = Reader(&bytes);
        if reader.string()? != algorithm.as_bytes() {
            return Err(KeyRefusal::OtherAlgorithm);
        }
        shape.check(&mut reader)?;
        if !reader.0.is_empty() {
            return Err(KeyRefusal::BadBlob);
        }
        Ok(Self {
            algorithm: algorithm.to_owned(),
            blob: blob.to_owned(),
            comment: comment.trim().to_owned(),
            fingerprint: STANDARD_NO_PAD.encode(Sha256::digest(&bytes)),
        })
    }

    /// Returns the algorithm, `ssh-ed25519` for one.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// Returns the base64 of the key itself.
    pub fn blob(&self) -> &str {
        &self.blob
    }

    /// Returns what followed the key, often empty.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Returns the fingerprint as `ssh-keygen -l` shows it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", self.fingerprint)
    }

    /// Returns the line without its comment.
    pub fn bare(&self) -> String {
        format!("{} {}", self.algorithm, self.blob)
    }
}

/// What follows the name of the algorithm inside a blob.
enum Shape {
    Rsa,
    Dsa,
    Ed25519,
    Ecdsa { curve: &'static str, point: usize },
    SecurityKey(Box<Shape>),
}

impl Shape {
    fn of(algorithm: &str) -> Option<Self> {
        let ecdsa = |curve, point| Self::Ecdsa { curve, point };
        Some(match algorithm {
            "ssh-rsa" => Self::Rsa,
            "ssh-dss" => Self::Dsa,
            "ssh-ed25519" => Self::Ed25519,
            "ecdsa-sha2-nistp256" => ecdsa("nistp256", 65),
            "ecdsa-sha2-nistp384" => ecdsa("nistp384", 97),
            "ecdsa-sha2-nistp521" => ecdsa("nistp521", 133),
            "sk-ssh-ed25519@openssh.com" => Self::SecurityKey(Box::new(Self::Ed25519)),
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                Self::SecurityKey(Box::new(ecdsa("nistp256", 65)))
            }
            _ => return None,
        })
    }

    fn check(&self, reader: &mut Reader<'_>) -> Result<(), KeyRefusal> {
        let whole = match self {
            Self::Rsa => reader.number()? && reader.number()?,
            Self::Dsa => {
                reader.number()? && reader.number()? && reader.number()? && reader.number()?
            }
            Self::Ed25519 => reader.string()?.len() == 32,
            Self::Ecdsa { curve, point } => {
                let named = reader.string()? == curve.as_bytes();
                let bytes = reader.string()?;
                named && bytes.len() == *point && bytes[0] == 4
            }
            Self::SecurityKey(inner) => {
                inner.check(reader)?;
                !reader.string()?.is_empty()
            }
        };
        if whole {
            Ok(())
        } else {
            Err(KeyRefusal::BadBlob)
        }
    }
}

/// Reads the length-prefixed strings of RFC 4251.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn string(&mut self) -> Result<&'a [u8], KeyRefusal> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(KeyRefusal::BadBlob)?;
        let length =
            usize::try_from(u32::from_be_bytes(*length)).map_err(|_| KeyRefusal::BadBlob)?;
        let (string, rest) = rest.split_at_checked(length).ok_or(KeyRefusal::BadBlob)?;
        self.0 = rest;
        Ok(string)
    }

    /// Reads an mpint and says whether it is positive and written without needless bytes.
    fn number(&mut self) -> Result<bool, KeyRefusal> {
        Ok(match self.string()? {
            [] | [0] => false,
            [0, second, ..] => *second >= 0x80,
            [first, ..] => *first < 0x80,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";

    #[test]
    fn a_key_keeps_its_comment_apart() {
        let key = PublicKey::parse(&format!("{ED25519} ada at the laptop\n")).unwrap();
        assert_eq!(key.algorithm(), "ssh-ed25519");
        assert_eq!(key.comment(), "ada at the laptop");
        assert_eq!(key.bare(), ED25519);
    }

    #[test]
    fn the_fingerprint_is_the_one_of_ssh_keygen() {
        let key = PublicKey::parse(ED25519).unwrap();
        assert_eq!(
            key.fingerprint(),
            "SHA256:oJCfD0YJwHwuagEM2T7qhYB+48F8weG2lrSxO3eYZ1k"
        );
    }

    #[test]
    fn a_blob_of_another_algorithm_is_refused() {
        let line = ED25519.replace("ssh-ed25519", "ssh-rsa");
        assert_eq!(PublicKey::parse(&line), Err(KeyRefusal::OtherAlgorithm));
    }

    #[test]
    fn a_cut_blob_is_refused() {
        let cut = &ED25519[..ED25519.len() - 4];
        assert_eq!(PublicKey::parse(cut), Err(KeyRefusal::BadBlob));
    }

    #[test]
    fn what_follows_the_blob_is_refused() {
        let longer = format!("{ED25519}AAAA");
        assert_eq!(PublicKey::parse(&longer), Err(KeyRefusal::BadBlob));
    }

    #[test]
    fn two_lines_are_not_a_key() {
        let two = format!("{ED25519}\n{ED25519}");
        assert_eq!(PublicKey::parse(&two), Err(KeyRefusal::NotALine));
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        assert_eq!(
            PublicKey::parse("ssh-ed25519 AAAA!"),
            Err(KeyRefusal::NotBase64)
        );
        assert_eq!(
            PublicKey::parse("ssh-ed448 AAAA"),
            Err(KeyRefusal::UnknownAlgorithm)
        );
        assert_eq!(PublicKey::parse("ssh-ed25519"), Err(KeyRefusal::NotALine));
    }
}
