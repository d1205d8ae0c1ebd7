//! A probe where no key waits: with the account of a grant whose revocation an outage has parked. One
//! list of its keys shows as well whether the provider is back.

use domain::account::Account;
use domain::breaker::Sign;
use domain::provider::Registration;
use projections::{Limit, revocations};

use super::publisher::PublisherError;
use crate::app::grants::AccessError;
use crate::app::{App, Caller};
use crate::database::DatabaseError;

impl App {
    /// Asks once for the keys of an account that leaves; says whether anybody was asked.
    pub(super) async fn probe_by_leaver(
        &self,
        registration: &Registration,
        most: Limit,
        caller: &Caller,
    ) -> Result<bool, PublisherError> {
        let provider = &registration.provider;
        let parked = revocations::parked_by_outage(provider, self.now(), None, most);
        for row in self.database.query(parked).await? {
            let row = revocations::from_row(&row).map_err(DatabaseError::from)?;
            let _turn = self.pace.turn(row.account).await;
            let (account, _) = self.dispatch.load::<Account>(&row.account).await?;
            let Some(link) = account.link() else {
                continue;
            };
            let listing =
                self.ask(
                    link,
                    registration,
                    caller,
                    |adapter, oauth, token| async move {
                        adapter.list_keys(&oauth, &token).await.map(drop)
                    },
                );
            let (sign, failure) = match Box::pin(listing).await {
                Ok(()) => (Sign::Well, None),
                Err(AccessError::Provider(failed)) => (
                    Sign::of(&failed.failure, failed.status),
                    Some(failed.failure),
                ),
                Err(AccessError::NoTokens) => continue,
                Err(AccessError::Command(error)) => return Err(error.into()),
            };
            self.note_health(provider, sign, failure.as_ref(), caller)
                .await?;
            return Ok(true);
        }
        Ok(false)
    }
}
