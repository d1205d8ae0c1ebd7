//! How far streams are known to reach.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::StreamName;

/// How many streams each half remembers.
const HALF: usize = 16_384;

/// The versions that streams are known to have at least: what was written or read here. Another
/// instance may have written more. Remembers the streams used last; forgetting costs a look-up.
#[derive(Default)]
pub(super) struct Heads(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    young: HashMap<StreamName, u64>,
    old: HashMap<StreamName, u64>,
}

impl Heads {
    /// Returns the version that a stream has at least, if anything is known of it.
    pub(super) fn known(&self, stream: &StreamName) -> Option<u64> {
        let halves = self.lock();
        halves
            .young
            .get(stream)
            .or_else(|| halves.old.get(stream))
            .copied()
    }

    /// Remembers that a stream has at least this version.
    pub(super) fn learn(&self, stream: &StreamName, version: u64) {
        let mut halves = self.lock();
        if let Some(known) = halves.young.get_mut(stream) {
            *known = version.max(*known);
            return;
        }
        if halves.young.len() >= HALF {
            halves.old = std::mem::take(&mut halves.young);
        }
        let known = halves.old.remove(stream).unwrap_or_default();
        halves.young.insert(stream.clone(), version.max(known));
    }

    /// Forgets everything: another server may answer from here on.
    pub(super) fn forget(&self) {
        *self.lock() = Halves::default();
    }

    fn lock(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_only_grows_and_the_oldest_is_forgotten() {
        let heads = Heads::default();
        let stream = |n: usize| StreamName::of("account", &n);
        heads.learn(&stream(0), 7);
        heads.learn(&stream(0), 3);
        assert_eq!(heads.known(&stream(0)), Some(7));
        for n in 1..HALF + 10 {
            heads.learn(&stream(n), 1);
        }
        assert_eq!(heads.known(&stream(0)), Some(7));
        for n in 1..2 * HALF {
            heads.learn(&stream(n), 2);
        }
        assert_eq!(heads.known(&stream(0)), None);
        assert_eq!(heads.known(&stream(2 * HALF - 1)), Some(2));
        heads.forget();
        assert_eq!(heads.known(&stream(2 * HALF - 1)), None);
    }
}
