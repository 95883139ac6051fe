//! The verifiable store: versioned keys over a Merkle log.
//!
//! ```text
//!   Transaction ── commit ──> committer ── one block, one fsync ──> Ledger (log, tiles, checkpoints: the truth)
//!      │  locks, savepoints       │ apply                              │ replay
//!      ▼                          ▼                                    ▼
//!   Snapshot (get, scan) <──── Index (derived: current, history, secondary entries; an LSM tree, sled or memory)
//! ```
//! It knows objects (a table's storage generation), keys and opaque cells; it does not know tables or SQL.
//! The log is the truth. The index may be deleted at any time and is rebuilt.

pub mod audit;
pub mod backup;
pub mod cells;
pub mod check;
pub mod checkpoint;
pub mod commit;
mod fault;
mod gap;
mod guard;
pub mod history;
pub mod index;
pub mod ledger;
pub mod lock;
pub mod log;
pub mod prepared;
mod reader;
mod recent;
pub mod record;
pub mod recovery;
pub mod restore;
mod serializable;
pub mod snapshot;
mod spool;
pub mod store;
pub mod tiles;
pub mod transaction;
mod writes;

pub use cells::{Cell, Cells, CellsWriter};
pub use commit::OnFatal;
pub use lock::{LockStrength, LockWait, SessionLocks, TableMode};
pub use prepared::Prepared;
pub use record::{Change, Meta, Op};
pub use snapshot::{Cursor, Snapshot, Version};
pub use store::{Options, Store};
pub use transaction::{Committed, Isolation, Savepoint, Transaction};

/// A storage generation of a table (`ledger.md` 1).
pub type ObjectId = u32;
/// A secondary index.
pub type IndexId = u32;
pub use types::TxId;

/// Which state to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Latest,
    Transaction(TxId),
    /// Microseconds since 1970-01-01 UTC: the last transaction committed at or before.
    Time(i64),
}

/// A range of one object's keys, or of one index's entries. Bounds are whole keys or prefixes as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub from: std::ops::Bound<Vec<u8>>,
    pub to: std::ops::Bound<Vec<u8>>,
}

impl Span {
    pub fn all() -> Span {
        Span { from: std::ops::Bound::Unbounded, to: std::ops::Bound::Unbounded }
    }
    /// Every key that starts with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Span {
        use std::ops::Bound::*;
        // The end is the prefix with its last byte below 0xff raised, and cut after it.
        let to = match prefix.iter().rposition(|&byte| byte != 0xff) {
            Some(at) => {
                let mut end = prefix[..=at].to_vec();
                end[at] += 1;
                Excluded(end)
            }
            None => Unbounded,
        };
        Span { from: Included(prefix.to_vec()), to }
    }
}

/// A change of a secondary index that a row's change implies. `key` is unique within the index (the caller appends
/// the primary key where the index is not unique); `primary_key` is the row's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexChange {
    pub index: IndexId,
    pub key: Vec<u8>,
    pub primary_key: Vec<u8>,
    pub add: bool,
}

/// Rows of a system object: (key, transaction, cells).
pub type SystemRows = Vec<(Vec<u8>, TxId, Cells)>;

/// Derives index changes at replay and rebuild, when no session is there to say.
pub trait Derive: Send + Sync {
    /// Called once before the first `derive` of a replay or rebuild, with a reader of the current rows of a system
    /// object (< 1024) in the state that the replay starts from: (key, transaction, cells). Nothing has been derived yet
    /// when it starts from an empty index. Within one transaction `derive` is called in (object, key) order, so
    /// descriptors come before the rows under them.
    fn begin(&self, _read: &dyn Fn(ObjectId) -> types::Result<SystemRows>) -> types::Result<()> {
        Ok(())
    }
    fn derive(
        &self,
        tx: TxId,
        object: ObjectId,
        key: &[u8],
        old: Option<&Cells>,
        new: Option<&Cells>,
        out: &mut Vec<IndexChange>,
    ) -> types::Result<()>;
}

/// Keys of rows.
pub type Keys<'a> = dyn Iterator<Item = (ObjectId, &'a [u8])> + 'a;

/// Told what changes, in order of commit: for who keeps something that is made of rows.
pub trait Watch: Send + Sync {
    /// The rows that transaction `tx` has changed, in (object, key) order. None: too many to tell.
    fn changed(&self, tx: TxId, rows: Option<&mut Keys<'_>>);
}

/// No secondary indexes.
pub struct NoDerive;
impl Derive for NoDerive {
    fn derive(
        &self,
        _: TxId,
        _: ObjectId,
        _: &[u8],
        _: Option<&Cells>,
        _: Option<&Cells>,
        _: &mut Vec<IndexChange>,
    ) -> types::Result<()> {
        Ok(())
    }
}
