//! What happens to replays.

use domain::Event;
use domain::replay::{ReplayEvent, ReplayInclude, ReplayScope};

use super::{Sample, later, provider, replay, time, user};

pub(super) fn samples() -> Vec<Sample> {
    samples! {
        &format!("replay-{}", replay()), Replay(ReplayEvent) with { replay: replay(), };
        ReplayStarted {
            scope: ReplayScope {
                provider: provider(),
                user: Some(user()),
                since: Some(time()),
                until: Some(later()),
                include: ReplayInclude::Unfinished,
            },
            planned: 14
        }
        ReplayCancelled { provider: provider() }
        ReplayResumed { provider: provider() }
        ReplayCompleted { provider: provider(), settled: 12, parked: 2, in_place: 0 }
    }
}
