//! Room that is kept for bad days: a file that is given back when the disk is full.
//!
//! Without it a full disk refuses also what would help: that a person unlinks, that a key is taken
//! away, that the failure itself is recorded.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// How much is kept.
pub const SIZE: u64 = 64 << 20;

const NAME: &str = "reserve";

/// The reserve of one data directory.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    size: u64,
    /// One at a time makes it or gives it back.
    turn: Mutex<()>,
    given_back: Notify,
}

impl Reserve {
    /// Knows the reserve of a directory; makes nothing yet.
    pub fn of(directory: &Path) -> Self {
        Self::of_size(directory, SIZE)
    }

    fn of_size(directory: &Path, size: u64) -> Self {
        Self {
            path: directory.join(NAME),
            size,
            turn: Mutex::new(()),
            given_back: Notify::new(),
        }
    }

    /// Makes the file, if it is not there yet. Where there is no room for it, nothing is left of
    /// the try.
    pub fn make(&self) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let there = fs::metadata(&self.path).map_or(0, |file| file.len());
        if there == self.size {
            return Ok(());
        }
        let made = fill(&self.path, self.size);
        if made.is_err() {
            let _ = fs::remove_file(&self.path);
        }
        made
    }

    /// Gives the room back; says whether there was any.
    pub fn give_back(&self) -> bool {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let was_there = fs::remove_file(&self.path).is_ok();
        if was_there {
            tracing::error!(
                path = %self.path.display(),
                "the disk is full: the reserve is given back, free some space"
            );
            self.given_back.notify_one();
        }
        was_there
    }

    /// Waits until it is given back; what was given back before counts once.
    pub async fn is_given_back(&self) {
        self.given_back.notified().await;
    }
}

/// Writes what cannot be left out: a length alone takes no room.
fn fill(path: &Path, size: u64) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let block = vec![0; 1 << 20];
    let mut left = size;
    while left > 0 {
        let part = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        file.write_all(&block[..part])?;
        left -= part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_made_given_back_once_and_made_again() {
        let home = tempfile::tempdir().unwrap();
        let reserve = Reserve::of_size(home.path(), 3_000_000);
        assert!(!reserve.give_back(), "nothing is there yet");
        for _ in 0..2 {
            reserve.make().unwrap();
            reserve.make().unwrap();
            let file = fs::metadata(home.path().join(NAME)).unwrap();
            assert_eq!(file.len(), 3_000_000);
            assert!(reserve.give_back());
            assert!(!reserve.give_back());
            reserve.is_given_back().await;
        }
    }

    #[test]
    fn one_that_is_too_short_is_made_anew() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(NAME);
        fs::write(&path, "half").unwrap();
        Reserve::of_size(home.path(), 5_000).make().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 5_000);
    }

    #[test]
    fn where_it_cannot_be_made_nothing_is_left() {
        let home = tempfile::tempdir().unwrap();
        let reserve = Reserve::of_size(&home.path().join("gone"), 10);
        assert!(reserve.make().is_err());
        assert!(!reserve.give_back());
    }
}
