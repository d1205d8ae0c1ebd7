//! How rough a simulation is.

use crate::chance::Chance;
use crate::disk::is_in_files;

/// How rough a simulation is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a thousand calls, how many fail.
    pub(crate) faults: usize,
    /// Of a thousand calls, at how many the process ends.
    pub(crate) ends: usize,
    /// Of a thousand calls to log and database, how many take seconds.
    pub(crate) slow: usize,
    /// Of a thousand keys that are made, how many a person pastes before the publisher comes.
    pub(crate) hands: usize,
    /// Of a thousand accounts, how many are linked when the story begins.
    pub(crate) linked: usize,
    /// How many things happen that nobody at the gate waits for.
    pub(crate) moves: usize,
    /// Of a hundred steps, in how many whoever waits at the gate goes first.
    pub(crate) eager: usize,
    /// How many instances of the service there are.
    pub(crate) instances: usize,
}

impl Weather {
    /// Nothing but what a story tells.
    pub(crate) const FINE: Self = Self {
        faults: 0,
        ends: 0,
        slow: 0,
        hands: 0,
        linked: 0,
        moves: 0,
        eager: 50,
        instances: 1,
    };

    /// Chooses how rough the story of a seed is.
    pub(crate) fn of(seed: u64, chance: &mut Chance) -> Self {
        let two = chance.permille(250) && !is_in_files(seed);
        Self {
            faults: *chance.one(&[0, 10, 40, 90, 150]).unwrap(),
            ends: *chance.one(&[0, 2, 5, 15]).unwrap(),
            slow: *chance.one(&[0, 0, 2, 20]).unwrap(),
            hands: *chance.one(&[0, 50, 150, 400]).unwrap(),
            linked: *chance.one(&[0, 300, 600, 900]).unwrap(),
            moves: 40 + chance.below(90),
            eager: *chance.one(&[50, 80, 90, 97]).unwrap(),
            instances: if two { 2 } else { 1 },
        }
    }
}
