//! The deployment's settings: one row, once anything was changed.

use chrono::{DateTime, Utc};
use domain::keyring::Algorithm;
use domain::settings::{GraceHours, KeyAge, SettingsEvent};
use domain::{Event, Recorded};

use crate::read::Reader;
use crate::write::{maybe, time};
use crate::{Projection, Row, Statement, Table, UnreadableRow, Value};

/// Fills `settings`.
pub struct Settings;

/// The settings as they now are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsRow {
    /// The algorithm of new keys.
    pub algorithm: Algorithm,
    /// How long a replaced key stays where its successor is.
    pub rotation_grace_hours: GraceHours,
    /// How old a key may grow; nothing: as old as it may.
    pub max_key_age_days: Option<KeyAge>,
    /// How often they were changed: the stream's version.
    pub revision: u64,
    /// When they were last changed.
    pub changed_at: Option<DateTime<Utc>>,
}

impl Projection for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn version(&self) -> u32 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "settings",
            key: &["id"],
            columns: "id TEXT NOT NULL, algorithm TEXT, rotation_grace_hours BIGINT, \
                      max_key_age_days BIGINT, revision BIGINT NOT NULL, changed_at TEXT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Settings(SettingsEvent::SettingsChanged {
                algorithm,
                rotation_grace_hours,
                max_key_age_days,
            }) => vec![Statement::new(
                // No age is written as 0: NULL stands for what was not changed.
                "INSERT INTO {settings} AS t (id, algorithm, rotation_grace_hours, \
                 max_key_age_days, revision, changed_at, idx) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (id) DO UPDATE SET \
                 algorithm = COALESCE(excluded.algorithm, t.algorithm), \
                 rotation_grace_hours = \
                 COALESCE(excluded.rotation_grace_hours, t.rotation_grace_hours), \
                 max_key_age_days = COALESCE(excluded.max_key_age_days, t.max_key_age_days), \
                 revision = excluded.revision, changed_at = excluded.changed_at, \
                 idx = excluded.idx WHERE t.idx < excluded.idx",
                [
                    Value::from(domain::settings::Settings::ID),
                    maybe(algorithm.as_ref()),
                    rotation_grace_hours.map_or(Value::Null, |hours| u64::from(hours).into()),
                    max_key_age_days
                        .map_or(Value::Null, |age| age.own().map_or(0, u64::from).into()),
                    recorded.version.into(),
                    time(recorded.recorded_at),
                    recorded.index.into(),
                ],
            )],
            Event::Access(_)
            | Event::Account(_)
            | Event::Campaign(_)
            | Event::Keyring(_)
            | Event::Offboarding(_)
            | Event::Provider(_)
            | Event::Replay(_)
            | Event::Token(_)
            | Event::Webhook(_) => vec![],
        }
    }
}

/// Asks for the settings. No row: [`SettingsRow::default`].
pub fn current() -> Statement {
    Statement::new(
        "SELECT algorithm, rotation_grace_hours, max_key_age_days, revision, changed_at \
         FROM {settings} WHERE id = $1",
        [Value::from(domain::settings::Settings::ID)],
    )
}

/// Reads a number that is in its range, if there is one.
fn in_range<T: TryFrom<u64>>(number: Option<u64>) -> Result<Option<T>, UnreadableRow> {
    let read = number.map(T::try_from).transpose();
    read.map_err(|_| UnreadableRow {
        column: 1,
        expected: "a number in its range",
    })
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<SettingsRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(SettingsRow {
        algorithm: row.maybe()?.unwrap_or_default(),
        rotation_grace_hours: in_range(row.maybe_number()?)?.unwrap_or_default(),
        max_key_age_days: in_range(row.maybe_number()?.filter(|days| *days > 0))?,
        revision: row.number()?,
        changed_at: row.maybe_time()?,
    })
}
