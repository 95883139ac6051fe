//! The ledger: log, tree and checkpoints as one thing with one order.
//!
//! `append` orders transactions and writes one block; `sync` makes them durable; `publish` signs what is durable.
//! Nobody but the committer appends. Reading is for everyone.

use crate::record::{Record, Sealed};
use crate::{At, TxId};
use host::Host;
use std::path::Path;
use types::Result;

/// How to open a ledger.
#[derive(Clone)]
pub struct LedgerOptions {
    /// `<host>/<database>`: the checkpoint's origin, fixed when the ledger is made.
    pub origin: String,
    /// Make a new ledger (genesis, key) if the folder is empty. Without it an empty folder is an error.
    pub create: bool,
    pub accept_missing_checkpoint: bool,
    pub accept_clock: bool,
    pub segment_size_bytes: u64,
    /// Told about long work: what, done, total.
    pub progress: Option<Progress>,
}

/// Called with what is being done, and how much of how much.
pub type Progress = std::sync::Arc<dyn Fn(&str, u64, u64) + Send + Sync>;

pub struct Ledger {
    // ...
}

impl Ledger {
    /// Opens or makes the ledger in `dir`, recovers it (cuts an uncovered torn tail, recomputes the tree over the tail,
    /// compares with the signed checkpoint) and says no where the log is shorter than or differs from it.
    pub fn open(_host: Host, _dir: &Path, _options: LedgerOptions) -> Result<Ledger> {
        todo!()
    }

    /// Orders and writes a group: one block (or part blocks for a large one). Assigns consecutive numbers and
    /// non-decreasing times. Not durable until [`Ledger::sync`]. An error before anything was written leaves the
    /// ledger as it was; an error after is fatal (`is_poisoned`).
    pub fn append(&self, _group: &[Sealed]) -> Result<Vec<(TxId, i64)>> {
        todo!()
    }

    /// Makes everything appended durable: one fsync. An error is fatal to the ledger: no later append succeeds.
    pub fn sync(&self) -> Result<()> {
        todo!()
    }

    /// Signs and stores a checkpoint over what is durable, if that has grown; writes tiles before it.
    pub fn publish(&self) -> Result<()> {
        todo!()
    }

    /// Transactions that are ordered (the tree's size), genesis included.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// Transactions that are durable.
    pub fn durable_size(&self) -> u64 {
        todo!()
    }

    /// The root of the first `size` leaves.
    pub fn root(&self, _size: u64) -> Result<[u8; 32]> {
        todo!()
    }

    /// One transaction, verified against its leaf. 22023 if there is none of that number.
    pub fn read(&self, _tx: TxId) -> Result<Record> {
        todo!()
    }

    /// Transactions `from..` in order until `visit` says stop, verified.
    pub fn replay(&self, _from: TxId, _visit: &mut dyn FnMut(Record) -> Result<std::ops::ControlFlow<()>>) -> Result<()> {
        todo!()
    }

    /// The transaction that `at` means, among the durable ones. 22023 with the valid range otherwise.
    pub fn resolve(&self, _at: At) -> Result<TxId> {
        todo!()
    }

    /// Commit time of a transaction, without reading its block where possible.
    pub fn committed_at(&self, _tx: TxId) -> Result<i64> {
        todo!()
    }

    pub fn database_id(&self) -> [u8; 16] {
        todo!()
    }

    pub fn origin(&self) -> &str {
        todo!()
    }

    /// The newest signed checkpoint, published first if the log has grown: the note's text.
    pub fn checkpoint(&self) -> Result<String> {
        todo!()
    }

    /// RFC 6962 audit path of `tx` in the tree of `size`.
    pub fn inclusion(&self, _tx: TxId, _size: u64) -> Result<Vec<[u8; 32]>> {
        todo!()
    }

    /// RFC 6962 consistency proof between two sizes.
    pub fn consistency(&self, _from: u64, _to: u64) -> Result<Vec<[u8; 32]>> {
        todo!()
    }

    /// The verifier key (`origin+hash+base64`) of the note's signature.
    pub fn verifier_key(&self) -> String {
        todo!()
    }
}
