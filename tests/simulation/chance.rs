//! Chance that comes out the same for the same seed.

/// Draws numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Begins at a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws any number: `SplitMix64`.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Draws a number below `end`; 0 if nothing is below it.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let drawn = self.draw() >> 1;
        usize::try_from(drawn).unwrap_or(0) % end.max(1)
    }

    /// Says yes in `yes` of a thousand cases.
    pub(crate) fn permille(&mut self, yes: usize) -> bool {
        self.below(1_000) < yes
    }

    /// Draws one of several; nothing if there are none.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}
