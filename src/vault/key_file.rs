//! The key-encryption key: where it comes from, and what is refused.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::envelope::{BoxKey, KEY, new_key};
use crate::clock::Ids;

/// The key that wraps every data key. It comes from outside the database and never enters it.
pub struct KeyEncryptionKey(BoxKey);

/// Whether a data directory has been used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataDirectory {
    /// Nothing is in it yet: a key may be made.
    New,
    /// Something is in it that a new key could never open.
    InUse,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the key file {} is missing, and what is stored cannot be opened without it: put it back from its backup",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("the key file {} is there already and is never overwritten", .0.display())]
    Exists(PathBuf),
    #[error(
        "the key file {} may be read by others (mode {mode:04o}): chmod 600 it",
        path.display()
    )]
    Mode { path: PathBuf, mode: u32 },
    #[error("the key file {} belongs to another user: chown it to the one who runs lanyard", .0.display())]
    Owner(PathBuf),
    #[error("the key must be 32 bytes in base64 or in 64 hexadecimal digits, and nothing else")]
    Malformed,
    #[error("the key file {}: {source}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl KeyEncryptionKey {
    /// Reads the key file of a data directory; makes one only where nothing can need another.
    pub fn of_directory(
        path: &Path,
        directory: DataDirectory,
        ids: &dyn Ids,
    ) -> Result<Self, KeyError> {
        match (Self::from_file(path), directory) {
            (Err(KeyError::Missing(_)), DataDirectory::New) => Self::create_file(path, ids),
            (key, _) => key,
        }
    }

    /// Reads a file that only its owner, who is us, may read.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
            _ => failed(path, error),
        })?;
        check_private(path, &file)?;
        // Longer than any key, so that reading never moves what is read.
        let mut text = Zeroizing::new(String::with_capacity(256));
        file.take(256)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => KeyError::Malformed,
                _ => failed(path, error),
            })?;
        Self::from_env_value(&text)
    }

    /// Makes a key and its file, for a data directory in which nothing is yet.
    pub fn create_file(path: &Path, ids: &dyn Ids) -> Result<Self, KeyError> {
        let key = Self(new_key(ids));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => failed(path, error),
        })?;
        let mut text = Zeroizing::new(STANDARD.encode(key.0.as_slice()));
        text.push('\n');
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_folder(path))
            .map_err(|error| failed(path, error))?;
        Ok(key)
    }

    /// Reads a key as it stands in an environment variable: base64 or hexadecimal.
    pub fn from_env_value(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let mut key = BoxKey::default();
        if text.len() == 2 * KEY && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
                let digits = std::str::from_utf8(digits).map_err(|_| KeyError::Malformed)?;
                *byte = u8::from_str_radix(digits, 16).map_err(|_| KeyError::Malformed)?;
            }
            return Ok(Self(key));
        }
        let mut bytes = Zeroizing::new([0; KEY + 2]);
        match STANDARD.decode_slice(text, &mut *bytes) {
            Ok(KEY) => key.copy_from_slice(&bytes[..KEY]),
            _ => return Err(KeyError::Malformed),
        }
        Ok(Self(key))
    }

    /// Names the key without saying anything about it.
    pub fn id(&self) -> String {
        let mut named = digest::Context::new(&digest::SHA256);
        named.update(b"lanyard key-encryption key 1");
        named.update(&*self.0);
        let named = named.finish();
        let first = named
            .as_ref()
            .first_chunk()
            .map_or(0, |eight| u64::from_be_bytes(*eight));
        format!("{first:016x}")
    }

    pub(super) fn key(&self) -> &[u8; KEY] {
        &self.0
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.id())
    }
}

fn failed(path: &Path, source: io::Error) -> KeyError {
    KeyError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(unix)]
fn check_private(path: &Path, file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = file.metadata().map_err(|error| failed(path, error))?;
    let mode = metadata.mode() & 0o7777;
    if !matches!(mode, 0o600 | 0o400) {
        return Err(KeyError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    if own_user().is_some_and(|own| own != metadata.uid()) {
        return Err(KeyError::Owner(path.to_owned()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path, _: &File) -> Result<(), KeyError> {
    Ok(())
}

/// Asks Linux which user this process acts as. Elsewhere the mode must do: a private file of
/// somebody else opens for nobody but root.
#[cfg(unix)]
fn own_user() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}

/// Makes sure that the file's name survives a power failure, too.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
