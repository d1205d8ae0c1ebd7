//! Key pairs: made by aws-lc-rs, written as OpenSSH writes them.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
    KeyPair as _,
};
use domain::keyring::{Algorithm, PublicKey};
use ssh_encoding::{Decode as _, Encode as _};
use ssh_key::private::{
    EcdsaKeypair, EcdsaPrivateKey, Ed25519Keypair, Ed25519PrivateKey, KeypairData, RsaKeypair,
    RsaPrivateKey,
};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, RsaPublicKey};
use ssh_key::{HashAlg, LineEnding, Mpint, PrivateKey};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::vault::Secret;

/// Returns the fingerprint of a public key's line, as `ssh-keygen -l` shows it.
pub fn fingerprint(line: &str) -> Option<String> {
    let public = ssh_key::PublicKey::from_openssh(line).ok()?;
    Some(public.fingerprint(HashAlg::Sha256).to_string())
}

/// A new key pair.
#[derive(Debug)]
pub struct GeneratedKey {
    pub public: PublicKey,
    /// An OpenSSH private key file without a passphrase: the vault seals it.
    pub private: Secret,
}

/// No key could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {algorithm} key could not be made: {why}")]
pub struct KeygenError {
    algorithm: Algorithm,
    why: String,
}

/// How many RSA keys are made at once. Each takes a processor for up to a second.
static RSA_AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Makes a key pair. RSA takes long and is made on a thread apart.
pub async fn generate(algorithm: Algorithm) -> Result<GeneratedKey, KeygenError> {
    let failed = |why: String| KeygenError { algorithm, why };
    let size = match algorithm {
        Algorithm::Ed25519 => return written(ed25519()).map_err(failed),
        Algorithm::EcdsaP256 => {
            return written(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)).map_err(failed);
        }
        Algorithm::EcdsaP384 => {
            return written(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)).map_err(failed);
        }
        Algorithm::EcdsaP521 => {
            return written(ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING)).map_err(failed);
        }
        Algorithm::Rsa3072 => KeySize::Rsa3072,
        Algorithm::Rsa4096 => KeySize::Rsa4096,
    };
    let turn = RSA_AT_ONCE.acquire().await;
    let turn = turn.map_err(|closed| failed(closed.to_string()))?;
    // The turn goes with the work: a caller who goes away does not let another one in early.
    tokio::task::spawn_blocking(move || {
        let made = written(rsa(size));
        drop(turn);
        made
    })
    .await
    .map_err(|stopped| failed(stopped.to_string()))?
    .map_err(failed)
}

/// Why a step of making a key failed, for the log: it never says anything about the key.
struct Failed(&'static str);

impl From<Unspecified> for Failed {
    fn from(_: Unspecified) -> Self {
        Self("the cryptographic library refused")
    }
}

impl From<ssh_key::Error> for Failed {
    fn from(_: ssh_key::Error) -> Self {
        Self("it does not fit OpenSSH's format")
    }
}

impl From<ssh_encoding::Error> for Failed {
    fn from(_: ssh_encoding::Error) -> Self {
        Self("it does not fit OpenSSH's format")
    }
}

fn written(made: Result<KeypairData, Failed>) -> Result<GeneratedKey, String> {
    made.and_then(|pair| {
        // Without a comment: it would say whose it is to everybody who sees the key.
        let key = PrivateKey::new(pair, "")?;
        let mut private = key.to_openssh(LineEnding::LF)?;
        let public = key.public_key();
        Ok(GeneratedKey {
            public: PublicKey {
                line: public.to_openssh()?,
                fingerprint: public.fingerprint(HashAlg::Sha256).to_string(),
            },
            private: std::mem::take(&mut *private).into(),
        })
    })
    .map_err(|Failed(why)| why.to_owned())
}

fn ed25519() -> Result<KeypairData, Failed> {
    let pair = Ed25519KeyPair::generate()?;
    let seed = pair.seed()?.as_be_bytes()?;
    Ok(KeypairData::Ed25519(Ed25519Keypair {
        public: Ed25519PublicKey::try_from(pair.public_key().as_ref())?,
        private: Ed25519PrivateKey::try_from(seed.as_ref())?,
    }))
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<KeypairData, Failed> {
    let pair = EcdsaKeyPair::generate(algorithm)?;
    let public = EcdsaPublicKey::from_sec1_bytes(pair.public_key().as_ref())?;
    let private = pair.private_key().as_be_bytes()?;
    Ok(KeypairData::Ecdsa(match public {
        EcdsaPublicKey::NistP256(public) => EcdsaKeypair::NistP256 {
            public,
            private: scalar(private.as_ref())?,
        },
        EcdsaPublicKey::NistP384(public) => EcdsaKeypair::NistP384 {
            public,
            private: scalar(private.as_ref())?,
        },
        EcdsaPublicKey::NistP521(public) => EcdsaKeypair::NistP521 {
            public,
            private: scalar(private.as_ref())?,
        },
    }))
}

/// Without a curve's own library the only way in is to decode.
fn scalar<const SIZE: usize>(bytes: &[u8]) -> Result<EcdsaPrivateKey<SIZE>, Failed> {
    let mut encoded = Zeroizing::new(Vec::with_capacity(4 + SIZE));
    bytes.encode(&mut *encoded)?;
    Ok(EcdsaPrivateKey::decode(&mut encoded.as_slice())?)
}

fn rsa(size: KeySize) -> Result<KeypairData, Failed> {
    let pair = rsa::KeyPair::generate(size)?;
    let document = pair.as_der()?;
    let mut key = private_key_info(document.as_ref()).ok_or(Failed("PKCS #8 was expected"))?;
    // RFC 8017, A.1.2: n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p.
    let mut number = || element(&mut key, INTEGER).ok_or(Failed("an RSA private key was expected"));
    let [modulus, public, private] = [number()?, number()?, number()?];
    let [first, second, _, _, inverse] = [number()?, number()?, number()?, number()?, number()?];
    Ok(KeypairData::Rsa(RsaKeypair {
        public: RsaPublicKey {
            e: Mpint::from_positive_bytes(public)?,
            n: Mpint::from_positive_bytes(modulus)?,
        },
        private: RsaPrivateKey {
            d: Mpint::from_positive_bytes(private)?,
            iqmp: Mpint::from_positive_bytes(inverse)?,
            p: Mpint::from_positive_bytes(first)?,
            q: Mpint::from_positive_bytes(second)?,
        },
    }))
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// Returns what stands in the private key of a PKCS #8 document, after its version.
fn private_key_info(mut document: &[u8]) -> Option<&[u8]> {
    let mut info = element(&mut document, SEQUENCE)?;
    element(&mut info, INTEGER)?;
    element(&mut info, SEQUENCE)?;
    let mut octets = element(&mut info, OCTETS)?;
    let mut key = element(&mut octets, SEQUENCE)?;
    element(&mut key, INTEGER)?;
    Some(key)
}

/// Takes one DER element off the front.
fn element<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&[found, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (&length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *der = rest;
    (found == tag).then_some(content)
}
