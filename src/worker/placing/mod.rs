//! One key at one account: list, decide (`domain::reconcile`), act, record.
//!
//! A crash between any two of them is mended by listing again: nothing is sent twice on trust.

mod recording;
mod signing;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, Link, Presence};
use domain::keyring::{Keyring, PublicKey};
use domain::provider::{Provider, Registration};
use domain::reconcile::{Known, Listed, Observed, Verdict, Wanted, decide};
use domain::retry::RetryPolicy;
use domain::{Blame, ReasonCode};
use projections::key_placements::PlacementRow;

use crate::app::grants::AccessError;
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::{Added, GitProvider, NewKey, OauthApp, ProviderFailure, RemoteKey};
use crate::vault::Secret;

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// An outcome is recorded; without an index, it was stale.
    Recorded {
        /// The index of its event.
        index: Option<u64>,
    },
    /// Nothing was tried: this account's token wrote a moment ago.
    Paced {
        /// Not before this time.
        until: DateTime<Utc>,
    },
    /// The provider is to be left alone for a while, for everybody's keys.
    Resting {
        /// The index of the outcome's event, if there is one.
        index: Option<u64>,
        /// Until when.
        until: DateTime<Utc>,
    },
}

/// Why a try came to nothing that could be recorded.
#[derive(Debug, thiserror::Error)]
pub enum PlacingError {
    /// The log or the vault cannot be used.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Everything that one try needs.
struct Try<'a> {
    app: &'a App,
    item: &'a PlacementRow,
    wanted: Wanted,
    link: &'a Link,
    registration: &'a Registration,
    adapter: Arc<dyn GitProvider>,
    key: PublicKey,
    caller: Caller,
}

/// What a try found or made at the provider.
enum Outcome {
    Present {
        remote: String,
        presence: Presence,
        expires_at: Option<DateTime<Utc>>,
    },
    Absent {
        was_there: bool,
    },
}

impl Outcome {
    fn present(there: Listed<'_>, presence: Presence) -> Self {
        Self::Present {
            remote: there.remote_key.to_owned(),
            presence,
            expires_at: there.expires_at,
        }
    }
}

impl App {
    /// Makes one key placement so, or records why not.
    pub async fn place(
        &self,
        item: &PlacementRow,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        let caller = Caller::system("publisher", item.correlation, Some(item.request));
        let (account, _) = self.dispatch.load::<Account>(&item.account).await?;
        let Some(link) = account.link() else {
            return Ok(Placed::Recorded { index: None });
        };
        let Some(placement) = link.placements.get(&item.key) else {
            return Ok(Placed::Recorded { index: None });
        };
        let wanted = Wanted::of(placement.status);
        // The list is about to change by what made it so.
        if matches!(wanted, Wanted::Kept | Wanted::Nothing) {
            return Ok(Placed::Recorded { index: None });
        }
        let (provider, _) = self.dispatch.load::<Provider>(&link.provider).await?;
        let Some(registration) = provider.registration() else {
            return Ok(Placed::Recorded { index: None });
        };
        if registration.disabled || registration.paused {
            return Ok(Placed::Recorded { index: None });
        }
        // Where there is no adapter, the person does it and says so.
        let Some(adapter) = self.providers.get(registration.kind) else {
            return Ok(Placed::Recorded { index: None });
        };
        if let Some(until) = self.pace.wait_until(item.account, self.now()) {
            return Ok(Placed::Paced { until });
        }
        let (keyring, _) = self.dispatch.load::<Keyring>(&link.user).await?;
        let Some(key) = keyring.key(item.key) else {
            return Ok(Placed::Recorded { index: None });
        };
        let attempt = Try {
            app: self,
            item,
            wanted,
            link,
            registration,
            adapter,
            key: key.public_key.clone(),
            caller,
        };
        match attempt.run().await {
            Ok(outcome) => attempt.record(outcome).await,
            Err(AccessError::Command(error)) => Err(error.into()),
            Err(AccessError::NoTokens) => attempt.record_no_tokens(retry).await,
            Err(AccessError::Provider(failure)) => attempt.record_failure(&failure, retry).await,
        }
    }
}

impl Try<'_> {
    async fn run(&self) -> Result<Outcome, AccessError> {
        let asked = self.app.ask(
            self.link,
            self.registration,
            &self.caller,
            |_, oauth, token| async move {
                let outcome = self.reconcile(&oauth, &token).await?;
                self.sign(&oauth, &token, &outcome).await?;
                Ok(outcome)
            },
        );
        asked.await
    }

    /// Lists, decides, acts; where the provider says that it has the key already, once more from
    /// the beginning.
    async fn reconcile(
        &self,
        oauth: &OauthApp,
        token: &Secret,
    ) -> Result<Outcome, ProviderFailure> {
        let mut is_somewhere = false;
        loop {
            let keys = self.adapter.list_keys(oauth, token).await?;
            match self.decide(&keys) {
                // "Already there" never says whose it is, and this account's own list has it not.
                Verdict::Add if is_somewhere => {
                    let code = ReasonCode::KeyConflictOtherAccount;
                    return Err(ProviderFailure::new(Blame::Us, code));
                }
                Verdict::Add => match self.add(oauth, token).await? {
                    Added::Created(there) => {
                        return Ok(Outcome::present(there.listed(), Presence::Created));
                    }
                    Added::AlreadyThere => is_somewhere = true,
                },
                Verdict::Found(there) => return Ok(Outcome::present(there, Presence::Found)),
                Verdict::Adopt(there) | Verdict::Release(there) => {
                    return Ok(Outcome::present(there, Presence::Adopted));
                }
                Verdict::Remove(there) => return self.remove(oauth, token, there, &keys).await,
                Verdict::Nothing => return Ok(Outcome::Absent { was_there: false }),
                // What is there is of no use, and would not be by being sent once more.
                Verdict::Drift(drift) => {
                    return Err(ProviderFailure::new(Blame::Us, drift.code()));
                }
            }
        }
    }

    fn decide<'a>(&self, keys: &'a [RemoteKey]) -> Verdict<'a> {
        let list: Vec<_> = keys.iter().map(RemoteKey::listed).collect();
        let title = self.title();
        let placement = self.link.placements.get(&self.item.key);
        let known = Known::new(Some(&self.key.line), &title, placement);
        let observed = Observed::of(&known, &list);
        decide(self.wanted, &known, observed, self.app.now())
    }

    async fn add(&self, oauth: &OauthApp, token: &Secret) -> Result<Added, ProviderFailure> {
        self.wrote();
        let title = self.title();
        let new = self.new_key(&title);
        self.adapter.add_key(oauth, token, &new).await
    }

    async fn remove(
        &self,
        oauth: &OauthApp,
        token: &Secret,
        there: Listed<'_>,
        keys: &[RemoteKey],
    ) -> Result<Outcome, ProviderFailure> {
        let mut was_there = false;
        if let Some(key) = keys.iter().find(|key| key.id.as_str() == there.remote_key) {
            self.wrote();
            was_there = self.adapter.remove_key(oauth, token, &key.id).await?;
        }
        Ok(Outcome::Absent { was_there })
    }

    fn new_key<'a>(&'a self, title: &'a str) -> NewKey<'a> {
        NewKey {
            title,
            key: &self.key,
            expires_at: self
                .registration
                .kind
                .asked_days()
                .map(|days| self.app.now() + TimeDelta::days(days)),
        }
    }

    fn title(&self) -> String {
        self.app.titles().of(&self.link.user, self.item.key)
    }

    fn wrote(&self) {
        self.app.pace.wrote(self.item.account, self.app.now());
    }
}
