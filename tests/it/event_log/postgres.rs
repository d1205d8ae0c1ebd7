//! The log in `PostgreSQL`.

use crate::support::postgres::Postgres;

/// A place in `PostgreSQL`, or the end of the test where there is none.
macro_rules! place {
    () => {
        match Postgres::new().await {
            Some(place) => place,
            None => return,
        }
    };
}

every_log!(place!());
kept_log!(place!());
