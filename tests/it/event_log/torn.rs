//! A machine that loses its power: of what was written since the last sync, the disk has any part.
//!
//! The log's files are kept as they were at each acknowledgement. Between two of them only the WAL
//! was written, and not synced: each of its sectors is on the disk or is not, and one may be torn.
//! `LANYARD_CUTS=10000` plays so many; a number that fails is printed.

use std::fs;
use std::path::Path;

use lanyard::clock::SystemClock;
use lanyard::datadir::DataDirectory;
use lanyard::eventlog::EventLog;
use lanyard::eventlog::sqlite::SqliteLog;

use crate::support::logs::{Place, Sqlite, read_sound, say, stream, words};
use crate::support::wanted;

/// What a disk writes whole, or not at all.
const SECTOR: usize = 512;

/// How many cuts are played where nobody says how many.
const CUTS: u64 = 120;

/// The log's files, and what they hold.
#[derive(Clone)]
struct Moment {
    log: Vec<u8>,
    wal: Vec<u8>,
    said: Vec<String>,
}

impl Moment {
    fn of(place: &Sqlite, said: &[String]) -> Self {
        Self {
            log: fs::read(place.path("log.db")).unwrap(),
            wal: fs::read(place.path("log.db-wal")).unwrap_or_default(),
            said: said.to_vec(),
        }
    }
}

/// Draws numbers: `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % end.max(1)
    }
}

/// Writes a log of some appends, short and long, with a WAL that begins anew in the midst.
async fn moments() -> Vec<Moment> {
    let place = Sqlite::new();
    let log = place.open_now().await;
    let (mut said, mut moments) = (Vec::new(), Vec::new());
    let much = "long ".repeat(1_500);
    for number in 0..14_u64 {
        if number == 8 {
            let other = place.connect("log.db");
            let sql = "PRAGMA wal_checkpoint(RESTART)";
            other.query_row(sql, [], |_| Ok(())).unwrap();
        }
        let mut events = vec![format!("event {number}")];
        for more in 0..number % 4 {
            let tail = if number % 3 == 0 { &much[..] } else { "" };
            events.push(format!("event {number}.{more} {tail}"));
        }
        let said_now: Vec<&str> = events.iter().map(String::as_str).collect();
        say(&*log, &stream(&format!("s{number}")), 0, &said_now).await;
        said.extend(events);
        moments.push(Moment::of(&place, &said));
    }
    moments
}

/// Where the next power cut leaves its files.
fn shelf() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn opened(folder: &Path) -> Result<SqliteLog, String> {
    let directory = DataDirectory::open(folder).map_err(|error| error.to_string())?;
    let log = SqliteLog::open(directory.into(), std::sync::Arc::new(SystemClock));
    log.map_err(|error| error.to_string())
}

/// The machine starts again with these files: all that was acknowledged at `before` is there, and
/// nothing, or all, of what came after it.
async fn starts_again(log: &[u8], wal: &[u8], before: &Moment, after: &Moment, which: &str) {
    let folder = shelf();
    fs::write(folder.path().join("log.db"), log).unwrap();
    fs::write(folder.path().join("log.db-wal"), wal).unwrap();
    let log = opened(folder.path()).unwrap_or_else(|error| panic!("{which}: {error}"));
    let events = read_sound(&log).await;
    let said: Vec<&str> = events.iter().map(words).collect();
    let whole = said == before.said || said == after.said;
    assert!(whole, "{which}: {} events", said.len());
    say(&log, &stream("after"), 0, &["and it goes on"]).await;
    assert_eq!(log.size().await.unwrap(), events.len() as u64 + 1);
}

/// What the disk has of a file of which `old` was synced, and `new` written over it.
fn torn(old: &[u8], new: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut there = old.to_vec();
    // The file is as long as it was, as it is to be, or something between.
    let grown = new.len().saturating_sub(old.len());
    let length = match chance.below(3) {
        0 => new.len(),
        1 => old.len() + chance.below(grown + 1),
        _ => old.len().max(new.len()),
    };
    there.resize(length.max(old.len()), 0);
    let written = 1 + chance.below(4);
    let torn = chance.below(new.len().div_ceil(SECTOR));
    for (number, sector) in new.chunks(SECTOR).enumerate() {
        let from = number * SECTOR;
        if old.get(from..from + sector.len()) == Some(sector) || chance.below(4) >= written {
            continue;
        }
        let much = if number == torn {
            chance.below(sector.len())
        } else {
            sector.len()
        };
        let until = there.len().min(from + much).max(from.min(there.len()));
        let from = from.min(there.len());
        there[from..until].copy_from_slice(&sector[..until - from]);
    }
    there
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_part_of_an_append_reaches_the_disk_what_was_acknowledged_is_there() {
    let moments = moments().await;
    let cuts = wanted("LANYARD_CUTS").map_or(CUTS, |cuts| cuts as u64);
    for seed in 0..cuts {
        let mut chance = Chance(seed);
        let at = chance.below(moments.len() - 1);
        let (before, after) = (&moments[at], &moments[at + 1]);
        let wal = torn(&before.wal, &after.wal, &mut chance);
        // What a checkpoint writes to the database itself is synced before the WAL begins anew.
        starts_again(&after.log, &wal, before, after, &format!("cut {seed}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_part_of_a_checkpoint_reaches_the_disk_nothing_is_lost() {
    let moments = moments().await;
    let (before, after) = (&moments[7], &moments[8]);
    assert_ne!(before.log, after.log, "there was a checkpoint");
    for seed in 0..CUTS / 2 {
        let log = torn(&before.log, &after.log, &mut Chance(seed));
        let which = format!("checkpoint {seed}");
        starts_again(&log, &before.wal, before, before, &which).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_append_that_is_cut_off_at_any_byte_is_not_there_and_all_before_it_is() {
    let moments = moments().await;
    // Of the first run of the WAL, which only grows.
    let (before, after) = (&moments[2], &moments[3]);
    let (old, new) = (before.wal.len(), after.wal.len());
    assert!(new > old, "the append is at the end");
    // The heads of its frames byte by byte, the pages behind them here and there.
    let is_near = |at: usize| (at - old) % 4_120 < 26 || (at - old).is_multiple_of(509);
    for cut in (old..new).filter(|at| is_near(*at)) {
        let which = format!("byte {cut}");
        starts_again(&before.log, &after.wal[..cut], before, before, &which).await;
    }
    let which = "nothing is cut off";
    starts_again(&before.log, &after.wal, after, after, which).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lacks_pages_that_were_checkpointed_is_refused() {
    let place = Sqlite::new();
    let log = place.open_now().await;
    for number in 0..40 {
        let much = "long ".repeat(1_000);
        say(&*log, &stream(&format!("s{number}")), 0, &[&much]).await;
    }
    drop(log);
    let whole = fs::read(place.path("log.db")).unwrap();
    let pages = whole.len() / 4_096;
    assert!(pages > 30, "{pages} pages");
    for left in [2, pages / 4, pages / 2, pages - 2, pages - 1] {
        let folder = shelf();
        fs::write(folder.path().join("log.db"), &whole[..left * 4_096]).unwrap();
        let opened = opened(folder.path());
        let refused = opened
            .err()
            .unwrap_or_else(|| panic!("{left} of {pages} pages"));
        assert!(refused.contains("malformed"), "{left} pages: {refused}");
    }
}
