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

pub use clock::Clock;
pub use disk::{Disk, File, Lock, OpenMode};
pub use random::Random;

use std::sync::Arc;

/// The world as one database sees it. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}
