//! How far the revocation of a grant is: the last step of an unlinking.

use serde::{Deserialize, Serialize};

/// How far the revocation of a grant is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// How many tries have failed since it was last asked for.
    pub attempts: u32,
    /// Whether it waits for somebody.
    pub parked: bool,
}
