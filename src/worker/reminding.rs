//! Reminds people before a provider ends a key of theirs by itself, and replaces the key in time
//! where Lanyard carries it.
//!
//! Nobody polls: the next look is when the key that ends first comes near its end. What moves that
//! time is an event, and is seen as one.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Event;
use domain::account::{Account, AccountCommand, AccountEvent, Presence};
use domain::keyring::RotationCause;
use domain::provider::Provider;
use projections::key_placements::PlacementRow;
use projections::{Limit, key_placements};

use crate::app::{App, Caller, CaseError, CommandError};
use crate::database::DatabaseError;

/// How long before a key ends its person is reminded.
const AHEAD: TimeDelta = TimeDelta::days(30);

/// What is due before a time is not due at it: a look goes just behind.
const BEHIND: TimeDelta = TimeDelta::milliseconds(1);

/// When to look again after a look at keys of which nothing could be said.
const LATER: TimeDelta = TimeDelta::days(1);

/// When to look for keys that end soon.
#[derive(Debug, Default)]
pub(super) struct Reminders {
    again_at: Option<DateTime<Utc>>,
}

impl Reminders {
    /// Has a look taken at `now`, where it is unknown what ends when.
    pub(super) fn look_at(&mut self, now: DateTime<Utc>) {
        self.again_at = Some(now);
    }

    /// Has a look taken at `now` if an event says that another key may be the first to end.
    pub(super) fn see(&mut self, event: &Event, now: DateTime<Utc>) {
        if let Event::Account(
            AccountEvent::KeyPublished {
                expires_at: Some(_),
                ..
            }
            | AccountEvent::KeyExpiring { .. }
            // It was removed, and counts again.
            | AccountEvent::KeyDriftSettled { key: Some(_), .. },
        ) = event
        {
            self.again_at = Some(now);
        }
    }

    /// Returns when to look next.
    pub(super) fn again_at(&self) -> Option<DateTime<Utc>> {
        self.again_at
    }

    /// Reminds whoever is to be reminded now, a page of them; says whether anybody was.
    pub(super) async fn remind(&mut self, app: &App) -> Result<bool, CommandError> {
        let now = app.now();
        if self.again_at.is_none_or(|at| at > now) {
            return Ok(false);
        }
        let page = key_placements::ending_before(now + AHEAD, Limit::default());
        let rows = app.database.query(page).await?;
        let mut reminded = false;
        for row in &rows {
            let row = key_placements::from_row(row).map_err(DatabaseError::from)?;
            let Some(expires_at) = row.expires_at else {
                continue;
            };
            let caller = Caller::system("policy", app.new_id(), None);
            let key = row.key;
            let command = AccountCommand::RecordKeyExpiring { key, expires_at };
            let done = app
                .dispatch
                .execute::<Account>(&row.account, command, &caller)
                .await?;
            reminded |= !done.events.is_empty();
            replace_in_time(app, &row, &caller).await?;
        }
        self.again_at = match (rows.is_empty(), reminded) {
            (true, _) => first_end(app).await?.map(|at| at - AHEAD + BEHIND),
            // The events of it are seen next, and bring another look.
            (false, true) => None,
            (false, false) => Some(now + LATER),
        };
        Ok(reminded)
    }
}

/// Makes a new key in the place of one that ends soon, where Lanyard carries keys itself.
async fn replace_in_time(
    app: &App,
    row: &PlacementRow,
    caller: &Caller,
) -> Result<(), CommandError> {
    let (provider, _) = app.dispatch.load::<Provider>(&row.provider).await?;
    let carried = provider
        .registration()
        .is_some_and(|known| !known.kind.is_by_hand());
    if !carried || row.presence == Some(Presence::Adopted) {
        return Ok(());
    }
    let cause = RotationCause::Requested;
    match app.rotate_key(&row.user, row.key, cause, caller).await {
        // It is on its way out already.
        Ok(_) | Err(CaseError::Command(CommandError::Refused(_)) | CaseError::Rule(_)) => Ok(()),
        Err(CaseError::Command(error)) => Err(error),
    }
}

/// Returns when the first key ends of those whose people are still to be reminded.
async fn first_end(app: &App) -> Result<Option<DateTime<Utc>>, CommandError> {
    let row = app.database.get(key_placements::first_end()).await?;
    let first = row.as_ref().map(key_placements::first_end_from_row);
    Ok(first.transpose().map_err(DatabaseError::from)?)
}
