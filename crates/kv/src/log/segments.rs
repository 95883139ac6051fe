//! The log in local files: `log/<first slot, 20 digits>.seg`, blocks end to end; only the last one is written to.
//!
//! A segment is synced before the next one is made, so nothing but the last can be torn. Blocks are in memory never,
//! their places (`directory`) only for the last segment.

mod opening;

pub use opening::Torn;

use super::block::{self, Header, Kind};
use super::directory::{self, Entry, Source};
use super::{Log, Put, Slot};
use crate::fault::disk_error;
use crate::guard::{lock, read, write};
use host::{Disk, File, OpenMode};
use opening::read_entries;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use types::{Error, Result, SqlState, TxId};

/// Open handles of older segments are dropped beyond this many.
const OPEN_SEGMENTS_MAX: usize = 100;

pub struct Segments {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_size_bytes: u64,
    /// Held while anything is stored or cut.
    writer: Mutex<()>,
    state: RwLock<State>,
    older: Mutex<HashMap<Slot, Arc<Opened>>>,
    /// Held while anything is synced: of two at once that sync one file the system tells only one of an error.
    syncing: Mutex<()>,
    /// A failed fsync is final: nobody knows what the disk then holds.
    failed: OnceLock<Error>,
    owed: Mutex<Owed>,
}

/// What an opening is to do before anything is stored or signed. On a full disk that waits.
#[derive(Default, Clone)]
struct Owed {
    /// To be kept and cut off.
    torn: Option<Torn>,
    /// What a writer that is gone has left may be in the system's cache only.
    unsettled: bool,
}

#[derive(Default)]
struct State {
    closed: Vec<Closed>,
    active: Option<Active>,
    /// The tree's size after the last block.
    end_tx: TxId,
    database_id: Option<[u8; 16]>,
}

#[derive(Clone)]
struct Closed {
    first_slot: Slot,
    first_tx: TxId,
    blocks: u64,
    bytes: u64,
    /// Its directory, where it could not be written to disk.
    entries: Option<Arc<Vec<Entry>>>,
}

#[derive(Clone)]
struct Active {
    first_slot: Slot,
    file: Arc<dyn File>,
    entries: Vec<Entry>,
    /// Where the next block goes.
    bytes: u64,
    last_checksum: u32,
}

/// Handles of an older segment.
struct Opened {
    file: Arc<dyn File>,
    directory: Directory,
}

enum Directory {
    Memory(Arc<Vec<Entry>>),
    File(Box<dyn File>, u64),
}

impl Directory {
    fn source(&self) -> Source<'_> {
        match self {
            Directory::Memory(entries) => Source::Memory(entries),
            Directory::File(file, count) => Source::File { file: &**file, count: *count },
        }
    }
}

/// A block's bytes on disk.
struct Found {
    file: Arc<dyn File>,
    path: PathBuf,
    offset: u64,
    bytes: u64,
}

pub fn segment_path(folder: &Path, first_slot: Slot) -> PathBuf {
    folder.join(format!("{first_slot:020}.seg"))
}

pub fn directory_path(folder: &Path, first_slot: Slot) -> PathBuf {
    folder.join(format!("{first_slot:020}.dir"))
}

/// First slots of the segments in a folder, ascending.
pub fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<Slot>> {
    let names = disk.list(folder).map_err(|error| disk_error("could not list", folder, &error))?;
    let mut slots: Vec<Slot> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".seg"))
        .filter(|digits| digits.len() == 20)
        .filter_map(|digits| digits.parse().ok())
        .collect();
    slots.sort_unstable();
    Ok(slots)
}

impl Segments {
    pub fn database_id(&self) -> Option<[u8; 16]> {
        read(&self.state).database_id
    }

    /// The tree's size after the last block.
    pub fn end_tx(&self) -> TxId {
        read(&self.state).end_tx
    }

    /// The first slot of the last segment: what was read whole at opening.
    pub fn last_segment(&self) -> Slot {
        read(&self.state).active.as_ref().map_or(1, |active| active.first_slot)
    }

    fn open_file(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>> {
        let file = self.disk.open(path, mode).map_err(|error| disk_error("could not open", path, &error))?;
        Ok(Arc::from(file))
    }

    fn find(&self, slot: Slot) -> Result<Option<Found>> {
        let state = read(&self.state);
        let Some(active) = &state.active else { return Ok(None) };
        if let Some(number) = slot.checked_sub(active.first_slot) {
            let number = number as usize;
            let Some(entry) = active.entries.get(number) else { return Ok(None) };
            let end = active.entries.get(number + 1).map_or(active.bytes, |next| next.offset);
            return Ok(Some(Found {
                file: active.file.clone(),
                path: segment_path(&self.folder, active.first_slot),
                offset: entry.offset,
                bytes: end - entry.offset,
            }));
        }
        let after = state.closed.partition_point(|closed| closed.first_slot <= slot);
        let closed = after.checked_sub(1).and_then(|number| state.closed.get(number)).cloned();
        // The committer does not wait for our disk.
        drop(state);
        closed.map(|closed| self.find_closed(&closed, slot)).transpose()
    }

    fn find_closed(&self, closed: &Closed, slot: Slot) -> Result<Found> {
        let opened = self.opened(closed)?;
        let path = segment_path(&self.folder, closed.first_slot);
        let number = slot.saturating_sub(closed.first_slot);
        let source = opened.directory.source();
        let directory = directory_path(&self.folder, closed.first_slot);
        let failed = |error| disk_error("could not read", &directory, &error);
        let entry = source.entry(number).map_err(failed)?;
        let next = source.entry(number + 1).map_err(failed)?;
        let entry = entry.ok_or_else(|| damaged(&path, 0, slot, "the segment has no such block"))?;
        let end = next.map_or(closed.bytes, |next| next.offset);
        let bytes = end.checked_sub(entry.offset).filter(|_| end <= closed.bytes).ok_or_else(|| {
            damaged(&directory, number * 16, slot, "the directory points outside its segment")
                .hint("Delete the directory file: it is made again at the next start.")
        })?;
        Ok(Found { file: opened.file.clone(), path, offset: entry.offset, bytes })
    }

    fn opened(&self, closed: &Closed) -> Result<Arc<Opened>> {
        if let Some(opened) = lock(&self.older).get(&closed.first_slot) {
            return Ok(opened.clone());
        }
        let file = self.open_file(&segment_path(&self.folder, closed.first_slot), OpenMode::Read)?;
        let directory = self.open_directory(closed, &*file)?;
        let opened = Arc::new(Opened { file, directory });
        let mut older = lock(&self.older);
        if older.len() >= OPEN_SEGMENTS_MAX {
            older.clear();
        }
        older.insert(closed.first_slot, opened.clone());
        Ok(opened)
    }

    /// From the directory file if it is whole; from the segment otherwise.
    fn open_directory(&self, closed: &Closed, file: &dyn File) -> Result<Directory> {
        if let Some(entries) = &closed.entries {
            return Ok(Directory::Memory(entries.clone()));
        }
        let path = directory_path(&self.folder, closed.first_slot);
        if directory::load(&*self.disk, &path)
            .is_some_and(|(found, _)| (found.blocks, found.bytes) == (closed.blocks, closed.bytes))
            && let Ok(file) = self.disk.open(&path, OpenMode::Read)
        {
            return Ok(Directory::File(file, closed.blocks));
        }
        Ok(Directory::Memory(Arc::new(self.read_directory(closed.first_slot, file)?)))
    }

    /// What a directory file would hold, from the segment.
    fn read_directory(&self, first_slot: Slot, file: &dyn File) -> Result<Vec<Entry>> {
        let path = segment_path(&self.folder, first_slot);
        let mut head = [0; block::HEADER_BYTES];
        file.read_exact_at(&mut head, 0).map_err(|error| disk_error("could not read", &path, &error))?;
        let header = Header::decode(&head).map_err(|reason| damaged(&path, 0, first_slot, &reason))?;
        Ok(read_entries(file, &path, first_slot, header.database_id)?.0)
    }

    /// Syncs, once and for all if it fails.
    fn synced(&self, path: &Path, sync: impl FnOnce() -> std::io::Result<()>) -> Result<()> {
        let _syncing = lock(&self.syncing);
        self.check_failed()?;
        sync().map_err(|error| {
            let error = disk_error("could not fsync", path, &error);
            self.failed.get_or_init(|| error).clone()
        })
    }

    fn check_failed(&self) -> Result<()> {
        self.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Makes the segment that starts at `slot`, after syncing the one before.
    fn roll(&self, slot: Slot, first_tx: TxId) -> Result<()> {
        // A copy: readers find the segment where it was until the new one is there.
        let closing = read(&self.state).active.clone();
        if let Some(closing) = &closing {
            self.synced(&segment_path(&self.folder, closing.first_slot), || closing.file.sync())?;
        }
        let file = match self.create_segment(slot) {
            Ok(file) => file,
            Err(error) => {
                // An empty segment that was left behind would later be one in the wrong place.
                let path = segment_path(&self.folder, slot);
                if error.state != SqlState::DataCorrupted && self.disk.exists(&path) {
                    self.synced(&path, || self.disk.remove_file(&path))?;
                    self.synced(&self.folder, || self.disk.sync_dir(&self.folder))?;
                }
                return Err(error);
            }
        };
        let active = Active { first_slot: slot, file, entries: Vec::new(), bytes: 0, last_checksum: 0 };
        let closed = closing.map(|Active { first_slot, entries, bytes, last_checksum, .. }| {
            let path = directory_path(&self.folder, first_slot);
            // Derived: without it the next start reads the segment.
            let saved = directory::save(&*self.disk, &path, &entries, bytes, last_checksum).is_ok();
            let first_tx = entries.first().map_or(first_tx, |entry| entry.first_tx);
            let blocks = entries.len() as u64;
            Closed { first_slot, first_tx, blocks, bytes, entries: (!saved).then(|| Arc::new(entries)) }
        });
        let mut state = write(&self.state);
        state.closed.extend(closed);
        state.active = Some(active);
        Ok(())
    }

    fn create_segment(&self, slot: Slot) -> Result<Arc<dyn File>> {
        let path = segment_path(&self.folder, slot);
        let file = self.open_file(&path, OpenMode::Create)?;
        let length = file.len().map_err(|error| disk_error("could not read", &path, &error))?;
        if length != 0 {
            return Err(damaged(&path, 0, slot, "the file of the next segment is there and not empty"));
        }
        self.synced(&self.folder, || self.disk.sync_dir(&self.folder))?;
        Ok(file)
    }

    /// Drops the last segment, which is to be empty, and makes the one before the last.
    fn unroll(&self, state: &mut State) -> Result<()> {
        let Some(closed) = state.closed.last().cloned() else { return Ok(()) };
        let path = segment_path(&self.folder, closed.first_slot);
        let file = self.open_file(&path, OpenMode::Write)?;
        let entries = match &closed.entries {
            Some(entries) => entries.to_vec(),
            None => self.read_directory(closed.first_slot, &*file)?,
        };
        if let Some(dropped) = &state.active {
            let path = segment_path(&self.folder, dropped.first_slot);
            self.disk.remove_file(&path).map_err(|error| disk_error("could not remove", &path, &error))?;
        }
        self.synced(&self.folder, || self.disk.sync_dir(&self.folder))?;
        lock(&self.older).remove(&closed.first_slot);
        // Without a last checksum its directory will not be believed, unless another block comes before it is closed.
        let Closed { first_slot, bytes, .. } = closed;
        state.closed.pop();
        state.active = Some(Active { first_slot, file, entries, bytes, last_checksum: 0 });
        Ok(())
    }
}

impl Log for Segments {
    fn put_at(&self, slot: Slot, block: &[u8]) -> Result<Put> {
        let _writer = lock(&self.writer);
        self.check_failed()?;
        let tip = self.tip();
        if slot <= tip {
            return Ok(Put::Occupied);
        }
        let header = Header::decode(block).map_err(Error::internal)?;
        if slot != tip + 1 || header.slot != slot {
            return Err(Error::internal(format!("block {} put at slot {slot} after {tip}", header.slot)));
        }
        self.pay()?;
        let full = read(&self.state)
            .active
            .as_ref()
            .is_none_or(|active| active.bytes >= self.segment_size_bytes && !active.entries.is_empty());
        if full {
            self.roll(slot, header.first_tx)?;
        }
        let (file, offset, first_slot) = match &read(&self.state).active {
            Some(active) => (active.file.clone(), active.bytes, active.first_slot),
            None => return Err(Error::internal("no segment to write to")),
        };
        file.write_all_at(block, offset).map_err(|error| {
            disk_error("could not write", &segment_path(&self.folder, first_slot), &error)
        })?;
        let mut state = write(&self.state);
        state.end_tx = end_of(&header);
        state.database_id.get_or_insert(header.database_id);
        if let Some(active) = &mut state.active {
            active.entries.push(Entry { offset, first_tx: header.first_tx });
            active.bytes = offset + block.len() as u64;
            active.last_checksum = block::checksum_of(block);
        }
        Ok(Put::Stored)
    }

    fn get(&self, slot: Slot) -> Result<Option<Vec<u8>>> {
        let Some(found) = self.find(slot)? else { return Ok(None) };
        let mut bytes = vec![0; found.bytes as usize];
        found
            .file
            .read_exact_at(&mut bytes, found.offset)
            .map_err(|error| disk_error("could not read", &found.path, &error))?;
        let database_id = self.database_id();
        match block::check(&bytes) {
            Ok(header) if header.slot == slot && Some(header.database_id) == database_id => Ok(Some(bytes)),
            Ok(header) => {
                let reason = format!("block {} of another place or database", header.slot);
                Err(damaged(&found.path, found.offset, slot, &reason))
            }
            Err(reason) => Err(damaged(&found.path, found.offset, slot, &reason)),
        }
    }

    fn head(&self, slot: Slot, length: usize) -> Result<Option<Vec<u8>>> {
        let Some(found) = self.find(slot)? else { return Ok(None) };
        let mut bytes = vec![0; length.min(found.bytes as usize)];
        found
            .file
            .read_exact_at(&mut bytes, found.offset)
            .map_err(|error| disk_error("could not read", &found.path, &error))?;
        Ok(Some(bytes))
    }

    fn range(&self, from: Slot, max_bytes: usize) -> Result<Vec<(Slot, Vec<u8>)>> {
        let mut blocks = Vec::new();
        let mut bytes = 0;
        for slot in from.max(1)..=self.tip() {
            let Some(block) = self.get(slot)? else { break };
            bytes += block.len();
            blocks.push((slot, block));
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(blocks)
    }

    fn tip(&self) -> Slot {
        let state = read(&self.state);
        state.active.as_ref().map_or(0, |active| active.first_slot - 1 + active.entries.len() as u64)
    }

    fn block_of(&self, tx: TxId) -> Result<Option<Slot>> {
        let state = read(&self.state);
        if tx >= state.end_tx {
            return Ok(None);
        }
        if let Some(active) = &state.active {
            let slot = Source::Memory(&active.entries).block_of(active.first_slot, tx);
            if let Ok(Some(slot)) = slot {
                return Ok(Some(slot));
            }
        }
        let after = state.closed.partition_point(|closed| closed.first_tx <= tx);
        let Some(closed) = after.checked_sub(1).and_then(|number| state.closed.get(number)).cloned() else {
            return Ok(None);
        };
        drop(state);
        let opened = self.opened(&closed)?;
        opened.directory.source().block_of(closed.first_slot, tx).map_err(|error| {
            disk_error("could not read", &directory_path(&self.folder, closed.first_slot), &error)
        })
    }

    fn catch_up(&self) -> Result<()> {
        let _writer = lock(&self.writer);
        self.pay()
    }

    fn sync(&self) -> Result<()> {
        let active = match &read(&self.state).active {
            Some(active) => (active.file.clone(), active.first_slot),
            None => return Ok(()),
        };
        let (file, first_slot) = active;
        self.synced(&segment_path(&self.folder, first_slot), || file.sync())
    }

    fn cut(&self, from: Slot) -> Result<()> {
        let _writer = lock(&self.writer);
        self.check_failed()?;
        if lock(&self.owed).is_anything() {
            // Nothing was stored.
            return Ok(());
        }
        let mut state = write(&self.state);
        while state.active.as_ref().is_some_and(|active| active.first_slot > from) && !state.closed.is_empty()
        {
            self.unroll(&mut state)?;
        }
        let State { active: Some(active), end_tx, .. } = &mut *state else { return Ok(()) };
        let path = segment_path(&self.folder, active.first_slot);
        if let Some(first) = active.entries.get(from.saturating_sub(active.first_slot) as usize) {
            (active.bytes, *end_tx) = (first.offset, first.first_tx);
        }
        active.entries.truncate(from.saturating_sub(active.first_slot) as usize);
        active.file.set_len(active.bytes).map_err(|error| disk_error("could not truncate", &path, &error))?;
        // Before anything is written in its place: after power loss the old bytes must not stand behind new ones.
        self.synced(&path, || active.file.sync())
    }

    fn place(&self, slot: Slot) -> String {
        match self.find(slot) {
            Ok(Some(found)) => format!("file \"{}\", offset {}", found.path.display(), found.offset),
            _ => format!("folder \"{}\", block {slot}", self.folder.display()),
        }
    }
}

fn end_of(header: &Header) -> TxId {
    match header.kind {
        Kind::Transactions => header.end_tx().unwrap_or(header.first_tx),
        Kind::Part | Kind::Prepared => header.first_tx,
    }
}

pub(super) fn damaged(path: &Path, offset: u64, slot: Slot, reason: &str) -> Error {
    Error::corrupted(format!(
        "the log is damaged: file \"{}\", offset {offset}, block {slot}: {reason}",
        path.display()
    ))
    .hint("Run `stele check` to see the extent; restore the folder from a backup or replica.")
}
