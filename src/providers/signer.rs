//! Signing with a key whose private half no adapter sees.

use async_trait::async_trait;

use super::ProviderFailure;

/// Signs with the private half of the one key at hand. Who hands it to an adapter opens the vault;
/// the adapter gets signatures and nothing else.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Signs a text in a namespace, as `ssh-keygen -Y sign -n` does; returns the armored signature.
    async fn sign(&self, namespace: &str, text: &str) -> Result<String, ProviderFailure>;
}
