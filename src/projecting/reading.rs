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
    /// The log has events of types that this program does not know.
    #[error(
        "the log has events that Lanyard {ours} does not know: {types}; run the version that wrote \
         them, or a newer one (nothing was changed)",
        ours = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Which, with the schema and the program that met the first.
        types: String,
    },
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
    /// Says whether a newer program has written what this one cannot read.
    pub fn is_newer(&self) -> bool {
        matches!(
            self,
            Self::Newer { .. }
                | Self::Undecodable(DecodeError::Unknown { .. } | DecodeError::Newer { .. })
        )
    }

    /// Says whether waiting may help.
    pub fn passes(&self) -> bool {
        match self {
            Self::Log(LogError::Unavailable(_) | LogError::Conflict)
            | Self::Database(DatabaseError::Unavailable(_) | DatabaseError::Stale) => true,
            Self::Log(LogError::TooLong(_) | LogError::Damaged(_))
            | Self::Database(DatabaseError::Duplicate | DatabaseError::Broken(_))
            | Self::Undecodable(_)
            | Self::Newer { .. }
            | Self::OtherVersion { .. }
            | Self::Superseded
            | Self::Moving => false,
        }
    }
}

/// How many events are asked for at once.
const CHUNK: usize = 1_000;

/// How many bytes of lines make a page, however few events they are: bounds what is in memory.
const BYTES: usize = 16 << 20;

/// Reads events from `index` on, at most `limit`; fewer if one of them cannot be read, or if they
/// are long. Nothing: there is no more.
pub(super) async fn page(
    log: &dyn EventLog,
    index: u64,
    limit: usize,
) -> Result<Vec<Recorded<Event>>, FollowError> {
    let mut events = Vec::new();
    let (mut next, mut bytes) = (index, 0);
    while events.len() < limit && bytes < BYTES {
        let asked = CHUNK.min(limit - events.len());
        let chunk = log.read_all(next, asked).await?;
        let is_last = chunk.len() < asked;
        for stored in chunk {
            if stored.index != next {
                let gap = format!("event {next} is missing before {}", stored.index);
                return Err(LogError::Damaged(gap).into());
            }
            match Event::decode(stored.index, &stored.line) {
                Ok(event) => events.push(event),
                // Those before it count; it is met again by whoever goes on after them.
                Err(_) if !events.is_empty() => return Ok(events),
                Err(undecodable) => return Err(undecodable.into()),
            }
            next += 1;
            bytes += stored.line.len();
        }
        if is_last {
            break;
        }
    }
    Ok(events)
}
