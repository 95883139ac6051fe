//! What one transaction holds.

use super::compact::Lot;
use super::{Modes, Resource, covers};
use foldhash::HashMap;
use std::sync::Arc;

/// What one transaction holds, in the order in which it was granted.
#[derive(Default)]
pub(crate) struct Held {
    pub(super) modes: HashMap<Arc<Resource>, Modes>,
    pub(super) order: Vec<Grant>,
    /// How many of them were there at the newest savepoint.
    pub(super) marked: usize,
    /// Rows and values among them.
    pub(super) compact_count: usize,
}

pub(super) enum Grant {
    One(Arc<Resource>, Modes),
    /// A set of compact ones.
    Set(Lot, u8, u64),
}

impl Held {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What is granted from here on can be released by itself.
    pub(crate) fn mark(&mut self) -> usize {
        self.marked = self.order.len();
        self.marked
    }

    /// Whether some of it is known by fingerprint alone.
    pub(crate) fn is_compact(&self) -> bool {
        self.compact_count > 0
    }

    /// The set that a compact lock can go to: none of before the newest savepoint.
    pub(super) fn open_set(&self, lot: Lot, mode: u8) -> Option<u64> {
        let since = self.order.get(self.marked..).unwrap_or_default();
        since.iter().rev().find_map(|grant| match grant {
            Grant::Set(of, in_mode, number) if (*of, *in_mode) == (lot, mode) => Some(*number),
            _ => None,
        })
    }

    /// Everything, in no order.
    pub(crate) fn list(&self) -> Vec<(Resource, u8)> {
        self.modes.iter().map(|(resource, modes)| (Resource::clone(resource), *modes)).collect()
    }

    /// Whether this transaction holds what excludes at least all that `mode` excludes.
    pub(crate) fn covers(&self, resource: &Resource, mode: u8) -> bool {
        self.modes.get(resource).is_some_and(|modes| covers(resource, *modes, mode))
    }
}
