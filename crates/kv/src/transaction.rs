//! A transaction: a snapshot, a write set with savepoints, and locks.
//!
//! ```text
//!   get, scan         snapshot, own writes over it
//!   newest...         whatever is ordered now, own writes over it: for checks and re-reads under a lock
//!   put, delete       into the write set; the row is locked if the caller has not done it
//!   commit            net effect -> op and previous entry of each key -> sealed here -> one ordered step
//! ```
//!
//! It decides no conflict by itself: whether a row that changed since the snapshot ends a statement, or is read again,
//! is for the caller to say ([`Transaction::changed_since_snapshot`]). Only SERIALIZABLE is checked here, at the first
//! write of each statement and at commit.

use crate::commit::{Core, Request};
use crate::gap::Gap;
use crate::guard;
use crate::history::{Family, RowBody, Stored, UNCOMMITTED, storage_key};
use crate::index::open::body_of;
use crate::lock::{Held, LockStrength, LockWait, Owner, Patience, Resource, TableMode};
use crate::recent::{Batch, Shared};
use crate::record::{self, Change, Sealed, Sealing};
use crate::serializable::Reads;
use crate::snapshot::{Cursor, EntryCursor, IndexCursor, RowCursor, Snapshot, Version, Walk};
use crate::writes::{Mark, WriteSet, Written};
use crate::{Cells, IndexChange, IndexId, Meta, ObjectId, Op, Span, TxId};
use host::Random;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use types::{Result, bail};

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
    pub(crate) core: Arc<Core>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) owner: Owner,
    isolation: Isolation,
    pub(crate) snapshot: Snapshot,
    /// The snapshot is never older than this.
    at_least: TxId,
    /// A statement has begun: above READ COMMITTED the snapshot stays from then on.
    begun: bool,
    pub(crate) writes: WriteSet,
    pub(crate) held: Held,
    savepoints: Vec<(Mark, usize)>,
    pub(crate) patience: Patience,
    system: bool,
    /// The newest transaction that a `newest` read has met.
    newest_seen: Arc<AtomicU64>,
    gap: Gap,
    /// SERIALIZABLE only.
    pub(crate) reads: Option<Mutex<Reads>>,
    /// SERIALIZABLE only: this statement has written, and was told that it may.
    may_write: bool,
}

/// Changes of a large transaction that are in memory at once, and their bytes.
const SEALED_AT_ONCE: usize = 4_096;
const SEALED_AT_ONCE_BYTES: usize = 4 << 20;

/// Longest key (`ledger.md` 1).
const KEY_LIMIT_BYTES: usize = 2_048;

impl Transaction {
    /// `at_least`: the snapshot sees this transaction even where it is ordered and not yet durable.
    pub(crate) fn begin(
        core: Arc<Core>,
        random: Arc<dyn Random>,
        isolation: Isolation,
        at_least: TxId,
    ) -> Transaction {
        let serializable = isolation == Isolation::Serializable;
        let tx = if serializable {
            core.enter_serializable(at_least)
        } else {
            core.durable().max(at_least.min(core.ordered()))
        };
        Transaction {
            snapshot: Snapshot { index: core.index.clone(), tx },
            owner: core.next_owner(),
            random,
            isolation,
            at_least,
            begun: false,
            writes: WriteSet::new(core.index.spool.clone()),
            held: Held::default(),
            savepoints: Vec::new(),
            patience: Patience::default(),
            system: false,
            newest_seen: Arc::default(),
            gap: Gap::default(),
            reads: serializable.then(Mutex::default),
            may_write: false,
            core,
        }
    }

    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// What the snapshot sees. A SERIALIZABLE transaction that reads through it is not checked for these reads.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// A statement starts: a new snapshot at READ COMMITTED, and for the first statement at the other levels.
    pub fn refresh(&mut self) {
        self.may_write = false;
        if self.begun && self.isolation != Isolation::ReadCommitted {
            return;
        }
        self.begun = true;
        self.snapshot.tx = if self.reads.is_some() {
            let before = self.snapshot.tx;
            let after = self.core.enter_serializable(self.at_least);
            self.core.leave_serializable(before);
            after
        } else {
            self.core.durable().max(self.at_least.min(self.core.ordered()))
        };
    }

    /// The flag that cancel requests and timeouts set: polled in every wait. The error to end with.
    pub fn set_interrupt(&mut self, check: Arc<dyn Fn() -> Result<()> + Send + Sync>) {
        self.patience.interrupt = Some(check);
    }

    /// Milliseconds a lock wait may take (55P03); 0 = for ever.
    pub fn set_lock_timeout(&mut self, timeout_ms: u64) {
        self.patience.timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms));
    }

    /// Marks what it commits as the engine's own (flag bit 0 of the transaction record).
    pub fn set_system(&mut self, system: bool) {
        self.system = system;
    }

    /// Locks are this owner's from now on, and deadlock reports name this process.
    pub(crate) fn own_locks_as(&mut self, owner: Owner, process: i32) {
        debug_assert!(self.held.is_empty(), "locks cannot change hands");
        self.owner = owner;
        self.patience.process = Some(process);
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Names this transaction in deadlock reports and [`crate::Store::locks`].
    pub fn number(&self) -> u64 {
        self.owner
    }

    /// Until [`Transaction::unpin_reads`], `get`, `scan` and `scan_index` see this transaction's writes so far and none
    /// that follow: a command that writes does not see its own effects. The `newest` reads do.
    pub fn pin_reads(&mut self) {
        self.writes.pin();
    }
    pub fn unpin_reads(&mut self) {
        self.writes.unpin();
    }
    /// Whether this transaction has written the key since [`Transaction::pin_reads`]: what a query found is not what is
    /// there.
    pub fn wrote_since_pin(&self, object: ObjectId, key: &[u8]) -> Result<bool> {
        let key = storage_key(object, key);
        Ok(self.writes.get(Family::Row, &key)? != self.writes.get_pinned(Family::Row, &key)?)
    }

    // Reads: the snapshot, with this transaction's own writes over it.

    pub fn get(&self, object: ObjectId, key: &[u8]) -> Result<Option<Version>> {
        if let Some(body) = self.writes.get_pinned(Family::Row, &storage_key(object, key))? {
            let own = Stored { tx: UNCOMMITTED, body };
            return if own.is_live() { own.into_version().map(Some) } else { Ok(None) };
        }
        if let Some(reads) = &self.reads {
            guard::lock(reads).key(Family::Row, object, key);
        }
        self.snapshot.get(object, key)
    }

    /// Does not see writes made after the cursor was made (the Halloween problem).
    pub fn scan(&self, object: ObjectId, span: &Span, backward: bool) -> Box<dyn Cursor + Send> {
        self.note_span(Family::Row, object, span);
        let walk = Walk::new(&self.snapshot, Family::Row, object, span, backward);
        Box::new(RowCursor(walk.over(self.writes.view_pinned(Family::Row))))
    }

    /// A SERIALIZABLE transaction reads this span by its snapshot.
    pub fn reads(&self, object: ObjectId, span: &Span) {
        self.note_span(Family::Row, object, span);
    }

    pub fn scan_index(&self, index: IndexId, span: &Span, backward: bool) -> Box<dyn IndexCursor + Send> {
        self.note_span(Family::Entry, index, span);
        let walk = Walk::new(&self.snapshot, Family::Entry, index, span, backward);
        Box::new(EntryCursor(walk.over(self.writes.view_pinned(Family::Entry))))
    }

    /// The newest ordered state, whatever the snapshot, with own writes over it: what unique and foreign-key checks and
    /// re-checks after a lock read. A deleted key's version is returned too (`cells` None), for `moved_to`.
    pub fn newest(&self, object: ObjectId, key: &[u8]) -> Result<Option<Version>> {
        match self.own(object, key)? {
            Some(own) => own.into_version().map(Some),
            None => self.newest_committed(object, key)?.map(Stored::into_version).transpose(),
        }
    }

    /// Whether a key has no version at all, in the newest ordered state and among own writes. The caller has locked its
    /// value, and it stays so.
    pub fn is_new(&mut self, object: ObjectId, key: &[u8]) -> Result<bool> {
        let key = storage_key(object, key);
        if self.writes.get(Family::Row, &key)?.is_some() {
            return Ok(false);
        }
        let ordered = self.core.ordered();
        if self.gap.covers(&key, ordered) {
            return Ok(true);
        }
        if self.newest_of(&key)?.is_some() {
            return Ok(false);
        }
        self.gap.note(&key, ordered, &self.core.index)?;
        Ok(true)
    }

    pub fn newest_scan(&self, object: ObjectId, span: &Span) -> Box<dyn Cursor + Send> {
        let walk = Walk::new(&self.ordered(), Family::Row, object, span, false);
        Box::new(RowCursor(walk.over(self.writes.view(Family::Row)).seen(self.newest_seen.clone())))
    }

    pub fn newest_scan_index(&self, index: IndexId, span: &Span) -> Box<dyn IndexCursor + Send> {
        let walk = Walk::new(&self.ordered(), Family::Entry, index, span, false);
        Box::new(EntryCursor(walk.over(self.writes.view(Family::Entry)).seen(self.newest_seen.clone())))
    }

    /// Whether this transaction has written the key.
    pub fn wrote(&self, object: ObjectId, key: &[u8]) -> Result<bool> {
        Ok(self.own(object, key)?.is_some())
    }

    /// Whether another transaction has changed the key since the snapshot: above READ COMMITTED, who wants to write it
    /// (and holds its lock) ends with 40001.
    pub fn changed_since_snapshot(&self, object: ObjectId, key: &[u8]) -> Result<bool> {
        Ok(self.newest_committed(object, key)?.is_some_and(|newest| newest.tx > self.snapshot.tx))
    }

    /// Waits until all that `newest` reads have met is durable: before a reply, errors included, that tells of it. A
    /// commit does it itself.
    pub fn settle(&self) -> Result<()> {
        self.core.wait_durable(self.newest_seen.load(Ordering::Relaxed))
    }

    // Writes: the caller holds the row's lock, else it is taken here. Op and prev_tx are decided at commit.

    pub fn put(
        &mut self,
        object: ObjectId,
        key: &[u8],
        cells: Cells,
        schema_tx: TxId,
        derived: Vec<IndexChange>,
    ) -> Result<()> {
        self.claim(object, key, LockStrength::NoKeyUpdate)?;
        self.write(Op::Update, object, key, cells, schema_tx, derived)
    }

    /// [`Transaction::put`] of a key that [`Transaction::is_new`], under the lock that keeps it so: the row itself is not
    /// locked, nor looked for at commit.
    pub fn put_new(
        &mut self,
        object: ObjectId,
        key: &[u8],
        cells: Cells,
        schema_tx: TxId,
        derived: Vec<IndexChange>,
    ) -> Result<()> {
        self.check_key(key)?;
        self.write(Op::Insert, object, key, cells, schema_tx, derived)
    }

    fn write(
        &mut self,
        op: Op,
        object: ObjectId,
        key: &[u8],
        cells: Cells,
        schema_tx: TxId,
        derived: Vec<IndexChange>,
    ) -> Result<()> {
        self.writes.put(op, object, key, Some(&cells), schema_tx, None)?;
        derived.into_iter().try_for_each(|change| self.writes.change_entry(change))
    }

    pub fn delete(
        &mut self,
        object: ObjectId,
        key: &[u8],
        moved_to: Option<&[u8]>,
        derived: Vec<IndexChange>,
    ) -> Result<()> {
        self.claim(object, key, LockStrength::Update)?;
        self.writes.put(Op::Delete, object, key, None, 0, moved_to)?;
        derived.into_iter().try_for_each(|change| self.writes.change_entry(change))
    }

    // Locks: held to the end, or to the rollback of the savepoint they were first taken after.

    /// True = granted. False only with SkipLocked.
    pub fn lock_row(
        &mut self,
        object: ObjectId,
        key: &[u8],
        strength: LockStrength,
        wait: LockWait,
    ) -> Result<bool> {
        self.acquire(Resource::Row(object, key.into()), strength as u8, wait)
    }

    /// Exclusive lock on a value of a unique index, so that two inserts of it wait for each other.
    pub fn lock_value(&mut self, index: IndexId, key: &[u8]) -> Result<()> {
        self.acquire(Resource::Value(index, key.into()), 0, LockWait::Block)?;
        Ok(())
    }

    pub fn lock_table(&mut self, oid: u32, mode: TableMode, wait: LockWait) -> Result<bool> {
        self.acquire(Resource::Table(oid), mode as u8, wait)
    }

    pub fn savepoint(&mut self) -> Savepoint {
        self.savepoints.push((self.writes.mark(), self.held.mark()));
        Savepoint(self.savepoints.len() - 1)
    }

    /// Undoes the writes since and frees the locks first taken since. The savepoint stays.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        let Some(&(mark, held)) = self.savepoints.get(savepoint.0) else { return };
        self.savepoints.truncate(savepoint.0 + 1);
        self.writes.rollback_to(mark);
        self.core.locks.release(self.owner, &mut self.held, held);
    }

    /// Whether a commit would make a transaction.
    pub fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// How often this transaction has written a row, undone writes included: it only grows, so that whoever reads it
    /// before and after a statement knows whether that wrote.
    pub fn rows_put(&self) -> u64 {
        self.writes.rows_put()
    }

    /// What has been written of an object, for whoever must see it before commit: (key, new cells or None) in key order,
    /// some of those after a key. None: there are no more.
    pub fn written(&self, object: ObjectId, after: Option<&[u8]>) -> Result<Vec<Written>> {
        const PAGE_ROWS: usize = 256;
        self.writes.rows(object, after, PAGE_ROWS)
    }

    /// Seals, orders, syncs, applies. Blocks until durable (`durable` false: until ordered). Serializable: 40001.
    pub fn commit(mut self, meta: Meta, durable: bool) -> Result<Committed> {
        let Some((sealed, batch)) = self.seal(meta)? else {
            if durable {
                self.settle()?;
            }
            return Ok(Committed { tx: None, committed_at: None });
        };
        self.order(sealed, batch, durable, None)
    }

    /// Gives up its locks and reads, whatever the outcome. `prepares`: [`Request::prepares`].
    pub(crate) fn order(
        &mut self,
        sealed: Sealed,
        batch: Batch,
        durable: bool,
        prepares: Option<Owner>,
    ) -> Result<Committed> {
        let reads = self.take_reads();
        let serializable_at = reads.as_ref().map(|(snapshot, _)| *snapshot);
        let held = std::mem::take(&mut self.held);
        let request = Request { owner: self.owner, sealed, batch, held, reads, prepares };
        // What was sealed is all that is needed of them, and they may be large.
        self.writes = WriteSet::new(self.core.index.spool.clone());
        let outcome = self.core.commit(request, durable);
        if let Some(snapshot) = serializable_at {
            self.core.leave_serializable(snapshot);
        }
        let (tx, committed_at) = outcome?;
        Ok(Committed { tx: Some(tx), committed_at: Some(committed_at) })
    }

    /// The writes as the log and the index take them. None: there are none.
    pub(crate) fn seal(&mut self, meta: Meta) -> Result<Option<(Sealed, Batch)>> {
        if self.writes.is_empty() {
            return Ok(None);
        }
        if self.writes.is_spilled() {
            return self.seal_run(meta);
        }
        let (changes, batch) = self.freeze()?;
        if changes.is_empty() {
            return Ok(None);
        }
        self.core.check_writable()?;
        Ok(Some((record::seal(changes, meta, self.system, &*self.random)?, batch)))
    }

    /// [`Transaction::seal`] of writes that are not in memory, some changes after others.
    fn seal_run(&mut self, meta: Meta) -> Result<Option<(Sealed, Batch)>> {
        self.core.check_writable()?;
        let writes = self.writes.spilled()?;
        let mut sealing = Sealing::begin(meta, self.system, host::random::bytes(&*self.random))?;
        let mut run = self.core.index.spool.write(writes.keys())?;
        let mut rows = writes.tops(Family::Row)?;
        let mut is_last = false;
        while !is_last {
            let (mut changes, mut size_bytes) = (Vec::new(), 0);
            while changes.len() < SEALED_AT_ONCE && size_bytes < SEALED_AT_ONCE_BYTES {
                let Some((storage_key, body)) = rows.next()? else {
                    is_last = true;
                    break;
                };
                size_bytes += body.len();
                changes.extend(self.net_change(&storage_key, &body)?);
            }
            sealing.hash(&changes)?;
            for change in changes {
                let key = storage_key(change.object, &change.key);
                run.push(Family::Row, &key, 0, &body_of(&change))?;
            }
            if let Some(interrupt) = &self.patience.interrupt {
                interrupt()?;
            }
        }
        if run.is_empty() {
            return Ok(None);
        }
        let mut entries = writes.tops(Family::Entry)?;
        while let Some((key, body)) = entries.next()? {
            run.push(Family::Entry, &key, 0, &body)?;
        }
        let run = run.finish()?;
        Ok(Some((sealing.finish_run(run.clone()), Batch { run: Some(run), ..Batch::default() })))
    }

    /// SERIALIZABLE: the snapshot, whose place the caller has to leave, and what was read at it.
    fn take_reads(&mut self) -> Option<(TxId, Reads)> {
        let reads = self.reads.take()?.into_inner();
        Some((self.snapshot.tx, reads.unwrap_or_else(std::sync::PoisonError::into_inner)))
    }

    /// As dropping it, but said aloud.
    pub fn rollback(self) {}

    /// The net effect on each key.
    fn freeze(&self) -> Result<(Vec<Change>, Batch)> {
        let mut changes = Vec::new();
        let mut rows: Vec<(Shared, Shared)> = Vec::new();
        for (storage_key, body) in self.writes.tops(Family::Row) {
            if let Some(change) = self.net_change(&storage_key, &body)? {
                rows.push((storage_key, body_of(&change).into()));
                changes.push(change);
            }
        }
        Ok((changes, Batch { rows, entries: self.writes.tops(Family::Entry), run: None }))
    }

    /// What a write comes to against the newest state, which the key's lock keeps as it is. None: nothing.
    fn net_change(&self, storage_key: &[u8], body: &[u8]) -> Result<Option<Change>> {
        let change = record::change_of(storage_key, body)?;
        if change.op == Op::Insert {
            let key_salt = host::random::bytes(&*self.random);
            return Ok(Some(Change { prev_tx: 0, key_salt, ..change }));
        }
        let before = self.core.index.version_at(Family::Row, storage_key, TxId::MAX, true)?;
        let was_live = before.as_ref().is_some_and(Stored::is_live);
        let op = match (was_live, change.cells.is_some()) {
            (true, true) => Op::Update,
            (false, true) => Op::Insert,
            (true, false) => Op::Delete,
            (false, false) => return Ok(None),
        };
        let (key_salt, prev_tx) = match &before {
            Some(before) => (RowBody::decode(&before.body)?.key_salt, before.tx),
            None => (host::random::bytes(&*self.random), 0),
        };
        Ok(Some(Change { op, prev_tx, key_salt, ..change }))
    }

    fn own(&self, object: ObjectId, key: &[u8]) -> Result<Option<Stored>> {
        let body = self.writes.get(Family::Row, &storage_key(object, key))?;
        Ok(body.map(|body| Stored { tx: UNCOMMITTED, body }))
    }

    fn newest_committed(&self, object: ObjectId, key: &[u8]) -> Result<Option<Stored>> {
        self.newest_of(&storage_key(object, key))
    }

    fn newest_of(&self, storage_key: &[u8]) -> Result<Option<Stored>> {
        let newest = self.core.index.version_at(Family::Row, storage_key, TxId::MAX, true)?;
        if let Some(newest) = &newest {
            self.newest_seen.fetch_max(newest.tx, Ordering::Relaxed);
        }
        Ok(newest)
    }

    /// The state that is ordered at this moment.
    fn ordered(&self) -> Snapshot {
        Snapshot { index: self.core.index.clone(), tx: self.core.ordered() }
    }

    fn note_span(&self, family: Family, id: u32, span: &Span) {
        if let Some(reads) = &self.reads {
            guard::lock(reads).span(family, id, span);
        }
    }

    /// The key's chain of entries is only right if nobody else writes the key meanwhile.
    fn claim(&mut self, object: ObjectId, key: &[u8], strength: LockStrength) -> Result<()> {
        self.check_key(key)?;
        self.lock_row(object, key, strength, LockWait::Block)?;
        Ok(())
    }

    fn check_key(&mut self, key: &[u8]) -> Result<()> {
        if key.len() > KEY_LIMIT_BYTES {
            bail!(
                ProgramLimitExceeded,
                "key of {} bytes exceeds the maximum of {KEY_LIMIT_BYTES} bytes",
                key.len()
            );
        }
        self.check_reads()
    }

    /// SERIALIZABLE: whose reads have been overwritten cannot commit a write. It learns that with the first row that a
    /// statement writes, not only at commit.
    fn check_reads(&mut self) -> Result<()> {
        let Some(reads) = self.reads.as_ref().filter(|_| !self.may_write) else { return Ok(()) };
        self.core.check_reads(self.snapshot.tx, &guard::lock(reads))?;
        self.may_write = true;
        Ok(())
    }

    pub(crate) fn acquire(&mut self, resource: Resource, mode: u8, wait: LockWait) -> Result<bool> {
        self.core.locks.acquire(self.owner, &mut self.held, resource, mode, wait, &self.patience)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.core.locks.release(self.owner, &mut self.held, 0);
        if self.reads.is_some() {
            self.core.leave_serializable(self.snapshot.tx);
        }
    }
}
