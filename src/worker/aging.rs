//! Keys that have reached the greatest age that a key may have: another takes their place.
//!
//! Only a key that is where it should be is replaced, and only where its successor could be put
//! now: not at a provider that does not answer, or is paused.
//! So a key is replaced once, however long its successor is on its way; where people carry their
//! keys by hand, the new key is theirs to paste, and the old one works until they have.
//!
//! Nobody polls: the next look is when the oldest key reaches its age. Many that reach it at once
//! are replaced one by one, a second or two apart.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Event;
use domain::account::AccountEvent;
use domain::keyring::RotationCause;
use domain::provider::{Choice, ProviderEvent};
use domain::settings::{KeyAge, Settings, SettingsEvent};
use projections::{Limit, keys};

use crate::app::{App, Caller, CaseError, CommandError};
use crate::database::DatabaseError;

/// How long to wait between two keys at the least; as much again is left to chance.
const APART_MILLIS: i64 = 1_000;

/// When to look again after a look at keys of which none could be replaced.
const LATER: TimeDelta = TimeDelta::hours(1);

/// How old keys may grow, and when the next of them is that old.
#[derive(Debug, Default)]
pub(super) struct Aging {
    most: Option<TimeDelta>,
    again_at: Option<DateTime<Utc>>,
}

impl Aging {
    /// Reads how old keys may grow, and has a look taken.
    pub(super) async fn begin(&mut self, app: &App) -> Result<(), CommandError> {
        let (settings, _) = app.dispatch.load::<Settings>(&Settings::ID).await?;
        self.most = settings.max_key_age_days.map(KeyAge::time);
        self.again_at = self.most.map(|_| app.now());
        Ok(())
    }

    /// Has a look taken at `now` if an event says that another key may be the first.
    pub(super) fn see(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::Settings(SettingsEvent::SettingsChanged {
                max_key_age_days: Some(age),
                ..
            }) => {
                self.most = match age {
                    Choice::Own(age) => Some(age.time()),
                    Choice::Default => None,
                };
                self.again_at = self.most.map(|_| now);
            }
            Event::Account(
                AccountEvent::GrantRenewed { .. }
                // Its person removed it, and it is there again.
                | AccountEvent::KeyDriftSettled { key: Some(_), .. },
            )
            | Event::Provider(
                ProviderEvent::ProviderEnabled { .. }
                | ProviderEvent::ProviderResumed { .. }
                | ProviderEvent::BreakerClosed { .. },
            ) if self.most.is_some() => {
                self.again_at = Some(self.again_at.map_or(now, |at| at.min(now)));
            }
            // Unless a key is older than this one.
            Event::Account(AccountEvent::KeyPublished { .. })
                if self.most.is_some() && self.again_at.is_none() =>
            {
                self.again_at = Some(now);
            }
            _ => {}
        }
    }

    /// Returns when to look next.
    pub(super) fn again_at(&self) -> Option<DateTime<Utc>> {
        self.again_at
    }

    /// Replaces the oldest key if it is too old; says whether it did.
    pub(super) async fn replace(&mut self, app: &App) -> Result<bool, CommandError> {
        let now = app.now();
        let Some(most) = self.most else {
            return Ok(false);
        };
        if self.again_at.is_none_or(|at| at > now) {
            return Ok(false);
        }
        let mut looked_at = false;
        for row in app
            .database
            .query(keys::oldest_in_place(Limit::default()))
            .await?
        {
            let row = keys::from_row(&row).map_err(DatabaseError::from)?;
            let ends_at = row.made_at + most;
            if ends_at > now {
                self.again_at = Some(ends_at);
                return Ok(false);
            }
            looked_at = true;
            let caller = Caller::system("policy", app.new_id(), None);
            let cause = RotationCause::Age;
            match app.rotate_key(&row.user, row.key, cause, &caller).await {
                Ok(_) => {
                    self.again_at = Some(now + apart(app));
                    return Ok(true);
                }
                // It was replaced or ended meanwhile.
                Err(CaseError::Command(CommandError::Refused(_)) | CaseError::Rule(_)) => {}
                Err(CaseError::Command(error)) => return Err(error),
            }
        }
        self.again_at = looked_at.then(|| now + LATER);
        Ok(false)
    }
}

/// Draws how long to wait until the next key.
fn apart(app: &App) -> TimeDelta {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a fraction of a second, in milliseconds"
    )]
    let chance = (APART_MILLIS as f64 * app.ids.fraction()) as i64;
    TimeDelta::milliseconds(APART_MILLIS + chance)
}
