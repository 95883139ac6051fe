//! Bugs planted between the store and its disk, and in its owner: the harness must catch each within a bounded number of seeds.

use crate::live_safely;
use host::{Disk, FaultyDisk, File, Lock, OpenMode};
use kv::log::block::{HEADER_BYTES, Header, MAGIC};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// One fsync of a log segment in four does nothing and says that it did.
    SkipsSync,
    /// Names are never made durable.
    SkipsFolderSync,
    /// A checkpoint is made durable before the log that it covers.
    SignsBeforeSync,
    /// Of two writes to a segment the later one comes first: the earlier is held back.
    SwapsWrites,
    /// A block whose checksum does not match is taken for good.
    IgnoresChecksum,
    /// A rename copies the bytes over the old file.
    CopiesForRename,
    /// Cutting a torn end takes some of the block before with it.
    CutsTooMuch,
    /// Whoever opens the store forgets a transaction that is prepared.
    ForgetsPrepared,
}

pub struct BuggyDisk {
    disk: FaultyDisk,
    shared: Arc<Shared>,
}

struct Shared {
    bug: Bug,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    syncs: u64,
    /// SignsBeforeSync: segments that are still to be synced; whether the checkpoint has been renamed.
    unsynced: Vec<Arc<dyn File>>,
    signed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl BuggyDisk {
    pub fn new(disk: FaultyDisk, bug: Bug) -> BuggyDisk {
        BuggyDisk { disk, shared: Arc::new(Shared { bug, state: Mutex::default() }) }
    }
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "seg")
}

impl Disk for BuggyDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let file = self.disk.open(path, mode)?;
        if !is_segment(path) {
            return Ok(file);
        }
        Ok(Box::new(BuggyFile { file: Arc::from(file), shared: self.shared.clone(), held: Mutex::default() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self.shared.bug {
            Bug::CopiesForRename => {
                let bytes = self.disk.read(from)?;
                let file = self.disk.open(to, OpenMode::Create)?;
                file.set_len(0)?;
                file.write_all_at(&bytes, 0)?;
                self.disk.remove_file(from)
            }
            _ => {
                self.disk.rename(from, to)?;
                self.shared.state().signed |= to.ends_with("checkpoint");
                Ok(())
            }
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if self.shared.bug == Bug::SkipsFolderSync {
            return Ok(());
        }
        self.disk.sync_dir(path)?;
        let late = {
            let mut state = self.shared.state();
            if std::mem::take(&mut state.signed) { std::mem::take(&mut state.unsynced) } else { Vec::new() }
        };
        late.iter().try_for_each(|file| file.sync())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }
    fn exists(&self, path: &Path) -> bool {
        self.disk.exists(path)
    }
    fn is_dir(&self, path: &Path) -> bool {
        self.disk.is_dir(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.disk.lock(path)
    }
    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.disk.real_path(path)
    }
}

/// A log segment.
struct BuggyFile {
    file: Arc<dyn File>,
    shared: Arc<Shared>,
    /// SwapsWrites: what is to come after the next write. Whoever looks gets it written first.
    held: Mutex<Option<(Vec<u8>, u64)>>,
}

impl BuggyFile {
    fn let_go(&self) -> io::Result<()> {
        match self.held.lock().unwrap().take() {
            Some((bytes, offset)) => self.file.write_all_at(&bytes, offset),
            None => Ok(()),
        }
    }
}

impl File for BuggyFile {
    fn len(&self) -> io::Result<u64> {
        self.let_go()?;
        self.file.len()
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.let_go()?;
        self.file.read_exact_at(bytes, offset)?;
        if self.shared.bug == Bug::IgnoresChecksum {
            let mut whole = vec![0; self.file.len()? as usize];
            self.file.read_exact_at(&mut whole, 0)?;
            make_checksums_match(&mut whole);
            if let Some(good) = whole.get(offset as usize..).and_then(|rest| rest.get(..bytes.len())) {
                bytes.copy_from_slice(good);
            }
        }
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.shared.bug != Bug::SwapsWrites {
            return self.file.write_all_at(bytes, offset);
        }
        if self.held.lock().unwrap().is_some() {
            self.file.write_all_at(bytes, offset)?;
            return self.let_go();
        }
        *self.held.lock().unwrap() = Some((bytes.to_vec(), offset));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.let_go()?;
        let less = if self.shared.bug == Bug::CutsTooMuch { 40 } else { 0 };
        self.file.set_len(len.saturating_sub(less))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.shared.state();
        state.syncs += 1;
        match self.shared.bug {
            Bug::SkipsSync if state.syncs.is_multiple_of(4) => Ok(()),
            Bug::SignsBeforeSync => {
                state.unsynced.push(self.file.clone());
                Ok(())
            }
            _ => self.file.sync(),
        }
    }
}

impl Drop for BuggyFile {
    fn drop(&mut self) {
        let _ = self.let_go();
    }
}

/// Every block that could be one gets the checksum that its bytes have.
fn make_checksums_match(segment: &mut [u8]) {
    let starts = segment.windows(MAGIC.len()).enumerate().filter(|(_, bytes)| bytes == MAGIC);
    for start in starts.map(|(start, _)| start).collect::<Vec<usize>>() {
        let Ok(header) = Header::decode(&segment[start..]) else { continue };
        let Some(block) = segment[start..].get_mut(..header.block_bytes() as usize) else { continue };
        let (head, body) = block.split_at_mut(HEADER_BYTES);
        let (head, checksum) = head.split_at_mut(HEADER_BYTES - 4);
        checksum.copy_from_slice(&crc32c::crc32c_append(crc32c::crc32c(head), body).to_be_bytes());
    }
}

#[test]
fn planted_bugs_are_caught() {
    use Bug::*;
    const SEEDS: u64 = 60;
    let bugs = [
        SkipsSync,
        SkipsFolderSync,
        SignsBeforeSync,
        SwapsWrites,
        IgnoresChecksum,
        CopiesForRename,
        CutsTooMuch,
        ForgetsPrepared,
    ];
    for bug in bugs {
        let caught = (0..SEEDS).find_map(|seed| Some((seed, live_safely(seed, Some(bug)).err()?)));
        let Some((seed, what)) = caught else { panic!("{bug:?} was not caught by {SEEDS} seeds") };
        println!("{bug:?}: caught by seed {seed}: {what}");
    }
}
