//! Which keys an administrator lets in (`app/validators/ssh_key_validator.rb`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

use crate::ssh::PublicKey;

/// The types in the order in which GitLab names them.
const TYPES: [&str; 6] = ["RSA", "DSA", "ECDSA", "ED25519", "ECDSA_SK", "ED25519_SK"];

/// What is allowed now. Keys that are held already stay, whatever is forbidden later.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// The fewest bits per type; `None` forbids the type.
    types: BTreeMap<&'static str, Option<u32>>,
    /// Blobs whose private half is known to the world.
    banned: Vec<String>,
    /// How long a key may live at most (GitLab Ultimate).
    longest: Option<TimeDelta>,
}

impl Default for Policy {
    /// Forbids DSA and nothing else.
    fn default() -> Self {
        let least = |name: &str| (name != "DSA").then_some(0);
        Self {
            types: TYPES.iter().map(|name| (*name, least(name))).collect(),
            banned: Vec::new(),
            longest: None,
        }
    }
}

impl Policy {
    /// Forbids a type, or says how many bits it needs at least.
    ///
    /// # Panics
    ///
    /// GitLab knows six types.
    pub(super) fn set(&mut self, kind: &str, least: Option<u32>) {
        match TYPES.iter().find(|known| **known == kind) {
            Some(known) => self.types.insert(known, least),
            None => panic!("GitLab knows no key type {kind}"),
        };
    }

    pub(super) fn ban(&mut self, key: &PublicKey) {
        self.banned.push(key.blob().to_owned());
    }

    pub(super) fn live_at_most(&mut self, longest: Option<TimeDelta>) {
        self.longest = longest;
    }

    /// Returns what is wrong with the type of a key; `None` stands for no key at all, whose type
    /// is none of the allowed ones.
    pub(super) fn faults_of_type(&self, key: Option<&PublicKey>) -> Option<String> {
        match key.and_then(|key| self.types.get(kind(key)).copied().flatten()) {
            None => Some(format!("type is forbidden. Must be {}", self.allowed())),
            Some(least) => key
                .is_some_and(|key| bits(key) < least)
                .then(|| format!("must be at least {least} bits")),
        }
    }

    /// Returns what else an administrator would not have.
    pub(super) fn faults(
        &self,
        key: &PublicKey,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        if expires_at.is_some_and(|end| end <= now) {
            faults.push("has expired".to_owned());
        }
        if self.banned.iter().any(|blob| blob == key.blob()) {
            faults.push(
                "cannot be used because it belongs to a compromised private key. Stop using this \
                 key and generate a new one."
                    .to_owned(),
            );
        }
        // `ee/app/models/ee/key.rb`
        if let Some(longest) = self.longest {
            match expires_at {
                None => faults.push(
                    "has no expiration date but an expiration date is required for SSH keys on \
                     this instance. Contact the instance administrator."
                        .to_owned(),
                ),
                Some(end) if end > now + longest => faults.push(
                    "has an invalid expiration date. Set a shorter lifetime for the key or \
                     contact the instance administrator."
                        .to_owned(),
                ),
                Some(_) => {}
            }
        }
        faults
    }

    /// Returns the allowed types as a sentence: `RSA, ECDSA, or ED25519`.
    fn allowed(&self) -> String {
        let names: Vec<&str> = TYPES
            .into_iter()
            .filter(|name| self.types.get(name).copied().flatten().is_some())
            .collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [one, other] => format!("{one} or {other}"),
            [rest @ .., last] => format!("{}, or {last}", rest.join(", ")),
        }
    }
}

fn kind(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        "ssh-rsa" => "RSA",
        "ssh-dss" => "DSA",
        "ssh-ed25519" => "ED25519",
        "sk-ssh-ed25519@openssh.com" => "ED25519_SK",
        name if name.starts_with("sk-ecdsa") => "ECDSA_SK",
        _ => "ECDSA",
    }
}

fn bits(key: &PublicKey) -> u32 {
    match key.algorithm() {
        "ecdsa-sha2-nistp384" => 384,
        "ecdsa-sha2-nistp521" => 521,
        // The modulus comes after the name and the exponent; DSA's first number after the name.
        "ssh-rsa" => number(key, 2),
        "ssh-dss" => number(key, 1),
        _ => 256,
    }
}

/// Returns the length in bits of a number inside the blob, by its place.
fn number(key: &PublicKey, place: usize) -> u32 {
    let blob = STANDARD.decode(key.blob()).unwrap_or_default();
    let mut rest = &blob[..];
    for _ in 0..place {
        rest = string(rest).map_or(&[], |(_, rest)| rest);
    }
    let bytes = string(rest).map_or(&[][..], |(bytes, _)| bytes);
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    match bytes[start..].first() {
        None => 0,
        Some(first) => {
            let whole = u32::try_from(bytes.len() - start).unwrap_or(0) * 8;
            whole - first.leading_zeros()
        }
    }
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mpint(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes()[..], bytes].concat()
    }

    fn rsa(bits: usize) -> PublicKey {
        let modulus = [&[0][..], &vec![0xff; bits / 8]].concat();
        let blob = [mpint(b"ssh-rsa"), mpint(&[1, 0, 1]), mpint(&modulus)].concat();
        PublicKey::parse(&format!("ssh-rsa {}", STANDARD.encode(blob))).unwrap()
    }

    #[test]
    fn the_bits_of_rsa_are_those_of_its_modulus() {
        for length in [1024, 2048, 3072, 4096] {
            assert_eq!(usize::try_from(bits(&rsa(length))).unwrap(), length);
        }
    }

    #[test]
    fn a_type_is_allowed_from_so_many_bits_on() {
        let mut policy = Policy::default();
        assert_eq!(policy.faults_of_type(Some(&rsa(1024))), None);
        policy.set("RSA", Some(3072));
        let short = policy.faults_of_type(Some(&rsa(2048)));
        assert_eq!(short.as_deref(), Some("must be at least 3072 bits"));
        assert_eq!(policy.faults_of_type(Some(&rsa(3072))), None);
        policy.set("RSA", None);
        assert_eq!(
            policy.faults_of_type(Some(&rsa(4096))).as_deref(),
            Some("type is forbidden. Must be ECDSA, ED25519, ECDSA_SK, or ED25519_SK")
        );
    }
}
