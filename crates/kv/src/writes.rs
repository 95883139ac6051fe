//! A transaction's write set: what it has written, in versions, so that cursors and savepoints see their own moment.
//!
//! Every write gets the next stamp. A cursor remembers the stamp at which it was made and sees nothing newer (the
//! Halloween problem); a rollback to a savepoint takes the newer ones away. A key written many times keeps one version
//! where neither a savepoint nor a cursor can ask for an older one.

use crate::guard;
use crate::history::{Family, RowBody, entry_body, split_storage_key, storage_key};
use crate::index::page::Own;
use crate::recent::{Shared, VersionTable};
use crate::{Cells, IndexChange, ObjectId, Op, TxId};
use std::sync::{Arc, RwLock};
use types::Result;

#[derive(Default)]
pub(crate) struct WriteSet {
    table: Arc<RwLock<VersionTable>>,
    undo: Vec<(Family, Shared)>,
    stamp: u64,
    /// The stamp at the newest savepoint or pin: versions up to it must stay.
    kept: u64,
    /// What a command's own queries see of it.
    pinned: Option<u64>,
    /// Rows put so far, undone ones too.
    rows_put: u64,
}

/// A written key: its object, itself, the new cells or None.
pub type Written = (ObjectId, Vec<u8>, Option<Cells>);

/// How much was written at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    undo: usize,
}

impl WriteSet {
    pub(crate) fn put(
        &mut self,
        object: ObjectId,
        key: &[u8],
        cells: Option<&Cells>,
        schema_tx: TxId,
        moved_to: Option<&[u8]>,
    ) {
        self.rows_put += 1;
        let body = RowBody {
            // Which op it is, and the previous entry, are decided at commit.
            op: if cells.is_some() { Op::Update } else { Op::Delete },
            key_salt: [0; 16],
            schema_tx,
            prev_tx: 0,
            moved_to,
            cells: cells.map(|cells| cells.0.as_slice()),
        };
        self.push(Family::Row, storage_key(object, key).into(), body.encode().into());
    }

    /// A removal takes away only the entry of its own row: where rows swap unique values, the new owner may have come
    /// first.
    pub(crate) fn change_entry(&mut self, change: IndexChange) {
        let IndexChange { index, key, primary_key, add } = change;
        let key: Shared = storage_key(index, &key).into();
        if !add {
            let table = guard::read(&self.table);
            let top = table.at(Family::Entry, &key, u64::MAX);
            if top.is_some_and(|(_, body)| body.get(1..) != Some(primary_key.as_slice())) {
                return;
            }
        }
        self.push(Family::Entry, key, entry_body(add, &primary_key).into());
    }

    fn push(&mut self, family: Family, key: Shared, body: Shared) {
        // A cursor holds a reference for as long as it lives.
        let unseen = Arc::strong_count(&self.table) == 1;
        let mut table = guard::write(&self.table);
        if unseen && table.replace_top(family, &key, self.kept, &body) {
            return;
        }
        self.stamp += 1;
        table.push(family, key.clone(), self.stamp, body);
        self.undo.push((family, key));
    }

    /// Rows put so far: it only grows.
    pub(crate) fn rows_put(&self) -> u64 {
        self.rows_put
    }

    pub(crate) fn is_empty(&self) -> bool {
        guard::read(&self.table).is_empty(Family::Row)
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        guard::read(&self.table).at(family, key, u64::MAX).map(|(_, body)| body.to_vec())
    }

    /// From here on queries see what is written now and nothing newer.
    pub(crate) fn pin(&mut self) {
        self.kept = self.stamp;
        self.pinned = Some(self.stamp);
    }

    pub(crate) fn unpin(&mut self) {
        self.pinned = None;
    }

    /// [`WriteSet::get`], for a query.
    pub(crate) fn get_pinned(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        let stamp = self.pinned.unwrap_or(u64::MAX);
        guard::read(&self.table).at(family, key, stamp).map(|(_, body)| body.to_vec())
    }

    /// [`WriteSet::view`], for a query.
    pub(crate) fn view_pinned(&self, family: Family) -> Option<Own> {
        let own = self.view(family)?;
        Some(Own { stamp: self.pinned.unwrap_or(own.stamp), ..own })
    }

    /// The write set as it is now, for a cursor.
    pub(crate) fn view(&self, family: Family) -> Option<Own> {
        if guard::read(&self.table).is_empty(family) {
            return None;
        }
        Some(Own { table: self.table.clone(), stamp: self.stamp })
    }

    pub(crate) fn mark(&mut self) -> Mark {
        self.kept = self.stamp;
        Mark { undo: self.undo.len() }
    }

    pub(crate) fn rollback_to(&mut self, mark: Mark) {
        let mut table = guard::write(&self.table);
        for (family, key) in self.undo.drain(mark.undo.min(self.undo.len())..).rev() {
            table.pop(family, &key);
        }
        // Stamps are never given out twice: a cursor made before must not see what is written after.
        self.kept = self.stamp;
    }

    /// Takes over the net writes of another write set. This one is empty.
    pub(crate) fn restore(&mut self, rows: Vec<(Shared, Shared)>, entries: Vec<(Shared, Shared)>) {
        for (family, writes) in [(Family::Row, rows), (Family::Entry, entries)] {
            writes.into_iter().for_each(|(key, body)| self.push(family, key, body));
        }
    }

    /// The net writes of a family, sorted by storage key.
    pub(crate) fn tops(&self, family: Family) -> Vec<(Shared, Shared)> {
        guard::read(&self.table).tops(family).map(|(key, body)| (key.clone(), body.clone())).collect()
    }

    pub(crate) fn rows(&self) -> Result<Vec<Written>> {
        let mut rows = Vec::new();
        for (key, body) in self.tops(Family::Row) {
            let (object, key) = split_storage_key(&key);
            let cells = RowBody::decode(&body)?.cells.map(|cells| Cells(cells.to_vec()));
            rows.push((object, key.to_vec(), cells));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_query_sees_what_was_written_before_the_pin() {
        let mut writes = WriteSet::default();
        let body = |writes: &WriteSet, pinned: bool| {
            let key = storage_key(7, b"k");
            let body =
                if pinned { writes.get_pinned(Family::Row, &key) } else { writes.get(Family::Row, &key) };
            body.and_then(|body| RowBody::decode(&body).unwrap().cells.map(<[u8]>::to_vec))
        };
        let put =
            |writes: &mut WriteSet, cells: &[u8]| writes.put(7, b"k", Some(&Cells(cells.to_vec())), 1, None);
        put(&mut writes, b"before");
        writes.pin();
        put(&mut writes, b"after");
        put(&mut writes, b"again");
        assert_eq!(body(&writes, true), Some(b"before".to_vec()));
        assert_eq!(body(&writes, false), Some(b"again".to_vec()));
        assert!(writes.view_pinned(Family::Row).unwrap().stamp < writes.view(Family::Row).unwrap().stamp);
        writes.unpin();
        assert_eq!(body(&writes, true), Some(b"again".to_vec()));
    }
}
