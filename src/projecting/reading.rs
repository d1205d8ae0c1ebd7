//! Reading the log in pages of events.

use domain::{DecodeError, Event, Recorded};

use crate::database::DatabaseError;
use crate::eventlog::{EventLog, LogError};

/// Why whoever follows the log cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log gives no events now.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database takes no statements now.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An event cannot be read. Nothing is skipped: whoever follows the log stops before it.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// Another version of Lanyard has rebuilt a projection meanwhile.
    #[error("projection {name} has version {found}, not {ours}: another Lanyard works here")]
    OtherVersion {
        /// The projection.
        name: &'static str,
        /// The version of its tables.
        found: u64,
        /// The version that this program fills.
        ours: u32,
    },
    /// Another rebuild of the same projection has begun meanwhile.
    #[error("another rebuild of the same projection has begun")]
    Superseded,
    /// Rows went on changing while they were compared.
    #[error("the projections move while they are compared: verify again while nothing is written")]
    Moving,
}

impl FollowError {
    /// Says whether waiting may help.
    pub fn passes(&self) -> bool {
        match self {
            Self::Log(LogError::Unavailable(_) | LogError::Conflict)
            | Self::Database(DatabaseError::Unavailable(_) | DatabaseError::Stale) => true,
            Self::Log(LogError::TooLong(_) | LogError::Damaged(_))
            | Self::Database(DatabaseError::Duplicate | DatabaseError::Broken(_))
            | Self::Undecodable(_)
            | Self::OtherVersion { .. }
            | Self::Superseded
            | Self::Moving => false,
        }
    }
}

/// Reads events from `index` on, at most `limit`; fewer if one of them cannot be read. Nothing:
/// there is no more.
pub(super) async fn page(
    log: &dyn EventLog,
    index: u64,
    limit: usize,
) -> Result<Vec<Recorded<Event>>, FollowError> {
    let stored = log.read_all(index, limit).await?;
    let mut events = Vec::with_capacity(stored.len());
    for (expected, stored) in (index..).zip(stored) {
        if stored.index != expected {
            let gap = format!("event {expected} is missing before {}", stored.index);
            return Err(LogError::Damaged(gap).into());
        }
        match Event::decode(stored.index, &stored.line) {
            Ok(event) => events.push(event),
            // Those before it count; it is met again by whoever goes on after them.
            Err(_) if !events.is_empty() => break,
            Err(undecodable) => return Err(undecodable.into()),
        }
    }
    Ok(events)
}
