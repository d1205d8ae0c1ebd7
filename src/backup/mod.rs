//! A copy of a data directory, taken while its server runs, and a directory made from it.
//!
//! The log and the state must fit: no secret that an event refers to may be missing, and no read
//! model may know of an event that the log does not have. So both are looked at while the log
//! stands still: the backup holds the writer's lock of `log.db` for the moment in which it opens a
//! snapshot of each file. Secrets are sealed before the event that refers to them, and destroyed
//! after the one that ends them; read models follow the log. What goes on meanwhile is in neither
//! copy. Then the lock is given back, and the snapshots are copied at leisure.
//!
//! The key that opens the vault is named by its id and is not in it.

mod manifest;
mod restoring;
mod taking;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

pub use manifest::{Copied, LogCopied, MANIFEST, Manifest};
pub use restoring::restore;
pub use taking::back_up;

/// The log's file, in a data directory and in a backup.
const LOG: &str = "log.db";

/// The file of everything else.
const STATE: &str = "state.db";

/// How far a backup or a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// So many steps.
    pub steps: u64,
    /// Of so many.
    pub of: u64,
}

/// Why there is no backup, or nothing was restored from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing to back up.
    #[error("{} has no log.db and state.db: name the data directory with --database", .0.display())]
    NoData(PathBuf),
    /// The target is in use.
    #[error("{} is not empty: name a directory that is, or is not there yet", .0.display())]
    NotEmpty(PathBuf),
    /// The backup was not taken to its end.
    #[error("{} has no manifest.json: it is no backup, or was not taken to its end", .0.display())]
    NoManifest(PathBuf),
    /// The manifest says nothing that we understand.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A newer version has taken the backup.
    #[error("the backup was taken by Lanyard {0}, which this version cannot read: use that one")]
    Newer(String),
    /// A file is not what the manifest says.
    #[error("{} is not what manifest.json says ({what}): take another backup", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// In what.
        what: &'static str,
    },
    /// The file system does not let us.
    #[error("{}: {source}", path.display())]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A database cannot be read or written.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
}

/// Names the file of an error of the file system.
fn files(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Files { path, source }
}

/// Names the file of an error of `SQLite`.
fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Database { path, source }
}

/// Makes a file for its owner alone, which must not be there yet.
fn create_private(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(files(path))
}

/// Makes sure that the names in a directory are on the disk.
fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let directory = File::open(path).map_err(files(path))?;
    directory.sync_all().map_err(files(path))
}

/// Reads a file to its end, handing each piece on; returns its length and its SHA-256.
fn read_through(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(u64, String), BackupError> {
    let mut file = File::open(path).map_err(files(path))?;
    let mut digest = Context::new(&SHA256);
    let mut piece = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut piece).map_err(files(path))?;
        if read == 0 {
            return Ok((bytes, hex(digest.finish().as_ref())));
        }
        digest.update(&piece[..read]);
        each(&piece[..read])?;
        bytes += read as u64;
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Lists what is in a directory; nothing if it is not there.
fn names_in(path: &Path) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(files(path)(error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    let names: io::Result<Vec<String>> = entries.map(name).collect();
    names.map_err(files(path))
}
