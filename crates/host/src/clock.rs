//! Time.

use std::time::Duration;

pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01 UTC. May jump.
    fn now_us(&self) -> i64;
    /// Never goes back.
    fn monotonic(&self) -> Duration;
}
