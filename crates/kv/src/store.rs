//! The store: a ledger, its index, its committer and its locks, as one handle.

use crate::ledger::{Ledger, LedgerOptions};
use crate::snapshot::Snapshot;
use crate::transaction::{Isolation, Transaction};
use crate::{At, Derive};
use host::Host;
use std::path::Path;
use std::sync::Arc;
use types::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexEngine {
    Sled,
    Memory,
}

#[derive(Clone)]
pub struct Options {
    pub ledger: LedgerOptions,
    pub index: IndexEngine,
    pub index_cache_bytes: u64,
    pub derive: Arc<dyn Derive>,
}

/// One open database. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store {
    // ...
}

impl Store {
    /// Opens the ledger, then the index: replayed from its checkpoint, or rebuilt where that is in doubt.
    pub fn open(_host: Host, _dir: &Path, _options: Options) -> Result<Store> {
        todo!()
    }

    pub fn ledger(&self) -> &Ledger {
        todo!()
    }

    /// Reads at a past or present moment; never blocks.
    pub fn snapshot(&self, _at: At) -> Result<Snapshot> {
        todo!()
    }

    pub fn begin(&self, _isolation: Isolation) -> Transaction {
        todo!()
    }

    /// Builds the entries of a new index over existing rows (and their history): the caller supplies them in any order,
    /// each with its validity `[from, to)`.
    pub fn build_index(&self, _entries: &mut dyn Iterator<Item = Result<IndexEntry>>) -> Result<()> {
        todo!()
    }

    /// Drops an index's entries in the background.
    pub fn drop_index(&self, _index: crate::IndexId) -> Result<()> {
        todo!()
    }

    /// Flushes, checkpoints the index and the ledger, and stops the threads. Also done on the last drop.
    pub fn close(&self) -> Result<()> {
        todo!()
    }
}

/// An entry of a secondary index, for [`Store::build_index`]. `to` None: open.
#[derive(Debug, Clone)]
pub struct IndexEntry {
    pub index: crate::IndexId,
    pub key: Vec<u8>,
    pub primary_key: Vec<u8>,
    pub from: crate::TxId,
    pub to: Option<crate::TxId>,
}
