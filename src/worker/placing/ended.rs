//! A key that ended while it was on its way to the provider.
//!
//! Of two instances, one may end a key that was replaced before it was ever sent there, while the
//! other, which has not seen that yet, requests it there. Such a key is taken away again, wherever
//! it is by then: by the publisher if its request comes to it, and by the policy when it sees the
//! end of a key that is wanted somewhere.

use domain::KeyId;
use domain::account::{Account, AccountCommand, WithdrawalCause};
use domain::keyring::Holder;
use domain::reconcile::Wanted;
use projections::key_placements::PlacementRow;
use projections::keys::{self, KeyRow};

use super::{Placed, PlacingError};
use crate::app::{App, Caller, CommandError, unless_refused};
use crate::database::DatabaseError;

impl App {
    /// Requests that a key goes which the log wants at an account although it has ended.
    pub(in crate::worker) async fn take_away(
        &self,
        holder: Holder,
        key: KeyId,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        let Holder::Account(account) = holder else {
            return Ok(());
        };
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        let placement = state.link().and_then(|link| link.placements.get(&key));
        let wanted = placement.map(|placement| Wanted::of(placement.status));
        if !matches!(wanted, Some(Wanted::Put | Wanted::Kept)) {
            return Ok(());
        }
        let asked = self
            .dispatch
            .execute::<Account>(&account, away(key), caller);
        unless_refused(asked.await)
    }

    /// Has a key not be put there that has ended: it goes instead.
    pub(super) async fn give_up(
        &self,
        item: &PlacementRow,
        caller: &Caller,
    ) -> Result<Placed, PlacingError> {
        let executed = self
            .dispatch
            .execute::<Account>(&item.account, away(item.key), caller)
            .await?;
        Ok(Placed::Recorded {
            index: executed.index,
        })
    }

    /// Returns a key that its keyring no longer has.
    pub(super) async fn ended_key(&self, key: KeyId) -> Result<Option<KeyRow>, PlacingError> {
        let row = self.database.get(keys::by_id(key)).await?;
        let row = row.as_ref().map(keys::from_row).transpose();
        Ok(row.map_err(DatabaseError::from)?)
    }
}

fn away(key: KeyId) -> AccountCommand {
    AccountCommand::RequestKeyWithdrawal {
        key,
        cause: WithdrawalCause::Rotation,
    }
}
