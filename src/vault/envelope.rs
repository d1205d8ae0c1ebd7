//! How the vault seals: one kind of box for everything.
//!
//! ```text
//! box  = format (1 byte, 1) | salt (24) | commitment (32) | ciphertext | tag (16)
//! okm  = HKDF-SHA256(salt, key, info = "lanyard box 1")           64 bytes
//! key' = okm[..32], used once: AES-256-GCM, nonce of zeros, associated data = the context
//! commitment = okm[32..]
//! ```
//!
//! Every box has a key of its own, derived with a random salt of 192 bits. So a data key has no
//! limit worth counting: AES-GCM with random nonces would have to stop after 2^32 boxes, and a
//! person's data key seals something in each of their events, for ever. The commitment ties the
//! box to one key; GCM alone lets one who knows two keys make a box that both open.
//!
//! The context says where the box belongs. Moved to another row, column, owner, purpose or
//! generation, it does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::{Zeroize, Zeroizing};

use crate::clock::Ids;

/// How long keys are, in bytes.
pub(super) const KEY: usize = 32;

/// A key that boxes are sealed under. Wiped when dropped.
pub(super) type BoxKey = Zeroizing<[u8; KEY]>;

const FORMAT: u8 = 1;
const SALT: usize = 24;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const HEAD: usize = 1 + SALT + COMMITMENT;

/// A box does not open: another key, another place, or changed bytes. It does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DoesNotOpen;

/// Where a box belongs, as the associated data that it is sealed with.
pub(super) struct Context(Vec<u8>);

impl Context {
    /// Begins with the table and column.
    pub(super) fn of(table: &str, column: &str) -> Self {
        // Mostly long enough: one is made for whatever is sealed or opened.
        let mut context = Vec::with_capacity(160);
        context.extend(b"lanyard 1");
        Self(context).and(table).and(column)
    }

    /// Adds a text. Each part carries its length, so that no two contexts read the same.
    pub(super) fn and(mut self, part: &str) -> Self {
        self.0.extend((part.len() as u64).to_be_bytes());
        self.0.extend(part.as_bytes());
        self
    }

    /// Adds a number.
    pub(super) fn number(self, part: u64) -> Self {
        self.and(&part.to_string())
    }
}

/// Makes a new random key.
pub(super) fn new_key(ids: &dyn Ids) -> BoxKey {
    let mut key = BoxKey::default();
    ids.fill(&mut *key);
    key
}

/// Seals `clear` under `key`.
pub(super) fn seal(
    key: &[u8; KEY],
    context: &Context,
    clear: &[u8],
    ids: &dyn Ids,
) -> Result<Vec<u8>, DoesNotOpen> {
    let mut salt = [0; SALT];
    ids.fill(&mut salt);
    let (once, commitment) = derive(key, &salt)?;
    // Of the full length from the start: growing would leave the clear text where it stood before.
    let mut sealed = Vec::with_capacity(HEAD + clear.len() + TAG);
    sealed.push(FORMAT);
    sealed.extend(salt);
    sealed.extend(commitment);
    sealed.extend(clear);
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let aad = Aad::from(&context.0);
    let Ok(tag) = once.seal_in_place_separate_tag(nonce, aad, &mut sealed[HEAD..]) else {
        sealed.zeroize();
        return Err(DoesNotOpen);
    };
    sealed.extend(tag.as_ref());
    Ok(sealed)
}

/// Opens a box.
pub(super) fn open(
    key: &[u8; KEY],
    context: &Context,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let (head, body) = sealed.split_at_checked(HEAD).ok_or(DoesNotOpen)?;
    let (format, head) = head.split_first().ok_or(DoesNotOpen)?;
    let (salt, commitment) = head.split_at(SALT);
    if *format != FORMAT || body.len() < TAG {
        return Err(DoesNotOpen);
    }
    let (once, expected) = derive(key, salt)?;
    verify_slices_are_equal(commitment, &expected)?;
    let mut clear = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let length = once
        .open_in_place(nonce, Aad::from(&context.0), &mut clear)?
        .len();
    clear.truncate(length);
    Ok(clear)
}

impl From<Unspecified> for DoesNotOpen {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

struct Derived;

impl KeyType for Derived {
    fn len(&self) -> usize {
        KEY + COMMITMENT
    }
}

fn derive(key: &[u8; KEY], salt: &[u8]) -> Result<(LessSafeKey, [u8; COMMITMENT]), DoesNotOpen> {
    let mut derived = Zeroizing::new([0; KEY + COMMITMENT]);
    Salt::new(HKDF_SHA256, salt)
        .extract(key)
        .expand(&[b"lanyard box 1"], Derived)?
        .fill(&mut *derived)?;
    let once = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived[..KEY])?);
    let mut commitment = [0; COMMITMENT];
    commitment.copy_from_slice(&derived[KEY..]);
    Ok((once, commitment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemIds;

    #[test]
    fn a_box_opens_with_its_key_in_its_place_and_no_other() {
        let ids = SystemIds::default();
        let (key, other) = (new_key(&ids), new_key(&ids));
        let here = || Context::of("t", "c").and("ada").number(1);
        let sealed = seal(&key, &here(), b"hunter2", &ids).unwrap();
        assert_eq!(*open(&key, &here(), &sealed).unwrap(), b"hunter2");
        assert_eq!(open(&other, &here(), &sealed), Err(DoesNotOpen));
        for elsewhere in [
            Context::of("t", "c").and("ada").number(2),
            Context::of("t", "c").and("bob").number(1),
            Context::of("t", "d").and("ada").number(1),
            Context::of("u", "c").and("ada").number(1),
            Context::of("t", "c").and("ada1"),
            Context::of("t", "cada").and("").number(1),
        ] {
            assert_eq!(open(&key, &elsewhere, &sealed), Err(DoesNotOpen));
        }
    }

    #[test]
    fn a_box_with_any_bit_changed_or_any_byte_missing_does_not_open() {
        let ids = SystemIds::default();
        let key = new_key(&ids);
        let here = Context::of("t", "c");
        let sealed = seal(&key, &here, b"hunter2", &ids).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, &here, &changed), Err(DoesNotOpen), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(&key, &here, &sealed[..length]), Err(DoesNotOpen));
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same() {
        let ids = SystemIds::default();
        let key = new_key(&ids);
        let here = Context::of("t", "c");
        let boxes: std::collections::HashSet<_> = (0..1000)
            .map(|_| seal(&key, &here, b"hunter2", &ids).unwrap())
            .collect();
        assert_eq!(boxes.len(), 1000);
    }

    /// Boxes stand in events for ever. This one was checked with another implementation, too.
    #[test]
    fn a_box_of_the_first_release_opens() {
        let bytes = |hex: &str| -> Vec<u8> {
            let digits = hex.as_bytes().chunks(2);
            let byte = |two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
            digits.map(byte).collect()
        };
        let key = bytes("c15c0289ec2d0a9167ec8e65a18debbe5e5532fbeea293f80bc942ee9086c171");
        let sealed = bytes(
            "01b9b501d1d854bb7180021590ff0b4dc3a53c36d76cec99e04a6da2f984c8da3c16eabe9ba934ac1c3c\
             9758220c5de394f435b01682c0d4f7646264064b1e563c29dc936eab681105f8ac02357a6c48",
        );
        let here = Context::of("t", "c").and("ada").number(1);
        let clear = open(key.as_slice().try_into().unwrap(), &here, &sealed).unwrap();
        assert_eq!(*clear, b"hunter2");
    }
}
