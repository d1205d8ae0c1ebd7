//! Why a report of an access is refused.

use crate::{RefusalKind, RefusedRule};

/// The rule that refused. None exists: what happened is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {}

impl RefusedRule for AccessError {
    fn code(&self) -> &'static str {
        match *self {}
    }

    fn kind(&self) -> RefusalKind {
        match *self {}
    }
}
