//! What goes on by itself once something is mended.
//!
//! | whenever | then |
//! | --- | --- |
//! | an admin changes a provider, or lets it work again | what failed because of the app is tried again |
//! | a key reached a provider or left it | what an outage there had parked is tried once more |
//!
//! Once: what is parked again after that waits for somebody, so that one key that a provider never
//! takes is not tried for ever.

use domain::account::{Account, AccountCommand, AccountEvent, PublicationCause, WithdrawalCause};
use domain::provider::ProviderEvent;
use domain::{Blame, Event, ProviderSlug, ReasonCode};
use projections::Limit;
use projections::key_placements::{self, Cause, Pending, PlacementRow, PlacementStatus, Wanted};

use crate::app::{App, Caller, CommandError};
use crate::database::DatabaseError;

/// What may be mended at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mended {
    /// Its registration: id, secret, address.
    App,
    /// An outage.
    Outage,
}

/// Returns what an event says to be mended.
pub(super) fn mended(event: &Event) -> Option<(ProviderSlug, Mended)> {
    match event {
        Event::Provider(
            ProviderEvent::ProviderChanged { provider, .. }
            | ProviderEvent::ProviderSecretStaged { provider, .. }
            | ProviderEvent::ProviderSecretConfirmed { provider }
            | ProviderEvent::ProviderAppAccepted { provider }
            | ProviderEvent::ProviderEnabled { provider }
            | ProviderEvent::ProviderResumed { provider },
        ) => Some((provider.clone(), Mended::App)),
        Event::Account(
            AccountEvent::KeyPublished { provider, .. }
            | AccountEvent::KeyWithdrawn { provider, .. },
        ) => Some((provider.clone(), Mended::Outage)),
        _ => None,
    }
}

impl Mended {
    fn concerns(self, row: &PlacementRow) -> bool {
        let Some(failure) = &row.failure else {
            return false;
        };
        match self {
            Self::App => failure.blame == Blame::App,
            Self::Outage => {
                let passes = matches!(
                    failure.code,
                    ReasonCode::ProviderUnreachable
                        | ReasonCode::ProviderTls
                        | ReasonCode::ProviderRateLimited
                        | ReasonCode::ProviderError
                        | ReasonCode::ProviderProtocol
                );
                failure.blame == Blame::Provider && passes && row.cause != Cause::Retry
            }
        }
    }

    /// In which states a key may be that is tried again.
    fn states(self) -> &'static [PlacementStatus] {
        match self {
            Self::App => &[PlacementStatus::Parked, PlacementStatus::Failed],
            // What has only failed is tried again anyway.
            Self::Outage => &[PlacementStatus::Parked],
        }
    }
}

impl App {
    /// Tries again at a provider what failed because of what is mended now.
    pub(super) async fn resume(
        &self,
        provider: &ProviderSlug,
        mended: Mended,
        caller: &Caller,
    ) -> Result<(), CommandError> {
        for status in mended.states() {
            let filter = Pending {
                provider: Some(provider.clone()),
                user: None,
                status: Some(*status),
            };
            let mut after = None;
            loop {
                let page = key_placements::pending(&filter, after, Limit::default());
                let rows = self.database.query(page).await?;
                for row in &rows {
                    let row = key_placements::from_row(row).map_err(DatabaseError::from)?;
                    after = Some((row.account, row.key));
                    if mended.concerns(&row) {
                        self.try_again(&row, caller).await?;
                    }
                }
                if rows.len() < Limit::default().rows() as usize {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn try_again(&self, row: &PlacementRow, caller: &Caller) -> Result<(), CommandError> {
        let key = row.key;
        let command = match row.wanted {
            Wanted::Present => AccountCommand::RequestKeyPublication {
                key,
                cause: PublicationCause::Retry,
            },
            Wanted::Absent => AccountCommand::RequestKeyWithdrawal {
                key,
                cause: WithdrawalCause::Retry,
            },
        };
        match self
            .dispatch
            .execute::<Account>(&row.account, command, caller)
            .await
        {
            // It is being unlinked meanwhile, or was.
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
