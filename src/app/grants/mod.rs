//! The tokens of a link: kept sealed, handed out fresh.

mod attempt;
mod exchanged;
mod giving_back;
mod lease;
mod refusals;
mod stored;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use domain::account::{Account, AccountCommand, AccountEvent, Grant, Link, Renewal};
use domain::{AccountId, Blame, Event, ReasonCode, Recorded, SecretRef};

use attempt::may_have_replaced;
use lease::{GLANCE, GLANCES};
pub use refusals::unknown_yet;
pub use stored::StoredTokens;

use super::dispatch::{Completing, Panicked};
use super::oauth_apps::Use;
use super::{App, Caller, CommandError};
use crate::providers::{GrantVerdict, ProviderFailure};
use crate::vault::{Secret, VaultError};

/// Access to a provider's API for one account.
#[derive(Debug)]
pub struct Access {
    /// The access token.
    pub token: Secret,
    /// Which generation of the grant it belongs to.
    pub generation: u64,
    /// Whether it was given a moment ago: not every part of the provider may know it yet.
    pub is_new: bool,
    /// Whether it was got because the one before was refused before its time.
    pub after_refusal: bool,
}

/// Why there is no access.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The provider refused, or did not answer.
    #[error(transparent)]
    Provider(#[from] ProviderFailure),
    /// The tokens are destroyed: the account is unlinked, or on its way.
    #[error("there are no tokens any more")]
    NoTokens,
    /// A fault of ours.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<VaultError> for AccessError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NotFound | VaultError::Destroyed => Self::NoTokens,
            // No wait helps, and nobody else must wait for it.
            VaultError::Damaged(place) => {
                let damaged = ProviderFailure::new(Blame::Us, ReasonCode::DecryptFailed);
                Self::Provider(damaged.detail(format!("{place} does not open")))
            }
            VaultError::WrongKey { .. } | VaultError::Stale | VaultError::Database(_) => {
                Self::Command(error.into())
            }
        }
    }
}

/// One refresh at a time for each account.
#[derive(Clone, Default)]
pub struct RefreshLocks(Arc<Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>>);

impl RefreshLocks {
    fn of(&self, account: AccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits for a lock holds it too: what nobody else holds can go.
        if locks.len() > 1_000 {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        locks.entry(account).or_default().clone()
    }
}

impl App {
    /// Returns an access token that still works for a while, refreshed if need be.
    pub async fn access(&self, link: &Link, caller: &Caller) -> Result<Access, AccessError> {
        let (stored, generation) = self.current_tokens(link, caller).await?;
        if stored.is_stale(self.now()) && stored.refresh.is_some() {
            match self.refresh(link, generation, caller).await {
                // There is still time to get it, and the token at hand is good until then.
                Err(AccessError::Provider(failure))
                    if failure.grant == GrantVerdict::Unknown
                        && (failure.not_before.is_none() || failure.is_of_maintenance())
                        && !stored.is_over(self.now()) => {}
                refreshed => return refreshed,
            }
        }
        Ok(stored.access(generation, self.now()))
    }

    /// The same for somebody who may go away while the answer is out: a refresh that was begun comes
    /// to its end, or the tokens that it brings would be lost with it.
    pub async fn access_to_the_end(
        &self,
        link: &Link,
        caller: &Caller,
    ) -> Result<Access, AccessError> {
        let (app, link, caller) = (self.clone(), link.clone(), caller.clone());
        let work = async move { app.access(&link, &caller).await };
        Completing::new(work).await.map_err(broken)?
    }

    /// Refreshes for somebody who may go away, in the same way.
    pub async fn refresh_to_the_end(
        &self,
        link: &Link,
        refused: u64,
        caller: &Caller,
    ) -> Result<Access, AccessError> {
        let (app, link, caller) = (self.clone(), link.clone(), caller.clone());
        let work = async move { app.refresh(&link, refused, &caller).await };
        Completing::new(work).await.map_err(broken)?
    }

    /// Gets the next tokens after those of `refused` no longer work, or will not for long.
    ///
    /// Whoever comes second finds the tokens of the first: the generation has moved on.
    pub async fn refresh(
        &self,
        link: &Link,
        refused: u64,
        caller: &Caller,
    ) -> Result<Access, AccessError> {
        let lock = self.refresh_locks.of(link.account);
        let _one_at_a_time = lock.lock().await;
        for _ in 0..GLANCES {
            let (stored, generation) = self.current_tokens(link, caller).await?;
            if generation != refused {
                return Ok(stored.access(generation, self.now()));
            }
            if let Some(lease) = self.take_lease(grant_of(link)?.secret).await? {
                let refreshed = self.refresh_alone(link, refused, caller).await;
                self.give_back(lease).await;
                return refreshed;
            }
            // Another instance is at it.
            tokio::time::sleep(GLANCE).await;
        }
        let slow = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderUnreachable);
        Err(slow
            .detail("another refresh of the same grant is under way")
            .into())
    }

    /// Gets the next tokens while nobody else does.
    async fn refresh_alone(
        &self,
        link: &Link,
        refused: u64,
        caller: &Caller,
    ) -> Result<Access, AccessError> {
        let secret = grant_of(link)?.secret;
        // Whoever had the lease before may have been faster.
        let (stored, generation) = self.current_tokens(link, caller).await?;
        if generation != refused {
            return Ok(stored.access(generation, self.now()));
        }
        if stored.refresh.is_none() {
            let failure = lost(ReasonCode::GrantRevoked);
            self.record_grant_lost(link.account, generation, &failure, caller)
                .await?;
            return Err(failure.into());
        }
        // The log must have heard of these before it can hear of the next.
        self.tell(link, &stored, generation, caller).await?;
        let registration = self.registered(&link.provider).await?;
        let tokens = &stored.tokens();
        let attempt = self.begin_attempt(secret, generation).await?;
        let refreshed = self.with_app(&registration, caller, |adapter, oauth| async move {
            adapter.refresh(&oauth, tokens).await
        });
        match refreshed.await {
            Ok(tokens) => {
                let mut next = StoredTokens::new(&tokens, self.now());
                // What the answer leaves out stays as it was.
                next.after_refusal = !stored.is_stale(self.now());
                next.refresh = next.refresh.or(stored.refresh);
                let generation = self
                    .vault
                    .replace(secret, generation, &next.to_secret())
                    .await?;
                self.end_attempt(secret).await;
                self.record_refreshed(link, &next, generation, tokens.scopes, caller)
                    .await?;
                self.note_accepted(&registration, Use::Refresh, caller)
                    .await;
                Ok(next.access(generation, self.now()))
            }
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Lost => {
                // Another instance may have used the refresh token a moment ago.
                let (stored, now) = self.stored_tokens(secret).await?;
                if now != generation {
                    return Ok(stored.access(now, self.now()));
                }
                let failure = attempt.explain(failure);
                self.record_grant_lost(link.account, generation, &failure, caller)
                    .await?;
                self.end_attempt(secret).await;
                Err(failure.into())
            }
            Err(AccessError::Provider(failure)) if may_have_replaced(&failure) => {
                Err(failure.into())
            }
            Err(AccessError::Provider(failure)) => {
                self.end_attempt(secret).await;
                Err(failure.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the tokens of a link. If a crash came between the vault and the log, the log is told
    /// first: what counts on in one place only could never be renewed again.
    async fn current_tokens(
        &self,
        link: &Link,
        caller: &Caller,
    ) -> Result<(StoredTokens, u64), AccessError> {
        let grant = grant_of(link)?;
        let (stored, generation) = self.stored_tokens(grant.secret).await?;
        // A link is told as what it is, unless whoever took it died.
        if !stored.is_being_linked(self.now()) {
            self.tell(link, &stored, generation, caller).await?;
        }
        Ok((stored, generation))
    }

    /// Tells the log of tokens that only the vault knows of, as of a refresh.
    async fn tell(
        &self,
        link: &Link,
        stored: &StoredTokens,
        generation: u64,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        if generation > link.generation() {
            self.record_refreshed(link, stored, generation, None, caller)
                .await?;
        }
        Ok(())
    }

    /// Tells the log of tokens that only the vault knows of, if there are any.
    pub async fn catch_up_grant(
        &self,
        account: AccountId,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let Some(link) = state.link() else {
            return Ok(());
        };
        let Some(grant) = &link.grant else {
            return Ok(());
        };
        match self.stored_tokens(grant.secret).await {
            Ok((stored, generation)) => self.tell(link, &stored, generation, caller).await,
            Err(AccessError::Command(error)) => Err(error),
            Err(AccessError::Provider(_) | AccessError::NoTokens) => Ok(()),
        }
    }

    async fn record_refreshed(
        &self,
        link: &Link,
        stored: &StoredTokens,
        generation: u64,
        scopes: Option<Vec<String>>,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let Some(before) = &link.grant else {
            return Ok(());
        };
        // What the answer does not say stays as it was.
        let scopes = scopes.or_else(|| before.said_scopes().map(<[_]>::to_vec));
        let missing_scopes = self
            .missing_scopes(&link.provider, scopes.as_deref())
            .await?;
        let grant = Grant {
            secret: before.secret,
            generation,
            scopes: scopes.unwrap_or_default(),
            missing_scopes,
            expires_at: stored.expires_at,
            refreshable: stored.refresh.is_some(),
        };
        let how = Renewal::Refresh;
        let command = AccountCommand::RecordGrantRenewed { how, grant };
        self.dispatch
            .execute::<Account>(&link.account, command, caller)
            .await?;
        Ok(())
    }

    /// Destroys the tokens of a link that ended with `unlinked`; those of a later link stay.
    pub async fn destroy_grant(&self, unlinked: &Recorded<Event>) -> Result<(), CommandError> {
        const PAGE: usize = 500;
        let mut secrets = BTreeSet::new();
        let mut version = 0;
        loop {
            let page = self
                .log
                .read_stream(&unlinked.stream, version, PAGE)
                .await?;
            if page.is_empty() {
                break;
            }
            for stored in &page {
                let known = Event::decode(stored.index, &stored.line)
                    .map_err(|error| CommandError::Unavailable(error.to_string()))?;
                version = known.version;
                let Event::Account(
                    AccountEvent::AccountLinked {
                        grant: Some(grant), ..
                    }
                    | AccountEvent::GrantRenewed { grant, .. },
                ) = known.event
                else {
                    continue;
                };
                if version < unlinked.version {
                    secrets.insert(grant.secret);
                } else {
                    // Earlier versions let a link go on with them that was under way when this one
                    // was forced to end.
                    secrets.remove(&grant.secret);
                }
            }
        }
        for secret in secrets {
            self.vault.destroy(secret).await?;
            self.end_attempt(secret).await;
            self.forget_refusals(secret).await;
        }
        Ok(())
    }

    /// Records that a grant no longer works.
    pub async fn record_grant_lost(
        &self,
        account: AccountId,
        generation: u64,
        failure: &ProviderFailure,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let failure = failure.failure.clone();
        let command = AccountCommand::RecordGrantLost {
            generation,
            failure,
        };
        self.dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        Ok(())
    }

    /// Opens the tokens of a link.
    pub async fn stored_tokens(&self, at: SecretRef) -> Result<(StoredTokens, u64), AccessError> {
        let (secret, generation) = self.vault.open_secret(at).await?;
        let stored = StoredTokens::read(&secret).ok_or_else(|| {
            let unreadable = ProviderFailure::new(Blame::Us, ReasonCode::DecryptFailed);
            AccessError::Provider(unreadable.detail("stored tokens are not readable"))
        })?;
        Ok((stored, generation))
    }
}

/// Judges a refresh that broke off through a fault of ours.
fn broken(_: Panicked) -> AccessError {
    let words = "a refresh broke off".to_owned();
    AccessError::Command(CommandError::Unavailable(words))
}

/// Returns the grant of a link; there is none where keys are carried by hand.
fn grant_of(link: &Link) -> Result<&Grant, AccessError> {
    link.grant.as_ref().ok_or(AccessError::NoTokens)
}

/// A grant that only a new link brings back.
pub fn lost(code: ReasonCode) -> ProviderFailure {
    ProviderFailure::new(Blame::Grant, code).grant(GrantVerdict::Lost)
}
