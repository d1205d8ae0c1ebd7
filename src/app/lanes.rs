//! Whose a provider's lane is, where several instances work on one database.
//!
//! What a token wrote last, for how long a provider is left alone and when it was last probed is
//! remembered by one process ([`crate::providers::Pace`]). So of several instances one at a time
//! writes to a provider, looks at it and probes it: whoever has its lane. The others glance at the
//! row now and then, and take it when its owner gave it back or was not heard of for long enough.
//! What somebody waits for at a screen (a link, a plan) goes beside it, and never probes.
//!
//! Times are those of the instances' own clocks, as in every lease: they agree within seconds where
//! NTP keeps them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ProviderSlug, format_time};
use projections::Statement;

use super::App;
use crate::database::DatabaseError;

/// For how long a lane stays with an owner who is not heard of any more.
const LIFE: TimeDelta = TimeDelta::seconds(90);

/// With less than this left it is renewed before a call: twice as long as a call can take.
const ENOUGH: TimeDelta = TimeDelta::seconds(60);

/// How often who has not got it looks again.
const GLANCE: TimeDelta = TimeDelta::seconds(5);

/// How long nobody has a lane that was given back: the least time between two writes.
const GAP: TimeDelta = TimeDelta::seconds(1);

impl App {
    /// Takes a provider's lane, or keeps it; where another instance has it, says when to ask again.
    pub async fn take_lane(
        &self,
        provider: &ProviderSlug,
    ) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        let Some(owner) = self.pace.instance() else {
            return Ok(None);
        };
        let now = self.now();
        if self.pace.has_lane(provider, now + ENOUGH) {
            return Ok(None);
        }
        if let Some(again_at) = self.pace.lane_of_another(provider, now) {
            return Ok(Some(again_at));
        }
        let until = now + LIFE;
        let kept = Statement::new(
            "UPDATE lanes SET until = $3 WHERE provider = $1 AND owner = $2",
            [
                provider.as_str().into(),
                owner.as_str().into(),
                format_time(until).into(),
            ],
        );
        if self.pace.had_lane(provider) && self.is_done(kept).await? {
            self.pace.lane_is_ours(provider, until);
            return Ok(self.is_too_late(until));
        }
        let taken = Statement::new(
            "INSERT INTO lanes AS t (provider, owner, until) VALUES ($1, $2, $3) \
             ON CONFLICT (provider) DO UPDATE SET owner = excluded.owner, \
             until = excluded.until WHERE t.until <= $4 OR t.owner = $2",
            [
                provider.as_str().into(),
                owner.into(),
                format_time(until).into(),
                format_time(now).into(),
            ],
        );
        let is_ours = self.is_done(taken).await?;
        let asked = Statement::new(
            "SELECT until, rest_until FROM lanes WHERE provider = $1",
            [provider.as_str().into()],
        );
        let Some(row) = self.database.get(asked).await? else {
            return Ok(Some(now + GAP));
        };
        if row.maybe_text(1)?.is_some() {
            self.pace.rest(provider, row.parsed(1, "a time")?);
        }
        if is_ours {
            tracing::debug!(provider.slug = %provider, "this instance has the provider's lane");
            self.pace.lane_is_new(provider, until);
            return Ok(self.is_too_late(until));
        }
        let theirs: DateTime<Utc> = row.parsed(0, "a time")?;
        let again_at = theirs
            .min(now + GLANCE)
            .max(now + TimeDelta::milliseconds(1));
        self.pace.lane_is_theirs(provider, again_at);
        Ok(Some(again_at))
    }

    /// Says when to ask again where it took so long to have a lane that too little of it is left.
    fn is_too_late(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let now = self.now();
        (until < now + ENOUGH).then_some(now + TimeDelta::milliseconds(1))
    }

    /// The same before a call in the middle of a try: what cannot be asked now waits.
    pub(crate) async fn keep_lane(&self, provider: &ProviderSlug) -> Option<DateTime<Utc>> {
        match self.take_lane(provider).await {
            Ok(again_at) => again_at,
            Err(error) => {
                tracing::error!(provider.slug = %provider, %error, "a lane rests");
                Some(self.now() + GLANCE)
            }
        }
    }

    /// Has a provider left alone until a time, by whoever has its lane then.
    pub(crate) async fn rest_at(&self, provider: &ProviderSlug, until: DateTime<Utc>) {
        self.pace.rest(provider, until);
        if self.pace.instance().is_none() {
            return;
        }
        let noted = Statement::new(
            "UPDATE lanes SET rest_until = $2 WHERE provider = $1 \
             AND (rest_until IS NULL OR rest_until < $2)",
            [provider.as_str().into(), format_time(until).into()],
        );
        // Whoever takes the lane next is told again by the provider.
        if let Err(error) = self.database.transact(vec![noted]).await {
            tracing::warn!(provider.slug = %provider, %error, "a rest is remembered here only");
        }
    }

    /// Gives every lane back: nothing more is asked of any provider. What fails ends by itself.
    pub async fn give_lanes_back(&self) {
        let Some(owner) = self.pace.instance() else {
            return;
        };
        let until = format_time(self.now() + GAP);
        let given = self.pace.lanes_given_back().into_iter().map(|provider| {
            Statement::new(
                "UPDATE lanes SET until = $3 WHERE provider = $1 AND owner = $2",
                [
                    provider.as_str().into(),
                    owner.as_str().into(),
                    until.as_str().into(),
                ],
            )
        });
        let given: Vec<_> = given.collect();
        if given.is_empty() {
            return;
        }
        if let Err(error) = self.database.transact(given).await {
            tracing::warn!(%error, "lanes are left to end by themselves");
        }
    }

    async fn is_done(&self, statement: Statement) -> Result<bool, DatabaseError> {
        match self
            .database
            .transact(vec![statement.must_change_one()])
            .await
        {
            Ok(_) => Ok(true),
            Err(DatabaseError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
