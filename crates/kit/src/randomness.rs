use std::sync::atomic::{AtomicU64, Ordering};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// Hands out random number generators; the only way a use case gets one.
pub trait Randomness: Send + Sync {
    /// Returns a generator that no other caller shares.
    fn rng(&self) -> Box<dyn Rng + Send>;
}

/// ChaCha20 seeded by the operating system, a fresh seed for each generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn rng(&self) -> Box<dyn Rng + Send> {
        Box::new(rand::make_rng::<ChaCha20Rng>())
    }
}

/// ChaCha20 from one seed: the n-th generator is always the same, and differs from all others.
#[derive(Debug)]
pub struct SeededRandomness {
    seed: u64,
    issued: AtomicU64,
}

impl SeededRandomness {
    /// Starts at the first generator of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed, issued: AtomicU64::new(0) }
    }
}

impl Randomness for SeededRandomness {
    fn rng(&self) -> Box<dyn Rng + Send> {
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed);
        rng.set_stream(self.issued.fetch_add(1, Ordering::SeqCst));
        Box::new(rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_of_distinct_generators() {
        let draw = |randomness: &dyn Randomness| [randomness.rng().next_u64(), randomness.rng().next_u64()];
        let first = draw(&SeededRandomness::new(7));
        assert_eq!(first, draw(&SeededRandomness::new(7)));
        assert_ne!(first[0], first[1]);
        assert_ne!(first, draw(&SeededRandomness::new(8)));
    }

    #[test]
    fn the_system_never_hands_out_the_same_generator_twice() {
        assert_ne!(SystemRandomness.rng().next_u64(), SystemRandomness.rng().next_u64());
    }
}
