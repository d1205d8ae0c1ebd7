//! Names that nobody guesses: tokens, codes, client ids.

use std::hash::{BuildHasher, Hasher, RandomState};

use sha2::{Digest, Sha256};

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        for half in [byte >> 4, byte & 15] {
            digits.push(char::from(b"0123456789abcdef"[usize::from(half)]));
        }
        digits
    })
}

/// Draws names, never the same one twice.
///
/// Good enough for play: the seed is what the standard library seeds its hash maps with.
#[derive(Debug)]
pub(crate) struct Dice {
    seed: [u8; 16],
    drawn: u64,
}

impl Dice {
    /// Takes a new seed.
    pub(crate) fn new() -> Self {
        let mut seed = [0; 16];
        for half in seed.chunks_exact_mut(8) {
            half.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes());
        }
        Self { seed, drawn: 0 }
    }

    /// Returns `length` letters and digits (at most 64).
    pub(crate) fn letters(&mut self, length: usize) -> String {
        let digest = self.draw();
        digest
            .iter()
            .take(length)
            .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
            .collect()
    }

    /// Returns `length` lower-case hexadecimal digits (at most 128).
    pub(crate) fn hex(&mut self, length: usize) -> String {
        let mut digits = hex(&self.draw());
        digits.truncate(length);
        digits
    }

    fn draw(&mut self) -> Vec<u8> {
        self.drawn += 1;
        let half = |side: u8| {
            Sha256::new()
                .chain_update(self.seed)
                .chain_update(self.drawn.to_le_bytes())
                .chain_update([side])
                .finalize()
        };
        [half(0), half(1)].concat()
    }
}
