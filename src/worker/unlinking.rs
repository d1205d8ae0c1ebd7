//! The last step of an unlinking, beside the policy: a provider that does not answer when tokens are
//! revoked holds up nobody but those who leave it too, one after the other.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Residue;
use domain::retry::RetryPolicy;
use domain::{AccountId, ProviderSlug};
use futures::FutureExt;
use tokio::task::{Id, JoinSet};

use super::errands::ErrandError;
use crate::app::{App, Caller, CommandError};

/// How long an errand that came to nothing waits for its next try at first; doubled each time.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// How long it waits at most, unless the provider asks for more.
const LONGEST: TimeDelta = TimeDelta::minutes(15);

/// How often it is seen whether an errand has ended, where nobody waits for it.
const GLANCE: TimeDelta = TimeDelta::seconds(1);

/// An unlinking of which only the end is left.
struct Errand {
    account: AccountId,
    residue: Vec<Residue>,
    caller: Caller,
}

/// The errands under way, one at a time for each provider.
#[derive(Default)]
pub(super) struct Unlinking {
    pub(super) retry: RetryPolicy,
    tasks: JoinSet<Result<bool, ErrandError>>,
    open: HashMap<Id, (ProviderSlug, AccountId)>,
    /// What waits for its turn.
    queues: BTreeMap<ProviderSlug, VecDeque<Errand>>,
    /// How often each has failed since it last did not.
    failures: BTreeMap<AccountId, u32>,
    /// When those that came to nothing are to be tried again.
    again: Vec<(AccountId, DateTime<Utc>)>,
}

impl Unlinking {
    /// Has an unlinking ended, unless that is under way.
    pub(super) fn begin(
        &mut self,
        app: &App,
        provider: &ProviderSlug,
        account: AccountId,
        residue: Vec<Residue>,
        caller: &Caller,
    ) {
        let queue = self.queues.entry(provider.clone()).or_default();
        let is_waiting = queue.iter().any(|errand| errand.account == account);
        let mut open = self.open.values();
        if is_waiting || open.any(|(_, busy)| *busy == account) {
            return;
        }
        queue.push_back(Errand {
            account,
            residue,
            caller: caller.clone(),
        });
        self.go_on(app, provider);
    }

    /// Says whether an errand is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Waits until an errand ends; for ever if none is under way.
    pub(super) async fn errand_ended(&mut self, app: &App) {
        let (task, ended) = match self.tasks.join_next_with_id().await {
            Some(Ok((task, ended))) => (task, Some(ended)),
            Some(Err(error)) => {
                tracing::error!(%error, "an unlinking broke off");
                (error.id(), None)
            }
            None => return std::future::pending().await,
        };
        let Some((provider, account)) = self.open.remove(&task) else {
            return;
        };
        let now = app.now();
        match ended {
            Some(Ok(_)) => drop(self.failures.remove(&account)),
            // The account moved on; its newer events come next.
            Some(Err(ErrandError::Command(CommandError::Refused(refusal)))) => {
                tracing::debug!(account.id = %account, refusal = %refusal, "a step no longer fits");
            }
            Some(Err(ErrandError::Stopped)) => self.again.push((account, now + PATIENCE)),
            Some(Err(ErrandError::Waits(until))) => {
                self.again.push((account, until.max(now)));
            }
            Some(Err(ErrandError::Provider(failed))) => {
                let code = failed.failure.code.as_str();
                tracing::info!(account.id = %account, code, "unlinking waits");
                let next = now + self.wait(account);
                let until = failed.not_before.map_or(next, |asked| asked.max(next));
                self.again.push((account, until));
            }
            Some(Err(ErrandError::Command(error))) => {
                tracing::error!(account.id = %account, %error, "unlinking waits");
                let next = now + self.wait(account);
                self.again.push((account, next));
            }
            None => {
                let next = now + self.wait(account);
                self.again.push((account, next));
            }
        }
        self.go_on(app, &provider);
    }

    /// Takes those that came to nothing by now, and when each is to be tried again.
    pub(super) fn take_again(&mut self, app: &App) -> Vec<(AccountId, DateTime<Utc>)> {
        while self.is_busy() && self.errand_ended(app).now_or_never().is_some() {}
        std::mem::take(&mut self.again)
    }

    /// Returns when to see whether an errand under way has ended.
    pub(super) fn again_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.is_busy().then(|| now + GLANCE)
    }

    /// Begins the next errand at a provider, unless one is under way there.
    fn go_on(&mut self, app: &App, provider: &ProviderSlug) {
        if self.open.values().any(|(busy, _)| busy == provider) {
            return;
        }
        let Some(errand) = self.queues.get_mut(provider).and_then(VecDeque::pop_front) else {
            self.queues.remove(provider);
            return;
        };
        let (app, account, retry) = (app.clone(), errand.account, self.retry);
        let task = self.tasks.spawn(async move {
            let Errand {
                account,
                residue,
                caller,
            } = errand;
            app.finish_unlink(account, residue, retry, &caller).await
        });
        self.open.insert(task.id(), (provider.clone(), account));
    }

    fn wait(&mut self, account: AccountId) -> TimeDelta {
        let failures = self.failures.entry(account).or_default();
        let wait = PATIENCE.checked_mul(1 << (*failures).min(10));
        *failures += 1;
        wait.unwrap_or(LONGEST).min(LONGEST)
    }
}
