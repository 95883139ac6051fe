//! A seeded disk that fails.
//!
//! It models what POSIX promises and no more: bytes are durable after `sync` of their file, names after `sync_dir` of
//! their folder. At [`FaultyDisk::crash`] any subset of the rest survives, by sectors of 512 bytes, of which one may be
//! torn. A failed `sync` leaves its bytes in limbo: visible until the crash, never made durable by a later one (as Linux
//! does). What was synced changes only where [`FaultyDisk::flip_bit`] or [`FaultyDisk::overwrite`] does it.

mod file;

use crate::memory::{copy_in, is_root, missing, to_usize};
use crate::{Disk, File, Lock, OpenMode, SeededRandom};
use file::{FaultyFile, FaultyLock};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SECTOR_BYTES: u64 = 512;

/// Cheap to clone: clones are the same disk.
#[derive(Clone)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
    /// The process that uses this handle; None: whoever looks from outside.
    process: Option<u64>,
}

struct State {
    random: SeededRandom,
    files: Vec<Content>,
    /// What programs see, and what is on the platter.
    live: Names,
    durable: Names,
    /// Changes of names that no `sync_dir` has covered, in order.
    unsynced: Vec<NameChange>,
    locked: BTreeSet<PathBuf>,
    /// Handles of an older process are dead.
    generation: u64,
    calls: u64,
    fail: Option<(u64, Failure)>,
    capacity_bytes: Option<u64>,
    writes_take: Duration,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

/// A file's bytes, whatever its name.
#[derive(Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
    /// Writes that a failed sync has lost sight of: only a crash decides about them.
    limbo: Vec<Write>,
}

enum Write {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

impl Write {
    /// Ends where the file does.
    fn cut(&mut self, len: u64) {
        let Write::Bytes(start, bytes) = self else { return };
        bytes.truncate(usize::try_from(len.saturating_sub(*start)).unwrap_or(usize::MAX));
    }

    /// Takes over the bytes of a newer write where both are.
    fn overwrite(&mut self, offset: u64, newer: &[u8]) {
        let Write::Bytes(start, bytes) = self else { return };
        let from = offset.max(*start);
        let to = (offset + newer.len() as u64).min(*start + bytes.len() as u64);
        if from < to {
            let (into, out) = ((from - *start) as usize, (from - offset) as usize);
            let count = (to - from) as usize;
            bytes[into..into + count].copy_from_slice(&newer[out..out + count]);
        }
    }
}

#[derive(Clone)]
enum NameChange {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// That call fails, later ones work.
    Once,
    /// The device is gone: that call and all later ones fail.
    Forever,
    /// From that call on so many calls of a hundred fail.
    Often(u64),
    /// The next read from then on ends too early.
    ShortRead,
    /// From that call on there is no room for anything, until [`FaultyDisk::heal`].
    Full,
}

impl FaultyDisk {
    pub fn new(seed: u64) -> FaultyDisk {
        FaultyDisk {
            state: Arc::new(Mutex::new(State {
                random: SeededRandom::new(seed),
                files: Vec::new(),
                live: Names::new(),
                durable: Names::new(),
                unsynced: Vec::new(),
                locked: BTreeSet::new(),
                generation: 0,
                calls: 0,
                fail: None,
                capacity_bytes: None,
                writes_take: Duration::ZERO,
            })),
            process: None,
        }
    }

    /// The disk as one process sees it: after the next [`FaultyDisk::crash`] or [`FaultyDisk::kill`] this handle can do
    /// nothing any more, whatever its owner still tries.
    pub fn for_process(&self) -> FaultyDisk {
        FaultyDisk { state: self.state.clone(), process: Some(self.state().generation) }
    }

    /// Calls so far: to learn how many a workload makes.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// The `nth` call from now (1 = the next) fails.
    pub fn fail_at(&self, nth: u64, failure: Failure) {
        let mut state = self.state();
        state.fail = Some((state.calls.saturating_add(nth), failure));
    }

    /// No more failures to come; a device that was gone is back.
    pub fn heal(&self) {
        let mut state = self.state();
        state.fail = None;
        state.capacity_bytes = None;
    }

    /// All files together may hold this much, then writes fail with StorageFull.
    pub fn set_capacity(&self, capacity_bytes: Option<u64>) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Writes and syncs take time, as real ones do: so that others meet one that is under way.
    pub fn set_writes_take(&self, duration: Duration) {
        self.state().writes_take = duration;
    }

    /// Bytes in all files.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// Power loss: what was not synced survives in any part, open handles and locks die, failures end.
    pub fn crash(&self) {
        self.state().crash();
    }

    /// The process ends, the system does not: open handles and locks die, the cache stays.
    pub fn kill(&self) {
        let mut state = self.state();
        state.locked.clear();
        state.generation += 1;
    }

    /// Synced bytes change, on the platter and in the cache; None: the file is gone. What was not synced of it is lost.
    pub fn overwrite(&self, path: &Path, bytes: Option<Vec<u8>>) {
        let mut state = self.state();
        let State { live, durable, files, .. } = &mut *state;
        let Some(bytes) = bytes else {
            live.remove(path);
            durable.remove(path);
            return;
        };
        let number = files.len();
        files.push(Content { live: bytes.clone(), durable: bytes, ..Content::default() });
        for names in [live, durable] {
            names.insert(path.to_path_buf(), Node::File(number));
        }
    }

    /// Changes one bit on the platter and in the cache.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> io::Result<()> {
        let mut state = self.state();
        let Some(&Node::File(number)) = state.live.get(path) else { return Err(missing(path)) };
        let at = to_usize(offset)?;
        let content = &mut state.files[number];
        for bytes in [&mut content.live, &mut content.durable] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call: counted, and refused if it is its turn.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if self.process.is_some_and(|process| process != state.generation) {
            return Err(io::Error::other("the process has ended"));
        }
        if state.turn_to_fail() {
            return Err(failure());
        }
        Ok(state)
    }
}

fn failure() -> io::Error {
    io::Error::other("injected input/output error")
}

fn no_room() -> io::Error {
    io::Error::new(ErrorKind::StorageFull, "no space left on device")
}

impl State {
    fn turn_to_fail(&mut self) -> bool {
        self.calls += 1;
        match self.fail {
            Some((at, Failure::Once)) if self.calls >= at => {
                self.fail = None;
                true
            }
            Some((at, Failure::Forever)) => self.calls >= at,
            Some((at, Failure::Often(percent))) => self.calls >= at && self.random.chance(percent),
            _ => false,
        }
    }

    fn is_full(&self) -> bool {
        matches!(self.fail, Some((at, Failure::Full)) if self.calls >= at)
    }

    fn used_bytes(&self) -> u64 {
        let numbers = self.live.values().filter_map(|node| match node {
            Node::File(number) => Some(*number),
            Node::Folder => None,
        });
        numbers.map(|number| self.files[number].live.len() as u64).sum()
    }

    fn is_dir(&self, path: &Path) -> bool {
        is_root(path) || self.live.get(path) == Some(&Node::Folder)
    }

    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.is_dir(parent) => Ok(()),
            _ => Err(missing(path)),
        }
    }

    fn change(&mut self, change: NameChange) {
        apply(&mut self.live, &change);
        self.unsynced.push(change);
    }

    fn sync_dir(&mut self, path: &Path) {
        let (synced, rest) =
            std::mem::take(&mut self.unsynced).into_iter().partition(|change| change.is_in(path));
        self.unsynced = rest;
        let synced: Vec<NameChange> = synced;
        for change in synced {
            // A move between folders is one change of the file system's journal: synced with either.
            apply(&mut self.durable, &change);
        }
    }

    fn crash(&mut self) {
        let random = &self.random;
        // Names: of each folder's unsynced changes a prefix survives, as journals do.
        let mut cut: BTreeSet<PathBuf> = BTreeSet::new();
        for change in std::mem::take(&mut self.unsynced) {
            let folders = change.folders();
            if folders.iter().any(|folder| cut.contains(folder)) || random.chance(40) {
                cut.extend(folders);
            } else {
                apply(&mut self.durable, &change);
            }
        }
        // Entries of a folder that did not survive are gone with it.
        let folders = self.durable.clone();
        self.durable.retain(|path, _| {
            path.ancestors()
                .skip(1)
                .all(|folder| is_root(folder) || folders.get(folder) == Some(&Node::Folder))
        });
        for content in &mut self.files {
            let lost =
                std::mem::take(&mut content.limbo).into_iter().chain(std::mem::take(&mut content.unsynced));
            // All, none, or any sectors.
            let keep_percent = [0, 50, 90, 100][random.below(4) as usize];
            for write in lost {
                match write {
                    Write::Length(len) if random.chance(keep_percent) => {
                        content.durable.resize(len as usize, 0)
                    }
                    Write::Length(_) => {}
                    Write::Bytes(offset, bytes) => {
                        let mut start = 0;
                        while start < bytes.len() {
                            let here = offset + start as u64;
                            let end = bytes.len().min(start + (SECTOR_BYTES - here % SECTOR_BYTES) as usize);
                            let kept = match random.below(100) {
                                chance if chance >= keep_percent => start,
                                // The head had not come to the sector's end.
                                _ if random.chance(3) => start + random.below((end - start) as u64) as usize,
                                _ => end,
                            };
                            if kept > start {
                                copy_in(&mut content.durable, &bytes[start..kept], here).ok();
                            }
                            start = end;
                        }
                    }
                }
            }
            content.live.clone_from(&content.durable);
        }
        self.live.clone_from(&self.durable);
        self.locked.clear();
        self.generation += 1;
        self.fail = None;
        self.capacity_bytes = None;
    }
}

impl NameChange {
    fn folders(&self) -> Vec<PathBuf> {
        let parent = |path: &Path| path.parent().unwrap_or(Path::new("")).to_path_buf();
        match self {
            NameChange::Add(path, _) | NameChange::Remove(path) => vec![parent(path)],
            NameChange::Rename(from, to) => vec![parent(from), parent(to)],
        }
    }

    fn is_in(&self, folder: &Path) -> bool {
        self.folders().iter().any(|parent| parent == folder)
    }
}

fn apply(names: &mut Names, change: &NameChange) {
    match change {
        NameChange::Add(path, node) => {
            names.insert(path.clone(), *node);
        }
        NameChange::Remove(path) => names.retain(|child, _| !child.starts_with(path)),
        NameChange::Rename(from, to) => {
            let moved: Vec<(PathBuf, Node)> = names
                .iter()
                .filter_map(|(path, node)| {
                    let rest = path.strip_prefix(from).ok()?;
                    let path = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                    Some((path, *node))
                })
                .collect();
            if moved.is_empty() {
                return;
            }
            names.retain(|path, _| !path.starts_with(from) && !path.starts_with(to));
            names.extend(moved);
        }
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let mut state = self.call()?;
        let number = match (mode, state.live.get(path).copied()) {
            (_, Some(Node::Folder)) => {
                return Err(io::Error::new(ErrorKind::IsADirectory, path.display().to_string()));
            }
            (OpenMode::CreateNew { .. }, Some(_)) => {
                return Err(io::Error::new(ErrorKind::AlreadyExists, path.display().to_string()));
            }
            (_, Some(Node::File(number))) => number,
            (OpenMode::Read | OpenMode::Write, None) => return Err(missing(path)),
            (OpenMode::Create | OpenMode::CreateNew { .. }, None) => {
                state.parent_exists(path)?;
                if state.is_full() {
                    return Err(no_room());
                }
                let number = state.files.len();
                state.files.push(Content::default());
                state.change(NameChange::Add(path.to_path_buf(), Node::File(number)));
                number
            }
        };
        let writable = mode != OpenMode::Read;
        Ok(Box::new(FaultyFile { disk: self.clone(), number, generation: state.generation, writable }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let mut folders: Vec<&Path> = path.ancestors().filter(|folder| !state.is_dir(folder)).collect();
        folders.reverse();
        for folder in folders {
            if state.live.contains_key(folder) {
                return Err(io::Error::new(ErrorKind::NotADirectory, folder.display().to_string()));
            }
            if state.is_full() {
                return Err(no_room());
            }
            state.change(NameChange::Add(folder.to_path_buf(), Node::Folder));
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.call()?;
        if !state.is_dir(path) {
            return Err(missing(path));
        }
        let children = state.live.keys().filter(|child| child.parent() == Some(path));
        Ok(children.filter_map(|child| Some(child.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.state();
        state.is_dir(path) || state.live.contains_key(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.state().is_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        if !state.live.contains_key(from) {
            return Err(missing(from));
        }
        state.parent_exists(to)?;
        state.change(NameChange::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let Some(Node::File(_)) = state.live.get(path) else { return Err(missing(path)) };
        state.change(NameChange::Remove(path.to_path_buf()));
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        if state.live.get(path) != Some(&Node::Folder) {
            return Err(missing(path));
        }
        state.change(NameChange::Remove(path.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        if !state.is_dir(path) {
            return Err(missing(path));
        }
        state.sync_dir(path);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.call()?;
        if !state.is_dir(path) {
            return Err(missing(path));
        }
        if !state.locked.insert(path.to_path_buf()) {
            return Err(io::Error::new(ErrorKind::WouldBlock, format!("{} is in use", path.display())));
        }
        Ok(Box::new(FaultyLock {
            disk: self.clone(),
            path: path.to_path_buf(),
            generation: state.generation,
        }))
    }

    fn real_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }
}

#[cfg(test)]
mod tests;
