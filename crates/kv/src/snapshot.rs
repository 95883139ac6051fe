//! Reading one state: `current` for versions not newer than it, `history` for older ones.

use crate::{Cells, IndexId, ObjectId, Op, Span, TxId};
use types::Result;

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub tx: TxId,
    /// What made it.
    pub op: Op,
    pub schema_tx: TxId,
    /// None for a delete.
    pub cells: Option<Cells>,
    pub moved_to: Option<Vec<u8>>,
    /// The transaction that superseded it; None while current (as of the snapshot).
    pub end: Option<TxId>,
}

/// A state of the database, after transaction `tx`. Holds nothing back but purging; never blocks.
#[derive(Clone)]
pub struct Snapshot {
    // ...
}

/// Walks a range in key order. Pull-style; reads ahead in pages.
pub trait Cursor {
    /// The next live row: its key and version. None at the end.
    fn next(&mut self) -> Result<Option<(Vec<u8>, Version)>>;
}

impl Snapshot {
    /// The newest transaction it sees.
    pub fn tx(&self) -> TxId {
        todo!()
    }
    /// The live version of a key.
    pub fn get(&self, _object: ObjectId, _key: &[u8]) -> Result<Option<Version>> {
        todo!()
    }
    /// Live rows of a span, in key order or backwards.
    pub fn scan(&self, _object: ObjectId, _span: &Span, _backward: bool) -> Box<dyn Cursor + Send> {
        todo!()
    }
    /// Entries of an index that are valid at this state: (entry key, primary key), in entry order or backwards.
    pub fn scan_index(&self, _index: IndexId, _span: &Span, _backward: bool) -> Box<dyn IndexCursor + Send> {
        todo!()
    }
    /// Every version (deletes included) of every key of a span that was alive or made within `from..=to` transactions:
    /// by key, oldest first. `end` is set on all but a key's newest.
    pub fn versions(&self, _object: ObjectId, _span: &Span, _from: TxId, _to: TxId) -> Box<dyn Cursor + Send> {
        todo!()
    }
}

pub trait IndexCursor {
    fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>>;
}
