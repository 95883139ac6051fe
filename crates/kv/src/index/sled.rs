//! The index in sled 0.34.7, used as a disposable cache of the log.
//!
//! What it cannot do decides how it is used: its flush does not sync files on Linux (so [`Engine::checkpoint`] does),
//! after power loss it may open silently empty or panic (so the checkpoint lies outside of it, and panics are caught),
//! its batches take a process-wide lock (so writes are plain inserts by one caller; a process crash keeps a prefix of
//! them). It does its own I/O: it needs a disk with real paths.

use super::{Engine, Keyspace, Visit, Write, lost};
use crate::fault::disk_error;
use crate::history::is_empty_range;
use host::{Host, OpenMode};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use types::{Error, Result, SqlState, bail};

/// Name and version, for the checkpoint.
pub(crate) const NAME: &str = "sled 0.34.7, rows counted";

pub struct SledEngine {
    host: Host,
    /// As the host's disk names it.
    folder: PathBuf,
    db: sled::Db,
    trees: [sled::Tree; 7],
    counts: Option<[AtomicI64; 7]>,
    failure: OnceLock<Error>,
}

impl SledEngine {
    /// Opens or makes it. `counts`: how many entries each keyspace holds, where that is known.
    pub fn open(
        host: &Host,
        folder: &Path,
        cache_bytes: u64,
        counts: Option<[u64; 7]>,
    ) -> Result<SledEngine> {
        let Some(path) = host.disk.real_path(folder) else {
            return Err(Error::unsupported("the sled index on a disk without real paths"));
        };
        remove_unfinished_snapshots(host, folder)?;
        let config = sled::Config::new()
            .path(path)
            .mode(sled::Mode::HighThroughput)
            // Resident memory was measured at 1.6 times this value.
            .cache_capacity((cache_bytes / 2).max(1 << 20))
            .flush_every_ms(Some(1_000))
            .use_compression(false);
        // A handle that was dropped a moment ago may hold sled's own file lock for some milliseconds more.
        let mut attempts_left = 100;
        let db = loop {
            match guarded(folder, || config.open()) {
                Ok(db) => break db,
                Err(error) if attempts_left > 0 && error.message.contains("could not acquire lock") => {
                    attempts_left -= 1;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error),
            }
        };
        let mut trees = Vec::with_capacity(7);
        for keyspace in Keyspace::ALL {
            trees.push(guarded(folder, || db.open_tree(keyspace.name()))?);
        }
        let Ok(trees) = trees.try_into() else { bail!(InternalError, "a keyspace without a tree") };
        let counts = counts.map(|counts| counts.map(|count| AtomicI64::new(count as i64)));
        Ok(SledEngine {
            host: host.clone(),
            folder: folder.to_path_buf(),
            db,
            trees,
            counts,
            failure: OnceLock::new(),
        })
    }
}

impl Engine for SledEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.guarded(|| self.trees[keyspace as usize].get(key))?.map(|value| value.to_vec()))
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
        let mut range = self.guarded(|| Ok(self.trees[keyspace as usize].range::<&[u8], _>((from, to))))?;
        loop {
            let next =
                self.guarded(|| if backward { range.next_back() } else { range.next() }.transpose())?;
            let Some((key, value)) = next else { return Ok(()) };
            if visit(&key, &value).is_break() {
                return Ok(());
            }
        }
    }

    fn apply(&self, writes: &[Write]) -> Result<()> {
        for Write { keyspace, key, value } in writes {
            let at = *keyspace as usize;
            let change = match value {
                Some(value) => {
                    i64::from(self.guarded(|| self.trees[at].insert(key, value.as_slice()))?.is_none())
                }
                None => -i64::from(self.guarded(|| self.trees[at].remove(key))?.is_some()),
            };
            if let Some(counts) = &self.counts {
                counts[at].fetch_add(change, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<()> {
        self.guarded(|| self.db.flush())?;
        self.noted(sync_folder(&self.host, &self.folder))
    }

    fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    fn counts(&self) -> Option<[u64; 7]> {
        let counts = self.counts.as_ref()?;
        Some(std::array::from_fn(|at| counts[at].load(Ordering::Relaxed).max(0) as u64))
    }
}

impl SledEngine {
    fn guarded<T>(&self, work: impl FnOnce() -> sled::Result<T>) -> Result<T> {
        self.noted(guarded(&self.folder, work))
    }

    fn noted<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome
            && error.state != SqlState::DiskFull
            && self.failure.set(error.clone()).is_ok()
        {
            super::checkpoint::distrust(&self.host, &self.folder);
        }
        outcome
    }
}

/// sled reads the newest `snap.*`, a half-written `snap.*.generating` included, and then cannot open for ever.
fn remove_unfinished_snapshots(host: &Host, folder: &Path) -> Result<()> {
    let names = match host.disk.list(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(disk_error("could not list", folder, &error)),
    };
    for name in names {
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let path = folder.join(name);
            host.disk.remove_file(&path).map_err(|error| disk_error("could not remove", &path, &error))?;
        }
    }
    Ok(())
}

/// What `flush` leaves out: every file, and the folders that name them.
fn sync_folder(host: &Host, folder: &Path) -> Result<()> {
    for name in host.disk.list(folder).map_err(|error| disk_error("could not list", folder, &error))? {
        let path = folder.join(name);
        if host.disk.is_dir(&path) {
            sync_folder(host, &path)?;
            continue;
        }
        match host.disk.open(&path, OpenMode::Write).and_then(|file| file.sync()) {
            Ok(()) => {}
            // sled removes old snapshots and blobs on its own.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(disk_error("could not sync", &path, &error)),
        }
    }
    host.disk.sync_dir(folder).map_err(|error| disk_error("could not sync", folder, &error))
}

/// sled panics on damaged files as often as it says so: both mean that the index is lost, never that data is.
fn guarded<T>(folder: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) if error.kind() == std::io::ErrorKind::StorageFull => {
            Err(super::disk_full(false))
        }
        Ok(Err(sled::Error::Io(error))) => Err(super::io_failure(folder, &error)),
        Ok(Err(sled::Error::Corruption { at, bt: _ })) => Err(lost(&match offset_of(&format!("{at:?}")) {
            Some(offset) => format!("corrupted data at offset {offset} of its file"),
            None => "corrupted data".to_owned(),
        })),
        Ok(Err(error)) => Err(lost(&error.to_string())),
        Err(panic) => Err(lost(super::panic_text(&*panic))),
    }
}

/// sled's own place (`Some(Inline(4711))`) as a number.
fn offset_of(place: &str) -> Option<u64> {
    let digits: String =
        place.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
