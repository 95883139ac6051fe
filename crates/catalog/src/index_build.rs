//! Entries of a new index over the rows that are there, and over their history.

use crate::constraint::not_unique;
use crate::database::Shared;
use crate::row::decode_row;
use crate::table::{Table, TableIndex};
use crate::transaction::Transaction;
use kv::store::IndexEntry;
use kv::{At, Cursor, Snapshot, Span};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use types::schema::Relation;
use types::{Oid, Result, Value};

impl Transaction {
    /// Builds an index of a table that this transaction has locked against writers. `relation` has it already.
    pub(crate) fn build_index(&mut self, relation: &Arc<Relation>, index: Oid) -> Result<()> {
        let table = self.shared.table(relation)?;
        let Some(definition) = table.index(index).filter(|index| !index.primary) else { return Ok(()) };
        if definition.unique {
            self.check_unique(&table, definition)?;
        }
        // Everything that was ordered before the lock was granted must be readable.
        self.shared.store.wait_durable(self.shared.store.ledger().size().saturating_sub(1))?;
        self.shared.build_entries(&table, definition)?;
        self.indexes.made.push(index);
        // Rows of this transaction: what it wrote over, out; what it wrote, in.
        if !self.written.contains(&relation.object_id) {
            return Ok(());
        }
        let object = relation.object_id;
        self.each_written(object, |transaction, key, cells| {
            let old = transaction.shared.store.snapshot(At::Latest)?.get(object, &key)?;
            let old =
                old.and_then(|version| version.cells).map(|cells| decode_row(&table, &cells)).transpose()?;
            let new = cells.as_ref().map(|cells| decode_row(&table, cells)).transpose()?;
            let mut derived = vec![];
            definition.derive(
                &table,
                old.as_deref().map(|row| (key.as_slice(), row)),
                new.as_deref().map(|row| (key.as_slice(), row)),
                &mut derived,
            )?;
            match cells {
                Some(cells) => transaction.kv.put(object, &key, cells, relation.descriptor_tx, derived),
                None => {
                    let moved = transaction.kv.newest(object, &key)?.and_then(|version| version.moved_to);
                    transaction.kv.delete(object, &key, moved.as_deref(), derived)
                }
            }
        })?;
        self.reencode.insert(relation.object_id);
        Ok(())
    }

    fn check_unique(&self, table: &Table, index: &TableIndex) -> Result<()> {
        let mut seen = HashSet::new();
        let mut cursor = self.kv.newest_scan(table.relation.object_id, &Span::all());
        while let Some((_, version)) = cursor.next()? {
            let Some(cells) = version.cells else { continue };
            let Some(values) = index.values(table, &decode_row(table, &cells)?)? else { continue };
            if values.iter().any(Value::is_null) {
                continue;
            }
            if !seen.insert(index.prefix(table.relation.object_id, &values)?) {
                return Err(not_unique(table, index, &values, &self.settings));
            }
            self.check_interrupt()?;
        }
        Ok(())
    }
}

impl Shared {
    /// At open: entries of the indexes that a replay met but did not know, or that are not known to be whole.
    pub fn build_missing_indexes(&self, missing: &BTreeSet<Oid>) -> Result<()> {
        let mut built = vec![];
        for relation in self.latest().relations.values() {
            for index in relation.indexes.iter().filter(|index| !index.primary) {
                if !missing.contains(&index.oid) && self.store.is_index_built(index.oid)? {
                    continue;
                }
                let table = self.table(relation)?;
                if let Some(index) = table.index(index.oid) {
                    self.build_entries(&table, index)?;
                    built.push(index.oid);
                }
            }
        }
        // An index without entries is whole too.
        if built.is_empty() { Ok(()) } else { self.store.mark_indexes_built(&built) }
    }

    /// At close: every index of the catalog has the entry of every row.
    pub fn mark_indexes_built(&self) -> Result<()> {
        let mut built = vec![];
        for relation in self.latest().relations.values() {
            for index in relation.indexes.iter().filter(|index| !index.primary) {
                if !self.store.is_index_built(index.oid)? {
                    built.push(index.oid);
                }
            }
        }
        if built.is_empty() { Ok(()) } else { self.store.mark_indexes_built(&built) }
    }

    fn build_entries(&self, table: &Table, index: &TableIndex) -> Result<()> {
        let snapshot = self.store.snapshot(At::Latest)?;
        let mut entries = Entries::new(&snapshot, table, index);
        self.store.build_index(&mut entries)
    }
}

/// The entries of every version of every row of the current generation. Versions of one key that follow each other
/// with the same entry are one entry.
struct Entries<'a> {
    versions: Box<dyn Cursor + Send>,
    table: &'a Table,
    index: &'a TableIndex,
    held: Option<IndexEntry>,
    ended: bool,
}

impl<'a> Entries<'a> {
    fn new(snapshot: &Snapshot, table: &'a Table, index: &'a TableIndex) -> Entries<'a> {
        let versions = snapshot.versions(table.relation.object_id, &Span::all(), 0, snapshot.tx());
        Entries { versions, table, index, held: None, ended: false }
    }

    fn read(&mut self) -> Result<Option<IndexEntry>> {
        while let Some((primary_key, version)) = self.versions.next()? {
            let Some(cells) = version.cells else { continue };
            let row = decode_row(self.table, &cells)?;
            let Some(values) = self.index.values(self.table, &row)? else { continue };
            let mut key = self.index.prefix(self.table.relation.object_id, &values)?;
            key.extend_from_slice(&primary_key);
            return Ok(Some(IndexEntry {
                index: self.index.oid,
                key,
                primary_key,
                from: version.tx,
                to: version.end,
            }));
        }
        Ok(None)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<IndexEntry>;

    fn next(&mut self) -> Option<Result<IndexEntry>> {
        loop {
            if self.ended {
                return self.held.take().map(Ok);
            }
            match self.read() {
                Err(error) => {
                    self.ended = true;
                    self.held = None;
                    return Some(Err(error));
                }
                Ok(None) => self.ended = true,
                Ok(Some(entry)) => match &mut self.held {
                    Some(held) if held.key == entry.key && held.to == Some(entry.from) => held.to = entry.to,
                    held => {
                        if let Some(done) = held.replace(entry) {
                            return Some(Ok(done));
                        }
                    }
                },
            }
        }
    }
}
