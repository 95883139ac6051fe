//! `stele backup` of one ledger: the log up to the newest signed checkpoint, and that checkpoint.
//!
//! ```text
//!   checkpoint  read first: the log that is read after it covers it, and only grows
//!   log/        whole blocks up to the checkpoint's last transaction, each verified; what is behind it may yet be cut
//!   verifier-key   who signs; the mark of a backup, made before anything else
//!   key         only when it is asked for
//! ```
//! The server may be running: nothing is locked, and nothing in its folder is written. A backup is extended in place: what
//! it holds is verified against its own checkpoint, then the source's blocks must continue exactly that tree. The old
//! checkpoint stays until the new blocks are durable, so a backup that is cut short is still the one before.
//! Index and tiles are derived: they are not copied.

use crate::checkpoint;
use crate::fault::disk_error;
use crate::ledger::{Paths, Progress};
use crate::log::chain::{Chain, Place};
use crate::log::segments::{self, segment_path};
use host::{Disk, File, Host, OpenMode};
use std::path::Path;
use types::{Error, Result, bail, err};

/// What a backup holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    pub origin: String,
    /// Under its checkpoint.
    pub transactions: u64,
    /// What this run added.
    pub new_transactions: u64,
    pub new_bytes: u64,
}

/// Copies the ledger in `from` to the folder `to`, or what is new in it. An error leaves the backup as it was before.
pub fn backup(
    host: &Host,
    from: &Path,
    to: &Path,
    with_key: bool,
    progress: Option<&Progress>,
) -> Result<BackedUp> {
    let disk = &*host.disk;
    let (source, target) = (Paths::new(from), Paths::new(to));
    let key = checkpoint::verifier_key(disk, &source)?;
    let Some(newest) = checkpoint::load(disk, &source.checkpoint, &key)? else {
        return Err(Error::corrupted(format!(
            "the checkpoint file \"{}\" is missing",
            source.checkpoint.display()
        )));
    };
    let signed = newest.unverified();

    mark(disk, &target, &key.to_string())?;
    let mut chain = Chain::new();
    let old_size = match checkpoint::load(disk, &target.checkpoint, &key)? {
        None => 0,
        Some(old) => {
            let old = old.unverified();
            chain.follow(disk, &target.log, old.size, &mut |_| Ok(()))?;
            is_root(&chain, &old.root, &target)?;
            if old.size > signed.size {
                return Err(Error::corrupted(format!(
                    "the ledger in \"{}\" is behind its backup: its checkpoint covers {} transactions, the backup's {}",
                    from.display(),
                    signed.size,
                    old.size
                ))
                .hint("An old copy was put in its place, or the backup is of a copy that went on."));
            }
            old.size
        }
    };
    remove_from(disk, &target, chain.place())?;

    let mut writer = Writer { disk, log: &target.log, open: None, bytes: 0 };
    chain
        .follow(disk, &source.log, signed.size, &mut |link| {
            if let Some(progress) = progress {
                progress("backing up", link.header.end_tx().unwrap_or(0), signed.size);
            }
            writer.put(link.place, link.block)
        })
        .and_then(|()| is_root(&chain, &signed.root, &source))
        .map_err(|error| match old_size {
            0 => error,
            _ => error.detail("The log was changed, or the backup is of a ledger that went another way."),
        })?;
    let new_bytes = writer.finish()?;
    checkpoint::save(disk, &target.checkpoint, &newest)?;
    if with_key {
        copy_private(disk, &source.key, &target.key)?;
    }
    Ok(BackedUp {
        origin: key.name().to_owned(),
        transactions: signed.size,
        new_transactions: signed.size - old_size,
        new_bytes,
    })
}

/// Makes the folder of a backup, or sees that it is one of this ledger.
fn mark(disk: &dyn Disk, target: &Paths, key: &str) -> Result<()> {
    let failed = |path: &Path, error: &std::io::Error| disk_error("could not write", path, error);
    let mark = format!("{key}\n");
    if disk.exists(&target.verifier_key) {
        let found = disk.read(&target.verifier_key).map_err(|error| failed(&target.verifier_key, &error))?;
        if found != mark.as_bytes() {
            return Err(err!(
                ObjectNotInPrerequisiteState,
                "\"{}\" is the backup of another ledger",
                target.folder.display()
            )
            .hint("Back up into an empty folder."));
        }
    } else if disk.exists(&target.log) || disk.exists(&target.checkpoint) {
        bail!(ObjectNotInPrerequisiteState, "\"{}\" is a ledger and no backup", target.folder.display());
    } else {
        disk.make_folder(&target.folder).map_err(|error| failed(&target.folder, &error))?;
        disk.replace(&target.verifier_key, mark.as_bytes(), false)
            .map_err(|error| failed(&target.verifier_key, &error))?;
    }
    disk.make_folder(&target.log).map_err(|error| failed(&target.log, &error))
}

pub(crate) fn is_root(chain: &Chain, root: &proof::hash::Hash, of: &Paths) -> Result<()> {
    if chain.tree().root() == *root {
        return Ok(());
    }
    Err(Error::corrupted(format!(
        "the log in \"{}\" differs from its signed checkpoint: the root of transactions 0 to {} is another one",
        of.log.display(),
        chain.tree().size().saturating_sub(1)
    ))
    .hint("Run `stele check` to see the extent."))
}

/// Removes what a run that was cut short left behind the checkpoint.
fn remove_from(disk: &dyn Disk, target: &Paths, place: Place) -> Result<()> {
    for first_slot in segments::list(disk, &target.log)? {
        let path = segment_path(&target.log, first_slot);
        let failed = |error| disk_error("could not cut", &path, &error);
        if first_slot > place.first_slot {
            disk.remove_file(&path).map_err(failed)?;
        } else if first_slot == place.first_slot {
            let file = disk.open(&path, OpenMode::Write).map_err(failed)?;
            if file.len().map_err(failed)? > place.offset {
                file.set_len(place.offset).and_then(|()| file.sync()).map_err(failed)?;
            }
        }
    }
    disk.sync_dir(&target.log).map_err(|error| disk_error("could not fsync", &target.log, &error))
}

/// Copies a secret, readable by its owner alone.
pub fn copy_private(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    let bytes = disk.read(from).map_err(|error| disk_error("could not read", from, &error))?;
    disk.replace(to, &bytes, true).map_err(|error| disk_error("could not write", to, &error))
}

/// Blocks into segment files, where they were in the log that they come from.
pub(crate) struct Writer<'a> {
    pub disk: &'a dyn Disk,
    pub log: &'a Path,
    pub open: Option<(u64, Box<dyn File>)>,
    pub bytes: u64,
}

impl Writer<'_> {
    pub fn put(&mut self, place: Place, block: &[u8]) -> Result<()> {
        let path = segment_path(self.log, place.first_slot);
        let failed = |error| disk_error("could not write", &path, &error);
        if self.open.as_ref().is_none_or(|(first_slot, _)| *first_slot != place.first_slot) {
            self.close()?;
            let file = self.disk.open(&path, OpenMode::Create).map_err(failed)?;
            self.open = Some((place.first_slot, file));
        }
        if let Some((_, file)) = &self.open {
            file.write_all_at(block, place.offset).map_err(failed)?;
        }
        self.bytes += block.len() as u64;
        Ok(())
    }

    /// All of it durable; how many bytes that was.
    pub fn finish(mut self) -> Result<u64> {
        self.close()?;
        self.disk.sync_dir(self.log).map_err(|error| disk_error("could not fsync", self.log, &error))?;
        Ok(self.bytes)
    }

    fn close(&mut self) -> Result<()> {
        let Some((first_slot, file)) = self.open.take() else { return Ok(()) };
        let path = segment_path(self.log, first_slot);
        file.sync().map_err(|error| disk_error("could not fsync", &path, &error))
    }
}
