//! What is left of a token's budget, overheard on the way: also an answer that is all one could
//! wish for may say that it was the last for now.

use std::cell::Cell;

use chrono::{DateTime, Utc};

tokio::task_local! {
    static HEARD: Cell<Option<DateTime<Utc>>>;
}

/// Makes calls with one token; returns what they came to, and until when the token's budget is
/// used up, if an answer said so.
pub async fn overhearing<T>(calls: impl Future<Output = T>) -> (T, Option<DateTime<Utc>>) {
    let listening = async {
        let done = calls.await;
        (done, heard())
    };
    HEARD.scope(Cell::new(None), listening).await
}

/// Returns until when the budget is used up, as far as the calls so far have said.
pub fn heard() -> Option<DateTime<Utc>> {
    HEARD.try_with(Cell::get).ok().flatten()
}

/// Says that an answer was the last for now. An adapter that does not go through
/// [`http`](super::http) says it itself.
pub fn used_up(until: DateTime<Utc>) {
    // Where nobody listens it is of no use to anybody.
    let _ = HEARD.try_with(|heard| heard.set(heard.get().max(Some(until))));
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[tokio::test]
    async fn what_an_answer_says_reaches_who_listens_and_nobody_else() {
        let noon = DateTime::UNIX_EPOCH;
        let later = noon + TimeDelta::minutes(1);
        used_up(noon);
        let calls = async {
            assert_eq!(heard(), None);
            used_up(later);
            used_up(noon);
            7
        };
        let other = overhearing(async { heard() });
        let (both, other) = tokio::join!(overhearing(calls), other);
        assert_eq!(both, (7, Some(later)));
        assert_eq!(other, (None, None));
        assert_eq!(heard(), None);
    }
}
