//! Chance that can be repeated: every part of a lab has its own stream drawn from the seed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// A stream of random choices; the same seed and name give the same choices on every machine.
pub(in crate::lab) struct Dice(ChaCha8Rng);

impl Dice {
    /// Opens the stream `name` of `seed`.
    ///
    /// Streams are independent, so a new kind of message does not change who lives in the lab.
    pub(in crate::lab) fn new(seed: u64, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(name.as_bytes());
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// Returns a number below `end` (0 when `end` is 0).
    pub(in crate::lab) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0.next_u64() % end).unwrap_or(0)
    }

    /// Returns a number from `low` to `high`, both included.
    pub(in crate::lab) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Is true `percent` times out of a hundred.
    pub(in crate::lab) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Picks one of several, the first of none being the default.
    pub(in crate::lab) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> Option<&'a T> {
        let index = self.below(from.len());
        from.get(index).copied()
    }

    /// Picks one word of several, or the empty one.
    pub(in crate::lab) fn word<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.pick(from).unwrap_or_default()
    }

    /// Puts a list into random order.
    pub(in crate::lab) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last + 1);
            list.swap(last, other);
        }
    }

    /// Returns `count` random bytes.
    pub(in crate::lab) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_seed_and_name_give_the_same_choices_and_others_do_not() {
        let draw = |seed, name: &str| Dice::new(seed, name).bytes(16);
        assert_eq!(draw(7, "mail"), draw(7, "mail"));
        assert_ne!(draw(7, "mail"), draw(8, "mail"));
        assert_ne!(draw(7, "mail"), draw(7, "people"));
    }

    #[test]
    fn a_number_between_two_reaches_both() {
        let mut dice = Dice::new(1, "range");
        let drawn: Vec<usize> = (0..200).map(|_| dice.between(3, 5)).collect();
        assert!(drawn.iter().all(|n| (3..=5).contains(n)));
        assert!(drawn.contains(&3) && drawn.contains(&5));
    }
}
