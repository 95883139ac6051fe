//! Group commit: one ordered step, one block, one fsync, then apply, publish and wake.
