//! Opening segments: the last one whole, of the others as little as tells that they are all there.

use super::{Active, Closed, Owed, Segments, State, damaged, directory_path, end_of, list, segment_path};
use crate::fault::disk_error;
use crate::guard::{lock, read, write};
use crate::log::Slot;
use crate::log::block::{self, Header};
use crate::log::directory::{self, Entry};
use crate::log::scan::{Scan, Step};
use host::{Disk, File, OpenMode};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use types::{Error, Result, SqlState, TxId};

/// The end of the last segment is not a block.
#[derive(Debug, Clone)]
pub struct Torn {
    pub path: PathBuf,
    pub offset: u64,
    /// From there to the end of the file.
    pub bytes: u64,
    pub slot: Slot,
    pub reason: String,
    /// A later block that proves that this one was durable, hence was damaged and not torn.
    pub proof: Option<Slot>,
}

impl Segments {
    /// Opens the segments of an existing folder. Reads the last one whole; of the others a header each.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        segment_size_bytes: u64,
    ) -> Result<(Segments, Option<Torn>)> {
        let first_slots = list(&*disk, folder)?;
        let segments = Segments {
            disk,
            folder: folder.to_path_buf(),
            segment_size_bytes,
            writer: Mutex::new(()),
            syncing: Mutex::new(()),
            state: RwLock::new(State::default()),
            older: Mutex::new(HashMap::new()),
            failed: OnceLock::new(),
            owed: Mutex::new(Owed { torn: None, unsettled: true }),
        };
        let mut state = State::default();
        let mut next_slot = 1;
        let mut torn = None;
        for (number, &first_slot) in first_slots.iter().enumerate() {
            let path = segment_path(folder, first_slot);
            if first_slot != next_slot {
                return Err(Error::corrupted(format!(
                    "log segment \"{}\" begins with block {first_slot}, but the one before ends with {}",
                    path.display(),
                    next_slot - 1
                ))
                .hint("A segment is missing or was changed. Restore the folder from a backup."));
            }
            match first_slots.get(number + 1) {
                Some(&after) => {
                    let closed = segments.open_closed(first_slot, after, &mut state.database_id)?;
                    next_slot = first_slot + closed.blocks;
                    state.closed.push(closed);
                }
                None => torn = segments.open_last(first_slot, &mut state)?,
            }
        }
        *write(&segments.state) = state;
        Ok((segments, torn))
    }

    /// Makes durable what a writer that is gone may have left to the system's cache. Bytes that no later block calls
    /// durable are written again: after a failed fsync the system takes them for clean, and another one does nothing.
    /// Where there is no room for that (53100) they are synced for now, which is enough for all but a failed fsync.
    pub fn settle(&self) -> Result<()> {
        let _writer = lock(&self.writer);
        self.settle_now()
    }

    fn settle_now(&self) -> Result<()> {
        let Some(active) = read(&self.state).active.clone() else {
            lock(&self.owed).unsettled = false;
            return Ok(());
        };
        let path = segment_path(&self.folder, active.first_slot);
        let failed = |error| disk_error("could not rewrite", &path, &error);
        let rewritten = self.rewrite_doubtful(&active).map_err(failed);
        if rewritten.as_ref().is_err_and(|error| error.state != SqlState::DiskFull) {
            return rewritten;
        }
        // The length too: a cut whose fsync failed must not come undone behind later blocks.
        if lock(&self.owed).torn.is_none() {
            active.file.set_len(active.bytes).map_err(failed)?;
        }
        self.synced(&path, || active.file.sync())?;
        self.synced(&self.folder, || self.disk.sync_dir(&self.folder))?;
        lock(&self.owed).unsettled = rewritten.is_err();
        rewritten
    }

    fn rewrite_doubtful(&self, active: &Active) -> std::io::Result<()> {
        let Some(last) = active.entries.last() else { return Ok(()) };
        let mut head = [0; block::HEADER_BYTES];
        active.file.read_exact_at(&mut head, last.offset)?;
        let durable = Header::decode(&head).map_or(0, |header| header.durable_slot);
        let doubtful = (durable + 1).saturating_sub(active.first_slot) as usize;
        let from = active.entries.get(doubtful).map_or(last.offset, |entry| entry.offset);
        let mut bytes = vec![0; (active.bytes - from) as usize];
        active.file.read_exact_at(&mut bytes, from)?;
        active.file.write_all_at(&bytes, from)
    }

    /// Does what is owed. The caller holds `writer`.
    pub(super) fn pay(&self) -> Result<()> {
        let Owed { torn, unsettled } = lock(&self.owed).clone();
        if let Some(torn) = torn {
            self.cut_torn(&torn)?;
            lock(&self.owed).torn = None;
        }
        if unsettled { self.settle_now() } else { Ok(()) }
    }

    /// Moves a torn end into `log/torn-<slot>` and cuts it off. The name of the file. Where there is no room for that
    /// (53100) it is done before the first block is stored.
    pub fn set_aside(&self, torn: &Torn) -> Result<PathBuf> {
        let _writer = lock(&self.writer);
        let kept = self.cut_torn(torn);
        if kept.as_ref().is_err_and(|error| error.state == SqlState::DiskFull) {
            lock(&self.owed).torn = Some(torn.clone());
        }
        kept
    }

    fn cut_torn(&self, torn: &Torn) -> Result<PathBuf> {
        let state = read(&self.state);
        let Some(active) = &state.active else { return Err(Error::internal("a torn end of no segment")) };
        let failed = |doing: &str, path: &Path| {
            let path = path.to_path_buf();
            let doing = doing.to_string();
            move |error| disk_error(&doing, &path, &error)
        };
        let mut kept = self.folder.join(format!("torn-{}", torn.slot));
        let mut number = 1;
        while self.disk.exists(&kept) {
            number += 1;
            kept = self.folder.join(format!("torn-{}-{number}", torn.slot));
        }
        let mut bytes =
            vec![0; usize::try_from(torn.bytes).map_err(|_| Error::internal("a torn end too large"))?];
        active.file.read_exact_at(&mut bytes, torn.offset).map_err(failed("could not read", &torn.path))?;
        self.disk.replace(&kept, &bytes, false).map_err(failed("could not write", &kept))?;
        active.file.set_len(torn.offset).map_err(failed("could not truncate", &torn.path))?;
        self.synced(&torn.path, || active.file.sync())?;
        Ok(kept)
    }

    fn open_closed(
        &self,
        first_slot: Slot,
        after: Slot,
        database_id: &mut Option<[u8; 16]>,
    ) -> Result<Closed> {
        let path = segment_path(&self.folder, first_slot);
        let file = self.open_file(&path, OpenMode::Read)?;
        let mut head = vec![0; block::HEADER_BYTES];
        file.read_exact_at(&mut head, 0).map_err(|error| disk_error("could not read", &path, &error))?;
        let header = Header::decode(&head).and_then(|header| match *database_id {
            Some(id) if id != header.database_id => Err("a block of another database".into()),
            _ if header.slot != first_slot => {
                Err(format!("block {} where {first_slot} should be", header.slot))
            }
            _ => Ok(header),
        });
        let header = header.map_err(|reason| damaged(&path, 0, first_slot, &reason))?;
        *database_id = Some(header.database_id);
        let bytes = file.len().map_err(|error| disk_error("could not read", &path, &error))?;
        let directory = directory_path(&self.folder, first_slot);
        let mut closed = Closed {
            first_slot,
            first_tx: header.first_tx,
            blocks: after - first_slot,
            bytes,
            entries: None,
        };
        if let Some((described, last)) = directory::describe(&*self.disk, &directory)
            && (described.blocks, described.bytes) == (closed.blocks, bytes)
            && file.read_exact_at(&mut head, last.offset).is_ok()
            && block::checksum_of(&head) == described.last_checksum
        {
            return Ok(closed);
        }
        let (entries, last_checksum) = read_entries(&*file, &path, first_slot, header.database_id)?;
        closed.blocks = entries.len() as u64;
        if directory::save(&*self.disk, &directory, &entries, bytes, last_checksum).is_err() {
            closed.entries = Some(Arc::new(entries));
        }
        Ok(closed)
    }

    fn open_last(&self, first_slot: Slot, state: &mut State) -> Result<Option<Torn>> {
        let path = segment_path(&self.folder, first_slot);
        let failed = |error| disk_error("could not read", &path, &error);
        let file: Arc<dyn File> = self.open_file(&path, OpenMode::Write)?;
        let mut active =
            Active { first_slot, file: file.clone(), entries: Vec::new(), bytes: 0, last_checksum: 0 };
        let mut scan = Scan::new(&*file, 0, first_slot, state.database_id).map_err(failed)?;
        let mut buffer = Vec::new();
        let mut last: Option<Header> = None;
        let torn = loop {
            match scan.next(&mut buffer).map_err(failed)? {
                Step::Block { offset, header } => {
                    active.entries.push(Entry { offset, first_tx: header.first_tx });
                    active.bytes = offset + header.block_bytes();
                    active.last_checksum = block::checksum_of(&buffer);
                    state.database_id = Some(header.database_id);
                    last = Some(header);
                }
                Step::Bad { offset, reason } => {
                    let slot = scan.slot();
                    if block::is_of_later_program(&buffer) {
                        return Err(damaged(&path, offset, slot, &reason)
                            .detail("A later version of Stele wrote this block, or it was changed.")
                            .hint("Start the version that wrote it. Nothing was changed."));
                    }
                    // Written after the bad one was durable, by a writer that can have followed it.
                    let proves = |header: &Header| {
                        header.durable_slot >= slot
                            && last.is_none_or(|last| {
                                (header.epoch, header.first_tx) >= (last.epoch, last.first_tx)
                            })
                    };
                    let proof = scan.skip(&mut buffer, proves).map_err(failed)?;
                    let proof = proof.then(|| scan.slot());
                    let bytes = file.len().map_err(failed)?.saturating_sub(offset);
                    break Some(Torn { path, offset, bytes, slot, reason, proof });
                }
                Step::End => break None,
            }
        };
        state.end_tx = match last {
            Some(header) => end_of(&header),
            // An empty last segment: the one before knows.
            None => match state.closed.last() {
                Some(closed) => self.end_of_closed(closed)?,
                None => 0,
            },
        };
        state.active = Some(active);
        Ok(torn)
    }

    fn end_of_closed(&self, closed: &Closed) -> Result<TxId> {
        let last = (closed.first_slot + closed.blocks).saturating_sub(1);
        let found = self.find_closed(closed, last)?;
        let mut head = [0; block::HEADER_BYTES];
        found
            .file
            .read_exact_at(&mut head, found.offset)
            .map_err(|error| disk_error("could not read", &found.path, &error))?;
        match Header::decode(&head) {
            Ok(header) => Ok(end_of(&header)),
            Err(reason) => Err(damaged(&found.path, found.offset, last, &reason)),
        }
    }
}

impl Owed {
    pub(super) fn is_anything(&self) -> bool {
        self.torn.is_some() || self.unsettled
    }
}

/// The places of a whole segment's blocks, and the last one's checksum, from the segment.
pub(super) fn read_entries(
    file: &dyn File,
    path: &Path,
    first_slot: Slot,
    database_id: [u8; 16],
) -> Result<(Vec<Entry>, u32)> {
    let failed = |error| disk_error("could not read", path, &error);
    let mut entries = Vec::new();
    let mut scan = Scan::new(file, 0, first_slot, Some(database_id)).map_err(failed)?;
    let mut buffer = Vec::new();
    let mut last_checksum = 0;
    loop {
        match scan.next(&mut buffer).map_err(failed)? {
            Step::Block { offset, header } => {
                entries.push(Entry { offset, first_tx: header.first_tx });
                last_checksum = block::checksum_of(&buffer);
            }
            Step::Bad { offset, reason } => return Err(damaged(path, offset, scan.slot(), &reason)),
            Step::End => return Ok((entries, last_checksum)),
        }
    }
}
