//! The outside world: disk, clock, randomness. Real, in memory, and faulty on purpose.
//!
//! Everything that can differ between two runs comes in through a [`Host`]; with a seeded one, a seed reproduces any
//! bug. This crate does not know what is stored. It is the only one that names `std::fs` and the system clock.

pub mod clock;
pub mod disk;
pub mod faulty;
pub mod memory;
pub mod random;
pub mod real;

pub use clock::{Clock, ManualClock};
pub use disk::{Disk, File, Lock, OpenMode};
pub use faulty::FaultyDisk;
pub use memory::MemoryDisk;
pub use random::{Random, SeededRandom};
pub use real::{RealClock, RealDisk, RealRandom};

use std::sync::Arc;

/// The world as one database sees it. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Host {
    /// This machine: its file systems, its clock, its randomness.
    pub fn real() -> Host {
        Host {
            disk: Arc::new(RealDisk),
            clock: Arc::new(RealClock::new()),
            random: Arc::new(RealRandom::new()),
        }
    }

    /// Nothing outlives it and nothing differs between two runs with one seed: for tests. The clock stands still at
    /// 2025-10-09 08:53:20 UTC; make the parts yourself to move it or to share the disk.
    pub fn memory(seed: u64) -> Host {
        Host {
            disk: Arc::new(MemoryDisk::new()),
            clock: Arc::new(ManualClock::new(1_760_000_000_000_000)),
            random: Arc::new(SeededRandom::new(seed)),
        }
    }

    /// Files in memory, but this machine's clock and randomness: for a database that need not outlive the process.
    pub fn volatile() -> Host {
        Host { disk: Arc::new(MemoryDisk::new()), ..Host::real() }
    }
}
