//! One key at one account: list, decide, act, record.

mod measuring;
mod signing;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, AccountCommand, Link, Presence};
use domain::keyring::{Keyring, PublicKey};
use domain::provider::{Provider, Registration};
use domain::retry::{FailedTry, RetryPolicy};
use domain::{Blame, KeyId, ReasonCode};
use projections::key_placements::{PlacementRow, Wanted};
use tracing::Instrument;

use crate::app::grants::{Access, AccessError, lost};
use crate::app::oauth_apps::Use;
use crate::app::{App, Caller, CommandError, Executed};
use crate::database::DatabaseError;
use crate::providers::{
    Added, GitProvider, GrantVerdict, NewKey, OauthApp, ProviderFailure, RemoteKey, RemoteKeyId,
};
use crate::telemetry::traces;
use crate::vault::Secret;

/// How long a provider is left alone at most when its registration does not work.
const APP_REST: TimeDelta = TimeDelta::minutes(1);

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
    link: &'a Link,
    registration: &'a Registration,
    adapter: Arc<dyn GitProvider>,
    key: PublicKey,
    caller: Caller,
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
            link,
            registration,
            adapter,
            key: key.public_key.clone(),
            caller,
        };
        let span = tracing::info_span!("placement", provider.slug = %link.provider);
        traces::follow(&span, item.correlation);
        match attempt.run().instrument(span).await {
            Ok(outcome) => {
                let placed = attempt.record(outcome).await?;
                attempt.measure_rotation(&keyring);
                Ok(placed)
            }
            Err(AccessError::Command(error)) => Err(error.into()),
            Err(AccessError::NoTokens) => attempt.record_no_tokens(retry).await,
            Err(AccessError::Provider(failure)) => attempt.record_failure(&failure, retry).await,
        }
    }
}

impl Try<'_> {
    /// Tries with the token at hand; if it is refused, once more with a fresh one.
    async fn run(&self) -> Result<Outcome, AccessError> {
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
    async fn with(&self, access: &Access) -> Result<Outcome, AccessError> {
        let token = &access.token;
        let tried = self
            .app
            .with_app(self.registration, &self.caller, |_, oauth| async move {
                let outcome = self.reconcile(&oauth, token).await?;
                self.sign(&oauth, token, &outcome).await?;
                Ok(outcome)
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
    async fn reconcile(
        &self,
        oauth: &OauthApp,
        token: &Secret,
    ) -> Result<Outcome, ProviderFailure> {
        let listed = self.adapter.list_keys(oauth, token).await?;
        let there = listed.into_iter().find(|known| known.line == self.key.line);
        match (self.item.wanted, there) {
            (Wanted::Present, Some(there)) => {
                let presence = self.presence(&there);
                Ok(Outcome::Present {
                    remote: there.id,
                    expires_at: there.expires_at,
                    presence,
                })
            }
            (Wanted::Present, None) => self.add(oauth, token).await,
            (Wanted::Absent, None) => Ok(Outcome::Absent { was_there: false }),
            // Its owner put it there, whatever we meant to do: they keep it.
            (Wanted::Absent, Some(there)) if self.presence(&there) == Presence::Adopted => {
                Ok(Outcome::Present {
                    remote: there.id,
                    expires_at: there.expires_at,
                    presence: Presence::Adopted,
                })
            }
            (Wanted::Absent, Some(there)) => {
                self.wrote();
                let was_there = self.adapter.remove_key(oauth, token, &there.id).await?;
                Ok(Outcome::Absent { was_there })
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
        if same_id || there.title == self.title() {
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

    async fn execute(&self, command: AccountCommand) -> Result<Executed<Account>, CommandError> {
        self.app
            .dispatch
            .execute::<Account>(&self.item.account, command, &self.caller)
            .await
    }

    async fn record(&self, outcome: Outcome) -> Result<Placed, PlacingError> {
        let key = self.item.key;
        let command = match outcome {
            Outcome::Present {
                remote,
                presence,
                expires_at,
            } => AccountCommand::RecordKeyPublished {
                key,
                remote_key: Some(remote.to_string()),
                presence,
                expires_at,
            },
            Outcome::Absent { was_there } => AccountCommand::RecordKeyWithdrawn { key, was_there },
        };
        Ok(Placed::Recorded {
            index: self.execute(command).await?.index,
        })
    }

    /// Without tokens the account was unlinked meanwhile, or they are gone for good: a person was
    /// erased, a backup came back without them.
    async fn record_no_tokens(&self, retry: RetryPolicy) -> Result<Placed, PlacingError> {
        let (now, _) = self
            .app
            .dispatch
            .load::<Account>(&self.item.account)
            .await?;
        if now.link().is_none_or(|link| link.grant != self.link.grant) {
            return Ok(Placed::Recorded { index: None });
        }
        let failure = lost(ReasonCode::GrantRevoked);
        let (account, generation) = (self.link.account, self.link.generation());
        self.app
            .record_grant_lost(account, generation, &failure, &self.caller)
            .await?;
        self.record_failure(&failure, retry).await
    }

    async fn record_failure(
        &self,
        failed: &ProviderFailure,
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        let now = self.app.now();
        let failure = failed.failure.clone();
        let attempt = FailedTry {
            at: now,
            failure: &failure,
            attempts: self.item.attempts + 1,
            // Nearly the first failure: a request is tried at once.
            first_at: (self.item.attempts > 0).then_some(self.item.requested_at),
            not_before: failed.not_before,
        };
        let retry_at = retry.next_try(&attempt, self.app.ids.fraction());
        let key = self.item.key;
        // An outage or a limit is everybody's: the next key would only fail the same way.
        let rest = retry_at
            .or(failed.not_before)
            .unwrap_or(now + retry.first)
            .max(now);
        let until = match failure.blame {
            Blame::Provider => Some(rest),
            // An admin mends it at any time, and does not want to wait for long after that.
            Blame::App => Some(rest.min(now + APP_REST)),
            Blame::Grant | Blame::Us => None,
        };
        let command = match self.item.wanted {
            Wanted::Present => AccountCommand::RecordKeyPublicationFailed {
                key,
                failure,
                retry_at,
            },
            Wanted::Absent => AccountCommand::RecordKeyWithdrawalFailed {
                key,
                failure,
                retry_at,
            },
        };
        let index = self.execute(command).await?.index;
        Ok(match until {
            Some(until) => Placed::Resting { index, until },
            None => Placed::Recorded { index },
        })
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
