//! Group commit: one ordered step, one block, one fsync, then publish and wake; applying to the index comes after.
//!
//! ```text
//!   session   seal ──> queue ──> [order] ──────────> [sync] ──> wake
//!                                validate, append,    fsync, once for all
//!                                remember, free locks that are ordered
//!   watermark                    ordered              durable          applied
//!   applier                                                      index <── durable batches
//!   publisher                                                    checkpoints, unsynced commits
//! ```
//!
//! Both steps are a mutex: whoever gets it does the work of all who wait for it. While one group syncs the next is
//! ordered and its row locks are free again, so transactions on one hot row share an fsync too.
//!
//! A failed fsync is the end of writing: the bytes may or may not be there, and the kernel will not say again. Every
//! commit that waits and every later one fails; reads go on at the last durable state.

mod sync;

use crate::guard;
use crate::history::split_storage_key;
use crate::index::apply::Clearing;
use crate::index::{Index, drop_key};
use crate::ledger::Ledger;
use crate::lock::{Held, LockTable, Owner};
use crate::recent::Batch;
use crate::record::Sealed;
use crate::serializable::{Reads, WriteLog, serialization_failure};
use crate::{IndexId, TxId, Watch};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};
use types::{Error, Result, SqlState};

/// A transaction ready to be ordered.
pub(crate) struct Request {
    pub owner: Owner,
    pub sealed: Sealed,
    pub batch: Batch,
    pub held: Held,
    /// SERIALIZABLE: the snapshot, and what was read at it.
    pub reads: Option<(TxId, Reads)>,
    /// It says that the transaction of these reads is prepared: they stay as they are until this owner's end.
    pub prepares: Option<Owner>,
}

/// Called once with the error after which nothing can be written.
pub type OnFatal = Arc<dyn Fn(&Error) + Send + Sync>;

/// The part of a store that its threads and transactions share.
pub(crate) struct Core {
    pub ledger: Ledger,
    pub index: Arc<Index>,
    pub locks: LockTable,
    next_owner: AtomicU64,
    ordered: AtomicU64,
    durable: AtomicU64,
    queue: Mutex<Vec<Queued>>,
    order: Mutex<WriteLog>,
    /// Somebody syncs: who comes meanwhile waits for the news, or for the next sync, which one of them does for all.
    syncing: Mutex<bool>,
    synced: Condvar,
    /// Ordered and not yet applied.
    pending: Mutex<VecDeque<(TxId, Arc<Batch>)>>,
    /// Indexes to remove the entries of, once everything up to the transaction is applied.
    drops: Mutex<VecDeque<(Clearing, TxId)>>,
    /// Signalled when something was applied.
    applied: Condvar,
    /// Snapshots of running serializable transactions, and how many are at each.
    serializable: Mutex<BTreeMap<TxId, usize>>,
    /// The index met a full disk, and has not been written since.
    index_full: AtomicBool,
    fatal: OnceLock<Error>,
    on_fatal: Mutex<Option<OnFatal>>,
    watch: OnceLock<Arc<dyn Watch>>,
    closed: AtomicBool,
    /// Somebody to wait for: a store without threads has none.
    has_applier: AtomicBool,
    applier: Wake,
    publisher: Wake,
}

struct Queued {
    request: Request,
    promise: Promise,
}

/// Settles a ticket, at the latest when it is dropped: whoever waits always gets an answer.
struct Promise(Arc<Ticket>);

#[derive(Default)]
struct Ticket(Mutex<Option<Result<(TxId, i64)>>>);

/// A bell that a thread sleeps at.
#[derive(Default)]
pub(crate) struct Wake {
    rung: Mutex<bool>,
    bell: Condvar,
}

/// When more than this waits behind the batch that is being applied, the ordered step waits for the applier.
const PENDING_BYTES_LIMIT: usize = 64 << 20;
/// The same for large transactions, which every reader asks until the index has them.
const PENDING_RUNS_LIMIT: usize = 8;
/// What [`Core::fail`] is mostly about.
const LOG: &str = "the log";
/// A group's transactions and bytes: a block stays of a size that is read in one piece.
const GROUP_LIMIT: usize = 512;
const GROUP_BYTES_LIMIT: usize = 8 << 20;

impl Core {
    pub(crate) fn new(ledger: Ledger, index: Arc<Index>) -> Result<Core> {
        let drops = index.unfinished_drops()?.into_iter().map(|index| (Clearing::of(index), 0)).collect();
        let newest = ledger.size().saturating_sub(1);
        Ok(Core {
            // A full lock takes some hundred bytes.
            locks: LockTable::new((index.spool.memory_bytes / 1_024).max(4)),
            ledger,
            index,
            next_owner: AtomicU64::new(1),
            ordered: AtomicU64::new(newest),
            durable: AtomicU64::new(newest),
            queue: Mutex::default(),
            order: Mutex::default(),
            syncing: Mutex::default(),
            synced: Condvar::new(),
            pending: Mutex::default(),
            drops: Mutex::new(drops),
            applied: Condvar::new(),
            serializable: Mutex::default(),
            index_full: AtomicBool::new(false),
            fatal: OnceLock::new(),
            on_fatal: Mutex::default(),
            watch: OnceLock::new(),
            closed: AtomicBool::new(false),
            has_applier: AtomicBool::new(false),
            applier: Wake::default(),
            publisher: Wake::default(),
        })
    }

    /// A number for a new transaction or session.
    pub(crate) fn next_owner(&self) -> Owner {
        self.next_owner.fetch_add(1, Ordering::Relaxed)
    }

    /// The newest transaction that is in the log's order: what `newest` reads see.
    pub(crate) fn ordered(&self) -> TxId {
        self.ordered.load(Ordering::Acquire)
    }

    /// The newest transaction that survives a crash: what snapshots see.
    pub(crate) fn durable(&self) -> TxId {
        self.durable.load(Ordering::Acquire)
    }

    /// Orders a transaction; with `durable`, waits for its fsync. Its locks are free afterwards in any case.
    pub(crate) fn commit(&self, request: Request, durable: bool) -> Result<(TxId, i64)> {
        let ticket = Arc::new(Ticket::default());
        guard::lock(&self.queue).push(Queued { request, promise: Promise(ticket.clone()) });
        {
            let mut log = guard::lock(&self.order);
            while guard::lock(&ticket.0).is_none() {
                if catch_unwind(AssertUnwindSafe(|| self.order_some(&mut log))).is_err() {
                    // What is in the log and what is remembered may differ now.
                    self.fail(LOG, &Error::internal("ordering a commit failed"));
                }
            }
        }
        let outcome = guard::lock(&ticket.0)
            .take()
            .unwrap_or_else(|| Err(Error::internal("a commit without an outcome")));
        let (tx, committed_at) = outcome?;
        if durable {
            self.wait_durable(tx)?;
        }
        Ok((tx, committed_at))
    }

    /// Why nothing can be written, if so.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if let Some(error) = self.fatal.get() {
            return Err(error.clone());
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(SqlState::AdminShutdown, "the database is closed"));
        }
        if let Some(error) = self.index.disk_failure() {
            return Err(error.clone());
        }
        if self.index.is_lost() {
            return Err(Error::new(SqlState::IndexCorrupted, "the index has failed; nothing can be written")
                .detail("The index is derived from the log, which is not affected.")
                .hint("Restart the server: the index is rebuilt from the log. No data is lost."));
        }
        // Commits would go on until the memory for what the index lacks is used up, and then wait for ever.
        if self.index_full.load(Ordering::Acquire) {
            return Err(crate::index::disk_full(self.index.engine.survives_a_full_disk()));
        }
        Ok(())
    }

    pub(crate) fn fatal(&self) -> Option<Error> {
        self.fatal.get().cloned()
    }

    pub(crate) fn set_on_fatal(&self, on_fatal: OnFatal) {
        if let Some(error) = self.fatal.get() {
            on_fatal(error);
        }
        *guard::lock(&self.on_fatal) = Some(on_fatal);
    }

    /// Returns when transaction `tx`, which the log has, can be read: another group's fsync may make it durable before
    /// whoever ordered it has come to the index.
    pub(crate) fn wait_ordered(&self, tx: TxId) {
        if self.ordered() < tx {
            drop(guard::lock(&self.order));
        }
    }

    /// Once: whoever comes second is not heard.
    pub(crate) fn set_watch(&self, watch: Arc<dyn Watch>) {
        let _ = self.watch.set(watch);
    }

    /// The end of writing `what`.
    fn fail(&self, what: &str, cause: &Error) -> Error {
        let error = Error::new(cause.state, format!("{what} cannot be written any more: {}", cause.message))
            .detail("What was not acknowledged may or may not be durable.")
            .hint("Restart the server: recovery finds out. Reads go on.");
        if self.fatal.set(error.clone()).is_ok()
            && let Some(on_fatal) = guard::lock(&self.on_fatal).clone()
        {
            on_fatal(&error);
        }
        self.fatal().unwrap_or(error)
    }

    /// Orders a group from the queue. The caller holds `order`.
    fn order_some(&self, log: &mut WriteLog) {
        let group: Vec<Queued> = {
            let mut queue = guard::lock(&self.queue);
            let mut size_bytes = 0;
            let count = queue
                .iter()
                .take(GROUP_LIMIT)
                .take_while(|queued| {
                    let fits = size_bytes < GROUP_BYTES_LIMIT;
                    size_bytes +=
                        usize::try_from(queued.request.sealed.payload_bytes()).unwrap_or(usize::MAX);
                    fits
                })
                .count();
            queue.drain(..count).collect()
        };
        if let Err(error) = self.check_writable() {
            for Queued { mut request, promise } in group {
                self.locks.release(request.owner, &mut request.held, 0);
                promise.settle(Err(error.clone()));
            }
            return;
        }
        self.wait_for_applier();
        let (mut sealed, mut rest) = (Vec::new(), Vec::new());
        let mut accepted: Vec<Arc<Batch>> = Vec::new();
        for Queued { request, promise } in group {
            let Request { owner, sealed: bytes, batch, mut held, reads, prepares } = request;
            let conflict = reads.as_ref().is_some_and(|(snapshot, reads)| {
                log.hits(*snapshot, reads)
                    || accepted.iter().any(|batch| reads.hit_by(batch))
                    || log.hits_prepared(&batch)
            });
            if conflict {
                self.locks.release(owner, &mut held, 0);
                promise.settle(Err(serialization_failure()));
                continue;
            }
            let batch = Arc::new(batch);
            accepted.push(batch.clone());
            sealed.push(bytes);
            let prepared = prepares.zip(reads.map(|(_, reads)| reads));
            rest.push((owner, held, batch, prepared, promise));
        }
        if sealed.is_empty() {
            return;
        }
        let outcomes: Vec<Result<(TxId, i64)>> = match self.ledger.append(&sealed) {
            Ok(given) => given.into_iter().map(Ok).collect(),
            Err(error) if self.ledger.is_stopped() => {
                let error = self.fail(LOG, &error);
                vec![Err(error); sealed.len()]
            }
            Err(error) if sealed.len() == 1 => vec![Err(error)],
            // One of them may be at fault: the others should not suffer for it.
            Err(_) => sealed.iter().map(|one| self.append_one(one)).collect(),
        };
        let mut newest = None;
        for ((owner, mut held, batch, prepared, promise), outcome) in rest.into_iter().zip(outcomes) {
            if let Ok((tx, _)) = outcome {
                self.index.remember(tx, &batch);
                if let Some(watch) = self.watch.get() {
                    let mut rows = batch.rows.iter().map(|(key, _)| split_storage_key(key));
                    match batch.run {
                        None => watch.changed(tx, Some(&mut rows)),
                        Some(_) => watch.changed(tx, None),
                    }
                }
                guard::lock(&self.pending).push_back((tx, batch.clone()));
                log.push(tx, batch);
                if let Some((owner, reads)) = prepared {
                    log.prepare(owner, reads);
                }
                self.ordered.store(tx, Ordering::Release);
                newest = Some(tx);
            }
            // Only now: whoever gets them reads what was just remembered.
            self.locks.release(owner, &mut held, 0);
            promise.settle(outcome);
        }
        if newest.is_some() {
            log.forget(self.oldest_serializable());
        }
    }

    fn append_one(&self, sealed: &Sealed) -> Result<(TxId, i64)> {
        self.check_writable()?;
        match self.ledger.append(std::slice::from_ref(sealed)) {
            Ok(given) => given.first().copied().ok_or_else(|| Error::internal("an append without a number")),
            Err(error) if self.ledger.is_stopped() => Err(self.fail(LOG, &error)),
            Err(error) => Err(error),
        }
    }

    /// Memory is bounded: a writer that outruns the index waits for it. The oldest batch does not count: one large
    /// transaction takes its memory anyhow, and small ones behind it need not wait until the index has it.
    fn wait_for_applier(&self) {
        let recent = || self.index.recent_bytes.load(Ordering::Relaxed);
        let runs = || guard::read(&self.index.recent).layers().len();
        if recent() < PENDING_BYTES_LIMIT && runs() < PENDING_RUNS_LIMIT {
            return;
        }
        if !self.has_applier.load(Ordering::Acquire) {
            return;
        }
        let must_wait = |pending: &VecDeque<(TxId, Arc<Batch>)>| {
            let oldest = pending.front().map_or(usize::MAX, |(_, batch)| batch.size_bytes());
            let behind =
                recent().saturating_sub(oldest) >= PENDING_BYTES_LIMIT || runs() >= PENDING_RUNS_LIMIT;
            behind && self.check_writable().is_ok()
        };
        if !must_wait(&guard::lock(&self.pending)) {
            return;
        }
        // What is ordered and not durable cannot be applied.
        let _ = self.wait_durable(self.ordered());
        let mut pending = guard::lock(&self.pending);
        while must_wait(&pending) {
            self.applier.ring();
            let wait = self.applied.wait_timeout(pending, Duration::from_millis(50));
            pending = wait.unwrap_or_else(|poison| poison.into_inner()).0;
        }
    }

    // Serializable transactions announce their snapshot, so that the writes since are kept.

    pub(crate) fn enter_serializable(&self, at_least: TxId) -> TxId {
        let mut serializable = guard::lock(&self.serializable);
        // Read under the lock: what is newer than this has not been forgotten.
        let snapshot = self.durable().max(at_least.min(self.ordered()));
        *serializable.entry(snapshot).or_default() += 1;
        snapshot
    }

    pub(crate) fn leave_serializable(&self, snapshot: TxId) {
        let mut serializable = guard::lock(&self.serializable);
        if let Some(count) = serializable.get_mut(&snapshot) {
            *count -= 1;
            if *count == 0 {
                serializable.remove(&snapshot);
            }
        }
    }

    /// 40001 if something that was read at `snapshot` has been written since.
    pub(crate) fn check_reads(&self, snapshot: TxId, reads: &Reads) -> Result<()> {
        if guard::lock(&self.order).hits(snapshot, reads) { Err(serialization_failure()) } else { Ok(()) }
    }

    /// A SERIALIZABLE transaction is prepared: until [`Core::end_prepared`] others of that level cannot overwrite what
    /// it has read.
    pub(crate) fn resume_prepared(&self, owner: Owner, reads: Reads) {
        guard::lock(&self.order).prepare(owner, reads);
    }

    pub(crate) fn end_prepared(&self, owner: Owner) {
        guard::lock(&self.order).end_prepared(owner);
    }

    fn oldest_serializable(&self) -> TxId {
        let serializable = guard::lock(&self.serializable);
        serializable.keys().next().copied().unwrap_or(TxId::MAX).min(self.durable())
    }

    // The threads.

    /// Applies what is durable; makes index checkpoints. Returns when told to stop and nothing is left.
    pub(crate) fn apply_in_background(&self) {
        self.has_applier.store(true, Ordering::Release);
        // A bug here must not leave committers waiting for ever.
        if catch_unwind(AssertUnwindSafe(|| self.apply_until_closed())).is_err() {
            self.lose_index();
        }
    }

    fn apply_until_closed(&self) {
        let mut checkpointed = Instant::now();
        let mut unsaved_bytes = 0;
        loop {
            let stopping = self.closed.load(Ordering::Acquire);
            if self.index.is_lost() {
                return self.lose_index();
            }
            let idle = match self.apply_some() {
                Ok(0) => match self.drop_some() {
                    Ok(dropped) => !dropped,
                    Err(_) => return self.lose_index(),
                },
                Ok(size_bytes) => {
                    self.index_full.store(false, Ordering::Release);
                    unsaved_bytes += size_bytes;
                    false
                }
                Err(error) if error.state == SqlState::DiskFull => {
                    self.index_full.store(true, Ordering::Release);
                    true
                }
                Err(_) => return self.lose_index(),
            };
            if stopping && (idle || guard::lock(&self.pending).is_empty()) {
                return;
            }
            let due = checkpointed.elapsed() >= CHECKPOINT_INTERVAL && unsaved_bytes > 0;
            if due || unsaved_bytes >= CHECKPOINT_BYTES {
                // A checkpoint that fails leaves the older one, which is as good and means a longer replay.
                let _ = self.index.checkpoint(&self.ledger, false);
                (checkpointed, unsaved_bytes) = (Instant::now(), 0);
            }
            if idle {
                self.applier.wait(Duration::from_secs(1));
            }
        }
    }

    pub(crate) fn drop_index(&self, index: IndexId) -> Result<()> {
        let _applying = guard::lock(&self.index.applying);
        self.index.put_meta(drop_key(index))?;
        guard::lock(&self.drops).push_back((Clearing::of(index), self.ordered()));
        self.applier.ring();
        Ok(())
    }

    /// Removes a portion of a dropped index. False = there is nothing to do.
    fn drop_some(&self) -> Result<bool> {
        let _applying = guard::lock(&self.index.applying);
        let mut drops = guard::lock(&self.drops);
        let Some((clearing, tx)) = drops.front_mut() else { return Ok(false) };
        // What is not applied yet would come after.
        if self.index.applied.load(Ordering::Acquire) < *tx {
            return Ok(false);
        }
        if !self.index.clear_some(clearing)? {
            self.index.remove_meta(drop_key(clearing.index))?;
            drops.pop_front();
        }
        Ok(true)
    }

    /// Bytes applied; 0 = there was nothing to do.
    pub(crate) fn apply_some(&self) -> Result<usize> {
        let _applying = guard::lock(&self.index.applying);
        let durable = self.durable();
        let (mut batches, mut size_bytes) = (Vec::new(), 0);
        for (tx, batch) in guard::lock(&self.pending).iter() {
            // What is in a run comes alone.
            let alone = batch.run.is_some();
            if *tx > durable || size_bytes >= APPLY_BYTES || (alone && !batches.is_empty()) {
                break;
            }
            size_bytes += batch.run.as_ref().map_or(batch.size_bytes() + 64, |run| run.size_bytes as usize);
            batches.push((*tx, batch.clone()));
            if alone {
                break;
            }
        }
        if batches.is_empty() {
            return Ok(0);
        }
        self.index.apply(&batches, true)?;
        guard::lock(&self.pending).drain(..batches.len());
        if batches.iter().any(|(_, batch)| batch.run.is_some()) {
            // Its file takes room. Whoever has the lock now does the same when it is done.
            if let Ok(mut log) = self.order.try_lock() {
                log.forget(self.oldest_serializable());
            }
        }
        self.applied.notify_all();
        Ok(size_bytes)
    }

    /// Returns when everything ordered is durable and in the engine.
    pub(crate) fn settle(&self) -> Result<()> {
        self.wait_durable(self.ordered())?;
        let target = self.durable();
        while self.index.applied.load(Ordering::Acquire) < target {
            if self.index.is_lost() {
                return self.check_writable();
            }
            if self.apply_some()? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The engine failed: reads that need it say so, writes end, the next start rebuilds it. Where it was the disk that
    /// failed, that is the end as it is for the log.
    fn lose_index(&self) {
        self.index.lost.store(true, Ordering::Release);
        if let Some(error) = self.index.disk_failure() {
            self.fail("the index", error);
        }
        if let Some(place) = &self.index.place {
            // If this fails too, the checkpoint's own checks decide at the next start.
            let _ = place.remove();
        }
        self.applied.notify_all();
    }

    /// Syncs commits that nobody waited for; signs checkpoints at least every second while the log grows.
    pub(crate) fn publish_in_background(&self) {
        let mut published = (0, Instant::now());
        while !self.closed.load(Ordering::Acquire) {
            if self.ordered() > self.durable() {
                let _ = self.wait_durable(self.ordered());
            }
            let durable = self.durable();
            if durable > published.0 && published.1.elapsed() >= PUBLISH_INTERVAL {
                // A full disk must not end the service: tried again after the interval.
                let signed = match self.ledger.publish() {
                    Ok(()) => durable,
                    Err(error) => {
                        if self.ledger.is_stopped() {
                            self.fail(LOG, &error);
                        }
                        published.0
                    }
                };
                published = (signed, Instant::now());
            }
            self.publisher.wait(UNSYNCED_INTERVAL);
        }
    }

    /// No commit begins after this. False = it was closed before.
    pub(crate) fn shut(&self) -> bool {
        // Whoever is ordering now finishes first.
        let _order = guard::lock(&self.order);
        let first = !self.closed.load(Ordering::Acquire);
        if first && self.fatal.get().is_none() && self.ordered() > self.durable() {
            let _ = self.wait_durable(self.ordered());
        }
        self.closed.store(true, Ordering::Release);
        self.applier.ring();
        self.publisher.ring();
        first
    }
}

/// Index checkpoints: at most this much is replayed after a crash.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
const CHECKPOINT_BYTES: usize = 256 << 20;
const APPLY_BYTES: usize = 4 << 20;
const PUBLISH_INTERVAL: Duration = Duration::from_millis(900);
/// How long a commit with `synchronous_commit = off` may stay unsynced, as PostgreSQL's `wal_writer_delay`.
const UNSYNCED_INTERVAL: Duration = Duration::from_millis(100);

impl Promise {
    fn settle(self, outcome: Result<(TxId, i64)>) {
        *guard::lock(&self.0.0) = Some(outcome);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        guard::lock(&self.0.0).get_or_insert_with(|| Err(Error::internal("the commit was given up")));
    }
}

impl Wake {
    fn ring(&self) {
        let mut rung = guard::lock(&self.rung);
        if !*rung {
            *rung = true;
            self.bell.notify_one();
        }
    }

    fn wait(&self, at_most: Duration) {
        let mut rung = guard::lock(&self.rung);
        if !*rung {
            rung = self.bell.wait_timeout(rung, at_most).unwrap_or_else(|poison| poison.into_inner()).0;
        }
        *rung = false;
    }
}
