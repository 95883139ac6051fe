//! The derived index: a small trait, its engines, and what is read through them.
//!
//! ```text
//!            Row / Entry        newest version, while it is live        key -> tx ‖ body
//!   moves    Dead / EntryDead   newest delete, once there was one       key -> tx ‖ body
//!     │      History / EntryHistory   superseded versions               key ‖ !tx -> tx ‖ body
//!     ▼      Meta               how far it is whole, what was ever deleted from, which indexes are built
//! ```
//!
//! In front of the engine lies a table of recent versions: what is ordered and not yet applied. A version moves from
//! there to Row (or Dead) and from there to History, is written to the next place before it leaves the last, and
//! every reader looks in that order; so it needs no lock to find exactly the versions of its snapshot.
//!
//! The engine keeps no transactions and no snapshots, and is not trusted: it may be deleted at any time and is rebuilt
//! from the log. Its errors never mean that data is lost.

pub(crate) mod apply;
pub mod check;
pub(crate) mod checkpoint;
pub(crate) mod hot;
pub(crate) mod lsm;
pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod page;
pub(crate) mod sled;

pub use check::{Finding, check_index, distrust_index, engine_of, remove_derived};

use crate::fault::disk_error;
use crate::guard;
use crate::history::{Family, Stored, history_key, is_first, parse_value, split_storage_key};
use crate::recent::{Batch, Deaths, VersionTable};
use crate::spool::Spool;
use crate::{IndexId, ObjectId, TxId};
use foldhash::HashMap;
use hot::{Hot, Look};
use std::io::ErrorKind;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use types::{Error, Result, SqlState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Keyspace {
    Row,
    Dead,
    History,
    Entry,
    EntryDead,
    EntryHistory,
    Meta,
}

impl Keyspace {
    pub const ALL: [Keyspace; 7] = [
        Keyspace::Row,
        Keyspace::Dead,
        Keyspace::History,
        Keyspace::Entry,
        Keyspace::EntryDead,
        Keyspace::EntryHistory,
        Keyspace::Meta,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Keyspace::Row => "row",
            Keyspace::Dead => "dead",
            Keyspace::History => "history",
            Keyspace::Entry => "entry",
            Keyspace::EntryDead => "entry_dead",
            Keyspace::EntryHistory => "entry_history",
            Keyspace::Meta => "meta",
        }
    }

    pub(crate) fn current(family: Family) -> Keyspace {
        match family {
            Family::Row => Keyspace::Row,
            Family::Entry => Keyspace::Entry,
        }
    }

    pub(crate) fn dead(family: Family) -> Keyspace {
        match family {
            Family::Row => Keyspace::Dead,
            Family::Entry => Keyspace::EntryDead,
        }
    }

    pub(crate) fn history(family: Family) -> Keyspace {
        match family {
            Family::Row => Keyspace::History,
            Family::Entry => Keyspace::EntryHistory,
        }
    }
}

/// One change of an engine: `value` None removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub keyspace: Keyspace,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
}

/// Called with each key and value of a scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// An ordered map per keyspace. No transactions and no snapshots: these are made above it.
pub trait Engine: Send + Sync {
    /// Name and version, for the checkpoint: another one is rebuilt.
    fn name(&self) -> &'static str;
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Visits a range in key order, or backwards, until told to stop. Concurrent writes may or may not be met. The
    /// visitor must not call the engine; callers read pages of a few hundred keys.
    fn scan(
        &self,
        keyspace: Keyspace,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        backward: bool,
        visit: &mut Visit,
    ) -> Result<()>;
    /// Applies in order; one caller at a time. Not durable.
    fn apply(&self, writes: &[Write]) -> Result<()>;
    /// Everything applied before is on stable storage when it returns.
    fn checkpoint(&self) -> Result<()>;
    /// Entries by keyspace, where the engine has counted from the start.
    fn counts(&self) -> Option<[u64; 7]> {
        None
    }
    /// Whether it goes on by itself once a full disk has room again.
    fn survives_a_full_disk(&self) -> bool {
        false
    }
    /// Why it has said no for a reason of its own, if ever: then it is not trusted again.
    fn failure(&self) -> Option<&Error> {
        None
    }
}

/// The engine could not grow. `goes_on`: [`Engine::survives_a_full_disk`].
pub(crate) fn disk_full(goes_on: bool) -> Error {
    Error::new(SqlState::DiskFull, "the index could not be written: No space left on device")
        .detail("The index is derived from the log, which is not affected.")
        .hint(if goes_on {
            "Free disk space: writing goes on by itself. No data is lost."
        } else {
            "Free disk space, then restart the server. No data is lost."
        })
}

/// The engine has failed for good.
fn lost(why: &str) -> Error {
    types::err!(IndexCorrupted, "the index cannot be used: {why}")
        .detail("The index is derived from the log, which is not affected.")
        .hint("Restart the server: it makes the index again from the log.")
}

/// What the system said to an engine. Files that are not there or end early are damage; other errors are the disk's.
fn io_failure(folder: &Path, error: &std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(_) if error.kind() != ErrorKind::NotFound => disk_error("could not use", folder, error),
        _ => lost(&error.to_string()),
    }
}

/// What an engine said when it panicked.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown")
}

/// The engine, the recent versions in front of it, and how far each has come.
pub(crate) struct Index {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) recent: RwLock<VersionTable>,
    pub(crate) recent_bytes: AtomicUsize,
    pub(crate) deaths: RwLock<Deaths>,
    pub(crate) hot: Hot,
    /// By object: its live rows.
    pub(crate) live_rows: Mutex<HashMap<ObjectId, u64>>,
    /// The engine is whole up to this transaction.
    pub(crate) applied: AtomicU64,
    /// Whoever writes to the engine holds this.
    pub(crate) applying: Mutex<()>,
    /// Set when the engine failed while running: it is rebuilt at the next open.
    pub(crate) lost: AtomicBool,
    /// Where the checkpoint goes; None for engines that keep nothing.
    pub(crate) place: Option<checkpoint::Place>,
    /// What was wrong with it at the last opening, so that it was rebuilt.
    pub(crate) doubt: Option<String>,
}

impl Index {
    /// `hot_bytes`: memory for rows that are read by their key.
    pub(crate) fn new(
        engine: Box<dyn Engine>,
        place: Option<checkpoint::Place>,
        spool: Arc<Spool>,
        hot_bytes: u64,
    ) -> Index {
        Index {
            engine,
            spool,
            recent: RwLock::default(),
            recent_bytes: AtomicUsize::new(0),
            deaths: RwLock::new(Deaths::new()),
            hot: Hot::new(hot_bytes),
            live_rows: Mutex::default(),
            applied: AtomicU64::new(0),
            applying: Mutex::new(()),
            lost: AtomicBool::new(false),
            place,
            doubt: None,
        }
    }

    /// A key's newest version not newer than `tx`, deletes included where they are at hand: with `dead` they always
    /// are, without it a delete may be reported as None.
    pub(crate) fn version_at(
        &self,
        family: Family,
        key: &[u8],
        tx: TxId,
        dead: bool,
    ) -> Result<Option<Stored>> {
        if let Some((tx, body)) = self.recent_at(family, key, tx)? {
            return Ok(Some(Stored { tx, body }));
        }
        if let Some(current) = self.current(family, key, true)? {
            return self.at_or_before(family, key, current, tx);
        }
        // Read after the miss: a delete registers itself before it removes the key.
        let last_death = guard::read(&self.deaths).last(family, split_storage_key(key).0);
        if last_death == 0 || (!dead && last_death <= tx) {
            return Ok(None);
        }
        match self.engine.get(Keyspace::dead(family), key)? {
            None => Ok(None),
            Some(tombstone) => {
                let tombstone = parse_value(tombstone)?;
                if tombstone.tx <= tx { Ok(Some(tombstone)) } else { self.history_at(family, key, tx) }
            }
        }
    }

    /// The newest version not newer than `tx` of a key whose newest of all is `current`.
    pub(crate) fn at_or_before(
        &self,
        family: Family,
        key: &[u8],
        current: Stored,
        tx: TxId,
    ) -> Result<Option<Stored>> {
        if current.tx <= tx {
            return Ok(Some(current));
        }
        if is_first(family, &current.body) { Ok(None) } else { self.history_at(family, key, tx) }
    }

    /// The engine's newest live version of a key. `keep`: a row that is asked for is likely to be asked for again.
    fn current(&self, family: Family, key: &[u8], keep: bool) -> Result<Option<Stored>> {
        let get = || self.engine.get(Keyspace::current(family), key)?.map(parse_value).transpose();
        if family == Family::Entry {
            return get();
        }
        let ticket = match self.hot.look(key) {
            Look::Found(stored) => return Ok(Some(stored)),
            Look::Missing(ticket) => ticket,
        };
        let found = get()?;
        if let (Some(stored), true) = (&found, keep) {
            self.hot.keep(key, stored, ticket);
        }
        Ok(found)
    }

    /// The newest of those that are ordered and not yet applied.
    fn recent_at(&self, family: Family, key: &[u8], tx: TxId) -> Result<Option<(TxId, Vec<u8>)>> {
        let (found, layers) = {
            let recent = guard::read(&self.recent);
            let found = recent.at(family, key, tx).map(|(tx, body)| (tx, body.to_vec()));
            match recent.layers_below() {
                None => return Ok(found),
                Some(layers) => (found, layers),
            }
        };
        layers.at(family, key, tx, found)
    }

    /// A key's newest superseded version not newer than `tx`.
    pub(crate) fn history_at(&self, family: Family, key: &[u8], tx: TxId) -> Result<Option<Stored>> {
        let (from, to) = (history_key(key, tx), history_key(key, 0));
        let mut found = None;
        let bounds = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
        self.engine.scan(Keyspace::history(family), bounds.0, bounds.1, false, &mut |at, value| {
            // A longer key may lie between where keys are not prefix-free.
            if at.len() != from.len() {
                return ControlFlow::Continue(());
            }
            found = Some(value.to_vec());
            ControlFlow::Break(())
        })?;
        found.map(parse_value).transpose()
    }

    /// The newest version not newer than `tx` of a key that is not in the current keyspace.
    pub(crate) fn buried_at(&self, family: Family, key: &[u8], tx: TxId) -> Result<Option<Stored>> {
        // Dead first: a tombstone is in History before the next one takes its place, but not long before.
        let tombstone = self.engine.get(Keyspace::dead(family), key)?.map(parse_value).transpose()?;
        let tombstone = tombstone.filter(|tombstone| tombstone.tx <= tx);
        let older = self.history_at(family, key, tx)?;
        Ok(if older.as_ref().map(|older| older.tx) > tombstone.as_ref().map(|tombstone| tombstone.tx) {
            older
        } else {
            tombstone
        })
    }

    /// Every version of a key, oldest first.
    pub(crate) fn chain(&self, family: Family, key: &[u8]) -> Result<Vec<Stored>> {
        let mut chain = std::collections::BTreeMap::new();
        let layers = {
            let recent = guard::read(&self.recent);
            chain.extend(recent.all(family, key).iter().map(|(tx, body)| (*tx, body.to_vec())));
            recent.layers()
        };
        chain.extend(layers.all(family, key)?);
        for keyspace in [Keyspace::current(family), Keyspace::dead(family)] {
            if let Some(value) = self.engine.get(keyspace, key)? {
                let Stored { tx, body } = parse_value(value)?;
                chain.insert(tx, body);
            }
        }
        let (from, to) = (history_key(key, TxId::MAX), history_key(key, 0));
        let mut older = Vec::new();
        let bounds = (Bound::Included(from.as_slice()), Bound::Included(to.as_slice()));
        self.engine.scan(Keyspace::history(family), bounds.0, bounds.1, false, &mut |at, value| {
            if at.len() == from.len() {
                older.push(value.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        for value in older {
            let Stored { tx, body } = parse_value(value)?;
            chain.insert(tx, body);
        }
        Ok(chain.into_iter().map(|(tx, body)| Stored { tx, body }).collect())
    }

    /// Makes a transaction's versions readable to whoever may see `tx`.
    pub(crate) fn remember(&self, tx: TxId, batch: &Batch) {
        guard::write(&self.recent).push_batch(tx, batch);
        self.recent_bytes.fetch_add(batch.size_bytes(), Ordering::Relaxed);
    }

    /// How many live rows an object has as of what is applied, about.
    pub(crate) fn live_rows(&self, object: ObjectId) -> u64 {
        guard::lock(&self.live_rows).get(&object).copied().unwrap_or(0)
    }

    pub(crate) fn is_built(&self, index: IndexId) -> Result<bool> {
        Ok(self.engine.get(Keyspace::Meta, &built_key(index))?.is_some())
    }

    /// Indexes whose entries were being removed when the engine was closed.
    pub(crate) fn unfinished_drops(&self) -> Result<Vec<IndexId>> {
        let mut drops = Vec::new();
        let bounds = (Bound::Included(&b"x"[..]), Bound::Excluded(&b"y"[..]));
        self.engine.scan(Keyspace::Meta, bounds.0, bounds.1, false, &mut |key, _| {
            if let Some(Ok(id)) = key.get(1..).map(<[u8; 4]>::try_from) {
                drops.push(u32::from_be_bytes(id));
            }
            ControlFlow::Continue(())
        })?;
        Ok(drops)
    }

    /// What the disk said to the engine, if that was its end: the server stops, as it does for the log.
    pub(crate) fn disk_failure(&self) -> Option<&Error> {
        self.engine.failure().filter(|error| error.state == SqlState::IoError)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire) || self.engine.failure().is_some()
    }
}

/// Meta: the engine is whole up to here (a hint; the checkpoint outside decides).
pub(crate) const META_APPLIED: &[u8] = b"applied";

/// Meta: something of this object or index was deleted once.
pub(crate) fn death_key(family: Family, id: u32) -> Vec<u8> {
    [&[b'd', family as u8][..], &id.to_be_bytes()].concat()
}

/// Meta: how many live rows this object has.
pub(crate) fn rows_key(object: ObjectId) -> Vec<u8> {
    [&b"r"[..], &object.to_be_bytes()].concat()
}

/// Meta: every row has its entry in this index.
pub(crate) fn built_key(index: IndexId) -> Vec<u8> {
    [&b"b"[..], &index.to_be_bytes()].concat()
}

/// Meta: an index whose entries are being removed.
pub(crate) fn drop_key(index: IndexId) -> Vec<u8> {
    [&b"x"[..], &index.to_be_bytes()].concat()
}
