//! A disk, a clock and randomness in memory.
