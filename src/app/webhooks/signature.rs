//! The signature of a message, as the Standard Webhooks specification has it (version 1.0.0).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Ids;
use crate::vault::Secret;

/// What a secret begins with, so that it is recognised where it leaks.
const PREFIX: &str = "whsec_";

/// How many random bytes a secret has; the specification wants at least 24.
const LENGTH: usize = 32;

/// Makes a secret.
pub(super) fn new_secret(ids: &dyn Ids) -> Secret {
    let mut bytes = zeroize::Zeroizing::new([0; LENGTH]);
    ids.fill(&mut *bytes);
    format!("{PREFIX}{}", STANDARD.encode(*bytes)).into()
}

/// Signs a message: `v1,` and the HMAC-SHA256 of id, time and body, joined by full stops. Nothing
/// if the secret is none.
pub(super) fn sign(secret: &Secret, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let encoded = secret.expose_str().strip_prefix(PREFIX)?;
    let key = zeroize::Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(signed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemIds;

    #[test]
    fn a_signature_is_that_of_the_published_test_vector() {
        // The vector of the specification's own libraries.
        let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(
            sign(&secret, id, 1_614_265_330, body).as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn a_new_secret_is_long_enough_and_signs() {
        let ids = SystemIds::default();
        let (one, other) = (new_secret(&ids), new_secret(&ids));
        let bytes = STANDARD.decode(&one.expose_str()[PREFIX.len()..]).unwrap();
        assert_eq!(bytes.len(), LENGTH);
        let signed = sign(&one, "msg_1", 1, "{}");
        assert!(signed.is_some());
        assert_ne!(signed, sign(&other, "msg_1", 1, "{}"));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for wrong in ["", "MfKQ9r8G", "whsec_not base64"] {
            assert_eq!(sign(&Secret::from(wrong), "msg_1", 1, "{}"), None);
        }
    }
}
