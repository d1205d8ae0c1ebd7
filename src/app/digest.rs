//! SHA-256, as the front doors use it: to know a text again without keeping it.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// Returns the SHA-256 of a text.
pub fn sha256(text: impl AsRef<[u8]>) -> Vec<u8> {
    digest(&SHA256, text.as_ref()).as_ref().to_vec()
}

/// Returns the SHA-256 of a text, in hexadecimal.
pub fn sha256_hex(text: impl AsRef<[u8]>) -> String {
    sha256(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
