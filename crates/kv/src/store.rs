//! The store: a ledger, its index, its committer and its locks, as one handle.

use crate::commit::{Core, OnFatal};
use crate::guard;
use crate::history::{Family, storage_key};
use crate::index::open::OpenIndex;
use crate::ledger::{Ledger, LedgerOptions};
use crate::prepared::{Prepared, RowPlace};
use crate::snapshot::Snapshot;
use crate::spool::Spool;
use crate::transaction::{Isolation, Transaction};
use crate::{At, Derive, IndexId, ObjectId, SessionLocks, TxId, Watch};
use host::Host;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use types::{Error, Result, SqlState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexEngine {
    /// lsm-tree: what to use.
    Lsm,
    Sled,
    /// Nothing on disk: made from the log at each start.
    Memory,
}

#[derive(Clone)]
pub struct Options {
    pub ledger: LedgerOptions,
    pub index: IndexEngine,
    pub index_cache_bytes: u64,
    /// What a transaction may hold in memory; what is more goes to files beside the index.
    pub transaction_memory_bytes: usize,
    pub derive: Arc<dyn Derive>,
}

/// One open database. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    core: Arc<Core>,
    host: Host,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Within a database's folder.
pub(crate) const INDEX_FOLDER: &str = "index";
const SPOOL_FOLDER: &str = "spool";

impl Store {
    /// Opens the ledger, which locks the folder (55006 where another process has it), then the index: replayed from its
    /// checkpoint, or rebuilt where that is in doubt. The lock is free again when the store is closed and its last
    /// transaction gone.
    pub fn open(host: Host, dir: &Path, options: Options) -> Result<Store> {
        let store = Store::open_still(host, dir, options)?;
        let (applier, publisher) = (store.0.core.clone(), store.0.core.clone());
        store.0.start("stele-applier", move || applier.apply_in_background())?;
        store.0.start("stele-publisher", move || publisher.publish_in_background())?;
        Ok(store)
    }

    /// [`Store::open`] without threads: what they do is left to the caller, by [`Store::wait_durable`],
    /// [`Store::apply`] and [`Ledger::publish`]. For simulations, in which nothing may happen by itself.
    pub fn open_still(host: Host, dir: &Path, options: Options) -> Result<Store> {
        let Options { ledger, index, index_cache_bytes, transaction_memory_bytes, derive } = options;
        let progress = ledger.progress.clone();
        let mut opened_ledger = Ledger::open(host.clone(), dir, ledger.clone())?;
        // After the ledger, which has locked the folder.
        let spool = Arc::new(Spool::open(&host, &dir.join(SPOOL_FOLDER), transaction_memory_bytes)?);
        let open_index = |ledger: &Ledger| {
            OpenIndex {
                host: &host,
                folder: &dir.join(INDEX_FOLDER),
                engine: index,
                cache_bytes: index_cache_bytes,
                spool: &spool,
                ledger,
                derive: &*derive,
                progress: progress.as_ref(),
            }
            .open()
        };
        let mut opened = open_index(&opened_ledger);
        // It reads the log, which cannot be told right or wrong by a wrong tile.
        if opened.is_err() && opened_ledger.wrong_tile().is_some() {
            opened_ledger = opened_ledger.reopen(host.clone(), dir, ledger)?;
            opened = open_index(&opened_ledger);
        }
        let (ledger, opened) = (opened_ledger, opened?);
        let core = Arc::new(Core::new(ledger, Arc::new(opened))?);
        let handle = Handle { core, host, threads: Mutex::default() };
        Ok(Store(Arc::new(handle)))
    }

    /// Brings what is durable into the index.
    pub fn apply(&self) -> Result<()> {
        while self.0.core.apply_some()? > 0 {}
        Ok(())
    }

    pub fn ledger(&self) -> &Ledger {
        &self.0.core.ledger
    }

    /// What was wrong with the index when it was opened, so that it was rebuilt. None: nothing.
    pub fn index_damage(&self) -> Option<&str> {
        self.index().doubt.as_deref()
    }

    /// Reads at a past or present moment; never blocks.
    pub fn snapshot(&self, at: At) -> Result<Snapshot> {
        let tx = match at {
            At::Latest => self.0.core.durable(),
            At::Transaction(_) | At::Time(_) => {
                let tx = self.ledger().resolve(at)?;
                self.0.core.wait_ordered(tx);
                tx
            }
        };
        Ok(Snapshot { index: self.0.core.index.clone(), tx })
    }

    pub fn begin(&self, isolation: Isolation) -> Transaction {
        self.begin_at_least(isolation, 0)
    }

    /// With a snapshot that sees transaction `tx` even where it is ordered and not yet durable: a session that
    /// committed without waiting for its fsync reads its own writes.
    pub fn begin_at_least(&self, isolation: Isolation, tx: TxId) -> Transaction {
        Transaction::begin(self.0.core.clone(), self.0.host.random.clone(), isolation, tx)
    }

    /// For a session: its transactions own their locks together, and it may hold locks beyond them. `process`: how
    /// deadlock reports name it.
    pub fn session_locks(&self, process: i32) -> SessionLocks {
        SessionLocks::new(self.0.core.clone(), self.0.core.next_owner(), process)
    }

    /// A transaction that was prepared before the store was opened, with its locks, from what [`Transaction::prepare`]
    /// gave for its row's cells. To be called before anything else locks. XX001 where that cannot be read.
    pub fn resume(&self, row: RowPlace, state: &[u8]) -> Result<Prepared> {
        Prepared::resume(self.begin(Isolation::ReadCommitted), row, state)
    }

    /// Returns when transaction `tx` is durable.
    pub fn wait_durable(&self, tx: TxId) -> Result<()> {
        self.0.core.wait_durable(tx)
    }

    /// The error after which nothing can be written, if that has happened (a failed fsync).
    pub fn fatal(&self) -> Option<Error> {
        self.0.core.fatal()
    }

    /// Tells `watch` of each transaction from here on, before anyone can read it. Once for a store.
    pub fn set_watch(&self, watch: Arc<dyn Watch>) {
        self.0.core.set_watch(watch);
    }

    /// Calls `on_fatal` once when nothing can be written any more: the process should end, and recover.
    pub fn set_on_fatal(&self, on_fatal: OnFatal) {
        self.0.core.set_on_fatal(on_fatal);
    }

    /// Held and awaited locks: (transaction number, what, mode, granted).
    pub fn locks(&self) -> Vec<(u64, String, &'static str, bool)> {
        self.0.core.locks.list()
    }

    /// Builds the entries of a new index over existing rows (and their history): the caller supplies them in any order,
    /// but those of one row without another's between, each with its validity `[from, to)`. No key is that of two rows'
    /// entries. They take the place of whatever the index had. Nobody may write rows of its
    /// table meanwhile.
    ///
    /// The log does not hold these entries. After a crash the index may be whole, or [`Store::is_index_built`] says no,
    /// or the replay meets the transaction that made it: in both of these cases the caller builds it again.
    pub fn build_index(&self, entries: &mut dyn Iterator<Item = Result<IndexEntry>>) -> Result<()> {
        let core = &self.0.core;
        core.check_writable()?;
        core.settle()?;
        core.index.build(entries)
    }

    /// How many live rows an object has, about: commits of the last moments may be missing.
    pub fn live_rows(&self, object: ObjectId) -> u64 {
        self.0.core.index.live_rows(object)
    }

    /// Remembers that an index has the entry of every row: [`Store::build_index`] does so for each that it is given
    /// entries of. A rebuilt store has forgotten.
    pub fn mark_index_built(&self, index: IndexId) -> Result<()> {
        self.mark_indexes_built(&[index])
    }

    /// [`Store::mark_index_built`] of many.
    pub fn mark_indexes_built(&self, indexes: &[IndexId]) -> Result<()> {
        let core = &self.0.core;
        core.check_writable()?;
        let _applying = guard::lock(&core.index.applying);
        indexes.iter().try_for_each(|index| core.index.mark_built(*index))
    }

    /// Whether the index has the entry of every row. False after a rebuild of the store, which derives entries from the
    /// transaction on that made the index: the caller builds it again.
    pub fn is_index_built(&self, index: IndexId) -> Result<bool> {
        self.0.core.index.is_built(index)
    }

    /// Drops an index's entries in the background; goes on at the next open if it has not come to its end.
    pub fn drop_index(&self, index: IndexId) -> Result<()> {
        self.0.core.check_writable()?;
        self.0.core.drop_index(index)
    }

    /// Flushes, checkpoints the index and the ledger, and stops the threads. Also done on the last drop.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }

    pub(crate) fn index(&self) -> &crate::index::Index {
        &self.0.core.index
    }

    /// Returns when everything ordered is durable and in the engine.
    pub(crate) fn settle(&self) -> Result<()> {
        self.0.core.settle()
    }

    /// Every version of a key, oldest first, whatever the snapshot: for checks.
    pub fn history(&self, object: crate::ObjectId, key: &[u8]) -> Result<Vec<crate::Version>> {
        let chain = self.0.core.index.chain(Family::Row, &storage_key(object, key))?;
        chain.into_iter().map(crate::history::Stored::into_version).collect()
    }
}

impl Handle {
    fn start(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let thread = thread.map_err(|error| {
            Error::new(SqlState::InsufficientResources, format!("could not start a thread: {error}"))
        })?;
        guard::lock(&self.threads).push(thread);
        Ok(())
    }

    fn close(&self) -> Result<()> {
        let first = self.core.shut();
        for thread in guard::lock(&self.threads).drain(..) {
            // A thread that panicked has left the index behind the log: the next open replays.
            let _ = thread.join();
        }
        if !first {
            return Ok(());
        }
        self.save()
    }

    fn save(&self) -> Result<()> {
        let Core { ledger, index, .. } = &*self.core;
        if index.is_lost() {
            if let Some(place) = &index.place {
                place.remove()?;
            }
        } else {
            let whole = index.applied.load(Ordering::Acquire) + 1 == ledger.size();
            index.checkpoint(ledger, whole)?;
        }
        match self.core.fatal() {
            Some(error) => Err(error),
            None => ledger.publish(),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.close();
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
