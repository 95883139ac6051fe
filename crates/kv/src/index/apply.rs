//! Bringing transactions into the engine.
//!
//! Applying is idempotent: a version that the engine already has, or has passed, is skipped, so a replay may begin
//! anywhere at or before the place that the engine is whole up to. Each key's superseded versions are written before
//! the version that supersedes them, and a delete is written to Dead before the key leaves Row.

use super::page::raw_page;
use super::{Index, Keyspace, META_APPLIED, Write, built_key, death_key, rows_key};
use crate::guard;
use crate::history::{
    Family, Stored, as_slices, entry_body, history_key, is_first, is_live, parse_value, split_storage_key,
    storage_key, storage_span, value,
};
use crate::recent::{Batch, Shared};
use crate::spool::Run;
use crate::store::IndexEntry;
use crate::{IndexChange, IndexId, ObjectId, Span, TxId};
use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use types::Result;

/// By object: how many live rows more.
type Counts = HashMap<ObjectId, i64>;

/// Engine writes are handed over in portions of this many.
const PORTION: usize = 1_024;

impl Index {
    /// Applies whole transactions, ascending and without a gap since the last call; one that is in a run comes alone. The
    /// caller holds `applying`.
    /// `fresh`: the engine cannot have seen any of them, so a first insert needs no look.
    pub(crate) fn apply(&self, batches: &[(TxId, Arc<Batch>)], fresh: bool) -> Result<()> {
        let Some((last, batch)) = batches.last() else { return Ok(()) };
        let last = *last;
        let (mut writes, mut counts) = (Vec::new(), Counts::default());
        if let Some(run) = &batch.run {
            self.plan_run(last, run, fresh, &mut counts, &mut writes)?;
        }
        for family in Family::ALL {
            // Sorted by key over the whole portion: sequential work is cheap for every engine.
            let mut changes: Vec<(&Shared, TxId, &Shared)> = batches
                .iter()
                .flat_map(|(tx, batch)| batch.family(family).iter().map(move |(key, body)| (key, *tx, body)))
                .collect();
            changes.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
            for versions in changes.chunk_by(|a, b| a.0 == b.0) {
                self.plan(family, versions, fresh, &mut counts, &mut writes)?;
                if writes.len() >= PORTION {
                    self.bring(&mut writes)?;
                }
            }
        }
        self.note_counts(counts, &mut writes);
        let applied = last.to_be_bytes().to_vec();
        writes.push(Write { keyspace: Keyspace::Meta, key: META_APPLIED.to_vec(), value: Some(applied) });
        self.bring(&mut writes)?;
        self.applied.store(last, Ordering::Release);
        self.forget(batches, last);
        Ok(())
    }

    /// Objects have come to more or fewer live rows.
    fn note_counts(&self, counts: Counts, writes: &mut Vec<Write>) {
        let mut live_rows = guard::lock(&self.live_rows);
        for (object, change) in counts.into_iter().filter(|(_, change)| *change != 0) {
            let rows = live_rows.entry(object).or_default();
            *rows = rows.saturating_add_signed(change);
            let value = Some(rows.to_be_bytes().to_vec());
            writes.push(Write { keyspace: Keyspace::Meta, key: rows_key(object), value });
        }
    }

    /// A large transaction, portion after portion.
    fn plan_run(
        &self,
        tx: TxId,
        run: &Arc<Run>,
        fresh: bool,
        counts: &mut Counts,
        writes: &mut Vec<Write>,
    ) -> Result<()> {
        for (family, mut changes) in [(Family::Row, run.rows()?), (Family::Entry, run.entries()?)] {
            while let Some((key, body)) = changes.next()? {
                self.plan(family, &[(&key.into(), tx, &body.into())], fresh, counts, writes)?;
                if writes.len() >= PORTION {
                    self.bring(writes)?;
                }
            }
        }
        Ok(())
    }

    /// To the engine, and to the rows that are kept in front of it.
    fn bring(&self, writes: &mut Vec<Write>) -> Result<()> {
        self.engine.apply(writes)?;
        self.hot.changed(writes);
        writes.clear();
        Ok(())
    }

    /// The writes that bring one key from what the engine has to the last of `versions`.
    fn plan(
        &self,
        family: Family,
        versions: &[(&Shared, TxId, &Shared)],
        fresh: bool,
        counts: &mut Counts,
        writes: &mut Vec<Write>,
    ) -> Result<()> {
        let Some(&(key, _, first)) = versions.first() else { return Ok(()) };
        let current = if fresh && is_first(family, first) { None } else { self.current(family, key, false)? };
        let was_current = current.is_some();
        let top = match current {
            Some(current) => Some(current),
            None if guard::read(&self.deaths).last(family, split_storage_key(key).0) == 0 => None,
            None => self.engine.get(Keyspace::dead(family), key)?.map(parse_value).transpose()?,
        };
        let mut top: Option<Stored> = top;
        let mut changed = false;
        let mut tombstone = None;
        for &(_, tx, body) in versions {
            let live = is_live(body);
            match top.take() {
                Some(have) if have.tx >= tx => top = Some(have),
                // An entry that says the same again has been valid all the time.
                Some(have) if family == Family::Entry && live && have.body[..] == body[..] => {
                    top = Some(have)
                }
                have if !live && !have.as_ref().is_some_and(Stored::is_live) => top = have,
                have => {
                    if let Some(have) = have {
                        let superseded = value(have.tx, &have.body);
                        writes.push(Write {
                            keyspace: Keyspace::history(family),
                            key: history_key(key, have.tx),
                            value: Some(superseded),
                        });
                    }
                    let next = Stored { tx, body: body.to_vec() };
                    if !live {
                        tombstone = Some(next.clone());
                    }
                    top = Some(next);
                    changed = true;
                }
            }
        }
        let (true, Some(top)) = (changed, top) else { return Ok(()) };
        if family == Family::Row && top.is_live() != was_current {
            *counts.entry(split_storage_key(key).0).or_default() += if top.is_live() { 1 } else { -1 };
        }
        if let Some(tombstone) = tombstone {
            self.bury(family, key, &tombstone, writes);
        }
        if top.is_live() {
            writes.push(put(Keyspace::current(family), key, &top));
        } else if was_current {
            writes.push(Write { keyspace: Keyspace::current(family), key: key.to_vec(), value: None });
        }
        Ok(())
    }

    /// Registers a key's newest delete, before the key leaves the current keyspace. It stays when the key comes back,
    /// so what the engine holds does not depend on how transactions were portioned.
    fn bury(&self, family: Family, key: &Shared, tombstone: &Stored, writes: &mut Vec<Write>) {
        if guard::write(&self.deaths).add(family, key, tombstone.tx) {
            let key = death_key(family, split_storage_key(key).0);
            writes.push(Write { keyspace: Keyspace::Meta, key, value: Some(vec![1]) });
        }
        writes.push(put(Keyspace::dead(family), key, tombstone));
    }

    /// The engine has them: the table of recent versions may let go.
    fn forget(&self, batches: &[(TxId, Arc<Batch>)], applied: TxId) {
        let mut size_bytes = 0;
        for (tx, batch) in batches {
            if batch.run.is_some() {
                guard::write(&self.recent).layers_mut().remove(*tx);
            }
            for family in Family::ALL {
                for portion in batch.family(family).chunks(PORTION) {
                    let mut recent = guard::write(&self.recent);
                    for (key, _) in portion {
                        recent.forget(family, key, applied);
                    }
                }
            }
            size_bytes += batch.size_bytes();
        }
        // Batches of a replay were never counted.
        let _ = self.recent_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
            Some(bytes.saturating_sub(size_bytes))
        });
    }

    /// Puts an index's entries in place of all that it has. Everything that is ordered has been applied, and nobody
    /// else writes entries of these indexes: between portions the applier may go on.
    pub(crate) fn build(&self, entries: &mut dyn Iterator<Item = Result<IndexEntry>>) -> Result<()> {
        let mut cleared = BTreeSet::new();
        let mut last_row: Option<(IndexId, Vec<u8>)> = None;
        let mut portion: Vec<IndexEntry> = Vec::new();
        loop {
            // Read without the lock: whoever supplies them may take its time.
            portion.clear();
            while portion.len() < PORTION
                && let Some(entry) = entries.next()
            {
                portion.push(entry?);
            }
            if portion.is_empty() {
                break;
            }
            let _applying = guard::lock(&self.applying);
            let mut writes = Vec::new();
            for entry in portion.drain(..) {
                if cleared.insert(entry.index) {
                    self.clear(entry.index)?;
                }
                let row = (entry.index, entry.primary_key.clone());
                // No two rows share a key: the first of a row is new.
                let known = last_row.as_ref() == Some(&row);
                if known {
                    self.bring(&mut writes)?;
                }
                self.graft(entry, known, &mut writes)?;
                last_row = Some(row);
            }
            self.bring(&mut writes)?;
        }
        // Last: an engine that a crash cut back has either all of them, or not this.
        let _applying = guard::lock(&self.applying);
        cleared.into_iter().try_for_each(|index| self.mark_built(index))
    }

    pub(crate) fn mark_built(&self, index: IndexId) -> Result<()> {
        self.put_meta(built_key(index))
    }

    pub(crate) fn put_meta(&self, key: Vec<u8>) -> Result<()> {
        self.engine.apply(&[Write { keyspace: Keyspace::Meta, key, value: Some(vec![1]) }])
    }

    pub(crate) fn remove_meta(&self, key: Vec<u8>) -> Result<()> {
        self.engine.apply(&[Write { keyspace: Keyspace::Meta, key, value: None }])
    }

    /// Puts an entry's validity where it belongs among the versions of its key, in any order. At equal times a valid
    /// entry wins over the end of the one before.
    /// `known`: the key may be there already.
    fn graft(&self, entry: IndexEntry, known: bool, writes: &mut Vec<Write>) -> Result<()> {
        let IndexEntry { index, key, primary_key, from, to } = entry;
        let family = Family::Entry;
        let key: Shared = storage_key(index, &key).into();
        let known = known
            && (self.engine.get(Keyspace::current(family), &key)?.is_some()
                || self.engine.get(Keyspace::dead(family), &key)?.is_some());
        let chain = if known { self.chain(family, &key)? } else { Vec::new() };
        let mut chain: BTreeMap<TxId, Vec<u8>> =
            chain.into_iter().map(|stored| (stored.tx, stored.body)).collect();
        chain.insert(from, entry_body(true, &primary_key));
        if let Some(to) = to {
            chain.entry(to).or_insert_with(|| entry_body(false, &primary_key));
        }
        let tombstone = chain.iter().rev().find(|(_, body)| !is_live(body));
        let tombstone = tombstone.map(|(&tx, body)| Stored { tx, body: body.clone() });
        let Some((tx, body)) = chain.pop_last() else { return Ok(()) };
        for (tx, body) in chain {
            let (key, value) = (history_key(&key, tx), Some(value(tx, &body)));
            writes.push(Write { keyspace: Keyspace::history(family), key, value });
        }
        let top = Stored { tx, body };
        if let Some(tombstone) = tombstone {
            self.bury(family, &key, &tombstone, writes);
        }
        if top.is_live() {
            writes.push(put(Keyspace::current(family), &key, &top));
        } else if known {
            writes.push(Write { keyspace: Keyspace::current(family), key: key.to_vec(), value: None });
        }
        Ok(())
    }

    /// Removes all of an index's entries. The caller holds `applying`.
    pub(crate) fn clear(&self, index: IndexId) -> Result<()> {
        self.remove_meta(built_key(index))?;
        let mut clearing = Clearing::of(index);
        while self.clear_some(&mut clearing)? {}
        Ok(())
    }

    /// Removes a portion of an index's entries. False = there are no more.
    pub(crate) fn clear_some(&self, clearing: &mut Clearing) -> Result<bool> {
        while let Some(keyspace) = clearing.keyspaces.last().copied() {
            let (from, to) = as_slices(&clearing.from, &clearing.to);
            let page = raw_page(self, keyspace, from, to)?;
            let Some((last, _)) = page.last() else {
                clearing.keyspaces = &clearing.keyspaces[..clearing.keyspaces.len() - 1];
                (clearing.from, _) = storage_span(clearing.index, &Span::all());
                continue;
            };
            clearing.from = Bound::Excluded(last.clone());
            let writes = page.into_iter().map(|(key, _)| Write { keyspace, key, value: None });
            self.engine.apply(&writes.collect::<Vec<_>>())?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// How far the removal of an index's entries has come: an engine may have to pass over what was removed, so it is not
/// asked for that again.
pub(crate) struct Clearing {
    pub index: IndexId,
    /// The last of them is being cleared.
    keyspaces: &'static [Keyspace],
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
}

impl Clearing {
    pub(crate) fn of(index: IndexId) -> Clearing {
        let (from, to) = storage_span(index, &Span::all());
        let keyspaces = &[Keyspace::EntryHistory, Keyspace::EntryDead, Keyspace::Entry];
        Clearing { index, keyspaces, from, to }
    }
}

fn put(keyspace: Keyspace, key: &[u8], stored: &Stored) -> Write {
    Write { keyspace, key: key.to_vec(), value: Some(value(stored.tx, &stored.body)) }
}

/// Index changes of one transaction, folded to one body per entry key. A removal takes away only the entry of its own
/// row: with unique values that rows swap, the new owner may have come first.
#[derive(Default)]
pub(crate) struct Fold(BTreeMap<Vec<u8>, Vec<u8>>);

impl Fold {
    pub(crate) fn add(&mut self, change: IndexChange) {
        let IndexChange { index, key, primary_key, add } = change;
        let key = storage_key(index, &key);
        let mine = |body: &Vec<u8>| body.get(1..) == Some(primary_key.as_slice());
        if !add && self.0.get(&key).is_some_and(|body| !mine(body)) {
            return;
        }
        self.0.insert(key, entry_body(add, &primary_key));
    }

    pub(crate) fn finish(self) -> Vec<(Shared, Shared)> {
        self.0.into_iter().map(|(key, body)| (key.into(), body.into())).collect()
    }
}
