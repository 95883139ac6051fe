//! Many locks of one transaction in few bytes: of rows and values beyond the first tens of thousands only a fingerprint of
//! 64 bits is kept, as long as nobody else wants them.
//!
//! Whoever else asks for such a row has the lock made a full one first, so that all that follows, who waits for whom and
//! who is next, is as for every other lock. A fingerprint that two rows share makes one wait for the other: with ten
//! million locks once in 10^12 rows, and harmlessly.

use super::{Modes, Owner, Resource, State, mode_name};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;

/// What is locked row by row: rows of an object, values of an index.
pub(super) type Lot = (bool, u32);

/// Of this many a transaction may hold so.
pub(super) const PRINTS_LIMIT: usize = 1 << 27;

impl Resource {
    pub(super) fn lot(&self) -> Option<Lot> {
        match self {
            Resource::Row(object, _) => Some((false, *object)),
            Resource::Value(index, _) => Some((true, *index)),
            Resource::Table(_) | Resource::Advisory(_) => None,
        }
    }
}

/// All compact locks of a database.
#[derive(Default)]
pub(super) struct CompactLocks {
    hasher: RandomState,
    sets: HashMap<Lot, Vec<Set>>,
    next: u64,
}

/// Locks that one transaction took in one mode between two savepoints.
struct Set {
    owner: Owner,
    mode: u8,
    number: u64,
    prints: Prints,
    /// Those that somebody else has asked for: they are in their queues too.
    shown: Vec<Arc<Resource>>,
}

impl CompactLocks {
    fn of(&self, resource: &Resource) -> impl Iterator<Item = &Set> {
        resource.lot().and_then(|lot| self.sets.get(&lot)).into_iter().flatten()
    }

    /// The modes in which an owner holds a resource here.
    pub(super) fn held(&self, owner: Owner, resource: &Resource) -> Modes {
        let print = self.hasher.hash_one(resource);
        let mine = self.of(resource).filter(|set| set.owner == owner && set.prints.has(print));
        mine.fold(0, |modes, set| modes | 1 << set.mode)
    }

    pub(super) fn is_held_beside(&self, owner: Owner, resource: &Resource) -> bool {
        let print = self.hasher.hash_one(resource);
        self.of(resource).any(|set| set.owner != owner && set.prints.has(print))
    }

    /// A new set, for [`CompactLocks::add`].
    pub(super) fn begin(&mut self, owner: Owner, lot: Lot, mode: u8) -> u64 {
        self.next += 1;
        let set = Set { owner, mode, number: self.next, prints: Prints::default(), shown: Vec::new() };
        self.sets.entry(lot).or_default().push(set);
        self.next
    }

    /// Adds a resource that nobody else holds or wants. False: it is in the set.
    pub(super) fn add(&mut self, number: u64, resource: &Resource) -> bool {
        let print = self.hasher.hash_one(resource);
        let sets = resource.lot().and_then(|lot| self.sets.get_mut(&lot));
        let set = sets.into_iter().flatten().find(|set| set.number == number);
        set.is_some_and(|set| set.prints.add(print))
    }

    /// Who else holds a resource here, and how. From now on that is in its queue.
    pub(super) fn show(&mut self, owner: Owner, resource: &Arc<Resource>) -> Vec<(Owner, u8)> {
        let Some(sets) = resource.lot().and_then(|lot| self.sets.get_mut(&lot)) else { return Vec::new() };
        let print = self.hasher.hash_one(&**resource);
        let others = sets.iter_mut().filter(|set| set.owner != owner && set.prints.has(print));
        others
            .map(|set| {
                if !set.shown.contains(resource) {
                    set.shown.push(resource.clone());
                }
                (set.owner, set.mode)
            })
            .collect()
    }

    fn end(&mut self, lot: Lot, number: u64) -> Option<Set> {
        let sets = self.sets.get_mut(&lot)?;
        let at = sets.iter().position(|set| set.number == number)?;
        let set = sets.swap_remove(at);
        if sets.is_empty() {
            self.sets.remove(&lot);
        }
        Some(set)
    }

    /// As [`super::LockTable::list`] tells it.
    pub(super) fn list(&self) -> impl Iterator<Item = (Owner, String, &'static str, bool)> {
        self.sets.iter().flat_map(|(&(is_value, id), sets)| {
            let any = if is_value { Resource::Value(id, [].into()) } else { Resource::Row(id, [].into()) };
            sets.iter().map(move |set| {
                let count = set.prints.count;
                let what = match any {
                    Resource::Value(..) => format!("{count} values of index {id}"),
                    _ => format!("{count} rows of relation {id}"),
                };
                (set.owner, what, mode_name(&any, set.mode), true)
            })
        })
    }
}

impl State {
    /// How many there were.
    pub(super) fn release_set(&mut self, owner: Owner, lot: Lot, number: u64) -> usize {
        let Some(Set { mode, prints, shown, .. }) = self.compact.end(lot, number) else { return 0 };
        for resource in shown {
            self.release(owner, &resource, 1 << mode);
        }
        prints.count
    }
}

/// Fingerprints, in parts, so that one part at a time grows.
#[derive(Default)]
struct Prints {
    parts: Vec<HashSet<u64, BuildHasherDefault<AsItIs>>>,
    count: usize,
}

/// Beyond this they are divided into [`PARTS`].
const UNDIVIDED: usize = 1 << 14;
const PARTS: usize = 256;

impl Prints {
    fn part(&self, print: u64) -> usize {
        // Not the bits that the part itself goes by.
        (print >> 32) as usize % self.parts.len().max(1)
    }

    fn has(&self, print: u64) -> bool {
        self.parts.get(self.part(print)).is_some_and(|part| part.contains(&print))
    }

    fn add(&mut self, print: u64) -> bool {
        if self.parts.is_empty() || (self.parts.len() == 1 && self.count >= UNDIVIDED) {
            let before = std::mem::take(&mut self.parts);
            self.parts.resize_with(if before.is_empty() { 1 } else { PARTS }, HashSet::default);
            self.count = 0;
            before.into_iter().flatten().for_each(|print| {
                self.add(print);
            });
        }
        let part = self.part(print);
        let added = self.parts.get_mut(part).is_some_and(|part| part.insert(print));
        self.count += usize::from(added);
        added
    }
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }
    fn write_u64(&mut self, print: u64) {
        self.0 = print;
    }
}
