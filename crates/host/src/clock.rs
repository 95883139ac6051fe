//! Time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01 UTC. May jump.
    fn now_us(&self) -> i64;
    /// Never goes back.
    fn monotonic(&self) -> Duration;
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    now_us: AtomicI64,
    monotonic_us: AtomicU64,
}

impl ManualClock {
    pub fn new(now_us: i64) -> ManualClock {
        ManualClock { now_us: AtomicI64::new(now_us), monotonic_us: AtomicU64::new(0) }
    }

    /// Time passes.
    pub fn advance_us(&self, by_us: u64) {
        self.now_us.fetch_add(by_us as i64, Ordering::Relaxed);
        self.monotonic_us.fetch_add(by_us, Ordering::Relaxed);
    }

    /// Someone sets the wall clock: it jumps, the monotonic one does not.
    pub fn set_now_us(&self, now_us: i64) {
        self.now_us.store(now_us, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::Relaxed)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.monotonic_us.load(Ordering::Relaxed))
    }
}
