//! What the server remembers of tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use domain::TokenId;

use super::Principal;
use crate::app::digest::sha256;

/// How long a recognised token is believed without looking again. An end made by this process
/// acts at once; one made by another instance, within this time.
const BELIEVED: Duration = Duration::from_secs(1);

/// How many recognised tokens are remembered at most.
const REMEMBERED: usize = 10_000;

/// What the server remembers of tokens: those just recognised, and its one-time secret.
#[derive(Debug, Default)]
pub struct TokenKeeper {
    known: Mutex<Known>,
    first: Mutex<Option<FirstSecret>>,
}

#[derive(Debug, Default)]
struct Known {
    by_digest: HashMap<String, (Arc<Principal>, Instant)>,
    /// How many tokens were ended: whoever began to look before, must not remember afterwards.
    ended: u64,
}

/// The one-time secret printed at the server's own terminal, while it is good for anything.
#[derive(Debug)]
struct FirstSecret {
    digest: Vec<u8>,
    until: DateTime<Utc>,
}

impl TokenKeeper {
    /// Returns whom a token spoke for a moment ago; otherwise a number to remember it with.
    pub(super) fn known(&self, digest: &str) -> Result<Arc<Principal>, u64> {
        let known = self.lock();
        match known.by_digest.get(digest) {
            Some((principal, since)) if since.elapsed() < BELIEVED => Ok(Arc::clone(principal)),
            Some(_) | None => Err(known.ended),
        }
    }

    pub(super) fn remember(&self, digest: String, principal: &Arc<Principal>, ended: u64) {
        let mut known = self.lock();
        if known.by_digest.len() >= REMEMBERED {
            known
                .by_digest
                .retain(|_, (_, since)| since.elapsed() < BELIEVED);
        }
        if known.ended == ended && known.by_digest.len() < REMEMBERED {
            let entry = (Arc::clone(principal), Instant::now());
            known.by_digest.insert(digest, entry);
        }
    }

    pub(super) fn forget(&self, token: TokenId) {
        let mut known = self.lock();
        known.ended += 1;
        known
            .by_digest
            .retain(|_, (principal, _)| principal.token != token);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put_first(&self, digest: Vec<u8>, until: DateTime<Utc>) {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(FirstSecret { digest, until });
    }

    /// Takes the one-time secret away if `sent` is it: of many who race, one gets it.
    pub(super) fn take_first(&self, sent: &str, now: DateTime<Utc>) -> bool {
        let sent = sha256(sent.trim());
        let mut kept = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let right = kept.as_ref().is_some_and(|first| {
            verify_slices_are_equal(&first.digest, &sent).is_ok() && now < first.until
        });
        if right {
            *kept = None;
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_secret_is_taken_once_and_in_time() {
        let now = DateTime::UNIX_EPOCH;
        let secret = TokenKeeper::default();
        assert!(!secret.take_first("s", now));
        secret.put_first(sha256("s"), now + TimeDelta::minutes(60));
        assert!(!secret.take_first("t", now));
        assert!(!secret.take_first("s", now + TimeDelta::minutes(60)));
        assert!(secret.take_first("s", now));
        assert!(!secret.take_first("s", now));
    }
}
