//! How long a rotation took, once its new key is where it belongs.

use chrono::{DateTime, Utc};
use domain::KeyId;
use domain::keyring::{Key, Keyring};
use projections::key_placements::Wanted;

use super::Try;

impl Try<'_> {
    /// Counts a rotation if this was the first time that its new key was there. A key belongs to
    /// one account, so it is then everywhere.
    pub(super) fn measure_rotation(&self, keyring: &Keyring) {
        let key = self.item.key;
        let is_first = self.item.wanted == Wanted::Present
            && self
                .link
                .placements
                .get(&key)
                .is_none_or(|known| known.remote_key.is_none());
        let replaces = |known: &Key| {
            let mut same = keyring.of(known.holder);
            same.any(|(_, other)| other.replaced_by == Some(key))
        };
        if !is_first || !keyring.key(key).is_some_and(replaces) {
            return;
        }
        if let Some(took) = made_at(key).and_then(|made| (self.app.now() - made).to_std().ok()) {
            self.app.metrics.rotated(took);
        }
    }
}

/// Returns when a key was made: its id begins with it (`UUIDv7`, RFC 9562 section 5.7).
fn made_at(key: KeyId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = key.uuid().get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}
