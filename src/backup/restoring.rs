//! Making a data directory from a backup.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::manifest::newest;
use super::{
    BackupError, Copied, Done, LOG, Manifest, STATE, create_private, database, files, names_in,
    read_through, sync_directory,
};
use crate::datadir::DataDirectory;

/// What may be in a directory that something is restored to: its lock, and the key, which an
/// operator may put there first.
const ALLOWED: [&str; 2] = ["lanyard.lock", "key"];

/// Restores a backup into a data directory that is empty but for its key. Nothing counts before
/// everything was found to be what the manifest says.
pub fn restore(
    from: &Path,
    directory: &DataDirectory,
    mut report: impl FnMut(Done),
) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(from)?;
    let to = directory.path();
    let names = names_in(to)?;
    if names.iter().any(|name| !ALLOWED.contains(&name.as_str())) {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    let parts = [(STATE, &manifest.state), (LOG, &manifest.log.copied)];
    let copied = copy_all(from, to, &parts, &mut report)
        .and_then(|()| check_log(&to.join(partial(LOG)), &manifest))
        .and_then(|()| {
            // The log comes last: without it a directory is no one's history.
            for (name, _) in parts {
                let (partial, path) = (to.join(partial(name)), to.join(name));
                fs::rename(&partial, &path).map_err(files(&path))?;
            }
            sync_directory(to)
        });
    if copied.is_err() {
        for (name, _) in parts {
            let _ = fs::remove_file(to.join(partial(name)));
        }
    }
    copied.map(|()| manifest)
}

fn partial(name: &str) -> String {
    format!("{name}.restoring")
}

fn copy_all(
    from: &Path,
    to: &Path,
    parts: &[(&str, &Copied)],
    report: &mut impl FnMut(Done),
) -> Result<(), BackupError> {
    let of = parts.iter().map(|(_, copied)| copied.bytes).sum();
    let mut steps = 0;
    for (name, copied) in parts {
        let (source, target) = (from.join(name), to.join(partial(name)));
        let mut file = create_private(&target)?;
        let (bytes, sha256) = read_through(&source, |piece| {
            steps += piece.len() as u64;
            report(Done { steps, of });
            file.write_all(piece).map_err(files(&target))
        })?;
        file.sync_all().map_err(files(&target))?;
        let differs = |what| BackupError::Differs {
            path: source.clone(),
            what,
        };
        if bytes != copied.bytes {
            return Err(differs("its length"));
        }
        if sha256 != copied.sha256 {
            return Err(differs("its SHA-256"));
        }
    }
    Ok(())
}

/// Makes sure that the log has as many events as it is said to have, and ends as it is said to.
fn check_log(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = Connection::open_with_flags(path, flags).map_err(database(path))?;
    let found = newest(&log).map_err(database(path))?;
    if found == (manifest.log.events, manifest.log.last_line_sha256.clone()) {
        return Ok(());
    }
    Err(BackupError::Differs {
        path: path.to_owned(),
        what: "its last event",
    })
}
