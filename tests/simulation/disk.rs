//! Where the log and the database of a simulation are.

use std::sync::Arc;

use lanyard::clock::FixedClock;
use lanyard::database::Database;
use lanyard::database::sqlite::SqliteDatabase;
use lanyard::datadir::DataDirectory;
use lanyard::eventlog::EventLog;
use lanyard::eventlog::memory::MemoryLog;
use lanyard::eventlog::sqlite::SqliteLog;
use tempfile::TempDir;

use crate::memory::MemoryDatabase;

/// One seed in this many keeps its log and its database in files, written by threads.
const IN_FILES: u64 = 25;

/// Where log and database are.
pub(crate) enum Disk {
    Memory,
    Files(TempDir),
}

pub(crate) type Opened = (Arc<dyn EventLog>, Arc<dyn Database>);

/// Says whether a seed keeps everything in files: then there is one instance of the service.
pub(crate) fn is_in_files(seed: u64) -> bool {
    seed % IN_FILES == IN_FILES - 1
}

pub(crate) fn open_disk(seed: u64, clock: &Arc<FixedClock>) -> (Disk, Opened) {
    if is_in_files(seed) {
        // In memory where there is such a place: what a disk does is proven elsewhere.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.unwrap();
        let opened = open_files(&folder, clock);
        return (Disk::Files(folder), opened);
    }
    (Disk::Memory, nothing(clock))
}

/// Returns a log and a database that are empty.
pub(crate) fn nothing(clock: &Arc<FixedClock>) -> Opened {
    let log = Arc::new(MemoryLog::new(clock.clone()));
    (log, Arc::new(MemoryDatabase::take()))
}

pub(crate) fn open_files(folder: &TempDir, clock: &Arc<FixedClock>) -> Opened {
    let directory = Arc::new(DataDirectory::open(folder.path()).unwrap());
    let log = SqliteLog::open(directory, clock.clone()).unwrap();
    let database = SqliteDatabase::open(folder.path().join("state.db")).unwrap();
    (Arc::new(log), Arc::new(database))
}
