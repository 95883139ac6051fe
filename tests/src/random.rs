//! Chance that a seed repeats.

/// xorshift64 (Marsaglia, 2003).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // The state must not be 0; and seeds that are neighbours should differ at once.
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        random.below(2);
        random
    }

    /// Seeded by the clock, for tests whose threads differ from run to run anyhow.
    pub fn of_now() -> Random {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Random::new(since.as_nanos() as u64)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// One in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
