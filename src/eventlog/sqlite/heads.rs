//! The versions of the streams that were written last.

use std::collections::HashMap;

use domain::StreamName;

/// So many streams are remembered at most, twice.
const ENOUGH: usize = 32_768;

/// A bounded memory of versions: two halves, of which the older is forgotten when the younger
/// is full.
#[derive(Default)]
pub(super) struct Heads {
    young: HashMap<StreamName, u64>,
    old: HashMap<StreamName, u64>,
}

impl Heads {
    /// Returns a stream's version, if it is remembered.
    pub(super) fn get(&self, stream: &StreamName) -> Option<u64> {
        let young = self.young.get(stream);
        young.or_else(|| self.old.get(stream)).copied()
    }

    /// Remembers a stream's version.
    pub(super) fn set(&mut self, stream: &StreamName, version: u64) {
        if let Some(known) = self.young.get_mut(stream) {
            *known = version;
            return;
        }
        if self.young.len() >= ENOUGH {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream.clone(), version);
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
