//! Which providers' lanes this instance has, as far as it knows (`src/app/lanes.rs`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::ProviderSlug;

/// What one instance of several knows of the lanes. Alone, it has all of them.
#[derive(Default)]
pub(super) struct Lanes {
    /// What this instance is called among several; nothing where there is no other.
    pub(super) instance: Option<String>,
    /// Until when each lane is ours.
    ours: HashMap<ProviderSlug, DateTime<Utc>>,
    /// When to ask again for each that another has.
    theirs: HashMap<ProviderSlug, DateTime<Utc>>,
}

impl Lanes {
    pub(super) fn has(&self, provider: &ProviderSlug, until: DateTime<Utc>) -> bool {
        self.ours.get(provider).is_some_and(|end| *end >= until)
    }

    pub(super) fn had(&self, provider: &ProviderSlug) -> bool {
        self.ours.contains_key(provider)
    }

    pub(super) fn of_another(
        &self,
        provider: &ProviderSlug,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        self.theirs.get(provider).copied().filter(|at| *at > now)
    }

    pub(super) fn is_ours(&mut self, provider: &ProviderSlug, until: DateTime<Utc>) {
        self.theirs.remove(provider);
        self.ours.insert(provider.clone(), until);
    }

    pub(super) fn is_theirs(&mut self, provider: &ProviderSlug, again_at: DateTime<Utc>) {
        self.ours.remove(provider);
        self.theirs.insert(provider.clone(), again_at);
    }

    pub(super) fn given_back(&mut self) -> Vec<ProviderSlug> {
        self.ours.drain().map(|(provider, _)| provider).collect()
    }
}
