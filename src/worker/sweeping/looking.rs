//! One look at one account: list, compare, report.

use std::collections::BTreeMap;

use domain::account::{Account, AccountCommand, Link, PublicationCause};
use domain::keyring::{Holder, Keyring};
use domain::provider::{OnMissing, Provider, Registration};
use domain::reconcile::{Drift, look};
use domain::{AccountId, KeyId, UserId};

use crate::app::calling::{CallError, Halt};
use crate::app::grants::AccessError;
use crate::app::looks::DueLook;
use crate::app::{App, Caller, CommandError};
use crate::keygen::fingerprint;
use crate::providers::{KeyList, ProviderFailure, RemoteKey};

/// What a look came to.
#[derive(Debug)]
pub(super) enum Looked {
    /// It saw what is there.
    Seen {
        /// The validator of the list, if it has one.
        tag: Option<String>,
        /// The account's version that the list was compared with.
        version: u64,
    },
    /// The account changed while it looked.
    Outdated,
    /// There is nothing to look at, or no way to.
    NotLinked,
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
pub(in crate::worker) enum LookError {
    /// Nobody was asked.
    #[error("the provider is to be left alone")]
    Halted(Halt),
    /// The provider refused, or did not answer.
    #[error(transparent)]
    Failed(ProviderFailure),
    /// A fault of ours.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl App {
    /// Looks at an account's keys, and says what is otherwise than the log says.
    pub(super) async fn look_at(&self, due: &DueLook) -> Result<Looked, LookError> {
        let caller = Caller::system("sweep", self.new_id(), None);
        let (account, _) = self.dispatch.load::<Account>(&due.account).await?;
        let Some(link) = lookable(&account) else {
            return Ok(Looked::NotLinked);
        };
        let (provider, _) = self.dispatch.load::<Provider>(&link.provider).await?;
        let Some(registration) = provider.registration() else {
            return Ok(Looked::NotLinked);
        };
        let listing = Box::pin(self.list_for(due, link, registration, &caller));
        let listed = self.call_in_lane(registration, due.account, &caller, listing);
        let (link, version, listed) = match listed.await {
            Ok(Some(listed)) => listed,
            Ok(None) | Err(CallError::Access(AccessError::NoTokens)) => {
                return Ok(Looked::NotLinked);
            }
            Err(CallError::Halted(halt)) => return Err(LookError::Halted(halt)),
            Err(CallError::Access(AccessError::Provider(failure))) => {
                return Err(LookError::Failed(failure));
            }
            Err(CallError::Access(AccessError::Command(error))) => return Err(error.into()),
        };
        let (link, version, tag) = match listed {
            KeyList::Same => (link, version, due.tag.clone()),
            KeyList::Keys { keys, tag } => {
                match self.report(&link, version, &keys, &caller).await? {
                    Some((link, version)) => (link, version, tag),
                    None => return Ok(Looked::Outdated),
                }
            }
        };
        let restored =
            registration.on_missing == OnMissing::Restore && self.restore(&link, &caller).await?;
        // What is put back changes list and account: nothing that was seen counts then.
        let tag = tag.filter(|_| !restored);
        Ok(Looked::Seen { tag, version })
    }

    /// Lists what is there, with the account as it was then; nothing, if it can no longer be
    /// looked at.
    async fn list_for(
        &self,
        due: &DueLook,
        link: &Link,
        registration: &Registration,
        caller: &Caller,
    ) -> Result<Option<(Link, u64, KeyList)>, AccessError> {
        // Tokens first: a refresh is an event too, and what is compared must be of one moment.
        self.access(link, caller).await?;
        let (account, version) = self.dispatch.load::<Account>(&due.account).await?;
        let Some(link) = lookable(&account) else {
            return Ok(None);
        };
        // What did not change there is only as it should be if nothing changed here either, and
        // nothing of it has ended by itself.
        let ends = |link: &Link| {
            let mut placements = link.placements.values();
            placements.any(|known| known.expires_at.is_some_and(|end| end <= self.now()))
        };
        let fresh = due.version == version && !ends(link);
        let tag = due.tag.as_deref().filter(|_| fresh);
        let asked =
            self.ask(
                link,
                registration,
                caller,
                |adapter, oauth, token| async move {
                    adapter.list_keys_since(&oauth, &token, tag).await
                },
            );
        Ok(Some((link.clone(), version, asked.await?)))
    }

    /// Tells the log what differs; returns the account as it is then. Nothing, if it changed since
    /// it was looked at.
    pub(in crate::worker) async fn report(
        &self,
        link: &Link,
        version: u64,
        keys: &[RemoteKey],
        caller: &Caller,
    ) -> Result<Option<(Link, u64)>, LookError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(&link.user).await?;
        let ours = keyring.of(Holder::Account(link.account));
        let lines: BTreeMap<KeyId, &str> = ours
            .map(|(id, key)| (id, key.public_key.line.as_str()))
            .collect();
        let list: Vec<_> = keys.iter().map(RemoteKey::listed).collect();
        let found = look(link, &lines, &list, self.titles(), self.now());
        let foreign = found.foreign.iter().filter_map(|listed| {
            let fingerprint = fingerprint(listed.line)?;
            Some((fingerprint, listed.remote_key.to_owned()))
        });
        let command = AccountCommand::RecordKeyDrift {
            keys: found.keys,
            foreign: foreign.collect(),
        };
        let (account, seen) = (link.account, Some(version));
        let done = self
            .dispatch
            .execute_at::<Account>(&account, seen, command, caller)
            .await;
        match done {
            Ok(done) => Ok(done.state.link().map(|link| (link.clone(), done.revision))),
            Err(CommandError::Changed { .. } | CommandError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts back what is missing, where the policy says so; says whether anything is. Twice is
    /// once: the account knows what was put back before.
    async fn restore(&self, link: &Link, caller: &Caller) -> Result<bool, LookError> {
        let Some(key) = self.current_key(link.account, &link.user).await? else {
            return Ok(false);
        };
        let drift = |link: &Link| link.placements.get(&key)?.drift;
        if !drift(link).is_some_and(Drift::is_for_the_policy) {
            return Ok(false);
        }
        let cause = PublicationCause::AutoRestore;
        let command = AccountCommand::RequestKeyPublication {
            key,
            cause,
            link: None,
        };
        let account = link.account;
        let asked = self.dispatch.execute::<Account>(&account, command, caller);
        match asked.await {
            Ok(done) => Ok(!done.events.is_empty()),
            // It is being unlinked meanwhile.
            Err(CommandError::Refused(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns an account's current key: one that is being replaced is not put back.
    async fn current_key(
        &self,
        account: AccountId,
        user: &UserId,
    ) -> Result<Option<KeyId>, CommandError> {
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        Ok(keyring
            .current(Holder::Account(account))
            .map(|(key, _)| key))
    }
}

/// Returns the link, if there is one whose keys can be looked at.
fn lookable(account: &Account) -> Option<&Link> {
    let can_look = |link: &&Link| link.grant.is_some() && link.lost.is_none() && !link.unlinking;
    account.link().filter(can_look)
}
