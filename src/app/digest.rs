//! SHA-256, as the front doors use it: to know a text again without keeping it.

use aws_lc_rs::digest::{SHA256, digest};

/// Returns the SHA-256 of a text.
pub fn sha256(text: impl AsRef<[u8]>) -> Vec<u8> {
    digest(&SHA256, text.as_ref()).as_ref().to_vec()
}

/// Returns the SHA-256 of a text, in hexadecimal.
pub fn sha256_hex(text: impl AsRef<[u8]>) -> String {
    hex(&sha256(text))
}

/// Writes bytes in hexadecimal, without formatting each of them: that takes longer than the digest of
/// a token, of which there is one in every request.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .map(|half| char::from(DIGITS[usize::from(half)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_everybody_writes_it() {
        // NIST, FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex("abc"), abc);
    }
}
