//! Keys that people carry by hand: what they are asked to do, and that they have done it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{
    Account, AccountCommand, AccountError, Placement, PlacementStatus as S, Presence,
};
use domain::keyring::KeyringError;
use domain::provider::{Provider, ProviderKind};
use domain::{AccountId, BaseUrl, KeyId, ProviderSlug, ReasonCode, UserId};
use projections::key_placements::{self, PlacementRow, PlacementStatus, Wanted};
use projections::provider_list;

use super::stops::Stops;
use super::{App, Caller, CaseError, CommandError, Rule};
use crate::providers::by_hand::{ByHand, Errand, describe};

/// One key at one account, and what the person is asked to do there, if anything.
#[derive(Debug, Clone)]
pub struct KnownPlacement {
    /// What the list says.
    pub row: PlacementRow,
    /// What to do.
    pub by_hand: Option<ByHand>,
    /// Why nothing is done about it, where that is somebody's order.
    pub held: Option<ReasonCode>,
}

/// What came of a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// When the provider ends the key by itself, if it is there and the provider does that.
    pub expires_at: Option<DateTime<Utc>>,
    /// The index of the event; none if that was known already.
    pub index: Option<u64>,
}

/// What providers there are, as far as it matters to a person's errands.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: HashMap<ProviderSlug, (ProviderKind, BaseUrl)>,
    stops: Stops,
}

impl App {
    /// Looks up the providers, if any of the placements may wait for the person.
    pub(super) async fn places_of(&self, rows: &[PlacementRow]) -> Result<Places, CaseError> {
        let stops = self.stops().await?;
        if !rows.iter().any(|row| awaited(row).is_some()) {
            let places = HashMap::new();
            return Ok(Places { places, stops });
        }
        let mut places = HashMap::new();
        for row in self.database.query(provider_list::all()).await? {
            let known = provider_list::from_row(&row)?;
            places.insert(known.provider, (known.kind, known.base_url));
        }
        Ok(Places { places, stops })
    }

    /// Takes a person's word that a key is at their account now, or is gone from it.
    pub async fn confirm_key(
        &self,
        user: &UserId,
        (account, key): (AccountId, KeyId),
        placed: bool,
        caller: &Caller,
    ) -> Result<Confirmed, CaseError> {
        let (state, _) = self.dispatch.load::<Account>(&account).await?;
        // Whose account it is stays unsaid.
        let link = state.link().filter(|link| link.user == *user);
        let link = link.ok_or_else(|| CommandError::Refused(AccountError::NotFound.into()))?;
        let placement = link
            .placements
            .get(&key)
            .ok_or_else(|| CommandError::Refused(KeyringError::NotFound.into()))?;
        let (provider, _) = self.dispatch.load::<Provider>(&link.provider).await?;
        let kind = provider.registration().map(|known| known.kind);
        let kind = kind.ok_or(Rule::NotByHand)?;
        let asked = key_placements::one(account, key);
        let row = self.database.get(asked).await?;
        let row = row.as_ref().map(key_placements::from_row).transpose()?;
        let command = match (placed, placement.status) {
            (false, S::Gone) if !placement.adopted => {
                return Ok(Confirmed {
                    expires_at: None,
                    index: None,
                });
            }
            _ if !kind.is_by_hand() && !is_left_to_person(row.as_ref()) => {
                return Err(Rule::NotByHand.into());
            }
            (_, S::Gone) => return Err(Rule::ConfirmationNotDue.into()),
            (true, S::Publishing(_) | S::PublishingParked | S::Published) => {
                let days = kind.key_days().map(TimeDelta::days);
                AccountCommand::RecordKeyPublished {
                    key,
                    remote_key: None,
                    presence: Presence::ByHand,
                    expires_at: days.map(|days| self.now() + days),
                }
            }
            (false, S::Withdrawing(_) | S::WithdrawingParked) => {
                // What nobody ever confirmed to be there was not there, as far as the log knows.
                let was_there = row.is_none_or(|row| row.presence.is_some());
                AccountCommand::RecordKeyWithdrawn { key, was_there }
            }
            (true, S::Withdrawing(_) | S::WithdrawingParked)
            | (false, S::Publishing(_) | S::PublishingParked | S::Published) => {
                return Err(Rule::ConfirmationOtherWay.into());
            }
        };
        let done = self
            .dispatch
            .execute::<Account>(&account, command, caller)
            .await?;
        let after = done.state.link().and_then(|link| link.placements.get(&key));
        if !agrees(after, placed) {
            // It was asked for the other way round meanwhile.
            return Err(Rule::ConfirmationOtherWay.into());
        }
        Ok(Confirmed {
            expires_at: after.and_then(|placement| placement.expires_at),
            index: done.index,
        })
    }
}

impl Places {
    /// Adds to a placement what the person is asked to do for it.
    pub(super) fn know(&self, row: PlacementRow, public_line: &str) -> KnownPlacement {
        let by_hand = awaited(&row)
            .zip(self.places.get(&row.provider))
            .filter(|(_, (kind, _))| kind.is_by_hand() || is_left_to_person(Some(&row)))
            .map(|(errand, (kind, base_url))| {
                let line = format!("{public_line} lanyard-{}-{}", row.user, row.provider);
                describe(*kind, base_url, errand, line)
            });
        KnownPlacement {
            held: self.stops.hold(&row),
            row,
            by_hand,
        }
    }
}

/// Returns what would be asked of the person, if it is for them to do.
fn awaited(row: &PlacementRow) -> Option<Errand> {
    use PlacementStatus as P;
    match (row.status, row.wanted) {
        (P::Requested | P::Failed | P::Parked, Wanted::Present) => Some(Errand::Paste),
        (P::Requested | P::Failed | P::Parked, Wanted::Absent) => Some(Errand::Remove),
        // It ends soon, and may be pasted again.
        (P::Published, _) => row.reminded.then_some(Errand::Paste),
        (P::Withdrawn | P::Released | P::Left, _) => None,
    }
}

/// Says whether a provider with an API leaves the removal of a key to the person.
fn is_left_to_person(row: Option<&PlacementRow>) -> bool {
    row.is_some_and(|row| {
        let code = row.failure.as_ref().map(|failure| failure.code);
        row.wanted == Wanted::Absent
            && row.status == PlacementStatus::Parked
            && code == Some(ReasonCode::RemoveByHand)
    })
}

fn agrees(after: Option<&Placement>, placed: bool) -> bool {
    let status = after.map(|placement| placement.status);
    if placed {
        status == Some(S::Published)
    } else {
        // The account may have come to its end meanwhile.
        matches!(status, Some(S::Gone) | None)
    }
}
