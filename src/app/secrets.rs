//! The secrets of the OAuth apps: sealed, two side by side for a while, destroyed.

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use domain::provider::{
    Protocol, Provider, ProviderCommand, ProviderError, ProviderEvent, Registration,
};
use domain::{Event, ProviderSlug, PublicPem, SecretRef, StreamName};

use super::providers::Known;
use super::{App, Caller, CaseError, CommandError, Executed};
use crate::providers::link_key;
use crate::vault::{Owner, Purpose, Secret};

/// The longest consumer key that Bitbucket Server keeps.
pub const LONGEST_CONSUMER_KEY: usize = 200;

impl App {
    /// Puts a second secret beside a provider's: either of them works until one is confirmed or
    /// dropped. For OAuth 1.0a Lanyard makes it, an RSA pair.
    pub async fn stage_secret(
        &self,
        provider: &ProviderSlug,
        secret: Option<Secret>,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        let now = self.provider(provider).await?.registration;
        // Making a pair takes a while: what would be refused anyway is refused before it.
        if now.staged.is_some() {
            return Err(refused(ProviderError::SecretStaged));
        }
        let (secret, public_key) = match (secret, now.protocol) {
            (Some(secret), Protocol::Oauth2) => (secret, None),
            (None, Protocol::Oauth1) => self.make_link_key().await?,
            (Some(_), Protocol::Oauth1) => return Err(refused(ProviderError::KeyIsOurs)),
            (None, Protocol::Oauth2) if now.kind.is_by_hand() => {
                return Err(refused(ProviderError::AppNotUsed(now.kind)));
            }
            (None, Protocol::Oauth2) => return Err(refused(ProviderError::AppMissing)),
        };
        let sealed = self.seal_client_secret(provider, &secret).await?;
        let command = ProviderCommand::StageSecret {
            secret: sealed,
            public_key,
        };
        let done = self
            .dispatch
            .execute_at::<Provider>(provider, seen, command, caller)
            .await;
        self.drop_if_unnamed(&done, Some(sealed)).await?;
        self.known_after(done?).await
    }

    /// Confirms the second secret, or drops it. The other one is destroyed.
    pub async fn settle_secret(
        &self,
        provider: &ProviderSlug,
        command: ProviderCommand,
        seen: Option<u64>,
        caller: &Caller,
    ) -> Result<Known, CaseError> {
        let known = self
            .switch_provider(provider, command, seen, caller)
            .await?;
        self.destroy_spent(provider, known.revision).await;
        Ok(known)
    }

    /// Makes the RSA pair of an application link; returns the private half and the public one.
    pub(super) async fn make_link_key(&self) -> Result<(Secret, Option<PublicPem>), CaseError> {
        let unavailable = |what: &str| CommandError::Unavailable(what.to_owned());
        let made = tokio::task::spawn_blocking(link_key::generate).await;
        let secret = made.map_err(|error| unavailable(&error.to_string()))?;
        let public = link_key::public_pem(&secret).and_then(|pem| pem.parse().ok());
        let public = public.ok_or_else(|| unavailable("the new key cannot be read"))?;
        Ok((secret, Some(public)))
    }

    pub(super) async fn seal_client_secret(
        &self,
        provider: &ProviderSlug,
        secret: &Secret,
    ) -> Result<SecretRef, CaseError> {
        let owner = Owner::Provider(provider.clone());
        let at = self
            .vault
            .seal(&owner, Purpose::ClientSecret, provider.as_str(), secret)
            .await?;
        Ok(at)
    }

    /// Destroys a secret that no event names. Where it is unknown whether one does, it stays.
    pub(super) async fn drop_if_unnamed(
        &self,
        done: &Result<Executed<Provider>, CommandError>,
        sealed: Option<SecretRef>,
    ) -> Result<(), CaseError> {
        let named = match done {
            Ok(done) => !done.events.is_empty(),
            Err(error) => error.is_in_doubt(),
        };
        if let (false, Some(sealed)) = (named, sealed) {
            self.vault.destroy(sealed).await?;
        }
        Ok(())
    }

    /// Destroys the secrets that a provider no longer had at a revision, at once. What fails here
    /// is done by the policy, which sees the event too.
    pub(super) async fn destroy_spent(&self, provider: &ProviderSlug, revision: u64) {
        if let Err(error) = self.destroy_spent_secrets(provider, revision).await {
            tracing::warn!(provider.slug = %provider, %error, "a spent secret stays for a moment");
        }
    }

    /// Destroys the secrets that a provider had up to a revision and then no longer had.
    pub async fn destroy_spent_secrets(
        &self,
        provider: &ProviderSlug,
        revision: u64,
    ) -> Result<(), CommandError> {
        const PAGE: usize = 500;
        let stream = StreamName::of("provider", provider);
        let (mut state, mut named, mut version) = (Provider::Absent, BTreeSet::new(), 0);
        while version < revision {
            let page = self.log.read_stream(&stream, version, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for stored in &page {
                let known = Event::decode(stored.index, &stored.line)
                    .map_err(|error| CommandError::Unavailable(error.to_string()))?;
                version = known.version;
                if version <= revision
                    && let Event::Provider(event) = known.event
                {
                    named.extend(names(&event));
                    state.apply(event);
                }
            }
        }
        let kept: Vec<SecretRef> = state.registration().map(kept).unwrap_or_default();
        for spent in named.into_iter().filter(|secret| !kept.contains(secret)) {
            self.vault.destroy(spent).await?;
        }
        Ok(())
    }
}

fn refused(rule: ProviderError) -> CaseError {
    CommandError::Refused(rule.into()).into()
}

/// Returns the secret that an event names.
fn names(event: &ProviderEvent) -> Option<SecretRef> {
    match event {
        ProviderEvent::ProviderAdded { client_secret, .. } => *client_secret,
        ProviderEvent::ProviderChanged { changes, .. } => changes.client_secret,
        ProviderEvent::ProviderSecretStaged { secret, .. }
        | ProviderEvent::HookSecretSet { secret, .. } => Some(*secret),
        _ => None,
    }
}

fn kept(now: &Registration) -> Vec<SecretRef> {
    let staged = now.staged.as_ref().map(|staged| staged.secret);
    let named = [now.client_secret, staged, now.hook_secret];
    named.into_iter().flatten().collect()
}
