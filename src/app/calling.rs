//! The one way in which what runs beside the publisher's lanes calls a provider: looks, plans,
//! revocations. They rest when it asks to be left alone, whoever it told so; they leave it alone
//! while it does not answer, but for their part of its probes; and they wait for their turn with
//! a token.

use chrono::{DateTime, Utc};
use domain::breaker::{Admission, Breaker, Sign};
use domain::provider::Registration;
use domain::{AccountId, ProviderSlug, ReasonCode};
use projections::key_placements;

use super::grants::AccessError;
use super::{App, Caller, CommandError};
use crate::database::DatabaseError;
use crate::providers::{ProviderFailure, budget};

/// Why nobody was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// An operator or an admin wants the provider left alone.
    Stopped,
    /// The provider wants to be left alone, or the token has nothing left, until this time.
    Resting(DateTime<Utc>),
    /// The provider does not answer; it may be probed at this time.
    Down(DateTime<Utc>),
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody was called.
    #[error("the provider is to be left alone")]
    Halted(Halt),
    /// The call failed.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<CommandError> for CallError {
    fn from(error: CommandError) -> Self {
        Self::Access(error.into())
    }
}

impl App {
    /// The same as [`call_in_turn`](Self::call_in_turn) for what the worker does by itself: in the
    /// provider's lane, if this instance has it.
    pub async fn call_in_lane<T>(
        &self,
        registration: &Registration,
        account: AccountId,
        caller: &Caller,
        calls: impl Future<Output = Result<T, AccessError>>,
    ) -> Result<T, CallError> {
        if registration.disabled || registration.paused {
            return Err(CallError::Halted(Halt::Stopped));
        }
        let lane = self.take_lane(&registration.provider).await;
        if let Some(again_at) = lane.map_err(CommandError::from)? {
            return Err(CallError::Halted(Halt::Resting(again_at)));
        }
        self.call_in_turn(registration, account, caller, calls)
            .await
    }

    /// Makes calls with an account's token when they may be made, and notes what they say of the
    /// provider.
    pub async fn call_in_turn<T>(
        &self,
        registration: &Registration,
        account: AccountId,
        caller: &Caller,
        calls: impl Future<Output = Result<T, AccessError>>,
    ) -> Result<T, CallError> {
        let provider = &registration.provider;
        if registration.disabled || registration.paused {
            return Err(CallError::Halted(Halt::Stopped));
        }
        let _turn = self.pace.turn(account).await;
        let rest = self
            .rest_until(provider)
            .await
            .map_err(CommandError::from)?;
        if let Some(until) = rest.max(self.pace.spent_until(account, self.now())) {
            return Err(CallError::Halted(Halt::Resting(until)));
        }
        // One instance alone probes.
        if registration.outage.is_some()
            && let Some(at) = self.keep_lane(provider).await
        {
            return Err(CallError::Halted(Halt::Down(at)));
        }
        if let Admission::NotBefore(at) = self.admit(registration, caller).await? {
            return Err(CallError::Halted(Halt::Down(at)));
        }
        let (done, spent) = budget::overhearing(calls).await;
        if let Some(until) = spent {
            self.pace.spent(account, until, self.now());
        }
        let (sign, failure) = match &done {
            Ok(_) => (Sign::Well, None),
            Err(AccessError::Provider(failed)) => {
                self.obey(provider, failed).await;
                (
                    Sign::of(&failed.failure, failed.status),
                    Some(&failed.failure),
                )
            }
            Err(AccessError::NoTokens | AccessError::Command(_)) => {
                // Nobody was asked: if it was to be a probe, another may be.
                self.pace.breaker(provider, Breaker::spare);
                return Ok(done?);
            }
        };
        self.note_health(provider, sign, failure, caller).await?;
        Ok(done?)
    }

    /// Has everybody leave a provider alone for as long as a failure asks for.
    async fn obey(&self, provider: &ProviderSlug, failed: &ProviderFailure) {
        let until = match failed.failure.code {
            ReasonCode::ProviderRateLimited => self.pace.limited(provider, failed, self.now()),
            _ => failed.not_before,
        };
        if let Some(until) = until {
            self.rest_at(provider, until).await;
        }
    }

    /// Says until when a provider is left alone, if it is. What it asked for before a restart is
    /// said by the keys that it limited.
    pub async fn rest_until(
        &self,
        provider: &ProviderSlug,
    ) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        if self.pace.is_new(provider) {
            let limited = key_placements::limited_until(provider);
            for row in self.database.query(limited).await? {
                if row.maybe_text(0)?.is_some() {
                    self.pace.rest(provider, row.parsed(0, "a time")?);
                }
            }
            self.pace.is_known(provider);
        }
        Ok(self.pace.rest_until(provider, self.now()))
    }
}
