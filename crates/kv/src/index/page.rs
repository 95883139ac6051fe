//! Ranges, a page at a time: one state merged from own writes, recent versions, and the engine.
//!
//! ```text
//!   own writes   ─┐ each source gives a run of keys; the page ends where the first of them was cut
//!   recent       ─┤ order of reading = direction in which versions move, so none is missed
//!   current      ─┤ newer than the snapshot -> its history
//!   deaths/dead  ─┘ left `current` after the snapshot -> its history
//! ```
//!
//! A scan of the present reads `current` alone: deaths are asked for only if something of this object was deleted
//! after the snapshot.

use super::{Index, Keyspace};
use crate::TxId;
use crate::guard;
use crate::history::{
    Family, Stored, UNCOMMITTED, as_slices, is_first, parse_value, split_storage_key, value_tx,
};
use crate::recent::{Run, Stamped, VersionTable};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, RwLock};
use types::Result;

/// A transaction's write set as it was when a cursor was made.
#[derive(Clone)]
pub(crate) struct Own {
    pub table: Arc<RwLock<VersionTable>>,
    pub stamp: u64,
}

impl Own {
    /// Up to `limit` keys of a range, with what a cursor of that stamp sees of them.
    pub(crate) fn range(
        &self,
        family: Family,
        (from, to): (Bound<&[u8]>, Bound<&[u8]>),
        backward: bool,
        limit: usize,
    ) -> Result<Run<Stamped>> {
        let (run, layers) = {
            let table = guard::read(&self.table);
            (table.range(family, from, to, backward, self.stamp, limit), table.layers())
        };
        layers.range(run, family, (from, to), backward, self.stamp, limit)
    }
}

/// What to read: storage keys of one object or index.
pub(crate) struct Reach {
    pub family: Family,
    pub id: u32,
    pub from: Bound<Vec<u8>>,
    pub to: Bound<Vec<u8>>,
    pub backward: bool,
}

pub(crate) struct Page {
    /// Live versions in the order of the walk, by storage key.
    pub items: Vec<(Vec<u8>, Stored)>,
    /// The newest committed transaction that had a say in it, as far as recent versions tell.
    pub newest: TxId,
    /// The reach was read to its end.
    pub done: bool,
}

/// A key, and its one version; None: it has more, or they are to be looked for.
pub(crate) type Chained = (Vec<u8>, Option<Stored>);

impl Reach {
    /// What is left of it after the page that ended at `end`.
    fn cut(&mut self, end: Vec<u8>) {
        if self.backward {
            self.to = Bound::Excluded(end);
        } else {
            self.from = Bound::Excluded(end);
        }
    }

    /// Whether `key` is beyond `end`.
    fn is_beyond(&self, key: &[u8], end: &Option<Vec<u8>>) -> bool {
        match end {
            None => false,
            Some(end) if self.backward => key < end.as_slice(),
            Some(end) => key > end.as_slice(),
        }
    }

    /// The nearer of two ends.
    fn nearer(&self, a: Option<Vec<u8>>, b: &Option<Vec<u8>>) -> Option<Vec<u8>> {
        match (a, b) {
            (None, b) => b.clone(),
            (a, None) => a,
            (Some(a), Some(b)) => Some(if self.backward { a.max(b.clone()) } else { a.min(b.clone()) }),
        }
    }
}

impl Index {
    /// The next page of `reach`, which is moved past it.
    pub(crate) fn page(&self, reach: &mut Reach, tx: TxId, own: Option<&Own>, limit: usize) -> Result<Page> {
        let family = reach.family;
        let (from, to) = as_slices(&reach.from, &reach.to);
        let mine = match own {
            Some(own) => own.range(family, (from, to), reach.backward, limit)?,
            None => Run::default(),
        };
        let recent = self.recent_range(reach, tx, limit)?;
        let current = self.run(Keyspace::current(family), reach, limit, |_| Ok(true))?;
        // Read after `current`: a delete registers itself before it removes the key.
        let died = self.died(reach, tx, limit)?;

        let mut end = reach.nearer(current.end.clone(), &died.end);
        end = reach.nearer(end, &recent.end);
        end = reach.nearer(end, &mine.end);

        let mut newest = 0;
        let mut items: Vec<(Vec<u8>, Stored)> = Vec::with_capacity(current.items.len());
        for (key, value) in current.items {
            if reach.is_beyond(&key, &end) {
                break;
            }
            if let Some(stored) = self.at_or_before(family, &key, parse_value(value)?, tx)? {
                items.push((key, stored));
            }
        }
        if !(died.items.is_empty() && recent.items.is_empty() && mine.items.is_empty()) {
            let mut merged: BTreeMap<Vec<u8>, Stored> = items.into_iter().collect();
            for key in died.items {
                if !reach.is_beyond(&key, &end)
                    && !merged.contains_key(&key)
                    && let Some(older) = self.buried_at(family, &key, tx)?
                {
                    merged.insert(key, older);
                }
            }
            for (key, tx, body) in recent.items {
                if !reach.is_beyond(&key, &end) {
                    newest = newest.max(tx);
                    merged.insert(key, Stored { tx, body });
                }
            }
            for (key, _, body) in mine.items {
                if !reach.is_beyond(&key, &end) {
                    merged.insert(key, Stored { tx: UNCOMMITTED, body });
                }
            }
            items = merged.into_iter().collect();
            if reach.backward {
                items.reverse();
            }
        }
        items.retain(|(_, stored)| stored.is_live());
        let done = end.is_none();
        if let Some(end) = end {
            reach.cut(end);
        }
        Ok(Page { items, newest, done })
    }

    /// The next page of keys that were ever there, whatever the state, each with its version if it has that one alone;
    /// whether it is the last page.
    pub(crate) fn keys(&self, reach: &mut Reach, limit: usize) -> Result<(Vec<Chained>, bool)> {
        let family = reach.family;
        let recent = self.recent_range(reach, TxId::MAX, limit)?;
        let current = self.run(Keyspace::current(family), reach, limit, |_| Ok(true))?;
        let dead = self.run(Keyspace::dead(family), reach, limit, |_| Ok(true))?;
        let mut end = reach.nearer(current.end.clone(), &dead.end);
        end = reach.nearer(end, &recent.end);
        let mut keys: BTreeMap<Vec<u8>, Option<Stored>> = BTreeMap::new();
        for (key, value) in current.items {
            let stored = parse_value(value)?;
            keys.insert(key, is_first(family, &stored.body).then_some(stored));
        }
        let others = recent.items.into_iter().map(|(key, ..)| key);
        keys.extend(others.chain(dead.items.into_iter().map(|(key, _)| key)).map(|key| (key, None)));
        let mut keys: Vec<Chained> =
            keys.into_iter().filter(|(key, _)| !reach.is_beyond(key, &end)).collect();
        if reach.backward {
            keys.reverse();
        }
        let done = end.is_none();
        if let Some(end) = end {
            reach.cut(end);
        }
        Ok((keys, done))
    }

    fn recent_range(&self, reach: &Reach, tx: TxId, limit: usize) -> Result<Run<Stamped>> {
        let (from, to) = as_slices(&reach.from, &reach.to);
        let (run, layers) = {
            let recent = guard::read(&self.recent);
            (recent.range(reach.family, from, to, reach.backward, tx, limit), recent.layers())
        };
        layers.range(run, reach.family, (from, to), reach.backward, tx, limit)
    }

    /// Keys that `current` has lost since `tx`.
    fn died(&self, reach: &Reach, tx: TxId, limit: usize) -> Result<Run<Vec<u8>>> {
        let (from, to) = as_slices(&reach.from, &reach.to);
        {
            let deaths = guard::read(&self.deaths);
            if deaths.last(reach.family, reach.id) <= tx {
                return Ok(Run::default());
            }
            // Cheap to visit: most of what is remembered is of no interest to most snapshots.
            if let Some(run) =
                deaths.range(reach.family, from, to, reach.backward, tx, limit.saturating_mul(16))
            {
                return Ok(run);
            }
        }
        let run = self.run(Keyspace::dead(reach.family), reach, limit.saturating_mul(4), |value| {
            Ok(value_tx(value)? > tx)
        })?;
        Ok(Run { items: run.items.into_iter().map(|(key, _)| key).collect(), end: run.end })
    }

    /// Up to `limit` keys of the engine; those that `keep` refuses count, and are left out.
    fn run(
        &self,
        keyspace: Keyspace,
        reach: &Reach,
        limit: usize,
        keep: impl Fn(&[u8]) -> Result<bool>,
    ) -> Result<Run<(Vec<u8>, Vec<u8>)>> {
        let (from, to) = as_slices(&reach.from, &reach.to);
        let (mut run, mut seen, mut failed) = (Run::default(), 0, None);
        self.engine.scan(keyspace, from, to, reach.backward, &mut |key, value| {
            match keep(value) {
                Ok(true) => run.items.push((key.to_vec(), value.to_vec())),
                Ok(false) => {}
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            seen += 1;
            if seen >= limit {
                run.end = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(run),
        }
    }
}

/// Every entry of a keyspace from `from` on, in pages: for checks and drops.
pub(crate) fn raw_page(
    index: &Index,
    keyspace: Keyspace,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut page = Vec::new();
    index.engine.scan(keyspace, from, to, false, &mut |key, value| {
        page.push((key.to_vec(), value.to_vec()));
        if page.len() == 512 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(page)
}

/// For messages: what an engine's key and value stand for.
pub(crate) fn describe(keyspace: Keyspace, key: &[u8], value: &[u8]) -> (u32, Vec<u8>, TxId) {
    let (id, rest) = split_storage_key(key);
    let key = match keyspace {
        Keyspace::History | Keyspace::EntryHistory => {
            rest.get(..rest.len().saturating_sub(8)).unwrap_or_default()
        }
        _ => rest,
    };
    (id, key.to_vec(), value_tx(value).unwrap_or(0))
}
