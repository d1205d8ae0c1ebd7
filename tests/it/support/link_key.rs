//! An RSA pair of an application link; made once, because that takes long.

use std::sync::OnceLock;

use lanyard::providers::link_key;
use lanyard::vault::Secret;

/// The pair that Lanyard signs with in tests.
pub(crate) fn our_key() -> &'static Secret {
    static KEY: OnceLock<Secret> = OnceLock::new();
    KEY.get_or_init(link_key::generate)
}

/// Its public half, as an admin pastes it.
pub(crate) fn pem(key: &Secret) -> String {
    link_key::public_pem(key).unwrap()
}
