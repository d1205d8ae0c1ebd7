//! Keys that are good for signing commits too, where that is a list of its own.

use domain::reconcile::Wanted;

use super::{Outcome, Try};
use crate::providers::{OauthApp, ProviderFailure};
use crate::vault::Secret;

impl Try<'_> {
    /// Makes the list of keys for signing agree with what became of the key for signing in.
    pub(super) async fn sign(
        &self,
        oauth: &OauthApp,
        token: &Secret,
        outcome: &Outcome,
    ) -> Result<(), ProviderFailure> {
        let granted = self.link.grant.as_ref().map(|grant| &*grant.scopes);
        // Who linked before an admin wanted it links again for it.
        if !self.adapter.may_sign(granted.unwrap_or_default()) {
            return Ok(());
        }
        match (self.wanted, outcome) {
            (Wanted::Put, Outcome::Present { .. }) if oauth.signing => {
                let title = self.title();
                let new = self.new_key(&title);
                self.adapter.put_signing_key(oauth, token, &new).await
            }
            // Also where an admin no longer wants it: what is there came from us.
            (Wanted::Taken, Outcome::Absent { .. }) => {
                let key = &self.key;
                self.adapter.drop_signing_key(oauth, token, key).await
            }
            (Wanted::Put | Wanted::Kept | Wanted::Taken | Wanted::Nothing, _) => Ok(()),
        }
    }
}
