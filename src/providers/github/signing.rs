//! The person's keys for signing commits: a list of its own (`/user/ssh_signing_keys`).

use domain::keyring::PublicKey;
use domain::{Blame, ReasonCode};

use super::GitHub;
use super::keys::SIGNING;
use crate::providers::{Added, NewKey, OauthApp, ProviderFailure, RemoteKey};
use crate::vault::Secret;

impl GitHub {
    /// Lists, and adds the key if it is not there.
    pub(super) async fn put_signing(
        &self,
        app: &OauthApp,
        access: &Secret,
        new: &NewKey<'_>,
    ) -> Result<(), ProviderFailure> {
        if self.signing(app, access, new.key).await?.is_some() {
            return Ok(());
        }
        match self.add(&SIGNING, app, access, new).await? {
            Added::Created(_) => Ok(()),
            // "Already there" never says whose it is: only this account's own list can.
            Added::AlreadyThere if self.signing(app, access, new.key).await?.is_some() => Ok(()),
            Added::AlreadyThere => Err(ProviderFailure::new(
                Blame::Us,
                ReasonCode::KeyConflictOtherAccount,
            )),
        }
    }

    /// Lists, and removes the key if it is there.
    pub(super) async fn drop_signing(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &PublicKey,
    ) -> Result<(), ProviderFailure> {
        if let Some(there) = self.signing(app, access, key).await? {
            self.remove(&SIGNING, app, access, &there.id).await?;
        }
        Ok(())
    }

    async fn signing(
        &self,
        app: &OauthApp,
        access: &Secret,
        key: &PublicKey,
    ) -> Result<Option<RemoteKey>, ProviderFailure> {
        let listed = self.keys(&SIGNING, app, access).await?;
        Ok(listed.into_iter().find(|there| there.line == key.line))
    }
}
