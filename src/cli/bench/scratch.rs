//! Directories that do not outlive the run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;

/// A directory that is removed when it goes out of scope.
pub(super) struct Scratch {
    path: PathBuf,
    children: AtomicU32,
}

impl Scratch {
    /// Makes one in `parent`, or where the system keeps such.
    pub(super) fn new(parent: Option<PathBuf>) -> anyhow::Result<Self> {
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        Self::at(parent.join(format!("lanyard-bench-{}", std::process::id())))
    }

    /// Makes one inside, with a name of its own.
    pub(super) fn child(&self, what: &str) -> anyhow::Result<Self> {
        let number = self.children.fetch_add(1, Ordering::Relaxed);
        Self::at(self.path.join(format!("{what}-{number}")))
    }

    fn at(path: PathBuf) -> anyhow::Result<Self> {
        // Not one that is there: it would be removed in the end.
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path, children: AtomicU32::new(0) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
