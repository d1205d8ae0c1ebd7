//! What processes have had of the processors.

use std::time::Duration;

use anyhow::Context;

/// The unit in which the system says so to programs, whatever its own is.
const TICK: Duration = Duration::from_millis(10);

/// Returns what this process has had.
pub(super) fn own() -> anyhow::Result<Duration> {
    let stat = Stat::of("self").context("the system does not say what this process has had")?;
    Ok(stat.own)
}

/// Returns what a process and its children have had, also those that have ended.
pub(super) fn of_family(parent: u32) -> anyhow::Result<Duration> {
    let mut spent = Duration::ZERO;
    for process in std::fs::read_dir("/proc")? {
        // Whoever ends meanwhile is counted with its parent.
        let stat = process?.file_name().to_str().and_then(Stat::of);
        spent += match stat {
            Some(stat) if stat.id == parent => stat.own + stat.ended,
            Some(stat) if stat.parent == parent => stat.own,
            _ => Duration::ZERO,
        };
    }
    Ok(spent)
}

/// What the system says of a process.
struct Stat {
    id: u32,
    parent: u32,
    own: Duration,
    /// Of children that have ended.
    ended: Duration,
}

impl Stat {
    fn of(process: &str) -> Option<Self> {
        Self::read(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// Reads a line as in `proc_pid_stat(5)`.
    fn read(line: &str) -> Option<Self> {
        let (id, rest) = line.split_once(' ')?;
        // The name stands in brackets and may hold anything.
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |field: usize| -> Option<u32> { fields.get(field)?.parse().ok() };
        Some(Self {
            id: id.parse().ok()?,
            parent: ticks(1)?,
            own: TICK * (ticks(11)? + ticks(12)?),
            ended: TICK * (ticks(13)? + ticks(14)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 20 5 20 0 1 0 99";
        let stat = Stat::read(line).unwrap();
        assert_eq!((stat.id, stat.parent), (42, 7));
        assert_eq!(stat.own, Duration::from_secs(2));
        assert_eq!(stat.ended, Duration::from_millis(250));
        assert!(own().is_ok());
    }
}
