//! Versions in memory: what is ordered and not yet in the engine, and what a transaction has written itself.
//!
//! A [`VersionTable`] is an ordered map from storage key to versions, each with a stamp: a transaction number in the
//! table of recent versions, a statement-local counter in a write set. Readers look here before the engine, and the
//! applier removes a version only after the engine has it, so a version is always in one of the two. What is too much
//! for memory is in [`Layers`] of runs beneath the table.

use crate::TxId;
use crate::history::{Family, is_empty_range, split_storage_key};
use crate::spool::{Layers, Run as Spooled, Spool};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use types::Result;

/// Bytes shared between a batch and the tables it goes to.
pub(crate) type Shared = Arc<[u8]>;

/// The changes of one transaction, each family sorted by storage key, one body per key.
#[derive(Default)]
pub(crate) struct Batch {
    pub rows: Vec<(Shared, Shared)>,
    pub entries: Vec<(Shared, Shared)>,
    /// A large transaction's changes are all here.
    pub run: Option<Arc<Spooled>>,
}

impl Batch {
    pub(crate) fn family(&self, family: Family) -> &[(Shared, Shared)] {
        match family {
            Family::Row => &self.rows,
            Family::Entry => &self.entries,
        }
    }

    /// In memory.
    pub(crate) fn size_bytes(&self) -> usize {
        if let Some(run) = &self.run {
            return run.memory_bytes();
        }
        self.rows.iter().chain(&self.entries).map(|(key, body)| key.len() + body.len() + 64).sum()
    }
}

/// A run of keys from one source. `end` is set when the source has more: then it is complete up to that key only.
pub(crate) struct Run<T> {
    pub items: Vec<T>,
    pub end: Option<Vec<u8>>,
}

/// A key with one of its versions: stamp and body.
pub(crate) type Stamped = (Vec<u8>, u64, Vec<u8>);

impl<T> Default for Run<T> {
    fn default() -> Run<T> {
        Run { items: Vec::new(), end: None }
    }
}

/// Ascending by stamp.
type Versions = Vec<(u64, Shared)>;

#[derive(Default)]
pub(crate) struct VersionTable {
    families: [BTreeMap<Shared, Versions>; 2],
    layers: Arc<Layers>,
}

impl VersionTable {
    fn map(&self, family: Family) -> &BTreeMap<Shared, Versions> {
        match family {
            Family::Row => &self.families[0],
            Family::Entry => &self.families[1],
        }
    }

    fn map_mut(&mut self, family: Family) -> &mut BTreeMap<Shared, Versions> {
        match family {
            Family::Row => &mut self.families[0],
            Family::Entry => &mut self.families[1],
        }
    }

    pub(crate) fn is_empty(&self, family: Family) -> bool {
        self.map(family).is_empty() && !self.layers.has(family)
    }

    /// The runs beneath: to be asked after the table, without its lock.
    pub(crate) fn layers(&self) -> Arc<Layers> {
        self.layers.clone()
    }

    /// The same, if there are any.
    pub(crate) fn layers_below(&self) -> Option<Arc<Layers>> {
        (!self.layers.is_empty()).then(|| self.layers.clone())
    }

    pub(crate) fn layers_mut(&mut self) -> &mut Layers {
        Arc::make_mut(&mut self.layers)
    }

    /// Moves all that is in memory into a run beneath.
    pub(crate) fn spill(&mut self, spool: &Spool) -> Result<()> {
        let keys = self.families.iter().map(BTreeMap::len).sum::<usize>();
        let mut writer = spool.write(keys as u64)?;
        for family in Family::ALL {
            for (key, versions) in self.map(family) {
                for (stamp, body) in versions.iter().rev() {
                    writer.push(family, key, *stamp, body)?;
                }
            }
        }
        let mut layers = Layers::clone(&self.layers);
        layers.push(writer.finish()?, None);
        layers.compact(spool)?;
        self.layers = Arc::new(layers);
        self.families = Default::default();
        Ok(())
    }

    /// Adds a version newer than all that its key has.
    pub(crate) fn push(&mut self, family: Family, key: Shared, stamp: u64, body: Shared) {
        self.map_mut(family).entry(key).or_default().push((stamp, body));
    }

    pub(crate) fn push_batch(&mut self, stamp: u64, batch: &Batch) {
        if let Some(run) = &batch.run {
            self.layers_mut().push(run.clone(), Some(stamp));
        }
        for family in Family::ALL {
            for (key, body) in batch.family(family) {
                self.push(family, key.clone(), stamp, body.clone());
            }
        }
    }

    /// Replaces the newest version's body, where that version is newer than `after`: the one it had. None = there is none
    /// such.
    pub(crate) fn replace_top(
        &mut self,
        family: Family,
        key: &[u8],
        after: u64,
        body: &Shared,
    ) -> Option<Shared> {
        match self.map_mut(family).get_mut(key).and_then(|versions| versions.last_mut()) {
            Some(top) if top.0 > after => Some(std::mem::replace(&mut top.1, body.clone())),
            _ => None,
        }
    }

    /// Takes a key's newest version away again.
    pub(crate) fn pop(&mut self, family: Family, key: &[u8]) -> Option<Shared> {
        let map = self.map_mut(family);
        let versions = map.get_mut(key)?;
        let (_, body) = versions.pop()?;
        if versions.is_empty() {
            map.remove(key);
        }
        Some(body)
    }

    /// Forgets a key's versions up to `stamp`.
    pub(crate) fn forget(&mut self, family: Family, key: &[u8], stamp: u64) {
        let map = self.map_mut(family);
        if let Some(versions) = map.get_mut(key) {
            versions.retain(|version| version.0 > stamp);
            if versions.is_empty() {
                map.remove(key);
            }
        }
    }

    /// A key's newest version not newer than `stamp`.
    pub(crate) fn at(&self, family: Family, key: &[u8], stamp: u64) -> Option<(u64, &Shared)> {
        newest_at(self.map(family).get(key)?, stamp)
    }

    /// All of a key's versions, oldest first.
    pub(crate) fn all(&self, family: Family, key: &[u8]) -> &[(u64, Shared)] {
        self.map(family).get(key).map_or(&[], Vec::as_slice)
    }

    /// Every key's newest version in memory, in key order.
    pub(crate) fn tops(&self, family: Family) -> impl Iterator<Item = (&Shared, &Shared)> {
        self.map(family).iter().filter_map(|(key, versions)| versions.last().map(|(_, body)| (key, body)))
    }

    /// Up to `limit` keys of a range with their newest version not newer than `stamp`; a key that has none such
    /// counts, but is left out unless `stamp` is the maximum.
    pub(crate) fn range(
        &self,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        backward: bool,
        stamp: u64,
        limit: usize,
    ) -> Run<Stamped> {
        let mut run = Run::default();
        if self.map(family).is_empty() || is_empty_range(from, to) {
            return run;
        }
        let mut seen = 0;
        let mut range = self.map(family).range::<[u8], _>((from, to));
        while let Some((key, versions)) = if backward { range.next_back() } else { range.next() } {
            if let Some((stamp, body)) = newest_at(versions, stamp) {
                run.items.push((key.to_vec(), stamp, body.to_vec()));
            }
            seen += 1;
            if seen == limit {
                run.end = Some(key.to_vec());
                break;
            }
        }
        run
    }
}

fn newest_at(versions: &[(u64, Shared)], stamp: u64) -> Option<(u64, &Shared)> {
    versions.iter().rev().find(|version| version.0 <= stamp).map(|(stamp, body)| (*stamp, body))
}

/// Keys that left the current keyspace lately, so that a reader whose snapshot is older still meets them without a
/// walk over every key that was ever deleted. Bounded: older deletes are found in the engine's dead keyspace.
pub(crate) struct Deaths {
    keys: [BTreeMap<Shared, TxId>; 2],
    order: VecDeque<(TxId, Family, Shared)>,
    /// Every applied delete newer than this is in `keys`.
    floor: TxId,
    /// By object or index: not older than its newest applied delete. Absent = nothing of it was ever deleted.
    last: [HashMap<u32, TxId>; 2],
}

const DEATHS_KEPT: usize = 32_768;

impl Deaths {
    /// Knows nothing: every reader is sent to the engine until [`Deaths::settle`].
    pub(crate) fn new() -> Deaths {
        Deaths {
            keys: Default::default(),
            order: VecDeque::new(),
            floor: TxId::MAX,
            last: Default::default(),
        }
    }

    /// Registers a delete. To be called before the key leaves the current keyspace. True = the first of its object.
    pub(crate) fn add(&mut self, family: Family, key: &Shared, tx: TxId) -> bool {
        self.keys[family as usize].insert(key.clone(), tx);
        self.order.push_back((tx, family, key.clone()));
        while self.order.len() > DEATHS_KEPT {
            let Some((tx, family, key)) = self.order.pop_front() else { break };
            self.floor = self.floor.max(tx);
            let keys = &mut self.keys[family as usize];
            if keys.get(&key) == Some(&tx) {
                keys.remove(&key);
            }
        }
        let (id, _) = split_storage_key(key);
        match self.last[family as usize].entry(id) {
            std::collections::hash_map::Entry::Occupied(mut last) => {
                let newest = tx.max(*last.get());
                last.insert(newest);
                false
            }
            std::collections::hash_map::Entry::Vacant(last) => {
                last.insert(tx);
                true
            }
        }
    }

    /// Not older than the newest applied delete of an object or index; 0 = none ever.
    pub(crate) fn last(&self, family: Family, id: u32) -> TxId {
        self.last[family as usize].get(&id).copied().unwrap_or(0)
    }

    /// Known from the engine at open: something of this object or index was deleted at some time.
    pub(crate) fn restore(&mut self, family: Family, id: u32) {
        self.last[family as usize].insert(id, TxId::MAX);
    }

    /// The index is open and whole up to `tx`: from here on every delete is registered.
    pub(crate) fn settle(&mut self, tx: TxId) {
        self.floor = tx;
        self.keys = Default::default();
        self.order.clear();
        for last in self.last.iter_mut().flat_map(HashMap::values_mut) {
            *last = tx;
        }
    }

    /// Keys of a range that were deleted after `tx`; None where that reaches back too far for this memory.
    pub(crate) fn range(
        &self,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        backward: bool,
        tx: TxId,
        limit: usize,
    ) -> Option<Run<Vec<u8>>> {
        if tx < self.floor {
            return None;
        }
        let mut run = Run::default();
        if is_empty_range(from, to) {
            return Some(run);
        }
        let mut range = self.keys[family as usize].range::<[u8], _>((from, to));
        let mut seen = 0;
        while let Some((key, &died)) = if backward { range.next_back() } else { range.next() } {
            if died > tx {
                run.items.push(key.to_vec());
            }
            seen += 1;
            if seen == limit {
                run.end = Some(key.to_vec());
                break;
            }
        }
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(text: &str) -> Shared {
        text.as_bytes().into()
    }

    #[test]
    fn a_reader_meets_the_newest_version_that_it_may_see() {
        let mut table = VersionTable::default();
        table.push(Family::Row, shared("k"), 3, shared("three"));
        table.push(Family::Row, shared("k"), 5, shared("five"));
        assert_eq!(table.at(Family::Row, b"k", 2), None);
        assert_eq!(table.at(Family::Row, b"k", 4), Some((3, &shared("three"))));
        assert_eq!(table.at(Family::Row, b"k", 9), Some((5, &shared("five"))));
        assert_eq!(table.at(Family::Entry, b"k", 9), None);
        table.forget(Family::Row, b"k", 3);
        assert_eq!(table.at(Family::Row, b"k", 4), None);
        table.pop(Family::Row, b"k");
        assert!(table.is_empty(Family::Row));
    }

    #[test]
    fn a_run_ends_at_its_limit_and_says_where() {
        let mut table = VersionTable::default();
        for key in ["a", "b", "c"] {
            table.push(Family::Row, shared(key), 1, shared("x"));
        }
        let run = table.range(Family::Row, Bound::Unbounded, Bound::Unbounded, true, 9, 2);
        assert_eq!(run.items.iter().map(|item| item.0.as_slice()).collect::<Vec<_>>(), [b"c", b"b"]);
        assert_eq!(run.end.as_deref(), Some(&b"b"[..]));
        let rest = table.range(Family::Row, Bound::Unbounded, Bound::Excluded(b"b"), true, 9, 2);
        assert_eq!((rest.items.len(), rest.end), (1, None));
    }

    #[test]
    fn deaths_forget_the_oldest_and_say_so() {
        let mut deaths = Deaths::new();
        assert!(deaths.range(Family::Row, Bound::Unbounded, Bound::Unbounded, false, 9, 1).is_none());
        deaths.settle(0);
        for tx in 1..=DEATHS_KEPT as u64 + 10 {
            let key: Shared = crate::history::storage_key(7, &tx.to_be_bytes()).into();
            assert_eq!(deaths.add(Family::Row, &key, tx), tx == 1);
        }
        let all = (Bound::Unbounded, Bound::Unbounded);
        assert!(deaths.range(Family::Row, all.0, all.1, false, 9, 100).is_none());
        let run = deaths.range(Family::Row, all.0, all.1, false, 10, usize::MAX).unwrap();
        assert_eq!(run.items.len(), DEATHS_KEPT);
        assert_eq!(deaths.last(Family::Row, 7), DEATHS_KEPT as u64 + 10);
        assert_eq!(deaths.last(Family::Row, 8), 0);
    }
}
