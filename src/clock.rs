//! Time, ids and randomness: asked for here and nowhere else, so that tests can decide them.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::{Builder, Uuid};
use zeroize::Zeroize;

/// Tells the time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until so much time has passed.
    async fn wait(&self, time: TimeDelta) {
        tokio::time::sleep(time.to_std().unwrap_or_default()).await;
    }
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    /// Stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves on, or back.
    pub fn advance(&self, by: TimeDelta) {
        *self.lock() += by;
    }

    /// Stands at `now` from here on.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.lock() = now;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DateTime<Utc>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.lock()
    }

    /// Moves on, and is there.
    async fn wait(&self, time: TimeDelta) {
        self.advance(time);
    }
}

/// Makes ids and random bytes.
pub trait Ids: Send + Sync {
    /// Fills `bytes` with what nobody can guess.
    fn fill(&self, bytes: &mut [u8]);

    /// Makes a `UUIDv7` (RFC 9562 section 5.7) at `now`.
    fn v7(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// Draws evenly from 0 (included) to 1.
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
    }
}

/// The machine's source of randomness.
#[derive(Debug, Default)]
pub struct SystemIds(SystemRandom);

impl Ids for SystemIds {
    /// # Panics
    ///
    /// If the operating system gives no randomness: nothing secret can be made then.
    fn fill(&self, bytes: &mut [u8]) {
        let fill = |bytes: &mut [u8]| {
            self.0
                .fill(bytes)
                .expect("the operating system gives randomness");
        };
        if bytes.len() > SHORT {
            return fill(bytes);
        }
        // A thread that is ending has no store any more.
        let drawn = STORE.try_with(|store| store.borrow_mut().draw(bytes, fill));
        if drawn.is_err() {
            fill(bytes);
        }
    }
}

/// What is no longer than an id or a salt comes from a store: asking costs as much for ten bytes
/// as for a thousand. Keys are longer.
const SHORT: usize = 24;

thread_local! {
    static STORE: RefCell<Store> = const { RefCell::new(Store { bytes: [0; 1_024], left: 0 }) };
}

/// Random bytes that nobody has seen yet.
struct Store {
    bytes: [u8; 1_024],
    left: usize,
}

impl Store {
    fn draw(&mut self, bytes: &mut [u8], fill: impl Fn(&mut [u8])) {
        if self.left < bytes.len() {
            fill(&mut self.bytes);
            self.left = self.bytes.len();
        }
        let drawn = &mut self.bytes[self.left - bytes.len()..self.left];
        bytes.copy_from_slice(drawn);
        drawn.zeroize();
        self.left -= bytes.len();
    }
}

/// Ids that come out the same in every run with the same seed. Never for secrets in earnest.
#[derive(Debug)]
pub struct SeededIds(AtomicU64);

impl SeededIds {
    /// Begins at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Ids for SeededIds {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64: a full-period generator in four lines.
            let mut z = self
                .0
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
                .wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (z ^ (z >> 31)).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_random_bytes_are_given_out_twice() {
        let ids = SystemIds::default();
        let mut seen = HashSet::new();
        for length in (8..=40).cycle().take(5_000) {
            let mut bytes = vec![0; length];
            ids.fill(&mut bytes);
            assert!(
                bytes
                    .chunks_exact(8)
                    .all(|word| seen.insert(word.to_owned()))
            );
        }
    }
}
