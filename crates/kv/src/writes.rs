//! A transaction's write set: what it has written, in versions, so that cursors and savepoints see their own moment.
//!
//! Every write gets the next stamp. A cursor remembers the stamp at which it was made and sees nothing newer (the
//! Halloween problem); a rollback to a savepoint takes the newer ones away. A key written many times keeps one version
//! where neither a savepoint nor a cursor can ask for an older one.
//!
//! What outgrows the memory of a transaction moves into runs of the spool: there a rollback marks the stamps that it took
//! back, and nobody sees these any more.

use crate::guard;
use crate::history::{
    Family, RowBody, as_slices, entry_body, split_storage_key, storage_key, storage_key_to, storage_span,
};
use crate::index::page::Own;
use crate::recent::{Shared, VersionTable};
use crate::spool::{Layers, Spool};
use crate::{Cells, IndexChange, ObjectId, Op, Span, TxId};
use std::ops::Bound;
use std::sync::{Arc, RwLock};
use types::Result;

pub(crate) struct WriteSet {
    table: Arc<RwLock<VersionTable>>,
    spool: Arc<Spool>,
    /// Of what is in memory.
    undo: Vec<(u64, Family, Shared)>,
    /// What the table and `undo` take in memory, about.
    memory_bytes: usize,
    stamp: u64,
    /// The stamp at the newest savepoint or pin: versions up to it must stay.
    kept: u64,
    /// What a command's own queries see of it.
    pinned: Option<u64>,
    /// Rows put so far, undone ones too.
    rows_put: u64,
    /// What is encoded, before it is as long as it is.
    buffer: Vec<u8>,
}

/// A written key, and the new cells or None.
pub type Written = (Vec<u8>, Option<Cells>);

/// How much was written at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    stamp: u64,
}

/// What a version takes in memory beside its key and body: measured, with what allocations round up to.
const VERSION_BYTES: usize = 280;

/// Large values do not leave their memory behind.
const BUFFER_KEPT_BYTES: usize = 64 << 10;

impl WriteSet {
    pub(crate) fn new(spool: Arc<Spool>) -> WriteSet {
        WriteSet {
            table: Arc::default(),
            spool,
            undo: Vec::new(),
            memory_bytes: 0,
            stamp: 0,
            kept: 0,
            pinned: None,
            rows_put: 0,
            buffer: Vec::new(),
        }
    }

    /// `op`: Insert where the key is known to have no version. Else which op it is, and the previous entry, are decided at
    /// commit.
    pub(crate) fn put(
        &mut self,
        op: Op,
        object: ObjectId,
        key: &[u8],
        cells: Option<&Cells>,
        schema_tx: TxId,
        moved_to: Option<&[u8]>,
    ) -> Result<()> {
        self.rows_put += 1;
        let body = RowBody {
            op,
            key_salt: [0; 16],
            schema_tx,
            prev_tx: 0,
            moved_to,
            cells: cells.map(|cells| cells.0.as_slice()),
        };
        storage_key_to(object, key, &mut self.buffer);
        let key: Shared = self.buffer.as_slice().into();
        self.buffer.clear();
        body.encode_to(&mut self.buffer);
        let body: Shared = self.buffer.as_slice().into();
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        self.push(Family::Row, key, body)
    }

    /// A removal takes away only the entry of its own row: where rows swap unique values, the new owner may have come
    /// first.
    pub(crate) fn change_entry(&mut self, change: IndexChange) -> Result<()> {
        let IndexChange { index, key, primary_key, add } = change;
        let key: Shared = storage_key(index, &key).into();
        if !add {
            let top = self.at(Family::Entry, &key, u64::MAX)?;
            if top.is_some_and(|(_, body)| body.get(1..) != Some(primary_key.as_slice())) {
                return Ok(());
            }
        }
        self.push(Family::Entry, key, entry_body(add, &primary_key).into())
    }

    fn push(&mut self, family: Family, key: Shared, body: Shared) -> Result<()> {
        // A cursor holds a reference for as long as it lives.
        let unseen = Arc::strong_count(&self.table) == 1;
        let mut table = guard::write(&self.table);
        let replaced = if unseen { table.replace_top(family, &key, self.kept, &body) } else { None };
        match replaced {
            Some(before) => {
                self.memory_bytes = (self.memory_bytes + body.len()).saturating_sub(before.len());
            }
            None => {
                self.stamp += 1;
                self.memory_bytes += VERSION_BYTES + key.len() + body.len();
                table.push(family, key.clone(), self.stamp, body);
                self.undo.push((self.stamp, family, key));
            }
        }
        drop(table);
        if self.memory_bytes > self.spool.memory_bytes { self.spill() } else { Ok(()) }
    }

    /// Moves all of it out of memory.
    fn spill(&mut self) -> Result<()> {
        guard::write(&self.table).spill(&self.spool)?;
        self.undo = Vec::new();
        self.memory_bytes = 0;
        Ok(())
    }

    /// Rows put so far: it only grows.
    pub(crate) fn rows_put(&self) -> u64 {
        self.rows_put
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stamp == 0 || guard::read(&self.table).is_empty(Family::Row)
    }

    /// Whether some of it is not in memory.
    pub(crate) fn is_spilled(&self) -> bool {
        !guard::read(&self.table).layers().is_empty()
    }

    fn at(&self, family: Family, key: &[u8], stamp: u64) -> Result<Option<(u64, Shared)>> {
        // Most transactions only read.
        if self.stamp == 0 {
            return Ok(None);
        }
        let table = guard::read(&self.table);
        let found = table.at(family, key, stamp).map(|(stamp, body)| (stamp, body.clone()));
        match table.layers_below() {
            None => Ok(found),
            Some(layers) => layers.at(family, key, stamp, found),
        }
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.at(family, key, u64::MAX)?.map(|(_, body)| body.to_vec()))
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
    pub(crate) fn get_pinned(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let stamp = self.pinned.unwrap_or(u64::MAX);
        Ok(self.at(family, key, stamp)?.map(|(_, body)| body.to_vec()))
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
        Mark { stamp: self.stamp }
    }

    pub(crate) fn rollback_to(&mut self, mark: Mark) {
        let mut table = guard::write(&self.table);
        while let Some((_, family, key)) = self.undo.pop_if(|(stamp, ..)| *stamp > mark.stamp) {
            if let Some(body) = table.pop(family, &key) {
                let bytes = VERSION_BYTES + key.len() + body.len();
                self.memory_bytes = self.memory_bytes.saturating_sub(bytes);
            }
        }
        if !table.layers().is_empty() {
            table.layers_mut().take_back(mark.stamp, self.stamp);
        }
        // Stamps are never given out twice: a cursor made before must not see what is written after.
        self.kept = self.stamp;
    }

    /// Takes over the net writes of another write set. This one is empty.
    pub(crate) fn restore(
        &mut self,
        rows: Vec<(Shared, Shared)>,
        entries: Vec<(Shared, Shared)>,
    ) -> Result<()> {
        for (family, writes) in [(Family::Row, rows), (Family::Entry, entries)] {
            writes.into_iter().try_for_each(|(key, body)| self.push(family, key, body))?;
        }
        Ok(())
    }

    /// The net writes of a family, sorted by storage key: of a write set that is in memory.
    pub(crate) fn tops(&self, family: Family) -> Vec<(Shared, Shared)> {
        guard::read(&self.table).tops(family).map(|(key, body)| (key.clone(), body.clone())).collect()
    }

    /// All of it as runs, for who reads it in order: nothing is left in memory.
    pub(crate) fn spilled(&mut self) -> Result<Arc<Layers>> {
        if self.memory_bytes > 0 {
            self.spill()?;
        }
        Ok(guard::read(&self.table).layers())
    }

    /// Net writes of an object, in key order: up to `limit` of those after a key. None: there are no more.
    pub(crate) fn rows(&self, object: ObjectId, after: Option<&[u8]>, limit: usize) -> Result<Vec<Written>> {
        let span = match after {
            Some(key) => Span { from: Bound::Excluded(key.to_vec()), to: Bound::Unbounded },
            None => Span::all(),
        };
        let (mut from, to) = storage_span(object, &span);
        let own = Own { table: self.table.clone(), stamp: u64::MAX };
        loop {
            let found = own.range(Family::Row, as_slices(&from, &to), false, limit)?;
            match found.end {
                // All of them were taken back.
                Some(end) if found.items.is_empty() => from = Bound::Excluded(end),
                _ => return found.items.into_iter().map(|(key, _, body)| written(&key, &body)).collect(),
            }
        }
    }
}

fn written(key: &[u8], body: &[u8]) -> Result<Written> {
    let cells = RowBody::decode(body)?.cells.map(|cells| Cells(cells.to_vec()));
    Ok((split_storage_key(key).1.to_vec(), cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_query_sees_what_was_written_before_the_pin() {
        let spool = Spool::open(&host::Host::memory(1), std::path::Path::new("/spool"), 1 << 20).unwrap();
        let mut writes = WriteSet::new(Arc::new(spool));
        let body = |writes: &WriteSet, pinned: bool| {
            let key = storage_key(7, b"k");
            let body =
                if pinned { writes.get_pinned(Family::Row, &key) } else { writes.get(Family::Row, &key) };
            body.unwrap().and_then(|body| RowBody::decode(&body).unwrap().cells.map(<[u8]>::to_vec))
        };
        let put = |writes: &mut WriteSet, cells: &[u8]| {
            writes.put(Op::Update, 7, b"k", Some(&Cells(cells.to_vec())), 1, None).unwrap()
        };
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
