//! The person's keys for signing commits: a list of its own (`/user/ssh_signing_keys`).

use domain::keyring::PublicKey;
use domain::reconcile::GoodFor;
use domain::{Blame, ReasonCode};

use super::GitHub;
use super::keys::{SIGN_IN, SIGNING};
use crate::providers::{Added, KeyList, NewKey, OauthApp, ProviderFailure, RemoteKey};
use crate::vault::Secret;

/// Between the validators of the two lists: no entity tag has it (RFC 9110 section 8.8.3).
const BETWEEN: char = ' ';

impl GitHub {
    /// Lists the keys for signing in. Where keys are to be good for signing commits too, those that
    /// are not in the other list say so; the two are the same only if both are.
    pub(super) async fn both_since(
        &self,
        app: &OauthApp,
        access: &Secret,
        tag: Option<&str>,
    ) -> Result<KeyList, ProviderFailure> {
        let (first, second) = match tag.map(|tag| (tag, tag.split_once(BETWEEN))) {
            Some((_, Some((first, second)))) => (Some(first), Some(second)),
            Some((first, None)) => (Some(first), None),
            None => (None, None),
        };
        let listed = self.keys_since(&SIGN_IN, app, access, first).await?;
        if !app.signing {
            return Ok(listed);
        }
        let signing = match self.keys_since(&SIGNING, app, access, second).await {
            Ok(signing) => signing,
            // Who linked before an admin wanted it, or a server without such a list: of the keys
            // nothing can be said.
            Err(failure)
                if failure.failure.code == ReasonCode::ScopeMissing
                    || failure.status == Some(404) =>
            {
                return Ok(listed);
            }
            Err(failure) => return Err(failure),
        };
        let (listed, signing) = match (listed, signing) {
            (KeyList::Same, KeyList::Same) => return Ok(KeyList::Same),
            (KeyList::Same, signing) => {
                (self.keys_since(&SIGN_IN, app, access, None).await?, signing)
            }
            (listed, KeyList::Same) => {
                (listed, self.keys_since(&SIGNING, app, access, None).await?)
            }
            both => both,
        };
        let (
            KeyList::Keys { mut keys, tag },
            KeyList::Keys {
                keys: signing,
                tag: other,
            },
        ) = (listed, signing)
        else {
            return Err(super::keys::strays(
                "a list is said to be as it was, and nobody asked",
            ));
        };
        for key in &mut keys {
            let signs = signing.iter().any(|there| there.line == key.line);
            if !signs && key.good_for == GoodFor::SigningIn {
                key.good_for = GoodFor::SigningInOnly;
            }
        }
        let tag = tag
            .zip(other)
            .map(|(tag, other)| format!("{tag}{BETWEEN}{other}"));
        Ok(KeyList::Keys { keys, tag })
    }

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
