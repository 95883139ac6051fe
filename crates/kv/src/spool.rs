//! Versions that do not fit into memory: sorted runs in files that nobody needs after a crash.
//!
//! ```text
//!   <ledger>/spool/<number>      one run each, gone with its last user, and all of them at open
//! ```
//! A transaction that outgrows its memory moves what it has written into runs; a commit merges them into one, which the
//! log and then the index are written from; a replay makes the same run of a large transaction of the log. Nothing
//! here is promised to anyone, so nothing is synced. But what is read back goes into the log, so it is checked.

mod bloom;
mod layers;
mod merge;
mod run;

pub(crate) use layers::Layers;
pub(crate) use merge::Merge;
pub(crate) use run::{Run, RunWriter, Versions};

use crate::fault::disk_error;
use host::{Disk, Host, OpenMode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::Result;

/// Where runs go.
pub(crate) struct Spool {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    next: AtomicU64,
    /// What a transaction may hold in memory before it comes here.
    pub(crate) memory_bytes: usize,
}

impl Spool {
    /// An empty one: what an earlier process has left is removed.
    pub(crate) fn open(host: &Host, folder: &Path, memory_bytes: usize) -> Result<Spool> {
        if host.disk.is_dir(folder) {
            host.disk
                .remove_dir_all(folder)
                .map_err(|error| disk_error("could not remove", folder, &error))?;
        }
        let (disk, folder, next) = (host.disk.clone(), folder.to_path_buf(), AtomicU64::new(1));
        Ok(Spool { disk, folder, next, memory_bytes })
    }

    /// A new run, of about this many keys.
    pub(crate) fn write(&self, keys: u64) -> Result<RunWriter> {
        let path = self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let failed = |error| disk_error("could not create", &path, &error);
        self.disk.create_dir_all(&self.folder).map_err(failed)?;
        let file = self.disk.open(&path, OpenMode::CreateNew { private: true }).map_err(failed)?;
        Ok(RunWriter::new(self.disk.clone(), path, file, keys))
    }
}

#[cfg(test)]
mod tests;
