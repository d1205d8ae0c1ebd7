//! Keys that are good for signing commits too, where that is a list of its own or needs a proof.

use async_trait::async_trait;
use domain::account::Grant;
use domain::reconcile::Wanted;
use domain::{Blame, ReasonCode, SecretRef};

use super::{Outcome, Tried, Try};
use crate::providers::{OauthApp, ProviderFailure, Signer, budget};
use crate::sshsig;
use crate::vault::{Secret, Vault};

impl Try<'_> {
    /// Makes what there is for signing commits agree with what became of the key for signing in. It
    /// is a second write: where the first was made a moment ago, it waits for the next look.
    pub(super) async fn sign(
        &self,
        oauth: &OauthApp,
        token: &Secret,
        outcome: Outcome,
    ) -> Result<Tried, ProviderFailure> {
        let granted = self.link.grant.as_ref().and_then(Grant::said_scopes);
        // Who linked before an admin wanted it links again for it.
        if !self.adapter.may_sign(granted) {
            return Ok(Tried::Done(outcome));
        }
        match (self.wanted, &outcome) {
            (Wanted::Put, Outcome::Present { .. }) if oauth.signing => {
                if let Some(tried) = self.waits(&outcome).await {
                    return Ok(tried);
                }
                self.wrote();
                let title = self.title();
                let new = self.new_key(&title);
                let half = PrivateHalf {
                    vault: &self.app.vault,
                    at: self.private_key,
                };
                let put = self.adapter.put_signing_key(oauth, token, &new, &half);
                put.await?;
            }
            // Also where an admin no longer wants it: what is there came from us.
            (Wanted::Taken, Outcome::Absent { .. }) if self.adapter.lists_signing_keys() => {
                if let Some(tried) = self.waits(&outcome).await {
                    return Ok(tried);
                }
                self.wrote();
                let key = &self.key;
                match self.adapter.drop_signing_key(oauth, token, key).await {
                    // Without scopes only a try tells, and what may not drop a key put none there.
                    Err(failure)
                        if granted.is_none()
                            && failure.failure.code == ReasonCode::ScopeMissing => {}
                    dropped => dropped?,
                }
            }
            (Wanted::Put | Wanted::Kept | Wanted::Taken | Wanted::Nothing, _) => {}
        }
        Ok(Tried::Done(outcome))
    }

    /// Says whether the token must keep still first; the next look then knows what this one did.
    async fn waits(&self, outcome: &Outcome) -> Option<Tried> {
        let (account, key) = (self.item.account, self.item.key);
        let pace = &self.app.pace;
        let until = pace
            .wait_until(account, self.app.now())
            .max(budget::heard())
            .max(self.app.keep_lane(&self.link.provider).await)?;
        if outcome.was_made_by_us() {
            pace.halfway(account, key);
        }
        Some(Tried::Paced(until))
    }
}

/// The private half of the key at hand, where the vault keeps it: it is opened for each signature,
/// and nobody beyond sees more than that.
struct PrivateHalf<'a> {
    vault: &'a Vault,
    at: SecretRef,
}

#[async_trait]
impl Signer for PrivateHalf<'_> {
    async fn sign(&self, namespace: &str, text: &str) -> Result<String, ProviderFailure> {
        let failed = |error: &dyn std::error::Error| {
            tracing::warn!(%error, "a key of ours could not sign");
            ProviderFailure::new(Blame::Us, ReasonCode::DecryptFailed)
        };
        let opened = self.vault.open_secret(self.at).await;
        let (half, _) = opened.map_err(|error| failed(&error))?;
        sshsig::sign(&half, namespace, text.as_bytes()).map_err(|error| failed(&error))
    }
}
