//! Armored signatures of OpenSSH (PROTOCOL.sshsig), judged as `ssh-keygen -Y verify` does.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ssh::{PublicKey, Reader};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8; 6] = b"SSHSIG";

/// Says whether `armored` is a signature by `key`, and no other, of `text` in `namespace`.
pub(crate) fn is_signed(armored: &str, key: &PublicKey, namespace: &str, text: &[u8]) -> bool {
    verify(armored, key, namespace, text).is_some()
}

fn verify(armored: &str, key: &PublicKey, namespace: &str, text: &[u8]) -> Option<()> {
    let inner = armored.strip_prefix(BEGIN)?.trim_end().strip_suffix(END)?;
    let blob = STANDARD.decode(inner.replace('\n', "")).ok()?;
    let rest = blob.strip_prefix(MAGIC)?;
    let rest = rest.strip_prefix(&1_u32.to_be_bytes())?;
    let mut reader = Reader(rest);
    let mut next = || reader.string().ok();
    let [public, named, reserved, hash, signature] = [next()?, next()?, next()?, next()?, next()?];
    let own = STANDARD.decode(key.blob()).ok()?;
    if public != own || named != namespace.as_bytes() || !reader.0.is_empty() {
        return None;
    }
    let digest = match hash {
        b"sha256" => digest(&SHA256, text),
        b"sha512" => digest(&SHA512, text),
        _ => return None,
    };
    let mut signed = MAGIC.to_vec();
    for part in [named, reserved, hash, digest.as_ref()] {
        signed.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
        signed.extend(part);
    }
    let mut reader = Reader(signature);
    let (way, bytes) = (reader.string().ok()?, reader.string().ok()?);
    let whole = reader.0.is_empty();
    (whole && is_by(key.algorithm(), &own, way, &signed, bytes)?).then_some(())
}

fn is_by(algorithm: &str, blob: &[u8], way: &[u8], signed: &[u8], bytes: &[u8]) -> Option<bool> {
    let mut reader = Reader(blob);
    reader.string().ok()?;
    let by_curve = |way: &'static EcdsaVerificationAlgorithm, half: usize, point: &[u8]| {
        let fixed = fixed(bytes, half)?;
        Some(
            UnparsedPublicKey::new(way, point)
                .verify(signed, &fixed)
                .is_ok(),
        )
    };
    match algorithm {
        "ssh-rsa" => {
            let (e, n) = (reader.string().ok()?, reader.string().ok()?);
            let n = n.strip_prefix(&[0]).unwrap_or(n);
            let way = match way {
                b"rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                b"rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
                _ => return None,
            };
            Some(
                RsaPublicKeyComponents { n, e }
                    .verify(way, signed, bytes)
                    .is_ok(),
            )
        }
        // The others sign as they are called.
        _ if way != algorithm.as_bytes() => None,
        "ssh-ed25519" => {
            let key = UnparsedPublicKey::new(&ED25519, reader.string().ok()?);
            Some(key.verify(signed, bytes).is_ok())
        }
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => {
            reader.string().ok()?;
            let point = reader.string().ok()?;
            match algorithm {
                "ecdsa-sha2-nistp256" => by_curve(&ECDSA_P256_SHA256_FIXED, 32, point),
                "ecdsa-sha2-nistp384" => by_curve(&ECDSA_P384_SHA384_FIXED, 48, point),
                _ => by_curve(&ECDSA_P521_SHA512_FIXED, 66, point),
            }
        }
        _ => None,
    }
}

/// Brings the two numbers of an ECDSA signature (RFC 5656, section 3.1.2) to their full length.
fn fixed(bytes: &[u8], half: usize) -> Option<Vec<u8>> {
    let mut reader = Reader(bytes);
    let mut fixed = vec![0; half * 2];
    for place in fixed.chunks_exact_mut(half) {
        let number = reader.string().ok()?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let start = half.checked_sub(number.len())?;
        place[start..].copy_from_slice(number);
    }
    reader.0.is_empty().then_some(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by OpenSSH 9.2: `printf %s text | ssh-keygen -Y sign -n localhost`.
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICsp363GpOyDBWTQEQVa79rYLhwrcD5ujX3m27eqfZTO";
    const SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----\n\
        U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgKynfrcak7IMFZNARBVrv2tguHC\n\
        twPm6Nfebbt6p9lM4AAAAJbG9jYWxob3N0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1l\n\
        ZDI1NTE5AAAAQJ6227lPDnKH+ed9i1vVLbggyhHfV5PbnfFKunQapknyMkWbenkP9qDchX\n\
        8rpk3UobKjB4frkDv6MHC1CcAG8As=\n\
        -----END SSH SIGNATURE-----\n";

    #[test]
    fn a_signature_counts_for_one_key_one_namespace_and_one_text() {
        let key = PublicKey::parse(KEY).unwrap();
        let other =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAideGQcQ73WAVeBJ2KlsNzXZzRjlMjdAXNyu9jaJKXW";
        let other = PublicKey::parse(other).unwrap();
        assert!(is_signed(SIGNATURE, &key, "localhost", b"text"));
        assert!(!is_signed(SIGNATURE, &key, "localhost", b"text\n"));
        assert!(!is_signed(SIGNATURE, &key, "gitea", b"text"));
        assert!(!is_signed(SIGNATURE, &other, "localhost", b"text"));
        let cut = SIGNATURE.replacen("AAAAQJ62", "AAAAQJ63", 1);
        assert_ne!(cut, SIGNATURE);
        assert!(!is_signed(&cut, &key, "localhost", b"text"));
        assert!(!is_signed("nonsense", &key, "localhost", b"text"));
    }
}
