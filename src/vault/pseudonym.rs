//! Names that only this deployment can derive.

use aws_lc_rs::hmac;

use super::{Owner, Purpose, Vault, VaultError};

impl Vault {
    /// Derives a name from `parts`, always the same: 16 bytes of HMAC-SHA-256 (RFC 2104) under a
    /// key of the deployment. Whoever has the log but not the vault cannot tell from a guess
    /// whether it is right.
    ///
    /// The key is made once and never replaced: what it named before must meet its name again.
    pub async fn pseudonym(&self, parts: &[&str]) -> Result<[u8; 16], VaultError> {
        let owner = Owner::Deployment.to_string();
        let key = self
            .current_key(&owner, Purpose::Pseudonym.as_str())
            .await?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.key[..]);
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            // The length first, so that no two lists of parts are one text.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut name = [0; 16];
        name.copy_from_slice(&context.sign().as_ref()[..16]);
        Ok(name)
    }
}
