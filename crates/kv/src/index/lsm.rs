//! The index in an LSM tree (lsm-tree 3, the heart of fjall), whose write-ahead log is ours.
//!
//! ```text
//!   apply ──> memtable ──flush──> tables of level 0 ──compaction──> levels 1 to 6
//!             in memory           durable and atomic   a thread of its own
//! ```
//!
//! All keyspaces are one tree, told apart by the first byte of a key: so what a flush makes durable is a prefix of what
//! was applied, as a whole or not at all, and Meta tells truly how far it goes. After power loss the tree is as of its
//! last flush and the rest is replayed. Space is given back by compactions. A full disk fails a flush, which is tried
//! again: nothing is lost and nothing needs a restart. It does its own I/O: it needs a disk with real paths.

use super::{Engine, Keyspace, Visit, Write, lost};
use crate::fault::disk_error;
use crate::guard;
use crate::history::is_empty_range;
use host::Host;
use lsm_tree::checksum::ChecksummedWriter;
use lsm_tree::compaction::filter::{CompactionFilter, Context, Factory, ItemAccessor, Verdict};
use lsm_tree::compaction::{CompactionStrategy, Leveled};
use lsm_tree::config::{BlockSizePolicy, BloomConstructionPolicy};
use lsm_tree::config::{CompressionPolicy, FilterPolicy, FilterPolicyEntry};
use lsm_tree::{AbstractTree, AnyTree, Cache, CompressionType, Config, Guard, SeqNo, SequenceNumberCounter};
use std::collections::HashSet;
use std::io::{ErrorKind, Write as _};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use types::{Error, Result, SqlState};

/// Name and format, for the checkpoint.
pub(crate) const NAME: &str = "lsm-tree 3, rows counted";

/// Sees every write, whatever its number: there is one writer, and a reader's state is decided above this.
const NEWEST: SeqNo = SeqNo::MAX >> 1;
const TABLE_BYTES: u64 = 32 << 20;
/// Level 0 may grow so far before writers wait for the compaction.
const LEVEL_0_LIMIT: usize = 16;
/// What may wait in memory while the disk is full: a start on a full disk replays into it.
const OVERDRAFT_BYTES: u64 = 64 << 20;

pub struct LsmEngine {
    shared: Arc<Tree>,
    memtable_bytes: u64,
    /// Applied since the last flush that succeeded.
    unflushed_bytes: AtomicU64,
    compactor: Option<JoinHandle<()>>,
}

/// What the writer and the compactor share.
struct Tree {
    tree: AnyTree,
    sequence: SequenceNumberCounter,
    host: Host,
    /// As the host's disk names them.
    folder: PathBuf,
    tables: PathBuf,
    failure: OnceLock<Error>,
    stopping: Arc<AtomicBool>,
    work: Mutex<Work>,
    /// Rung when there is work for the compactor, and when it has done some.
    bell: Condvar,
}

#[derive(Default)]
struct Work {
    is_asked_for: bool,
    /// Tables from this number on that no version names are what a failed write left.
    debris_from: Option<u64>,
    disk_is_full: bool,
}

impl LsmEngine {
    /// Opens or makes it. `memory_bytes`: for blocks that were read and for writes that wait for their flush.
    pub fn open(host: &Host, folder: &Path, memory_bytes: u64) -> Result<LsmEngine> {
        let Some(path) = host.disk.real_path(folder) else {
            return Err(Error::unsupported("the LSM index on a disk without real paths"));
        };
        let memtable_bytes = (memory_bytes / 3).clamp(64 << 10, 64 << 20);
        let cache = Arc::new(Cache::with_capacity_bytes(memory_bytes.saturating_sub(memtable_bytes)));
        let stopping = Arc::new(AtomicBool::new(false));
        let sequence = SequenceNumberCounter::default();
        let config = Config::new(&path, sequence.clone(), SequenceNumberCounter::default())
            .use_cache(cache)
            .data_block_size_policy(BlockSizePolicy::all(8 << 10))
            // Tables of level 0 too: where they overlap nothing they become the last level as they are.
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
            .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(
                10.0,
            ))))
            .with_compaction_filter_factory(Some(Arc::new(Stop(stopping.clone()))));
        let tree = guarded(folder, || config.open())?;
        if let Some(newest) = guarded(folder, || Ok(tree.get_highest_persisted_seqno()))? {
            sequence.fetch_max(newest + 1);
        }
        host.disk
            .sync_dir(folder.parent().unwrap_or(folder))
            .map_err(|error| disk_error("could not sync", folder, &error))?;
        let shared = Arc::new(Tree {
            tree,
            sequence,
            host: host.clone(),
            folder: folder.to_path_buf(),
            tables: folder.join("tables"),
            failure: OnceLock::new(),
            stopping,
            work: Mutex::default(),
            bell: Condvar::new(),
        });
        let compacting = shared.clone();
        let compactor = std::thread::Builder::new()
            .name("stele-compactor".to_owned())
            .spawn(move || compacting.compact_until_stopped())
            .map_err(|error| {
                Error::new(SqlState::InsufficientResources, format!("could not start a thread: {error}"))
            })?;
        Ok(LsmEngine {
            shared,
            memtable_bytes,
            unflushed_bytes: AtomicU64::new(0),
            compactor: Some(compactor),
        })
    }
}

impl Drop for LsmEngine {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.bell.notify_all();
        if let Some(compactor) = self.compactor.take() {
            let _ = compactor.join();
        }
    }
}

impl Engine for LsmEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.shared.guarded(|| self.shared.tree.get(full_key(keyspace, key), NEWEST))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        keyspace: Keyspace,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        backward: bool,
        visit: &mut Visit,
    ) -> Result<()> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        let within = |bound: Bound<&[u8]>, open: Bound<Vec<u8>>| match bound {
            Bound::Included(key) => Bound::Included(full_key(keyspace, key)),
            Bound::Excluded(key) => Bound::Excluded(full_key(keyspace, key)),
            Bound::Unbounded => open,
        };
        let first = keyspace as u8;
        let range =
            (within(from, Bound::Included(vec![first])), within(to, Bound::Excluded(vec![first + 1])));
        let mut range = self.shared.guarded(|| Ok(self.shared.tree.range(range, NEWEST, None)))?;
        loop {
            let next = self.shared.guarded(|| {
                let item = if backward { range.next_back() } else { range.next() };
                item.map(Guard::into_inner).transpose()
            })?;
            let Some((key, value)) = next else { return Ok(()) };
            if visit(key.get(1..).unwrap_or_default(), &value).is_break() {
                return Ok(());
            }
        }
    }

    fn apply(&self, writes: &[Write]) -> Result<()> {
        let Tree { tree, sequence, .. } = &*self.shared;
        let (mut written_bytes, mut memtable_bytes) = (0, 0);
        for Write { keyspace, key, value } in writes {
            let key = full_key(*keyspace, key);
            let number = sequence.next();
            let (entry_bytes, now_bytes) = self.shared.guarded(|| {
                Ok(match value {
                    Some(value) => tree.insert(key, value.as_slice(), number),
                    None => tree.remove(key, number),
                })
            })?;
            written_bytes += entry_bytes;
            memtable_bytes = now_bytes;
        }
        let unflushed_bytes =
            written_bytes + self.unflushed_bytes.fetch_add(written_bytes, Ordering::Relaxed);
        if memtable_bytes < self.memtable_bytes {
            return Ok(());
        }
        match self.flush() {
            Err(error) if error.state == SqlState::DiskFull && unflushed_bytes < OVERDRAFT_BYTES => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.shared.wait_for_compactor(),
        }
    }

    fn checkpoint(&self) -> Result<()> {
        self.flush()
    }

    fn survives_a_full_disk(&self) -> bool {
        true
    }

    fn failure(&self) -> Option<&Error> {
        self.shared.failure.get()
    }
}

impl LsmEngine {
    fn flush(&self) -> Result<()> {
        self.shared.flush()?;
        self.unflushed_bytes.store(0, Ordering::Relaxed);
        Ok(())
    }
}

impl Tree {
    /// Everything applied becomes tables. Where that fails it stays in memory, to be tried again.
    fn flush(&self) -> Result<()> {
        let first_table = self.guarded(|| Ok(self.tree.next_table_id()))?;
        let flushed = self.guarded(|| {
            let lock = self.tree.get_flush_lock();
            self.tree.rotate_memtable();
            self.tree.flush(&lock, self.sequence.get())
        });
        let mut work = guard::lock(&self.work);
        match flushed {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            Err(_) => work.has_left(first_table),
        }
        work.is_asked_for = true;
        self.bell.notify_all();
        flushed.map(|_| ())
    }

    fn wait_for_compactor(&self) -> Result<()> {
        let mut work = guard::lock(&self.work);
        while self.tree.l0_run_count() > LEVEL_0_LIMIT && self.failure.get().is_none() {
            if work.disk_is_full {
                return Err(super::disk_full(true));
            }
            let waited = self.bell.wait_timeout(work, Duration::from_millis(50));
            work = waited.unwrap_or_else(|poison| poison.into_inner()).0;
        }
        Ok(())
    }

    fn compact_until_stopped(&self) {
        let strategy = Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES));
        while !self.stopping.load(Ordering::Acquire) {
            let asked = {
                let mut work = guard::lock(&self.work);
                if !work.is_asked_for && !self.stopping.load(Ordering::Acquire) {
                    let waited = self.bell.wait_timeout(work, Duration::from_secs(1));
                    work = waited.unwrap_or_else(|poison| poison.into_inner()).0;
                }
                std::mem::take(&mut work.is_asked_for) || work.disk_is_full
            };
            if asked {
                self.compact(strategy.clone());
            }
        }
    }

    /// Compacts until there is nothing left to do.
    fn compact(&self, strategy: Arc<dyn CompactionStrategy + Send + Sync>) {
        let outcome = loop {
            let first_table = self.tree.next_table_id();
            let before = self.tree.current_version().id();
            let outcome = self.guarded(|| self.tree.compact(strategy.clone(), self.sequence.get()));
            if outcome.is_err() {
                guard::lock(&self.work).has_left(first_table);
            }
            self.bell.notify_all();
            if outcome.is_err() || before == self.tree.current_version().id() {
                break outcome;
            }
        };
        guard::lock(&self.work).disk_is_full = outcome.is_err_and(|error| error.state == SqlState::DiskFull);
        self.remove_debris();
        self.bell.notify_all();
    }

    /// Tables that a failed write has left take space and are nobody's.
    fn remove_debris(&self) {
        let Some(first) = guard::lock(&self.work).debris_from.take() else { return };
        // Nobody else makes tables now.
        let _flushing = self.tree.get_flush_lock();
        let named: HashSet<u64> = self.tree.current_version().iter_tables().map(|table| table.id()).collect();
        for name in self.host.disk.list(&self.tables).unwrap_or_default() {
            if name.parse().is_ok_and(|number| number >= first && !named.contains(&number)) {
                // What cannot be removed now is removed at the next start.
                let _ = self.host.disk.remove_file(&self.tables.join(name));
            }
        }
    }

    /// An error other than a full disk is the end of this index.
    fn guarded<T>(&self, work: impl FnOnce() -> lsm_tree::Result<T>) -> Result<T> {
        let outcome = guarded(&self.folder, work);
        match outcome {
            Err(error) if error.state != SqlState::DiskFull && !self.stopping.load(Ordering::Acquire) => {
                let error = if error.state == SqlState::IoError { error } else { self.name_damage(error) };
                if self.failure.set(error.clone()).is_ok() {
                    super::checkpoint::distrust(&self.host, &self.folder);
                }
                Err(error)
            }
            outcome => outcome,
        }
    }

    /// The crate does not say which file is damaged: a table that is not what was written is found by its checksum.
    fn name_damage(&self, error: Error) -> Error {
        let found = guarded(&self.folder, || {
            for table in self.tree.current_version().iter_tables() {
                let path = self.tables.join(table.id().to_string());
                let mut sum = ChecksummedWriter::new(std::io::sink());
                sum.write_all(&self.host.disk.read(&path)?)?;
                if sum.checksum() != table.checksum() {
                    return Ok(Some(path));
                }
            }
            Ok(None)
        });
        match found {
            Ok(Some(path)) => lost(&format!("\"{}\" is not what was written", path.display())),
            _ => error,
        }
    }
}

impl Work {
    fn has_left(&mut self, first_table: u64) {
        let first = self.debris_from.map_or(first_table, |known| known.min(first_table));
        self.debris_from = Some(first);
    }
}

/// Ends a compaction that is under way when the engine is closed.
struct Stop(Arc<AtomicBool>);

impl Factory for Stop {
    fn name(&self) -> &str {
        "stop"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Stop(self.0.clone()))
    }
}

impl CompactionFilter for Stop {
    fn filter_item(&mut self, _: ItemAccessor<'_>, _: &Context) -> lsm_tree::Result<Verdict> {
        if self.0.load(Ordering::Relaxed) {
            return Err(std::io::Error::from(ErrorKind::Interrupted).into());
        }
        Ok(Verdict::Keep)
    }
}

fn full_key(keyspace: Keyspace, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(1 + key.len());
    full.push(keyspace as u8);
    full.extend_from_slice(key);
    full
}

/// What the crate does not tell by an error it tells by a panic: both mean that the index is lost, never that data is.
fn guarded<T>(folder: &Path, work: impl FnOnce() -> lsm_tree::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(lsm_tree::Error::Io(error))) if error.kind() == ErrorKind::StorageFull => {
            Err(super::disk_full(true))
        }
        Ok(Err(lsm_tree::Error::Io(error))) => Err(super::io_failure(folder, &error)),
        Ok(Err(lsm_tree::Error::ChecksumMismatch { .. })) => Err(lost("a checksum that does not match")),
        Ok(Err(error)) => Err(lost(&error.to_string())),
        Err(panic) => Err(lost(super::panic_text(&*panic))),
    }
}
