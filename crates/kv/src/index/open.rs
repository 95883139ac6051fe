//! Opening the index: trusted, replayed, or rebuilt.
//!
//! ```text
//!   checkpoint file missing, damaged, of another engine or log          -> rebuild
//!   closed in order, or the same boot (only the process died),
//!   or an engine that survives power loss                               -> open, require Meta >= it, replay from it
//!   anything else (power loss, a crash of the system)                   -> rebuild
//! ```
//!
//! A rebuild starts from an empty folder with no checkpoint file, so a crash in the middle of one ends in another.

use super::checkpoint::IndexCheckpoint;
use super::lsm::LsmEngine;
use super::memory::MemoryEngine;
use super::sled::SledEngine;
use super::{Engine, Index, Keyspace, META_APPLIED, lsm, sled};
use crate::fault::disk_error;
use crate::guard;
use crate::history::{Family, RowBody, storage_key, storage_span};
use crate::index::apply::Fold;
use crate::index::checkpoint::Place;
use crate::index::page::Reach;
use crate::ledger::{Ledger, Progress};
use crate::recent::Batch;
use crate::record::{Change, Record, Unsealing, change_of};
use crate::spool::Spool;
use crate::store::IndexEngine;
use crate::writes::WriteSet;
use crate::{Cells, Derive, IndexChange, ObjectId, Span, TxId};
use host::Host;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use types::{Result, SqlState};

/// Replay hands over to the engine when it holds this much.
const REPLAY_BYTES: usize = 16 << 20;

/// So that what keeps rows is at work in every test.
const LEAST_HOT_BYTES: u64 = 256 << 10;

pub(crate) struct OpenIndex<'a> {
    pub host: &'a Host,
    /// The index's own folder.
    pub folder: &'a Path,
    pub engine: IndexEngine,
    /// For the engine and for what is kept in front of it.
    pub cache_bytes: u64,
    pub spool: &'a Arc<Spool>,
    pub ledger: &'a Ledger,
    pub derive: &'a dyn Derive,
    pub progress: Option<&'a Progress>,
}

/// What earlier programs called theirs: their index is made again, and nothing is wrong with it.
const EARLIER: [&str; 2] = ["lsm-tree 3", "sled 0.34.7"];

/// The engines that keep files.
pub(crate) const ON_DISK: [IndexEngine; 2] = [IndexEngine::Lsm, IndexEngine::Sled];

impl IndexEngine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            IndexEngine::Lsm => lsm::NAME,
            IndexEngine::Sled => sled::NAME,
            IndexEngine::Memory => "memory",
        }
    }

    /// Of its files, within the index's folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            IndexEngine::Lsm => "lsm",
            IndexEngine::Sled => "sled",
            IndexEngine::Memory => "memory",
        }
    }

    /// Whether it opens as of its last checkpoint or later after power loss, with a prefix of what was applied.
    fn survives_power_loss(self) -> bool {
        self == IndexEngine::Lsm
    }
}

impl OpenIndex<'_> {
    /// An index that is whole up to the ledger's last transaction.
    pub(crate) fn open(&self) -> Result<Index> {
        let index = match self.engine {
            IndexEngine::Memory => {
                let index = self.index(Box::new(MemoryEngine::default()), None);
                index.replay(self.ledger, self.derive, 0, self.ledger.size(), true, self.progress)?;
                index
            }
            IndexEngine::Lsm | IndexEngine::Sled => match self.reopen() {
                Ok(index) => index,
                // No fault of the index: what its checkpoint is compared with could not be read.
                Err(_) if let Some(wrong) = self.ledger.wrong_tile() => return Err(wrong.clone()),
                Err(doubt) => Index { doubt, ..self.rebuild()? },
            },
        };
        guard::write(&index.deaths).settle(index.applied.load(Ordering::Acquire));
        // Whatever happens next, this run is not closed in order before it says so. An engine that does not ask goes on
        // without where the disk is full.
        match index.checkpoint(self.ledger, false) {
            Err(error) if self.engine.survives_power_loss() && error.state == SqlState::DiskFull => {}
            written => written?,
        }
        Ok(index)
    }

    fn index(&self, engine: Box<dyn Engine>, place: Option<Place>) -> Index {
        Index::new(engine, place, self.spool.clone(), self.hot_bytes())
    }

    /// A third of the memory for rows that are read by their key.
    fn hot_bytes(&self) -> u64 {
        (self.cache_bytes / 3).max(LEAST_HOT_BYTES)
    }

    fn engine_bytes(&self) -> u64 {
        self.cache_bytes.saturating_sub(self.hot_bytes())
    }

    fn place(&self) -> Place {
        Place { host: self.host.clone(), folder: self.folder.to_path_buf() }
    }

    /// The engine in `folder`, with `entries` in it where that is known.
    fn open_engine(&self, folder: &Path, entries: Option<[u64; 7]>) -> Result<Box<dyn Engine>> {
        Ok(match self.engine {
            IndexEngine::Lsm => Box::new(LsmEngine::open(self.host, folder, self.engine_bytes())?),
            IndexEngine::Sled => Box::new(SledEngine::open(self.host, folder, self.engine_bytes(), entries)?),
            IndexEngine::Memory => Box::new(MemoryEngine::default()),
        })
    }

    /// The index as it was left, brought up to date. Err: why it is in doubt; None where that is no damage (a new ledger,
    /// another engine, or the system ended while it was open).
    fn reopen(&self) -> Result<Index, Option<String>> {
        let place = self.place();
        let Some(checkpoint) = place.read() else {
            // A new ledger, or someone has removed the index: they may.
            let new = ON_DISK.iter().all(|engine| !self.host.disk.is_dir(&place.engine_folder(*engine)));
            return Err((!new).then(|| "its checkpoint is missing or unreadable".into()));
        };
        let IndexCheckpoint { engine, applied, root, entries, boot, clean } = checkpoint;
        if engine != self.engine.name() {
            let known = ON_DISK.iter().any(|known| known.name() == engine) || EARLIER.contains(&&*engine);
            return Err((!known).then(|| format!("it was made by the engine {engine}")));
        }
        let same_boot = boot.is_some() && boot == place.boot();
        if !(clean || same_boot || self.engine.survives_power_loss()) {
            return Err(None);
        }
        if applied >= self.ledger.size() || self.ledger.root(applied + 1).ok() != Some(root) {
            return Err(Some("its checkpoint is of another log".into()));
        }
        // Entries that were put after the checkpoint would be counted twice.
        let entries = entries.filter(|_| clean);
        let engine = self
            .open_engine(&place.engine_folder(self.engine), entries)
            .map_err(|error| Some(format!("its engine cannot be opened: {}", error.message)))?;
        let index = self.index(engine, Some(place));
        let whole = match index.engine.get(Keyspace::Meta, META_APPLIED) {
            Ok(Some(whole)) => whole.try_into().map(u64::from_be_bytes).ok(),
            _ => None,
        };
        // Behind: it has lost what it said was durable. Beyond the log: the log was cut back under it.
        if !whole.is_some_and(|whole| whole >= applied && whole < self.ledger.size()) {
            return Err(Some("it is not as far as its checkpoint says".into()));
        }
        index.restore_deaths().map_err(|error| Some(error.message.clone()))?;
        index.restore_counts().map_err(|error| Some(error.message.clone()))?;
        index.applied.store(applied, Ordering::Release);
        index
            .replay(self.ledger, self.derive, applied + 1, self.ledger.size(), false, self.progress)
            .map_err(|error| Some(error.message.clone()))?;
        Ok(index)
    }

    fn rebuild(&self) -> Result<Index> {
        let place = self.place();
        self.host
            .disk
            .create_dir_all(&place.folder)
            .map_err(|error| disk_error("could not create", &place.folder, &error))?;
        place.remove()?;
        for engine in ON_DISK {
            let folder = place.engine_folder(engine);
            if self.host.disk.exists(&folder) || self.host.disk.is_dir(&folder) {
                self.host
                    .disk
                    .remove_dir_all(&folder)
                    .map_err(|error| disk_error("could not empty", &folder, &error))?;
            }
        }
        let folder = place.engine_folder(self.engine);
        self.host
            .disk
            .create_dir_all(&folder)
            .map_err(|error| disk_error("could not create", &place.folder, &error))?;
        let index = self.index(self.open_engine(&folder, Some([0; 7]))?, Some(place));
        index.replay(self.ledger, self.derive, 0, self.ledger.size(), true, self.progress)?;
        Ok(index)
    }
}

impl Index {
    /// Applies the ledger's transactions `from..size`.
    pub(crate) fn replay(
        &self,
        ledger: &Ledger,
        derive: &dyn Derive,
        from: TxId,
        size: u64,
        fresh: bool,
        progress: Option<&Progress>,
    ) -> Result<()> {
        if from >= size {
            return Ok(());
        }
        derive.begin(&|object| self.current_rows(object, from))?;
        let _applying = guard::lock(&self.applying);
        let (mut pending, mut size_bytes) = (Vec::new(), 0);
        ledger.walk(from, &mut |unsealing| {
            let tx = unsealing.head().tx;
            if tx >= size {
                return Ok(ControlFlow::Break(()));
            }
            let large = unsealing.payload_bytes() > self.spool.memory_bytes as u64 / 4;
            let batch = if large {
                self.apply(&pending, fresh)?;
                pending.clear();
                self.run_of(unsealing, derive)?
            } else {
                self.batch_of(unsealing.into_record()?, derive)?
            };
            let batch = Arc::new(batch);
            guard::write(&self.recent).push_batch(tx, &batch);
            size_bytes += batch.size_bytes() + 64;
            pending.push((tx, batch));
            if size_bytes >= REPLAY_BYTES || large {
                self.apply(&pending, fresh)?;
                pending.clear();
                size_bytes = 0;
                if let Some(progress) = progress {
                    progress("index", tx.saturating_sub(from) + 1, size - from);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.apply(&pending, fresh)?;
        if let Some(progress) = progress {
            progress("index", size - from, size - from);
        }
        Ok(())
    }

    /// What a transaction of the log does to the index.
    pub(crate) fn batch_of(&self, record: Record, derive: &dyn Derive) -> Result<Batch> {
        let mut entries = Fold::default();
        let mut rows = Vec::with_capacity(record.changes.len());
        let mut derived = Vec::new();
        let tx = record.tx;
        for change in record.changes {
            let key = storage_key(change.object, &change.key);
            self.derive_from(tx, &key, &change, derive, &mut derived)?;
            derived.drain(..).for_each(|change| entries.add(change));
            rows.push((key.into(), body_of(&change).into()));
        }
        rows.sort_unstable_by(|a: &(Arc<[u8]>, Arc<[u8]>), b| a.0.cmp(&b.0));
        Ok(Batch { rows, entries: entries.finish(), run: None })
    }

    /// [`Index::batch_of`] of a large transaction: first it is put aside and found to be what was hashed, then what it
    /// implies is derived.
    fn run_of(&self, mut unsealing: Unsealing, derive: &dyn Derive) -> Result<Batch> {
        let (tx, keys) = (unsealing.head().tx, u64::from(unsealing.head().entry_count));
        let mut rows = self.spool.write(keys)?;
        while let Some(unsealed) = unsealing.next()? {
            let change = &unsealed.change;
            rows.push(Family::Row, &storage_key(change.object, &change.key), 0, &body_of(change))?;
        }
        let rows = rows.finish()?;
        let mut entries = WriteSet::new(self.spool.clone());
        let (mut changes, mut derived) = (rows.rows()?, Vec::new());
        while let Some((key, body)) = changes.next()? {
            let change = change_of(&key, &body)?;
            self.derive_from(tx, &key, &change, derive, &mut derived)?;
            derived.drain(..).try_for_each(|change| entries.change_entry(change))?;
        }
        let entries = entries.spilled()?;
        if entries.is_empty() {
            return Ok(Batch { run: Some(rows), ..Batch::default() });
        }
        let mut both = self.spool.write(keys + entries.keys())?;
        let (mut rows, mut entries) = (rows.rows()?, entries.tops(Family::Entry)?);
        while let Some((key, body)) = rows.next()? {
            both.push(Family::Row, &key, 0, &body)?;
        }
        while let Some((key, body)) = entries.next()? {
            both.push(Family::Entry, &key, 0, &body)?;
        }
        Ok(Batch { run: Some(both.finish()?), ..Batch::default() })
    }

    /// What one change of transaction `tx` implies, beside the version before it.
    fn derive_from(
        &self,
        tx: TxId,
        storage_key: &[u8],
        change: &Change,
        derive: &dyn Derive,
        derived: &mut Vec<IndexChange>,
    ) -> Result<()> {
        let old = match tx.checked_sub(1) {
            Some(before) if change.prev_tx != 0 => {
                self.version_at(Family::Row, storage_key, before, false)?
            }
            _ => None,
        };
        let old = old.map(|old| old.into_version()).transpose()?.and_then(|old| old.cells);
        derive.derive(tx, change.object, &change.key, old.as_ref(), change.cells.as_ref(), derived)
    }

    /// The rows of an object before transaction `from`.
    fn current_rows(&self, object: ObjectId, from: TxId) -> Result<Vec<(Vec<u8>, TxId, Cells)>> {
        let Some(tx) = from.checked_sub(1) else { return Ok(Vec::new()) };
        let (low, high) = storage_span(object, &Span::all());
        let mut reach = Reach { family: Family::Row, id: object, from: low, to: high, backward: false };
        let mut rows = Vec::new();
        loop {
            let page = self.page(&mut reach, tx, None, 256)?;
            for (key, stored) in page.items {
                let version = stored.into_version()?;
                if let Some(cells) = version.cells {
                    rows.push((key.get(4..).unwrap_or_default().to_vec(), version.tx, cells));
                }
            }
            if page.done {
                return Ok(rows);
            }
        }
    }

    fn restore_counts(&self) -> Result<()> {
        let mut live_rows = guard::lock(&self.live_rows);
        let bounds = (Bound::Included(&b"r"[..]), Bound::Excluded(&b"s"[..]));
        self.engine.scan(Keyspace::Meta, bounds.0, bounds.1, false, &mut |key, value| {
            if let (Some(Ok(id)), Ok(rows)) = (key.get(1..).map(<[u8; 4]>::try_from), value.try_into()) {
                live_rows.insert(u32::from_be_bytes(id), u64::from_be_bytes(rows));
            }
            ControlFlow::Continue(())
        })
    }

    fn restore_deaths(&self) -> Result<()> {
        let mut known = Vec::new();
        let bounds = (Bound::Included(&b"d"[..]), Bound::Excluded(&b"e"[..]));
        self.engine.scan(Keyspace::Meta, bounds.0, bounds.1, false, &mut |key, _| {
            if let [b'd', family, id @ ..] = key
                && let Ok(id) = <[u8; 4]>::try_from(id)
            {
                known.push((if *family == 0 { Family::Row } else { Family::Entry }, u32::from_be_bytes(id)));
            }
            ControlFlow::Continue(())
        })?;
        let mut deaths = guard::write(&self.deaths);
        known.into_iter().for_each(|(family, id)| deaths.restore(family, id));
        Ok(())
    }

    /// Makes the engine durable and says so in the checkpoint file. Nothing for engines that keep nothing.
    pub(crate) fn checkpoint(&self, ledger: &Ledger, clean: bool) -> Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        if self.is_lost() {
            return place.remove();
        }
        let _applying = guard::lock(&self.applying);
        let applied = self.applied.load(Ordering::Acquire);
        self.engine.checkpoint()?;
        place.write(&IndexCheckpoint {
            engine: self.engine.name().to_owned(),
            applied,
            root: ledger.root(applied + 1)?,
            entries: self.engine.counts(),
            boot: place.boot(),
            clean,
        })
    }
}

/// A change of the log as the index keeps it.
pub(crate) fn body_of(change: &Change) -> Vec<u8> {
    let Change { object: _, key: _, op, prev_tx, key_salt, schema_tx, cells, moved_to } = change;
    RowBody {
        op: *op,
        key_salt: *key_salt,
        schema_tx: *schema_tx,
        prev_tx: *prev_tx,
        moved_to: moved_to.as_deref(),
        cells: cells.as_ref().map(|cells| cells.0.as_slice()),
    }
    .encode()
}
