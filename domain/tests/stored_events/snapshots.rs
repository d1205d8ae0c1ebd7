//! One file for every type and schema.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Once;

use domain::Event;

use crate::samples::{Sample, samples};

const WRITE: &str = "LANYARD_WRITE_SNAPSHOTS";

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "snapshots"]
        .iter()
        .collect()
}

fn path_of(sample: &Sample) -> PathBuf {
    folder().join(format!("{}.{}.json", sample.kind.name, sample.kind.schema))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own switch, not a setting"
)]
fn may_write() -> bool {
    std::env::var(WRITE).is_ok_and(|value| value == "1")
}

/// Writes what is missing, once for all tests; what exists is never written again.
fn write_missing() {
    static WRITTEN: Once = Once::new();
    WRITTEN.call_once(|| {
        for sample in samples() {
            if let Ok(mut file) = fs::File::create_new(path_of(&sample)) {
                writeln!(file, "{}", sample.line()).unwrap();
            }
        }
    });
}

/// Reads a sample's file, which ends with a line feed, as every text file does.
fn stored(sample: &Sample) -> String {
    if may_write() {
        write_missing();
    }
    let path = path_of(sample);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!(
            "{} is missing: write it by running with {WRITE}=1",
            path.display()
        )
    });
    text.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn every_event_is_written_as_it_always_was() {
    for sample in samples() {
        assert_eq!(sample.line(), stored(&sample), "{}", sample.kind.name);
    }
}

#[test]
fn every_event_reads_back_as_it_was_written() {
    for sample in samples() {
        let recorded = Event::decode(7, &stored(&sample)).unwrap();
        assert_eq!(recorded, sample.recorded(7), "{}", sample.kind.name);
    }
}

#[test]
fn every_file_ever_written_still_reads() {
    if may_write() {
        write_missing();
    }
    let mut read = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let line = fs::read_to_string(&path).unwrap();
        let recorded = Event::decode(0, line.trim_end()).unwrap_or_else(|error| {
            panic!("{name} no longer reads: {error}");
        });
        let (event_type, _) = name.split_once('.').unwrap();
        assert_eq!(recorded.event.kind().name, event_type);
        read.insert(name);
    }
    for sample in samples() {
        for schema in 1..=sample.kind.schema {
            let name = format!("{}.{schema}.json", sample.kind.name);
            assert!(read.contains(&name), "{name} is missing");
        }
    }
}
