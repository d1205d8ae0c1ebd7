//! One key at one account: list, decide, act, record.

mod outcome;
mod signing;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, Link, Presence};
use domain::breaker::Sign;
use domain::keyring::{Keyring, PublicKey};
use domain::provider::{Provider, Registration};
use domain::retry::RetryPolicy;
use domain::{Blame, KeyId, ReasonCode};
use projections::key_placements::{PlacementRow, Wanted};

use crate::app::grants::{Access, AccessError};
use crate::app::oauth_apps::Use;
use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::{
    Added, GitProvider, GrantVerdict, NewKey, OauthApp, ProviderFailure, RemoteKey, RemoteKeyId,
    budget,
};
use crate::vault::Secret;

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
}

impl Placed {
    /// Adds the event of what the try said of the provider's health.
    fn and_then(mut self, health: Option<u64>) -> Self {
        match &mut self {
            Self::Recorded { index } | Self::Resting { index, .. } => *index = health.or(*index),
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
    link: &'a Link,
    registration: &'a Registration,
    adapter: Arc<dyn GitProvider>,
    key: PublicKey,
    caller: Caller,
    /// Whether it is to show that the provider is back.
    is_probe: bool,
}

/// How far a try came.
enum Tried {
    Done(Outcome),
    /// The token may not be used again before this time; what is there by then is found there.
    Paced(DateTime<Utc>),
}

/// What a try found or made at the provider.
enum Outcome {
    Present {
        remote: RemoteKeyId,
        presence: Presence,
        expires_at: Option<DateTime<Utc>>,
    },
    Absent {
        was_there: bool,
    },
}

impl Outcome {
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
        self.attempt(item, retry, false).await
    }

    /// The same to see whether a provider is back. As long as it is not, there is nothing to be
    /// recorded: the outage is known, and no key is to blame for it.
    pub async fn probe(
        &self,
        item: &PlacementRow,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        self.attempt(item, retry, true).await
    }

    async fn attempt(
        &self,
        item: &PlacementRow,
        retry: RetryPolicy,
        is_probe: bool,
    ) -> Result<Placed, PlacingError> {
        let caller = Caller::system("publisher", item.correlation, Some(item.request));
        let (account, _) = self.dispatch.load::<Account>(&item.account).await?;
        let Some(link) = account.link() else {
            return Ok(Placed::Stale);
        };
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
        let Some(key) = keyring.key(item.key) else {
            return Ok(Placed::Stale);
        };
        let attempt = Try {
            app: self,
            item,
            link,
            registration,
            adapter,
            key: key.public_key.clone(),
            caller,
            is_probe,
        };
        let (tried, spent) = budget::overhearing(attempt.run()).await;
        if let Some(until) = spent {
            self.pace.spent(item.account, until, self.now());
        }
        let (placed, sign, failure) = match tried {
            Ok(Tried::Done(outcome)) => (attempt.record(outcome).await?, Sign::Well, None),
            Ok(Tried::Paced(until)) => (Placed::Paced { until }, Sign::Well, None),
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
    /// Tries with the token at hand; if it is refused, once more with a fresh one.
    async fn run(&self) -> Result<Tried, AccessError> {
        let access = self.app.access(self.link, &self.caller).await?;
        match self.with(&access).await {
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Expired => {
                let fresh = self
                    .app
                    .refresh(self.link, access.generation, &self.caller)
                    .await?;
                self.with(&fresh).await
            }
            Err(AccessError::Provider(failure)) if failure.grant == GrantVerdict::Lost => {
                let account = self.link.account;
                self.app
                    .record_grant_lost(account, access.generation, &failure, &self.caller)
                    .await?;
                Err(failure.into())
            }
            outcome => outcome,
        }
    }

    /// Tries with one token.
    async fn with(&self, access: &Access) -> Result<Tried, AccessError> {
        let token = &access.token;
        let tried = self
            .app
            .with_app(self.registration, &self.caller, |_, oauth| async move {
                match self.reconcile(&oauth, token).await? {
                    Tried::Done(outcome) => self.sign(&oauth, token, outcome).await,
                    Tried::Paced(until) => Ok(Tried::Paced(until)),
                }
            });
        match tried.await {
            // Nothing is wrong with a grant that was given a moment ago: it is tried again.
            Err(AccessError::Provider(failure))
                if failure.grant == GrantVerdict::Expired && access.is_new =>
            {
                let odd = ProviderFailure::new(Blame::Provider, ReasonCode::ProviderError);
                Err(odd.detail("a new token is refused").into())
            }
            Ok(outcome) => {
                let app = self.app;
                app.note_accepted(self.registration, Use::Keys, &self.caller)
                    .await;
                Ok(outcome)
            }
            Err(error) => Err(error),
        }
    }

    /// Lists, decides, acts.
    async fn reconcile(&self, oauth: &OauthApp, token: &Secret) -> Result<Tried, ProviderFailure> {
        let listed = self.adapter.list_keys(oauth, token).await?;
        let there = listed.into_iter().find(|known| known.line == self.key.line);
        // Whether the list was the last that the token may ask for.
        match (self.item.wanted, there, budget::heard()) {
            (Wanted::Present, Some(there), _) => {
                let presence = self.presence(&there);
                Ok(Tried::Done(Outcome::Present {
                    remote: there.id,
                    expires_at: there.expires_at,
                    presence,
                }))
            }
            (Wanted::Absent, None, _) => Ok(Tried::Done(Outcome::Absent {
                was_there: self.app.pace.was_halfway(self.item.account, self.item.key),
            })),
            // Its owner put it there, whatever we meant to do: they keep it.
            (Wanted::Absent, Some(there), _) if self.presence(&there) == Presence::Adopted => {
                Ok(Tried::Done(Outcome::Present {
                    remote: there.id,
                    expires_at: there.expires_at,
                    presence: Presence::Adopted,
                }))
            }
            (_, _, Some(until)) => Ok(Tried::Paced(until)),
            (Wanted::Present, None, None) => self.add(oauth, token).await.map(Tried::Done),
            (Wanted::Absent, Some(there), None) => {
                self.wrote();
                let was_there = self.adapter.remove_key(oauth, token, &there.id).await?;
                Ok(Tried::Done(Outcome::Absent { was_there }))
            }
        }
    }

    async fn add(&self, oauth: &OauthApp, token: &Secret) -> Result<Outcome, ProviderFailure> {
        self.wrote();
        let title = self.title();
        let new = self.new_key(&title);
        match self.adapter.add_key(oauth, token, &new).await? {
            Added::Created(there) => Ok(Outcome::Present {
                remote: there.id,
                expires_at: there.expires_at,
                presence: Presence::Created,
            }),
            // "Already there" never says whose it is: only this account's own list can.
            Added::AlreadyThere => {
                let listed = self.adapter.list_keys(oauth, token).await?;
                match listed.into_iter().find(|known| known.line == self.key.line) {
                    Some(there) => {
                        let presence = self.presence(&there);
                        Ok(Outcome::Present {
                            remote: there.id,
                            expires_at: there.expires_at,
                            presence,
                        })
                    }
                    None => Err(ProviderFailure::new(
                        Blame::Us,
                        ReasonCode::KeyConflictOtherAccount,
                    )),
                }
            }
        }
    }

    /// Tells a key that we put there, perhaps in a try whose answer was lost, from one that was
    /// there before us: ours carries the title that only we would write.
    fn presence(&self, there: &RemoteKey) -> Presence {
        let known = self.link.placements.get(&self.item.key);
        let same_id = known.is_some_and(|known| {
            known.remote_key.as_deref() == Some(there.id.as_str()) && !known.adopted
        });
        if self.app.pace.was_halfway(self.item.account, self.item.key) {
            Presence::Created
        } else if same_id || there.title == self.title() {
            Presence::Found
        } else {
            Presence::Adopted
        }
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
        title(&self.app.public_url, self.link, self.item.key)
    }

    fn wrote(&self) {
        self.app.pace.wrote(self.item.account, self.app.now());
    }
}

/// Names a key at a provider: which Lanyard, whose, which. At most 255 characters, and unique,
/// because some products want unique titles.
fn title(public_url: &url::Url, link: &Link, key: KeyId) -> String {
    let host = public_url.host_str().unwrap_or("lanyard");
    let short = key.to_string();
    let short = &short[short.len() - 12..];
    format!("Lanyard {host} {} {short}", link.user)
}
