//! The sweep: every account's keys are looked at once a day, to see whether the provider still
//! agrees with the log.
//!
//! One look is one list, with the provider's own validator where it has one: what did not change
//! then costs nothing (GitHub: a 304 does not count against the limit). A look makes no event
//! unless it finds a difference. It gives way to the publisher: one look at a time and provider, a
//! few a second, none where the provider is paused, or asks to be left alone.

mod looking;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Blame, ProviderSlug};
use projections::provider_list;
use tokio::task::{Id, JoinSet};

pub(super) use self::looking::LookError;
use self::looking::Looked as Found;
use crate::app::App;
use crate::app::calling::Halt;
use crate::database::DatabaseError;

/// How often an account is looked at.
const PERIOD: TimeDelta = TimeDelta::days(1);

/// How often it is asked which accounts nobody looks at yet.
const PLANNING: TimeDelta = TimeDelta::hours(1);

/// The least time between two looks at one provider.
const BETWEEN_LOOKS: TimeDelta = TimeDelta::milliseconds(200);

/// How long a provider that does not answer, or does not say how long, is left alone.
const REST: TimeDelta = TimeDelta::minutes(15);

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stepped {
    /// Whether a look was begun.
    pub moved: bool,
    /// When something is due next, of what is known now.
    pub next_at: Option<DateTime<Utc>>,
}

/// Looks at what is there.
pub struct Sweeper {
    app: App,
    /// When it is asked next which accounts nobody looks at yet.
    plan_at: Option<DateTime<Utc>>,
    /// Before when nothing more is asked of a provider.
    rests: HashMap<ProviderSlug, DateTime<Utc>>,
    /// Each tells before when there is not to be another at its provider.
    looks: JoinSet<DateTime<Utc>>,
    /// At which provider each of them is.
    open: HashMap<Id, ProviderSlug>,
}

impl Sweeper {
    /// Looks through `app`.
    pub fn new(app: App) -> Self {
        Self {
            app,
            plan_at: None,
            rests: HashMap::new(),
            looks: JoinSet::new(),
            open: HashMap::new(),
        }
    }

    /// Begins the look that is due longest, at every provider at which one is.
    pub async fn step(&mut self) -> Result<Stepped, DatabaseError> {
        let now = self.app.now();
        if self.plan_at.is_none_or(|at| at <= now) {
            while self.app.plan_looks(PERIOD).await? == 1_000 {}
            self.plan_at = Some(now + PLANNING);
        }
        let mut stepped = Stepped {
            moved: false,
            next_at: self.plan_at,
        };
        // What belongs to nobody is not looked at day after day: it goes first.
        for (provider, due_at) in self.app.next_exchanged().await? {
            if self.open.values().any(|open| *open == provider) {
                continue;
            }
            let rest = self.rests.get(&provider).copied();
            let at = rest.map_or(due_at, |rest| due_at.max(rest));
            if at > now {
                stepped.next_at = stepped.next_at.map(|next| next.min(at)).or(Some(at));
                continue;
            }
            if let Some(again_at) = self.app.take_lane(&provider).await? {
                let next = stepped.next_at.map(|next| next.min(again_at));
                stepped.next_at = next.or(Some(again_at));
                continue;
            }
            let (app, at) = (self.app.clone(), provider.clone());
            let task = self.looks.spawn(async move { give_back(&app, &at).await });
            self.open.insert(task.id(), provider);
            stepped.moved = true;
        }
        let left_alone = self.stopped().await?;
        for (provider, due_at) in self.app.next_looks().await? {
            let is_busy = self.open.values().any(|open| *open == provider);
            if is_busy || left_alone.contains(&provider) {
                continue;
            }
            let rest = self.rests.get(&provider).copied();
            let rest = rest.max(self.app.rest_until(&provider).await?);
            let at = rest.map_or(due_at, |rest| due_at.max(rest));
            if at > now {
                stepped.next_at = stepped.next_at.map(|next| next.min(at)).or(Some(at));
                continue;
            }
            if let Some(again_at) = self.app.take_lane(&provider).await? {
                let next = stepped.next_at.map(|next| next.min(again_at));
                stepped.next_at = next.or(Some(again_at));
                continue;
            }
            let (app, at) = (self.app.clone(), provider.clone());
            let task = self.looks.spawn(async move { look(&app, &at).await });
            self.open.insert(task.id(), provider);
            stepped.moved = true;
        }
        Ok(stepped)
    }

    /// Waits until a look ends; for ever if none is under way.
    pub async fn look_ended(&mut self) {
        let (task, until) = match self.looks.join_next_with_id().await {
            Some(Ok(ended)) => ended,
            // The account is looked at again in its turn; the others are not held up by it.
            Some(Err(error)) => {
                tracing::error!(%error, "a look broke off");
                (error.id(), self.app.now() + REST)
            }
            None => return std::future::pending().await,
        };
        if let Some(provider) = self.open.remove(&task) {
            self.rests.insert(provider, until);
        }
    }

    /// Says whether a look is under way.
    pub fn is_busy(&self) -> bool {
        !self.looks.is_empty()
    }

    /// Lets every look under way end.
    pub async fn close(&mut self) {
        while self.is_busy() {
            self.look_ended().await;
        }
    }

    async fn stopped(&self) -> Result<HashSet<ProviderSlug>, DatabaseError> {
        let rows = self.app.database.query(provider_list::stopped()).await?;
        let stopped: Result<_, _> = rows.iter().map(|row| row.parsed(0, "a provider")).collect();
        Ok(stopped?)
    }
}

/// Takes one look at a provider; returns before when there is not to be another there.
async fn look(app: &App, provider: &ProviderSlug) -> DateTime<Utc> {
    let due = match app.take_look(provider).await {
        Ok(Some(due)) => due,
        Ok(None) => return app.now() + BETWEEN_LOOKS,
        Err(error) => {
            tracing::error!(provider.slug = %provider, %error, "the sweep rests");
            return app.now() + REST;
        }
    };
    let account = due.account;
    let found = app.look_at(&due).await;
    let now = app.now();
    let next = now + next_period(app.ids.fraction());
    let (settled, rest) = match &found {
        Ok(Found::NotLinked) => (app.end_looks(account).await, BETWEEN_LOOKS),
        Ok(Found::Seen { tag, version }) => {
            let seen = tag.as_deref().map(|tag| (tag, *version));
            (app.settle_look(&due, next, seen).await, BETWEEN_LOOKS)
        }
        // The account moved meanwhile: what was seen says nothing of it.
        Ok(Found::Outdated) => {
            let soon = now + TimeDelta::minutes(1);
            (app.settle_look(&due, soon, None).await, BETWEEN_LOOKS)
        }
        Err(LookError::Failed(failure)) => {
            tracing::info!(
                account.id = %account, provider.slug = %provider,
                code = failure.failure.code.as_str(), "a look came to nothing"
            );
            let until = failure.not_before.unwrap_or(now + REST).max(now);
            match failure.failure.blame {
                // Everybody's: the next look would only fail the same way.
                Blame::Provider | Blame::App => {
                    (app.settle_look(&due, until, None).await, until - now)
                }
                Blame::Grant | Blame::Us => {
                    (app.settle_look(&due, next, None).await, BETWEEN_LOOKS)
                }
            }
        }
        // What was seen last still counts.
        Err(LookError::Halted(halt)) => {
            let until = match *halt {
                Halt::Stopped => now + REST,
                Halt::Resting(until) | Halt::Down(until) => until.max(now),
            };
            let seen = due.tag.as_deref().map(|tag| (tag, due.version));
            (app.settle_look(&due, until, seen).await, until - now)
        }
        Err(LookError::Command(error)) => {
            tracing::error!(account.id = %account, %error, "a look came to nothing");
            (app.settle_look(&due, now + REST, None).await, REST)
        }
    };
    if let Err(error) = settled {
        tracing::error!(account.id = %account, %error, "a look is taken again later");
    }
    now + rest
}

/// Gives back what was granted for a link that never came about.
async fn give_back(app: &App, provider: &ProviderSlug) -> DateTime<Utc> {
    if let Err(error) = Box::pin(app.give_back_due(provider)).await {
        tracing::error!(provider.slug = %provider, %error, "tokens are given back later");
        return app.now() + REST;
    }
    app.now() + BETWEEN_LOOKS
}

/// Returns how long until the next look: about a day, so that those who were looked at together do
/// not stay together.
fn next_period(fraction: f64) -> TimeDelta {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a tenth of a day has few seconds"
    )]
    let spread = TimeDelta::seconds((PERIOD.as_seconds_f64() * 0.1 * (fraction - 0.5)) as i64);
    PERIOD + spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_a_day_apart_and_do_not_stay_together() {
        assert_eq!(next_period(0.5), PERIOD);
        assert_eq!(next_period(0.0), PERIOD - TimeDelta::minutes(72));
        assert_eq!(next_period(1.0), PERIOD + TimeDelta::minutes(72));
    }
}
