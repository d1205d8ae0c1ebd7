//! One key at one account: list, decide (`domain::reconcile`), act, record.
//!
//! A crash between any two of them is mended by listing again: nothing is sent twice on trust.

mod acting;
mod ended;
mod measuring;
mod outcome;
mod signing;
mod succession;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::SecretRef;
use domain::account::{Account, Link, Presence};
use domain::breaker::Sign;
use domain::keyring::{Keyring, PublicKey};
use domain::provider::{Provider, Registration};
use domain::reconcile::{Drift, Listed, Wanted};
use domain::retry::RetryPolicy;
use futures::FutureExt;
use projections::key_placements::PlacementRow;
use tracing::Instrument;

use crate::app::grants::AccessError;
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::{GitProvider, RemoteKey, budget};
use crate::telemetry::traces;

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// An outcome is recorded; without an index, it was stale.
    Recorded {
        /// The index of its event.
        index: Option<u64>,
    },
    /// Nobody was asked: it is no longer wanted, or nobody may be asked.
    Stale,
    /// Nothing more is tried now: this account's token wrote a moment ago, or has nothing left.
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
    /// The provider failed, and asked for nothing: another key shows whether it fails them all.
    Shaken {
        /// The index of the outcome's event.
        index: Option<u64>,
        /// Until when it is left alone if it does.
        until: DateTime<Utc>,
    },
}

impl Placed {
    /// Adds the event of what the try said of the provider's health.
    fn and_then(mut self, health: Option<u64>) -> Self {
        match &mut self {
            Self::Recorded { index } | Self::Resting { index, .. } | Self::Shaken { index, .. } => {
                *index = health.or(*index);
            }
            Self::Stale | Self::Paced { .. } => {}
        }
        self
    }
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
    /// Where the vault keeps its private half.
    private_key: SecretRef,
    keyring: &'a Keyring,
    /// The account's version that `link` is of.
    version: u64,
    caller: Caller,
    /// Whether it is to show that the provider is back.
    is_probe: bool,
}

/// How far a try came.
enum Tried {
    Done(Outcome),
    /// The token may not be used again before this time; what is there by then is found there.
    Paced(DateTime<Utc>),
    /// The key stays for now: its successor is not as it should be. With the list that says so.
    Kept(Drift, Vec<RemoteKey>),
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

    /// Says whether a write of ours brought it about.
    fn was_made_by_us(&self) -> bool {
        match self {
            Self::Present { presence, .. } => *presence == Presence::Created,
            Self::Absent { was_there } => *was_there,
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
        self.outlive(item, Box::pin(self.attempt(item, retry, false)))
            .await
    }

    /// The same to see whether a provider is back. As long as it is not, there is nothing to be
    /// recorded: the outage is known, and no key is to blame for it.
    pub async fn probe(
        &self,
        item: &PlacementRow,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        self.outlive(item, Box::pin(self.attempt(item, retry, true)))
            .await
    }

    /// A try that panics would do so again: it is a fault of ours that waits for somebody, and
    /// ends nobody else's.
    async fn outlive(
        &self,
        item: &PlacementRow,
        attempt: impl Future<Output = Result<Placed, PlacingError>>,
    ) -> Result<Placed, PlacingError> {
        match AssertUnwindSafe(attempt).catch_unwind().await {
            Ok(placed) => placed,
            Err(_) => self.park_broken(item).await,
        }
    }

    async fn attempt(
        &self,
        item: &PlacementRow,
        retry: RetryPolicy,
        is_probe: bool,
    ) -> Result<Placed, PlacingError> {
        let caller = Caller::system("publisher", item.correlation, Some(item.request));
        let _turn = self.pace.turn(item.account).await;
        let (account, version) = self.dispatch.load::<Account>(&item.account).await?;
        let Some(link) = account.link() else {
            return Ok(Placed::Stale);
        };
        let Some(placement) = link.placements.get(&item.key) else {
            return Ok(Placed::Stale);
        };
        let wanted = Wanted::of(placement.status);
        // The list is about to change by what made it so.
        if matches!(wanted, Wanted::Kept | Wanted::Nothing) {
            return Ok(Placed::Stale);
        }
        let (provider, _) = self.dispatch.load::<Provider>(&link.provider).await?;
        let Some(registration) = provider.registration() else {
            return Ok(Placed::Stale);
        };
        if registration.disabled || registration.paused {
            return Ok(Placed::Stale);
        }
        // Where there is no adapter, the person does it and says so.
        let Some(adapter) = self.providers.get(registration.kind) else {
            return Ok(Placed::Stale);
        };
        if let Some(until) = self.pace.wait_until(item.account, self.now()) {
            return Ok(Placed::Paced { until });
        }
        let (keyring, _) = self.dispatch.load::<Keyring>(&link.user).await?;
        let (key, private_key) = match (keyring.key(item.key), wanted) {
            (Some(known), _) => (known.public_key.clone(), known.private_key),
            (None, Wanted::Put) => return self.give_up(item, &caller).await,
            (None, _) => match self.ended_key(item.key).await? {
                Some(ended) => (ended.public_key, ended.private_key),
                None => return Ok(Placed::Stale),
            },
        };
        let attempt = Try {
            app: self,
            item,
            wanted,
            link,
            registration,
            adapter,
            key,
            private_key,
            keyring: &keyring,
            version,
            caller,
            is_probe,
        };
        let span = tracing::info_span!("placement", provider.slug = %link.provider);
        traces::follow(&span, item.correlation);
        let trying = budget::overhearing(attempt.run()).instrument(span);
        let (tried, spent) = trying.await;
        if let Some(until) = spent {
            self.pace.spent(item.account, until, self.now());
        }
        let (placed, sign, failure) = match tried {
            Ok(Tried::Done(outcome)) => {
                let placed = attempt.record(outcome).await?;
                attempt.measure_rotation(&keyring);
                (placed, Sign::Well, None)
            }
            Ok(Tried::Paced(until)) => (Placed::Paced { until }, Sign::Well, None),
            Ok(Tried::Kept(what, keys)) => {
                (attempt.put_off(what, &keys, retry).await?, Sign::Well, None)
            }
            Err(AccessError::Command(error)) => return Err(error.into()),
            Err(AccessError::NoTokens) => {
                (attempt.record_no_tokens(retry).await?, Sign::Nothing, None)
            }
            Err(AccessError::Provider(failure)) => {
                let sign = Sign::of(&failure.failure, failure.status);
                let placed = attempt.record_failure(&failure, sign, retry).await?;
                (placed, sign, Some(failure.failure))
            }
        };
        let provider = &link.provider;
        let health = self.note_health(provider, sign, failure.as_ref(), &attempt.caller);
        Ok(placed.and_then(health.await?))
    }
}

impl Try<'_> {
    async fn run(&self) -> Result<Tried, AccessError> {
        let asked = self.app.ask(
            self.link,
            self.registration,
            &self.caller,
            |_, oauth, token| async move {
                match self.reconcile(&oauth, &token).await? {
                    Tried::Done(outcome) => self.sign(&oauth, &token, outcome).await,
                    tried @ (Tried::Paced(_) | Tried::Kept(..)) => Ok(tried),
                }
            },
        );
        asked.await
    }
}
