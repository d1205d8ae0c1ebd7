//! The deployment's settings: one row, once anything was changed.

use chrono::{DateTime, Utc};
use domain::keyring::Algorithm;
use domain::settings::SettingsEvent;
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
        1
    }

    fn tables(&self) -> &'static [Table] {
        &[Table {
            name: "settings",
            key: &["id"],
            columns: "id TEXT NOT NULL, algorithm TEXT, revision BIGINT NOT NULL, \
                      changed_at TEXT NOT NULL, idx BIGINT NOT NULL",
            indexes: &[],
        }]
    }

    fn apply(&self, recorded: &Recorded<Event>) -> Vec<Statement> {
        match &recorded.event {
            Event::Settings(SettingsEvent::SettingsChanged { algorithm }) => vec![Statement::new(
                "INSERT INTO {settings} AS t (id, algorithm, revision, changed_at, idx) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET \
                 algorithm = COALESCE(excluded.algorithm, t.algorithm), \
                 revision = excluded.revision, changed_at = excluded.changed_at, \
                 idx = excluded.idx WHERE t.idx < excluded.idx",
                [
                    Value::from(domain::settings::Settings::ID),
                    maybe(algorithm.as_ref()),
                    recorded.version.into(),
                    time(recorded.recorded_at),
                    recorded.index.into(),
                ],
            )],
            Event::Access(_)
            | Event::Account(_)
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
        "SELECT algorithm, revision, changed_at FROM {settings} WHERE id = $1",
        [Value::from(domain::settings::Settings::ID)],
    )
}

/// Reads a row.
pub fn from_row(row: &Row) -> Result<SettingsRow, UnreadableRow> {
    let mut row = Reader::new(row);
    Ok(SettingsRow {
        algorithm: row.maybe()?.unwrap_or_default(),
        revision: row.number()?,
        changed_at: row.maybe_time()?,
    })
}
