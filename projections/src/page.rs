//! Pages of long lists.

use serde::Serialize;

/// How many rows a page may have: 1 to 1000, 100 where nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The most rows of a page.
    pub const MOST: u32 = 1000;

    /// Takes a number of rows, if it is in range.
    pub fn new(rows: u32) -> Option<Self> {
        (1..=Self::MOST).contains(&rows).then_some(Self(rows))
    }

    /// Returns the number of rows.
    pub fn rows(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

/// A page of a list and, if there is more, where the next begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T, C> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<C>,
}
