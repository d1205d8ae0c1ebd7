//! Replaced keys that stay for a while where their successor is, and go when that is over.
//!
//! Nobody polls: the next look is when the first grace ends. What moves that time is an event, and
//! is seen as one.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::AccountEvent;
use domain::settings::{Settings, SettingsEvent};
use domain::{AccountId, Event};
use projections::{Limit, key_sync};

use crate::app::{App, CommandError};

/// When to look again after a look at accounts of which nothing may have come.
const LATER: TimeDelta = TimeDelta::hours(1);

/// How long replaced keys stay, and when the next of them goes.
#[derive(Debug, Default)]
pub(super) struct Graces {
    grace: TimeDelta,
    again_at: Option<DateTime<Utc>>,
}

impl Graces {
    /// Reads how long keys stay, and has a look taken.
    pub(super) async fn begin(&mut self, app: &App) -> Result<(), CommandError> {
        let (settings, _) = app.dispatch.load::<Settings>(&Settings::ID).await?;
        self.grace = settings.rotation_grace_hours.time();
        self.again_at = Some(app.now());
        Ok(())
    }

    /// Has a look taken at `now` if an event says that a grace begins, or ends at another time.
    pub(super) fn see(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::Settings(SettingsEvent::SettingsChanged {
                rotation_grace_hours: Some(hours),
                ..
            }) => {
                self.grace = hours.time();
                self.again_at = Some(now);
            }
            Event::Account(
                AccountEvent::KeyPublished { .. }
                | AccountEvent::KeyWithdrawalRequested { .. }
                | AccountEvent::KeyReleased { .. }
                | AccountEvent::KeyPlacementDiscarded { .. },
            ) => self.again_at = Some(now),
            _ => {}
        }
    }

    /// Returns how long a replaced key stays.
    pub(super) fn grace(&self) -> TimeDelta {
        self.grace
    }

    /// Returns when to look next.
    pub(super) fn again_at(&self) -> Option<DateTime<Utc>> {
        self.again_at
    }

    /// Lists accounts where a grace has ended, a page of them.
    pub(super) async fn end(&mut self, app: &App) -> Result<Vec<AccountId>, CommandError> {
        let now = app.now();
        if self.again_at.is_none_or(|at| at > now) {
            return Ok(Vec::new());
        }
        let mut ended = Vec::new();
        let mut next = None;
        for row in app
            .database
            .query(key_sync::relieved(Limit::default()))
            .await?
        {
            let (account, since) = key_sync::relieved_from_row(&row)?;
            let ends_at = since + self.grace;
            if ends_at > now {
                next = Some(ends_at);
                break;
            }
            ended.push(account);
        }
        self.again_at = if ended.is_empty() {
            next
        } else {
            // The withdrawals are seen next, and bring another look.
            Some(now + LATER)
        };
        Ok(ended)
    }
}
