//! What is in a backup, so that a restore can tell whether it is whole.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::{BackupError, create_private, files, hex, sync_directory};

/// The manifest's file. It is written last: a backup without it was not taken to its end.
pub const MANIFEST: &str = "manifest.json";

/// The form of the manifest and of the files beside it.
const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// The version of Lanyard that has taken it.
    pub lanyard: String,
    /// When.
    pub taken_at: DateTime<Utc>,
    /// The id of the key that opens the vault: named, not included.
    pub key: Option<String>,
    /// The log.
    pub log: LogCopied,
    /// Sealed secrets and read models.
    pub state: Copied,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its name.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub sha256: String,
}

/// The log's file, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCopied {
    /// The file.
    #[serde(flatten)]
    pub copied: Copied,
    /// How many events it has.
    pub events: u64,
    /// The SHA-256 of the last event's line, which an auditor may have seen.
    pub last_line_sha256: Option<String>,
}

impl Manifest {
    /// Says what is in a backup of this form.
    pub(super) fn new(
        taken_at: DateTime<Utc>,
        key: Option<String>,
        log: LogCopied,
        state: Copied,
    ) -> Self {
        Self {
            format: FORMAT,
            lanyard: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at,
            key,
            log,
            state,
        }
    }

    /// Writes it, once everything else is on the disk.
    pub(super) fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let path = directory.join(MANIFEST);
        let partial = directory.join("manifest.json.partial");
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| unreadable(&path, &error))?;
        text.push('\n');
        let mut file = create_private(&partial)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(files(&partial))?;
        fs::rename(&partial, &path).map_err(files(&path))?;
        sync_directory(directory)
    }

    /// Reads the manifest of a backup.
    pub fn read(directory: &Path) -> Result<Self, BackupError> {
        /// As much as every form has.
        #[derive(Deserialize)]
        struct Any {
            format: u32,
            lanyard: String,
        }
        let path = directory.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::NoManifest(directory.to_owned()));
            }
            Err(error) => return Err(files(&path)(error)),
        };
        let any: Any = serde_json::from_str(&text).map_err(|error| unreadable(&path, &error))?;
        if any.format > FORMAT {
            return Err(BackupError::Newer(any.lanyard));
        }
        serde_json::from_str(&text).map_err(|error| unreadable(&path, &error))
    }
}

fn unreadable(path: &Path, error: &serde_json::Error) -> BackupError {
    BackupError::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

/// Returns how many events a log has, and the SHA-256 of the last line.
pub(super) fn newest(log: &Connection) -> rusqlite::Result<(u64, Option<String>)> {
    let last = log.query_row(
        "SELECT idx, line FROM events ORDER BY idx DESC LIMIT 1",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    );
    Ok(match last.optional()? {
        Some((index, line)) => (
            u64::try_from(index).unwrap_or(0) + 1,
            Some(hex(digest(&SHA256, line.as_bytes()).as_ref())),
        ),
        None => (0, None),
    })
}
