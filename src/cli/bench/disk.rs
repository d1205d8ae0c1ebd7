//! What the disk itself does: the most that one who waits for it after every command can have.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::workload::Figures;

const BLOCK: usize = 4096;
/// How many blocks there are before the first is written again.
const BLOCKS: u64 = 4096;

/// Writes blocks of 4 KiB over zeros and syncs each with `fdatasync`, for `time`.
///
/// Over zeros: into a file that grows, each sync would write the file's size too.
pub(super) async fn sync(directory: &Path, time: Duration) -> anyhow::Result<Figures> {
    let path = directory.join("blocks");
    let figures = tokio::task::spawn_blocking(move || {
        let file = File::create(path)?;
        for block in 0..BLOCKS {
            file.write_all_at(&[0; BLOCK], block * BLOCK as u64)?;
        }
        file.sync_all()?;
        let mut took = Vec::new();
        let start = Instant::now();
        for block in (0..BLOCKS).cycle() {
            let before = Instant::now();
            if before.duration_since(start) >= time {
                break;
            }
            file.write_all_at(&[1; BLOCK], block * BLOCK as u64)?;
            file.sync_data()?;
            took.push(u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        std::io::Result::Ok(Figures::of(took, start.elapsed()))
    });
    figures.await?.context("the disk cannot be written")
}
