//! Two-phase commit: a transaction that is set aside, durably, until it is told how it ends.
//!
//! ```text
//!   prepare    locks change hands ──> a transaction of the engine's own inserts a row that holds writes, locks, reads
//!   commit     one ordinary transaction: the writes, and the row deleted
//!   rollback   a transaction of the engine's own deletes the row
//!   restart    each live row is a prepared transaction: it takes its locks again before anyone else locks
//! ```
//! Where the row is and what else it says is the caller's business. That a prepared transaction is a row is why nothing
//! else has to know of it: recovery, the index, checks and backups treat it as they treat every row.

mod state;

use crate::commit::Request;
use crate::history::split_storage_key;
use crate::lock::{Held, LockWait};
use crate::transaction::{Committed, Isolation, Transaction};
use crate::{Cells, Meta, ObjectId};
use state::State;
use std::collections::BTreeMap;
use types::{Error, Result, SqlState};

/// Where the row of a prepared transaction is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    pub object: ObjectId,
    pub key: Vec<u8>,
}

/// A prepared transaction. Dropped, it frees its locks and is prepared all the same: the next opening finds it.
pub struct Prepared {
    /// Its locks and writes; what it has read is with the committer.
    transaction: Transaction,
    meta: Meta,
    row: RowPlace,
    /// The last key of each object that it has written, if it was resumed.
    last_keys: BTreeMap<ObjectId, Vec<u8>>,
}

impl Transaction {
    /// Sets the transaction aside: it survives a crash from here on, and can be refused no more. `cells`: the row's,
    /// from the bytes of what [`crate::Store::resume`] needs. The caller sees to it that nobody else has that row.
    /// An error rolls it back (40001 at SERIALIZABLE; 0A000 where the session holds one of its advisory locks).
    pub fn prepare(
        mut self,
        meta: Meta,
        row: RowPlace,
        cells: impl FnOnce(Vec<u8>) -> Result<Cells>,
    ) -> Result<Prepared> {
        self.core.check_writable()?;
        if self.writes.is_spilled() || self.held.is_compact() {
            return Err(too_large());
        }
        // The session's next transaction is another one.
        let owner = self.core.next_owner();
        self.core.locks.transfer(self.owner, owner, &self.held)?;
        self.owner = owner;
        self.patience = Default::default();
        let state = State::of(&self, meta.clone()).encode()?;

        let mut record = self.begin_record();
        // Checked together with the row's insert, and never again.
        let prepares = self.reads.as_ref().map(|_| owner);
        (record.reads, record.snapshot) = (self.reads.take(), self.snapshot.clone());
        record.put(row.object, &row.key, cells(state)?, 0, vec![])?;
        record.order_all(meta.clone(), prepares)?;
        Ok(Prepared { transaction: self, meta, row, last_keys: BTreeMap::new() })
    }

    /// A transaction of the engine's own beside this one.
    fn begin_record(&self) -> Transaction {
        let (core, random) = (self.core.clone(), self.random.clone());
        let mut record = Transaction::begin(core, random, Isolation::ReadCommitted, 0);
        record.set_system(true);
        record
    }

    fn order_all(&mut self, meta: Meta, prepares: Option<u64>) -> Result<Committed> {
        let Some((sealed, batch)) = self.seal(meta)? else {
            return Err(Error::internal("the row of a prepared transaction was not written"));
        };
        self.order(sealed, batch, true, prepares)
    }
}

/// What is set aside is one value of a row.
fn too_large() -> Error {
    let message = "a transaction that has outgrown its memory cannot be prepared";
    Error::new(SqlState::ProgramLimitExceeded, message)
        .hint("Commit it, divide it into smaller ones, or give transactions more memory.")
}

impl Prepared {
    pub(crate) fn resume(mut transaction: Transaction, row: RowPlace, state: &[u8]) -> Result<Prepared> {
        let State { meta, reads, locks, rows, entries } = State::decode(state)
            .map_err(|reason| Error::corrupted(format!("a prepared transaction cannot be read: {reason}")))?;
        for (resource, modes) in locks {
            for mode in (0..8).filter(|mode| modes & (1 << mode) != 0) {
                transaction.acquire(resource.clone(), mode, LockWait::Nowait)?;
            }
        }
        let mut last_keys = BTreeMap::new();
        for (object, key) in rows.iter().map(|(key, _)| split_storage_key(key)) {
            let last: &mut Vec<u8> = last_keys.entry(object).or_default();
            if key > last.as_slice() {
                *last = key.to_vec();
            }
        }
        transaction.writes.restore(rows, entries)?;
        if let Some(reads) = reads {
            transaction.core.resume_prepared(transaction.owner, reads);
        }
        Ok(Prepared { transaction, meta, row, last_keys })
    }

    /// Names it in [`crate::Store::locks`] and deadlock reports.
    pub fn number(&self) -> u64 {
        self.transaction.number()
    }

    /// The last key of each object that it has written before this opening of the store.
    pub fn last_keys(&self) -> impl Iterator<Item = (ObjectId, &[u8])> {
        self.last_keys.iter().map(|(object, key)| (*object, key.as_slice()))
    }

    /// After an error (53100) it is prepared still, and may be tried again.
    pub fn commit(&mut self, durable: bool) -> Result<Committed> {
        let Prepared { transaction, meta, row, last_keys: _ } = self;
        transaction.delete(row.object, &row.key, None, vec![])?;
        let Some((sealed, batch)) = transaction.seal(meta.clone())? else {
            return Err(Error::internal("the row of a prepared transaction is not there"));
        };
        // Its locks stay with it until that has worked.
        let owner = transaction.owner;
        let request = Request { owner, sealed, batch, held: Held::default(), reads: None, prepares: None };
        let (tx, committed_at) = transaction.core.commit(request, durable)?;
        self.free();
        Ok(Committed { tx: Some(tx), committed_at: Some(committed_at) })
    }

    /// After an error (53100) it is prepared still, and may be tried again. `meta`: of whoever rolls it back.
    pub fn rollback(&mut self, meta: Meta) -> Result<()> {
        let mut record = self.transaction.begin_record();
        // The row may be locked by a commit that did not come to its end.
        record.owner = self.transaction.owner;
        record.delete(self.row.object, &self.row.key, None, vec![])?;
        record.order_all(meta, None)?;
        self.free();
        Ok(())
    }

    fn free(&mut self) {
        let Transaction { core, owner, held, .. } = &mut self.transaction;
        core.end_prepared(*owner);
        core.locks.release(*owner, held, 0);
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.free();
    }
}
