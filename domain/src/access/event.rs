//! What can have happened at the door.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::{Kind, LoggedEvent};

/// A fact about one access. Stream `access-<request>`, one event each: nothing grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum AccessEvent {
    /// Somebody read the audit trail.
    AuditRead {
        /// What they asked for, as the query was written.
        query: String,
        /// How many events were given.
        returned: u64,
    },
}

impl LoggedEvent for AccessEvent {
    fn kind(&self) -> Kind {
        match self {
            Self::AuditRead { .. } => Kind::new("AuditRead", "LAX01I", 1),
        }
    }
}

impl DomainEvent for AccessEvent {
    fn event_type(&self) -> String {
        self.kind().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.kind().schema.to_string()
    }
}
