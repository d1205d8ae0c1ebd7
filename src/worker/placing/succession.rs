//! The last step of a rotation: the old key goes once its successor is seen in the list that is
//! read before every removal, and not on the word of the answer that once said so.

use chrono::TimeDelta;
use domain::account::AccountCommand;
use domain::keyring::{Holder, Key};
use domain::reconcile::{Drift, Known, Wanted, amiss};
use domain::retry::RetryPolicy;
use domain::{Blame, Failure, KeyId};

use super::{Placed, PlacingError, Try};
use crate::providers::RemoteKey;
use crate::worker::sweeping::LookError;

/// How long after a successor was not seen it is looked for again at first: a list may come from a
/// replica that lags behind. Doubled each time.
const SOON: TimeDelta = TimeDelta::minutes(1);

impl Try<'_> {
    /// Says why a key that is about to be removed has to stay: what is the matter with those that
    /// took its place. One that must not be trusted goes anyway, and so does all of an account
    /// that is being unlinked.
    pub(super) fn keeps(&self, keys: &[RemoteKey]) -> Option<Drift> {
        let old = self.keyring.key(self.item.key)?;
        if old.compromised || old.replaced_by.is_none() || self.link.unlinking {
            return None;
        }
        let successors = self.successors(old);
        let titles: Vec<_> = successors
            .iter()
            .map(|(id, _)| self.app.titles().of(&self.link.user, *id))
            .collect();
        let known: Vec<_> = successors
            .iter()
            .zip(&titles)
            .map(|((id, key), title)| {
                let placement = self.link.placements.get(id);
                Known::new(Some(&key.public_key.line), title, placement)
            })
            .collect();
        let list: Vec<_> = keys.iter().map(RemoteKey::listed).collect();
        amiss(&known, &list, self.app.now())
    }

    /// Lists what took a key's place and is to be there, the current one last.
    fn successors(&self, old: &Key) -> Vec<(KeyId, &Key)> {
        let current = self.keyring.current(Holder::Account(self.link.account));
        let stays = |id: KeyId| {
            let placement = self.link.placements.get(&id);
            let wanted = placement.map(|known| Wanted::of(known.status));
            !matches!(wanted, Some(Wanted::Taken | Wanted::Nothing))
        };
        let mut successors = Vec::new();
        let mut next = old.replaced_by;
        while let Some((id, key)) = next.and_then(|id| Some((id, self.keyring.key(id)?))) {
            next = key.replaced_by;
            if next.is_some() && !key.compromised && stays(id) {
                successors.push((id, key));
            }
        }
        successors.extend(current);
        successors
    }

    /// Leaves a key where it is, for a while, and says what is the matter with its successor.
    pub(super) async fn put_off(
        &self,
        what: Drift,
        keys: &[RemoteKey],
        retry: RetryPolicy,
    ) -> Result<Placed, PlacingError> {
        // What is seen of all keys: the person is told which of them is not there.
        let seen = self
            .app
            .report(self.link, self.version, keys, &self.caller)
            .await;
        match seen {
            Ok(_) => {}
            Err(LookError::Command(error)) => return Err(error.into()),
            Err(error @ (LookError::Failed(_) | LookError::Halted(_))) => {
                tracing::warn!(%error, "nothing is said of what was seen");
            }
        }
        let word = match what {
            Drift::Missing | Drift::Changed | Drift::Duplicate | Drift::Foreign => "is not there",
            Drift::Expired => "has ended there",
            Drift::NotUsable | Drift::WrongType | Drift::NotForSigning => "is of no use there",
        };
        let detail = format!("the key that takes its place {word}: this one stays until it is");
        let wait = SOON
            .checked_mul(1 << self.item.attempts.min(16))
            .map_or(retry.rarely, |wait| wait.min(retry.rarely));
        let command = AccountCommand::RecordKeyWithdrawalFailed {
            key: self.item.key,
            failure: Failure::new(Blame::Us, what.code(), Some(&detail)),
            retry_at: Some(self.app.now() + wait),
        };
        Ok(Placed::Recorded {
            index: self.execute(command).await?.index,
        })
    }
}
