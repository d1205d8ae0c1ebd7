//! Aggregates as they were last seen. Safe to keep: an append checks the version again.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::StreamName;
use lru::LruCache;

/// How many aggregates are kept in memory: some megabytes. One that is not costs a point read.
const CACHED: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();

/// The aggregates used last.
pub(super) struct Memory(Mutex<LruCache<StreamName, Box<dyn Any + Send>>>);

/// One of them: its state, and how many events made it.
type Kept<A> = (Arc<A>, u64);

impl Memory {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(CACHED)))
    }

    pub(super) fn find<A: Send + Sync + 'static>(&self, stream: &StreamName) -> Option<Kept<A>> {
        self.lock().get(stream)?.downcast_ref::<Kept<A>>().cloned()
    }

    /// Keeps a state, unless a later one is known.
    pub(super) fn keep<A: Send + Sync + 'static>(
        &self,
        stream: &StreamName,
        aggregate: &Arc<A>,
        version: u64,
    ) {
        let newer = (Arc::clone(aggregate), version);
        let mut memory = self.lock();
        let kept = memory.get_mut(stream);
        let older = match kept.and_then(|kept| kept.downcast_mut::<Kept<A>>()) {
            Some(kept) if kept.1 < version => Some(std::mem::replace(kept, newer)),
            Some(_) => None,
            None => {
                memory.put(stream.clone(), Box::new(newer));
                None
            }
        };
        // Nobody shall wait while it is taken apart.
        drop(memory);
        drop(older);
    }

    pub(super) fn forget(&self, stream: &StreamName) {
        self.lock().pop(stream);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<StreamName, Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_state_is_not_replaced_by_an_earlier_one() {
        let memory = Memory::new();
        let stream = StreamName::of("thing", &"one");
        memory.keep(&stream, &Arc::new("later"), 5);
        memory.keep(&stream, &Arc::new("earlier"), 4);
        assert_eq!(memory.find(&stream), Some((Arc::new("later"), 5)));
        memory.keep(&stream, &Arc::new("latest"), 6);
        assert_eq!(memory.find(&stream), Some((Arc::new("latest"), 6)));
        memory.forget(&stream);
        assert_eq!(memory.find::<&str>(&stream), None);
    }
}
