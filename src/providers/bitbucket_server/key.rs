//! The RSA pair that an application link of OAuth 1.0a is signed with: made here, kept by the
//! vault, its public half pasted by an admin.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding, SecretDocument};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use crate::vault::Secret;

/// 2048 bits are the least that Bitbucket takes and are advised against after 2030 (NIST SP
/// 800-57); 4096 make every signed call twice as slow and gain nothing beside SHA-1.
const SIZE: KeySize = KeySize::Rsa3072;
/// What is read: the least and the most that Bitbucket and its Java take without ado.
const BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
const LABEL: &str = "PRIVATE KEY";

/// Makes a pair; returns its private half as PKCS #8 PEM. It takes a processor for up to a second:
/// not to be called on a thread that serves others.
///
/// # Panics
///
/// Only if the machine has no randomness to give, where AWS-LC stops the process by itself.
pub fn generate() -> Secret {
    let pem = pkcs8().expect("AWS-LC makes an RSA key, or stops the process");
    std::mem::take(&mut *Zeroizing::new(pem)).into()
}

fn pkcs8() -> Result<String, Unspecified> {
    let pair = KeyPair::generate(SIZE)?;
    let der: Pkcs8V1Der<'_> = pair.as_der()?;
    let document = SecretDocument::try_from(der.as_ref()).map_err(|_| Unspecified)?;
    let mut pem = document
        .to_pem(LABEL, LineEnding::LF)
        .map_err(|_| Unspecified)?;
    Ok(std::mem::take(&mut *pem))
}

/// Returns the public half as the PEM that an admin pastes: X.509 `SubjectPublicKeyInfo`. Nothing
/// if the private half is not one of 2048 to 4096 bits in PKCS #8 PEM.
pub fn public_pem(private: &Secret) -> Option<String> {
    let public = RsaPublicKey::from(&read(private)?);
    public.to_public_key_pem(LineEnding::LF).ok()
}

/// Reads the private half.
pub(super) fn read(private: &Secret) -> Option<RsaPrivateKey> {
    let key = RsaPrivateKey::from_pkcs8_pem(private.expose_str()).ok()?;
    BITS.contains(&key.n().bits()).then_some(key)
}
