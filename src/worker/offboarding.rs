//! The end of everything that a person has here, once an admin asked for it.
//!
//! Every step is an event: the request, each unlinking and its end, each key and token that ended,
//! the completion. Nothing but the log and the read models say how far it is, so that a start anew
//! goes on where it was, and a provider that is away is waited for as in any unlinking.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{Account, AccountCommand, AccountEvent};
use domain::key_sync::LinkState;
use domain::keyring::{Holder, Keyring, KeyringCommand, KeyringEvent};
use domain::offboarding::{Offboarding, OffboardingCommand, OffboardingEvent};
use domain::token::TokenEvent;
use domain::{Event, UserId};
use projections::offboardings::{self, OffboardingStatus};

use crate::app::{App, Caller, CommandError, unless_refused};
use crate::database::DatabaseError;

/// The people who are being off-boarded.
#[derive(Default)]
pub(super) struct Leavers {
    people: BTreeSet<UserId>,
    /// Those of whom somebody has to look how far they are.
    due: BTreeMap<UserId, Caller>,
}

impl Leavers {
    /// Finds those whom the last instance left half done.
    pub(super) async fn begin(app: &App, caller: &Caller) -> Result<Self, DatabaseError> {
        let mut found = Self::default();
        for row in app.database.query(offboardings::running()).await? {
            let user = offboardings::from_row(&row)?.user;
            found.due.insert(user.clone(), caller.clone());
            found.people.insert(user);
        }
        Ok(found)
    }

    /// Notes what an event says of them.
    pub(super) fn see(&mut self, event: &Event, caller: &Caller) {
        let concerned = match event {
            Event::Offboarding(
                OffboardingEvent::OffboardingRequested { user, .. }
                | OffboardingEvent::OffboardingForced { user },
            ) => {
                self.people.insert(user.clone());
                user
            }
            Event::Offboarding(OffboardingEvent::OffboardingCompleted { user, .. }) => {
                self.people.remove(user);
                self.due.remove(user);
                return;
            }
            // Something came a moment before it was refused, or one thing less is there.
            Event::Account(
                AccountEvent::AccountLinked { user, .. }
                | AccountEvent::AccountUnlinked { user, .. },
            )
            | Event::Keyring(
                KeyringEvent::KeyGenerated { user, .. }
                | KeyringEvent::KeyRotated { user, .. }
                | KeyringEvent::KeyRetired { user, .. },
            )
            | Event::Token(
                TokenEvent::TokenCreated { user, .. } | TokenEvent::TokenRevoked { user, .. },
            ) => user,
            _ => return,
        };
        if self.people.contains(concerned) {
            self.due.insert(concerned.clone(), caller.clone());
        }
    }

    /// Goes on with one person; says whether there was anybody to look at.
    pub(super) async fn go_on(&mut self, app: &App) -> Result<bool, CommandError> {
        let Some((user, caller)) = self.due.first_key_value() else {
            return Ok(false);
        };
        app.go_on_offboarding(user, caller).await?;
        self.due.pop_first();
        Ok(true)
    }
}

impl App {
    /// Ends whatever of a person can end now; where nothing is left, the off-boarding is complete.
    async fn go_on_offboarding(&self, user: &UserId, caller: &Caller) -> Result<(), CommandError> {
        // What is left is asked first: the tally, read after it, has counted what is not.
        let left = self.belongings(user).await?;
        let Some(row) = self.database.get(offboardings::of(user)).await? else {
            return Ok(());
        };
        let row = offboardings::from_row(&row)?;
        if row.status != OffboardingStatus::Running {
            return Ok(());
        }
        let caller = &Caller {
            reason: row.reason.clone(),
            ..caller.clone()
        };
        if left.is_empty() {
            let command = OffboardingCommand::RecordOffboardingCompleted { tally: row.tally };
            self.dispatch
                .execute::<Offboarding>(user, command, caller)
                .await?;
            return Ok(());
        }
        for token in left.tokens {
            unless_refused(self.revoke_token(token, None, caller).await)?;
        }
        for account in left.accounts {
            if row.forced {
                unless_refused(self.force_unlink(user, account.account, caller).await)?;
            } else if account.status != LinkState::Unlinking {
                let command = AccountCommand::UnlinkAccount { user: user.clone() };
                let asked = self
                    .dispatch
                    .execute::<Account>(&account.account, command, caller)
                    .await;
                unless_refused(asked)?;
            }
        }
        // Nothing holds the personal key anywhere: it ends at once. Those of accounts end with them.
        let (keyring, _) = self.dispatch.load::<Keyring>(user).await?;
        for (key, _) in keyring.of(Holder::Personal) {
            let command = KeyringCommand::RetireKey { key };
            let ended = self
                .dispatch
                .execute::<Keyring>(user, command, caller)
                .await;
            unless_refused(ended)?;
        }
        Ok(())
    }
}
