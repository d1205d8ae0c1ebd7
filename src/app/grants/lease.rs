//! One refresh at a time for each grant, over all instances that share the database.
//!
//! GitLab ends the whole pair of tokens when a refresh token comes twice, so it is not enough that
//! the second of two instances would notice afterwards.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{SecretRef, format_time};
use projections::Statement;

use crate::app::{App, CommandError};
use crate::database::DatabaseError;

/// How long a lease holds if nobody gives it back: longer than a refresh can take, which is two
/// calls to a provider while there are two secrets.
const LIFE: TimeDelta = TimeDelta::minutes(2);
/// How often who has none looks again.
pub(super) const GLANCE: Duration = Duration::from_millis(100);
/// How often at most: a little longer than a refresh can take.
pub(super) const GLANCES: u32 = 650;

/// The right to use a refresh token.
pub(super) struct Lease {
    name: String,
    holder: String,
}

impl App {
    /// Takes the lease of a grant; nothing, if another instance has it.
    pub(super) async fn take_lease(&self, grant: SecretRef) -> Result<Option<Lease>, CommandError> {
        let lease = Lease {
            name: format!("refresh/{grant}"),
            holder: self.new_id().to_string(),
        };
        let now = self.now();
        let taken = Statement::new(
            "INSERT INTO leases AS t (name, holder, until) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE t.until <= $4",
            [
                lease.name.as_str().into(),
                lease.holder.as_str().into(),
                format_time(now + LIFE).into(),
                format_time(now).into(),
            ],
        );
        match self.database.transact(vec![taken.must_change_one()]).await {
            Ok(_) => Ok(Some(lease)),
            Err(DatabaseError::Stale) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a lease back. If that fails, it ends by itself.
    pub(super) async fn give_back(&self, lease: Lease) {
        let given = Statement::new(
            "DELETE FROM leases WHERE name = $1 AND holder = $2",
            [lease.name.into(), lease.holder.into()],
        );
        if let Err(error) = self.database.transact(vec![given]).await {
            tracing::warn!(%error, "a lease is left to end by itself");
        }
    }
}
