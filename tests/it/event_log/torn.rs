//! A write-ahead log of which a power failure left a part, or left something else: whatever is
//! whole is there, in order, and nothing after the first that is not.

use std::fs;

use crate::support::logs::{Place, Sqlite, read_sound, say, stream, words};

/// How a page of the write-ahead log is framed (`SQLite`, "Database File Format", section 4.1): a
/// header of 32 bytes, then for each page 24 bytes and the page.
const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// How many events there are.
const TOLD: u64 = 5;

/// What a log that was not closed has on disk, and what it was told.
struct Left {
    database: Vec<u8>,
    /// As far as it was written: the file is as long as it will ever be from the beginning.
    ahead: Vec<u8>,
    told: Vec<String>,
}

impl Left {
    async fn by_a_log_that_was_not_closed() -> Self {
        let place = Sqlite::new();
        let log = place.open_now().await;
        let read = |file: &str| fs::read(place.path(file)).unwrap();
        let new = read("log.db-wal");
        let mut told = Vec::new();
        for number in 0..TOLD {
            let said = format!("event {number}");
            say(&*log, &stream("ada"), number, &[&said]).await;
            told.push(said);
        }
        let (database, mut ahead) = (read("log.db"), read("log.db-wal"));
        assert_eq!((ahead.len() - HEADER) % FRAME, 0, "another size of page");
        let frames = ahead[HEADER..]
            .chunks(FRAME)
            .zip(new[HEADER..].chunks(FRAME));
        let mut written = frames.enumerate().filter(|(_, (now, then))| now != then);
        let (last, _) = written.next_back().unwrap();
        ahead.truncate(HEADER + (last + 1) * FRAME);
        Self {
            database,
            ahead,
            told,
        }
    }

    /// Opens a log of which this is left, and counts what it has: the first so many events, whole.
    /// It goes on from there.
    async fn opens_with(&self, ahead: &[u8]) -> usize {
        let place = Sqlite::new();
        fs::write(place.path("log.db"), &self.database).unwrap();
        fs::write(place.path("log.db-wal"), ahead).unwrap();
        let log = place.open_now().await;
        let events = read_sound(&*log).await;
        for (event, told) in events.iter().zip(&self.told) {
            assert_eq!(words(event), told);
        }
        say(&*log, &stream("ada"), events.len() as u64, &["after"]).await;
        assert_eq!(read_sound(&*log).await.len(), events.len() + 1);
        events.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_anywhere_it_keeps_the_events_before_the_cut() {
    let left = Left::by_a_log_that_was_not_closed().await;
    // Some bytes of every frame, and those around its borders.
    let borders = (0..).map(|frame| HEADER + frame * FRAME);
    let borders = borders.take_while(|border| *border <= left.ahead.len());
    let cuts = borders.flat_map(|border| [0, 24, 2_053].map(|beside| border + beside));
    let (mut before, mut kept) = (0, Vec::new());
    for cut in cuts.filter(|cut| *cut <= left.ahead.len()) {
        let events = left.opens_with(&left.ahead[..cut]).await;
        assert!(events >= before, "with {cut} bytes there are fewer events");
        before = events;
        kept.push(events);
    }
    assert_eq!(left.opens_with(&left.ahead).await, left.told.len());
    kept.dedup();
    assert_eq!(kept, (0..=left.told.len()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn spoilt_anywhere_it_keeps_the_events_before_that_and_serves_nothing_else() {
    let left = Left::by_a_log_that_was_not_closed().await;
    let frames = (left.ahead.len() - HEADER) / FRAME;
    let mut before = 0;
    for frame in 0..frames {
        let begin = HEADER + frame * FRAME;
        let whole = left.opens_with(&left.ahead[..begin]).await;
        let mut ahead = left.ahead.clone();
        // A byte of its header, or of its page.
        ahead[begin + [5, 24 + 1_000][frame % 2]] ^= 0x20;
        let events = left.opens_with(&ahead).await;
        assert_eq!(events, whole, "frame {frame} is spoilt");
        assert!(events >= before);
        before = events;
    }
}
