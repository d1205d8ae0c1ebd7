//! Signatures of a text in a namespace, as `ssh-keygen -Y sign` makes them (OpenSSH,
//! PROTOCOL.sshsig), by the private half of a key of ours.

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA512,
};
use rsa::BigUint;
use ssh_encoding::Encode as _;
use ssh_key::private::{EcdsaKeypair, Ed25519Keypair, KeypairData, RsaKeypair};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, Mpint, PrivateKey, Signature, SshSig};
use zeroize::Zeroizing;

use crate::vault::Secret;

/// Why nothing was signed. Says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing could be signed with the key: {0}")]
pub struct NotSigned(&'static str);

impl From<ssh_key::Error> for NotSigned {
    fn from(_: ssh_key::Error) -> Self {
        Self("it is not an OpenSSH private key of a kind that is known here")
    }
}

impl From<ssh_encoding::Error> for NotSigned {
    fn from(_: ssh_encoding::Error) -> Self {
        Self("the signature could not be written down")
    }
}

impl From<KeyRejected> for NotSigned {
    fn from(_: KeyRejected) -> Self {
        Self("its numbers do not belong together")
    }
}

impl From<Unspecified> for NotSigned {
    fn from(_: Unspecified) -> Self {
        Self("the signature failed")
    }
}

/// Signs a text in a namespace with an OpenSSH private key file that has no passphrase; returns the
/// armored signature. The digest is SHA-512, OpenSSH's own choice; RSA signs as `rsa-sha2-512`.
pub fn sign(private: &Secret, namespace: &str, text: &[u8]) -> Result<String, NotSigned> {
    let key = PrivateKey::from_openssh(private.expose())?;
    let message = SshSig::signed_data(namespace, HashAlg::Sha512, text)?;
    let signature = match key.key_data() {
        KeypairData::Ed25519(pair) => ed25519(pair, &message),
        KeypairData::Ecdsa(pair) => ecdsa(pair, &message),
        KeypairData::Rsa(pair) => rsa_sha2(pair, &message),
        _ => Err(NotSigned("it is of a kind that Lanyard does not make")),
    }?;
    let public = key.public_key().key_data().clone();
    let signed = SshSig::new(public, namespace, HashAlg::Sha512, signature)?;
    Ok(signed.to_pem(LineEnding::LF)?)
}

fn ed25519(pair: &Ed25519Keypair, message: &[u8]) -> Result<Signature, NotSigned> {
    let seed = Zeroizing::new(pair.private.to_bytes());
    let pair = Ed25519KeyPair::from_seed_and_public_key(&*seed, pair.public.as_ref())?;
    let bytes = pair.try_sign(message)?;
    Ok(Signature::new(Algorithm::Ed25519, bytes.as_ref())?)
}

/// RFC 5656, section 3.1.2: the two numbers, each with its own length.
fn ecdsa(pair: &EcdsaKeypair, message: &[u8]) -> Result<Signature, NotSigned> {
    let curve = pair.curve();
    let algorithm = match curve {
        EcdsaCurve::NistP256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        EcdsaCurve::NistP384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        EcdsaCurve::NistP521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    };
    let (private, public) = (pair.private_key_bytes(), pair.public_key_bytes());
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public)?;
    let fixed = pair.sign(&SystemRandom::new(), message)?;
    let fixed = fixed.as_ref();
    let mut numbers = Vec::new();
    for number in fixed.chunks_exact(fixed.len() / 2) {
        Mpint::from_positive_bytes(number)?.encode(&mut numbers)?;
    }
    Ok(Signature::new(Algorithm::Ecdsa { curve }, numbers)?)
}

/// RFC 8332. An OpenSSH key file leaves out two of the numbers that the Chinese remainder theorem
/// needs (RFC 8017, section 3.2): they follow from the others.
fn rsa_sha2(pair: &RsaKeypair, message: &[u8]) -> Result<Signature, NotSigned> {
    let missing = NotSigned("a number of it is negative");
    let bytes = |number: &Mpint| {
        number
            .as_positive_bytes()
            .map(<[u8]>::to_vec)
            .ok_or(missing)
    };
    let hidden = |number: &Mpint| bytes(number).map(Zeroizing::new);
    let (d, p, q) = (&pair.private.d, &pair.private.p, &pair.private.q);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents {
            n: Zeroizing::new(bytes(&pair.public.n)?),
            e: Zeroizing::new(bytes(&pair.public.e)?),
        },
        dP: residue(&hidden(d)?, &hidden(p)?),
        dQ: residue(&hidden(d)?, &hidden(q)?),
        qInv: hidden(&pair.private.iqmp)?,
        d: hidden(d)?,
        p: hidden(p)?,
        q: hidden(q)?,
    };
    let pair = RsaPair::from_components(&components)?;
    let mut bytes = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), message, &mut bytes)?;
    let hash = Some(HashAlg::Sha512);
    Ok(Signature::new(Algorithm::Rsa { hash }, bytes)?)
}

/// Returns `d mod (prime - 1)`.
fn residue(d: &[u8], prime: &[u8]) -> Zeroizing<Vec<u8>> {
    let below = BigUint::from_bytes_be(prime) - 1_u8;
    Zeroizing::new((BigUint::from_bytes_be(d) % below).to_bytes_be())
}
