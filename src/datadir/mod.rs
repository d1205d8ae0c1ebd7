//! The directory in which a server without a database server keeps everything.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::reserve::Reserve;

pub mod reserve;

/// The file whose lock says that a process uses the directory.
const LOCK: &str = "lanyard.lock";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirectoryError {
    /// Another process has it.
    #[error(
        "another lanyard process uses this data directory: {}; stop it, or give this one a directory of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// The file system does not let us.
    #[error("the data directory {} cannot be used: {source}", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// A data directory, ours alone for as long as this value lives.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    lock: File,
    new: bool,
    reserve: Arc<Reserve>,
}

impl DataDirectory {
    /// Opens the directory, made for nobody but its owner if it is not there yet.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirectoryError> {
        let path = path.into();
        match Self::try_open(&path) {
            Ok((lock, new)) => Ok(Self {
                reserve: Arc::new(Reserve::of(&path)),
                path,
                lock,
                new,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirectoryError::InUse(path)),
            Err(TryLockError::Error(source)) => Err(DataDirectoryError::Unusable { path, source }),
        }
    }

    fn try_open(path: &Path) -> Result<(File, bool), TryLockError> {
        make_private_directory(path).map_err(TryLockError::Error)?;
        let lock = open_private(&path.join(LOCK)).map_err(TryLockError::Error)?;
        lock.try_lock()?;
        let mut others = fs::read_dir(path).map_err(TryLockError::Error)?;
        let new = others.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK));
        Ok((lock, new))
    }

    /// Returns the directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the room that is kept in it for bad days.
    pub fn reserve(&self) -> Arc<Reserve> {
        self.reserve.clone()
    }

    /// Tells whether nothing was in it when it was opened.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// Returns the path of a file in it, made empty and for its owner alone if it is not there
    /// yet: `SQLite` gives the files beside a database the database's own permissions.
    pub fn file(&self, name: &str) -> Result<PathBuf, DataDirectoryError> {
        let file = self.path.join(name);
        open_private(&file).map_err(|source| DataDirectoryError::Unusable {
            path: self.path.clone(),
            source,
        })?;
        Ok(file)
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that is just being started holds it too for a
        // moment, and with it the lock.
        let _ = self.lock.unlock();
    }
}

fn make_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::{DataDirectory, DataDirectoryError};

    #[test]
    fn a_directory_is_one_processs_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/data");
        let first = DataDirectory::open(&path).unwrap();
        let second = DataDirectory::open(&path).unwrap_err();
        assert!(matches!(second, DataDirectoryError::InUse(_)));
        assert_eq!(
            second.to_string(),
            format!(
                "another lanyard process uses this data directory: {}; \
                 stop it, or give this one a directory of its own",
                path.display()
            )
        );
        drop(first);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn a_directory_is_new_until_there_is_a_file_in_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        let directory = DataDirectory::open(&path).unwrap();
        assert!(directory.is_new());
        drop(directory);
        let directory = DataDirectory::open(&path).unwrap();
        assert!(directory.is_new(), "a lock is nobody's data");
        directory.file("log.db").unwrap();
        drop(directory);
        assert!(!DataDirectory::open(&path).unwrap().is_new());
    }

    #[test]
    #[cfg(unix)]
    fn what_is_made_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(home.path().join("data")).unwrap();
        let file = directory.file("log.db").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(directory.path()), 0o700);
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        std::fs::write(&path, "not a directory").unwrap();
        let refused = DataDirectory::open(&path).unwrap_err().to_string();
        assert!(refused.contains(&path.display().to_string()), "{refused}");
    }
}
