//! One try at the provider: list, decide, at most one write.

use chrono::TimeDelta;
use domain::account::Presence;
use domain::reconcile::{Known, Listed, Observed, Verdict, Wanted, decide, spare};
use domain::{Blame, ReasonCode};

use super::{Outcome, Tried, Try};
use crate::providers::{Added, NewKey, OauthApp, ProviderFailure, RemoteKey, budget};
use crate::vault::Secret;

impl Try<'_> {
    /// Lists, decides, acts; where the provider says that it has the key already, once more from
    /// the beginning.
    pub(super) async fn reconcile(
        &self,
        oauth: &OauthApp,
        token: &Secret,
    ) -> Result<Tried, ProviderFailure> {
        let mut is_somewhere = false;
        loop {
            let keys = self.adapter.list_keys(oauth, token).await?;
            // Whether the list was the last that the token may ask for.
            let spent = budget::heard();
            let verdict = self.decide(&keys);
            // Another instance may have taken the lane of one that was not heard of.
            let writes = match &verdict {
                Verdict::Add | Verdict::Remove(_) => true,
                Verdict::Found(there) => self.spare(&keys, there).is_some(),
                Verdict::Adopt(_) | Verdict::Release(_) | Verdict::Nothing | Verdict::Drift(_) => {
                    false
                }
            };
            let waits = if writes {
                spent.max(self.app.keep_lane(&self.link.provider).await)
            } else {
                spent
            };
            let outcome = match (verdict, waits) {
                (Verdict::Found(there), waits) => match (self.spare(&keys, &there), waits) {
                    (None, _) => Outcome::present(there, self.found()),
                    (Some(_), Some(until)) => return Ok(Tried::Paced(until)),
                    (Some(spare), None) => {
                        self.remove(oauth, token, spare, &keys).await?;
                        return Ok(self.looks_again());
                    }
                },
                (Verdict::Adopt(there) | Verdict::Release(there), _) => {
                    Outcome::present(there, Presence::Adopted)
                }
                (Verdict::Nothing, _) => Outcome::Absent {
                    was_there: self.was_halfway(),
                },
                // What is there is of no use, and would not be by being sent once more.
                (Verdict::Drift(drift), _) => {
                    return Err(ProviderFailure::new(Blame::Us, drift.code()));
                }
                // "Already there" never says whose it is, and this account's own list has it not.
                (Verdict::Add, _) if is_somewhere => {
                    let code = ReasonCode::KeyConflictOtherAccount;
                    return Err(ProviderFailure::new(Blame::Us, code));
                }
                (Verdict::Add | Verdict::Remove(_), Some(until)) => {
                    return Ok(Tried::Paced(until));
                }
                (Verdict::Add, None) => match self.add(oauth, token).await? {
                    Added::Created(there) => Outcome::present(there.listed(), Presence::Created),
                    Added::AlreadyThere => {
                        is_somewhere = true;
                        continue;
                    }
                },
                (Verdict::Remove(there), None) => {
                    if let Some(what) = self.keeps(&keys) {
                        return Ok(Tried::Kept(what, keys));
                    }
                    let removed = self.remove(oauth, token, there, &keys).await?;
                    // It is there once more, or is to come back as what it should be.
                    if self.wanted == Wanted::Put || self.spare(&keys, &there).is_some() {
                        return Ok(self.looks_again());
                    }
                    removed
                }
            };
            return Ok(Tried::Done(outcome));
        }
    }

    /// What was written a moment ago is looked at again before anything else is.
    pub(super) fn looks_again(&self) -> Tried {
        let now = self.app.now();
        let until = self.app.pace.wait_until(self.item.account, now);
        Tried::Paced(until.unwrap_or(now))
    }

    /// Finds what of the key is ours and there once more.
    pub(super) fn spare<'a>(
        &self,
        keys: &'a [RemoteKey],
        stays: &Listed<'_>,
    ) -> Option<Listed<'a>> {
        let list: Vec<_> = keys.iter().map(RemoteKey::listed).collect();
        let title = self.title();
        let placement = self.link.placements.get(&self.item.key);
        let known = Known::new(Some(&self.key.line), &title, placement);
        spare(&known, &list, stays)
    }

    pub(super) fn decide<'a>(&self, keys: &'a [RemoteKey]) -> Verdict<'a> {
        let list: Vec<_> = keys.iter().map(RemoteKey::listed).collect();
        let title = self.title();
        let placement = self.link.placements.get(&self.item.key);
        let known = Known::new(Some(&self.key.line), &title, placement);
        let observed = Observed::of(&known, &list);
        decide(self.wanted, &known, observed, self.app.now())
    }

    pub(super) async fn add(
        &self,
        oauth: &OauthApp,
        token: &Secret,
    ) -> Result<Added, ProviderFailure> {
        self.wrote();
        let title = self.title();
        let new = self.new_key(&title);
        self.adapter.add_key(oauth, token, &new).await
    }

    pub(super) async fn remove(
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

    /// Says how a key of ours came to be there: in this try, if its first half made it.
    pub(super) fn found(&self) -> Presence {
        if self.was_halfway() {
            Presence::Created
        } else {
            Presence::Found
        }
    }

    pub(super) fn was_halfway(&self) -> bool {
        self.app.pace.was_halfway(self.item.account, self.item.key)
    }

    pub(super) fn new_key<'a>(&'a self, title: &'a str) -> NewKey<'a> {
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

    pub(super) fn title(&self) -> String {
        self.app.titles().of(&self.link.user, self.item.key)
    }

    pub(super) fn wrote(&self) {
        self.app.pace.wrote(self.item.account, self.app.now());
    }
}
