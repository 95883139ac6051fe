//! A transaction: a snapshot, a write set with savepoints, and locks.

use crate::lock::{LockStrength, LockWait, TableMode};
use crate::snapshot::{Cursor, IndexCursor, Version};
use crate::{Cells, IndexChange, IndexId, Meta, ObjectId, Span, TxId};
use types::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// A point to roll back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savepoint(pub usize);

/// What a commit was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// None: nothing was written, so there is no transaction.
    pub tx: Option<TxId>,
    pub committed_at: Option<i64>,
}

/// An open transaction. Dropped = rolled back.
pub struct Transaction {
    // ...
}

impl Transaction {
    pub fn isolation(&self) -> Isolation {
        todo!()
    }
    /// What the snapshot sees.
    pub fn snapshot(&self) -> &crate::Snapshot {
        todo!()
    }
    /// A new snapshot at READ COMMITTED (a statement starts); nothing at the other levels.
    pub fn refresh(&mut self) {
        todo!()
    }
    /// The flag that cancel requests and timeouts set: polled in every wait. The error to end with.
    pub fn set_interrupt(&mut self, _check: std::sync::Arc<dyn Fn() -> Result<()> + Send + Sync>) {
        todo!()
    }
    /// Milliseconds a lock wait may take (55P03); 0 = for ever.
    pub fn set_lock_timeout(&mut self, _timeout_ms: u64) {
        todo!()
    }

    // Reads: the snapshot, with this transaction's own writes over it.

    pub fn get(&self, _object: ObjectId, _key: &[u8]) -> Result<Option<Version>> {
        todo!()
    }
    /// Does not see writes made after the cursor was made (the Halloween problem).
    pub fn scan(&self, _object: ObjectId, _span: &Span, _backward: bool) -> Box<dyn Cursor + Send> {
        todo!()
    }
    pub fn scan_index(&self, _index: IndexId, _span: &Span, _backward: bool) -> Box<dyn IndexCursor + Send> {
        todo!()
    }
    /// The newest ordered state, whatever the snapshot, with own writes over it: what unique and foreign-key checks and
    /// re-checks after a lock read. A deleted key's version is returned too (`cells` None), for `moved_to`.
    pub fn newest(&self, _object: ObjectId, _key: &[u8]) -> Result<Option<Version>> {
        todo!()
    }
    pub fn newest_scan(&self, _object: ObjectId, _span: &Span) -> Box<dyn Cursor + Send> {
        todo!()
    }
    pub fn newest_scan_index(&self, _index: IndexId, _span: &Span) -> Box<dyn IndexCursor + Send> {
        todo!()
    }
    /// Whether this transaction has written the key.
    pub fn wrote(&self, _object: ObjectId, _key: &[u8]) -> bool {
        todo!()
    }

    // Writes: the caller holds the row's lock. Op and prev_tx are decided at commit.

    pub fn put(&mut self, _object: ObjectId, _key: &[u8], _cells: Cells, _schema_tx: TxId, _derived: Vec<IndexChange>) -> Result<()> {
        todo!()
    }
    pub fn delete(&mut self, _object: ObjectId, _key: &[u8], _moved_to: Option<&[u8]>, _derived: Vec<IndexChange>) -> Result<()> {
        todo!()
    }

    // Locks: held to the end, or to the rollback of the savepoint they were first taken after.

    /// True = granted. False only with SkipLocked.
    pub fn lock_row(&mut self, _object: ObjectId, _key: &[u8], _strength: LockStrength, _wait: LockWait) -> Result<bool> {
        todo!()
    }
    /// Exclusive lock on a value of a unique index, so that two inserts of it wait for each other.
    pub fn lock_value(&mut self, _index: IndexId, _key: &[u8]) -> Result<()> {
        todo!()
    }
    pub fn lock_table(&mut self, _oid: u32, _mode: TableMode, _wait: LockWait) -> Result<bool> {
        todo!()
    }

    pub fn savepoint(&mut self) -> Savepoint {
        todo!()
    }
    /// Undoes the writes since and frees the locks first taken since. The savepoint stays.
    pub fn rollback_to(&mut self, _savepoint: Savepoint) {
        todo!()
    }

    /// Whether a commit would make a transaction.
    pub fn has_writes(&self) -> bool {
        todo!()
    }
    /// The write set so far, for whoever must see it before commit: (object, key, new cells or None).
    pub fn writes(&self) -> Vec<(ObjectId, Vec<u8>, Option<Cells>)> {
        todo!()
    }

    /// Seals, orders, syncs, applies. Blocks until durable (`durable` false: until ordered). Serializable: 40001.
    pub fn commit(self, _meta: Meta, _durable: bool) -> Result<Committed> {
        todo!()
    }
    /// As dropping it, but said aloud.
    pub fn rollback(self) {}
}
