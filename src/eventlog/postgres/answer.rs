//! How those who wait for a batch are told that it is stored.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

use crate::eventlog::{Appended, LogError};

/// How many of a batch are told one by the other, at most.
const CHAIN: usize = 16;

/// After so long, and at most twice as long, whoever is still untold is told by the teller.
const PATIENCE: Duration = Duration::from_millis(5);

/// Whom to tell what came of an append. Dropped, it tells them that nothing is known of it.
pub(super) type Answer = oneshot::Sender<Result<Told, LogError>>;

/// That an append is stored. Whoever hears it, or does not want to, lets the next one be told.
pub(super) struct Told {
    pub(super) appended: Appended,
    #[expect(dead_code, reason = "it is there to be dropped")]
    next: Next,
}

/// Lets the next one be told when it is dropped.
struct Next(Arc<Chain>);

/// Who is still to be told, the next one first.
struct Chain(Mutex<VecDeque<(Answer, Appended)>>);

/// Tells those who wait for a batch.
///
/// To wake somebody makes the runtime wake another thread, to help: which takes as long as what there is
/// to help with, is done again for each of them, and takes the processor from the database where that is
/// on the same machine. So the first is told, and the next once that one is awake, on the same thread. Of
/// very many there are several firsts, and the other threads do help.
#[derive(Default)]
pub(super) struct Teller {
    /// Those whose first was told.
    begun: Mutex<Vec<Arc<Chain>>>,
    has_begun: Notify,
}

impl Teller {
    /// Tells those whose appends are stored.
    pub(super) fn tell(&self, stored: Vec<(Answer, Appended)>) {
        let chains = stored.len().div_ceil(CHAIN).max(1);
        let length = stored.len().div_ceil(chains);
        let mut stored = stored.into_iter();
        for _ in 0..chains {
            let chain = Chain(Mutex::new(stored.by_ref().take(length).collect()));
            let chain = Arc::new(chain);
            chain.tell_next();
            if !chain.waiting().is_empty() {
                lock(&self.begun).push(chain);
                self.has_begun.notify_one();
            }
        }
    }

    /// Tells, after a while, whoever is behind somebody that does not wake: a task may hold what was
    /// told and wait for one of those behind it. Goes on for ever.
    pub(super) async fn watch_over(&self) {
        loop {
            self.has_begun.notified().await;
            loop {
                let begun = std::mem::take(&mut *lock(&self.begun));
                if begun.is_empty() {
                    break;
                }
                sleep(PATIENCE).await;
                for chain in begun {
                    chain.tell_all();
                }
            }
        }
    }

    /// Tells everybody at once.
    pub(super) fn tell_all(&self) {
        for chain in std::mem::take(&mut *lock(&self.begun)) {
            chain.tell_all();
        }
    }
}

impl Chain {
    fn tell_next(self: &Arc<Self>) -> bool {
        let next = self.waiting().pop_front();
        let Some((answer, appended)) = next else {
            return false;
        };
        let next = Next(Arc::clone(self));
        // Whoever asked may have gone: then the next is told here. The events stay.
        let _ = answer.send(Ok(Told { appended, next }));
        true
    }

    fn tell_all(self: &Arc<Self>) {
        while self.tell_next() {}
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Answer, Appended)>> {
        lock(&self.0)
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        self.0.tell_next();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answered = oneshot::Receiver<Result<Told, LogError>>;

    fn batch(of: u64) -> (Vec<(Answer, Appended)>, Vec<Answered>) {
        let made = (0..of).map(|last| {
            let (answer, answered) = oneshot::channel();
            let appended = Appended { last, version: 1 };
            ((answer, appended), answered)
        });
        made.unzip()
    }

    /// Returns those who hear something now; what they hear is kept.
    fn hear(waiting: &mut [Answered]) -> Vec<Told> {
        let heard = waiting
            .iter_mut()
            .filter_map(|answered| answered.try_recv().ok());
        heard.map(Result::unwrap).collect()
    }

    fn places(told: &[Told]) -> Vec<u64> {
        told.iter().map(|told| told.appended.last).collect()
    }

    #[test]
    fn whoever_is_told_lets_the_next_be_told() {
        let (stored, mut waiting) = batch(3);
        Teller::default().tell(stored);
        for place in 0..3 {
            let told = hear(&mut waiting);
            assert_eq!(places(&told), [place]);
            assert!(hear(&mut waiting).is_empty());
        }
        assert!(hear(&mut waiting).is_empty());
    }

    #[test]
    fn of_very_many_several_are_told_first() {
        let (stored, mut waiting) = batch(40);
        Teller::default().tell(stored);
        let mut told = hear(&mut waiting);
        assert_eq!(places(&told), [0, 14, 28]);
        let mut all = Vec::new();
        while !told.is_empty() {
            all.extend(places(&told));
            drop(told);
            told = hear(&mut waiting);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..40));
        Teller::default().tell(Vec::new());
    }

    #[test]
    fn those_behind_somebody_who_has_gone_are_told_all_the_same() {
        let (stored, mut waiting) = batch(5);
        waiting.drain(1..3);
        Teller::default().tell(stored);
        assert_eq!(places(&hear(&mut waiting)), [0]);
        // This one is told, and goes without having looked.
        drop(waiting.remove(1));
        assert_eq!(places(&hear(&mut waiting)), [4]);
    }

    #[tokio::test(start_paused = true)]
    async fn those_behind_somebody_who_does_not_wake_are_told_after_a_while() {
        let teller = Arc::new(Teller::default());
        let watching = tokio::spawn({
            let teller = Arc::clone(&teller);
            async move { teller.watch_over().await }
        });
        for _ in 0..3 {
            let (stored, mut waiting) = batch(3);
            teller.tell(stored);
            let kept = hear(&mut waiting);
            assert_eq!(places(&kept), [0]);
            sleep(PATIENCE * 2 + Duration::from_millis(2)).await;
            assert_eq!(places(&hear(&mut waiting)), [1, 2]);
        }
        watching.abort();
        let (stored, mut waiting) = batch(3);
        teller.tell(stored);
        teller.tell_all();
        assert_eq!(places(&hear(&mut waiting)), [0, 1, 2]);
    }
}
