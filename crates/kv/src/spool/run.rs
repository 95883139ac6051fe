//! A run: versions in the order of (family, key), newest first, in a file of blocks.
//!
//! ```text
//!   block    u32 length of what follows ‖ u32 CRC32C of it ‖ record*
//!   record   u8 family ‖ u32 length ‖ key ‖ u64 stamp ‖ u32 length ‖ body
//! ```
//! In memory there is each block's first key and place, and which keys there are about.

use super::bloom::Bloom;
use crate::fault::disk_error;
use crate::guard::lock;
use crate::history::Family;
use crate::reader::Reader;
use host::{Disk, File};
use std::cmp::Ordering;
use std::fmt;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use types::{Error, Result};

/// A block ends with the record that brings it to this length.
const BLOCK_BYTES: usize = 8 << 10;
const WRITE_BYTES: usize = 1 << 20;
const HEAD_BYTES: usize = 8;

/// A key's versions in one run, newest first: stamp and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versions {
    pub key: Vec<u8>,
    pub all: Vec<(u64, Vec<u8>)>,
}

/// A whole run. Its file goes with it.
pub(crate) struct Run {
    file: FileOfRun,
    blocks: Vec<Block>,
    bloom: Bloom,
    /// The last block read: neighbours are often read next.
    last_read: Mutex<Option<(usize, Arc<Loaded>)>>,
    pub(crate) keys: [u64; 2],
    pub(crate) size_bytes: u64,
    pub(crate) oldest: u64,
    pub(crate) newest: u64,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({}, {:?} keys)", self.file.path.display(), self.keys)
    }
}

struct FileOfRun {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn File>,
}

/// Gone with its last user; what stays behind is removed at the next open.
impl Drop for FileOfRun {
    fn drop(&mut self) {
        let _ = self.disk.remove_file(&self.path);
    }
}

struct Block {
    first: (Family, Box<[u8]>),
    offset: u64,
    length: u32,
}

struct Loaded {
    bytes: Vec<u8>,
    /// Where its records begin.
    starts: Vec<u32>,
}

struct Record<'a> {
    family: Family,
    key: &'a [u8],
    stamp: u64,
    body: &'a [u8],
}

/// Makes a run of records in their order.
pub(crate) struct RunWriter {
    file: FileOfRun,
    blocks: Vec<Block>,
    bloom: Bloom,
    buffer: Vec<u8>,
    /// Where the open block begins in the buffer.
    block_at: usize,
    written_bytes: u64,
    last: Option<(Family, Vec<u8>)>,
    keys: [u64; 2],
    oldest: u64,
    newest: u64,
}

impl RunWriter {
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, file: Box<dyn File>, keys: u64) -> RunWriter {
        RunWriter {
            file: FileOfRun { disk, path, file },
            blocks: Vec::new(),
            bloom: Bloom::new(keys),
            buffer: Vec::new(),
            block_at: 0,
            written_bytes: 0,
            last: None,
            keys: [0; 2],
            oldest: u64::MAX,
            newest: 0,
        }
    }

    /// After those before it: by family and key, a key's newest first.
    pub(crate) fn push(&mut self, family: Family, key: &[u8], stamp: u64, body: &[u8]) -> Result<()> {
        let order = self.last.as_ref().map(|(of, last)| (*of, last.as_slice()).cmp(&(family, key)));
        match order {
            Some(Ordering::Greater) => return Err(Error::internal("a run out of order")),
            Some(Ordering::Equal) => {}
            Some(Ordering::Less) | None => {
                self.keys[family as usize] += 1;
                self.bloom.add(family, key);
            }
        }
        let (Ok(key_bytes), Ok(body_bytes)) = (u32::try_from(key.len()), u32::try_from(body.len())) else {
            return Err(Error::internal("a version beyond all measure"));
        };
        if self.buffer.len() == self.block_at {
            let offset = self.written_bytes + self.block_at as u64;
            self.blocks.push(Block { first: (family, key.into()), offset, length: 0 });
            self.buffer.extend_from_slice(&[0; HEAD_BYTES]);
        }
        self.buffer.push(family as u8);
        self.buffer.extend_from_slice(&key_bytes.to_be_bytes());
        self.buffer.extend_from_slice(key);
        self.buffer.extend_from_slice(&stamp.to_be_bytes());
        self.buffer.extend_from_slice(&body_bytes.to_be_bytes());
        self.buffer.extend_from_slice(body);
        (self.oldest, self.newest) = (self.oldest.min(stamp), self.newest.max(stamp));
        match &mut self.last {
            Some((of, last)) if order.is_some() => {
                *of = family;
                last.clear();
                last.extend_from_slice(key);
            }
            last => *last = Some((family, key.to_vec())),
        }
        if self.buffer.len() - self.block_at >= BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(())
    }

    fn end_block(&mut self) -> Result<()> {
        let Some((head, records)) =
            self.buffer.get_mut(self.block_at..).and_then(|block| block.split_at_mut_checked(HEAD_BYTES))
        else {
            return Ok(());
        };
        let Ok(length) = u32::try_from(records.len()) else {
            return Err(Error::internal("a version beyond all measure"));
        };
        head[..4].copy_from_slice(&length.to_be_bytes());
        head[4..].copy_from_slice(&crc32c::crc32c(records).to_be_bytes());
        if let Some(block) = self.blocks.last_mut() {
            block.length = length;
        }
        self.block_at = self.buffer.len();
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let FileOfRun { path, file, .. } = &self.file;
        file.write_all_at(&self.buffer, self.written_bytes)
            .map_err(|error| disk_error("could not write", path, &error))?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        self.block_at = 0;
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    pub(crate) fn finish(mut self) -> Result<Arc<Run>> {
        self.end_block()?;
        self.flush()?;
        let RunWriter { file, blocks, bloom, written_bytes, keys, oldest, newest, .. } = self;
        Ok(Arc::new(Run {
            file,
            blocks,
            bloom,
            last_read: Mutex::default(),
            keys,
            size_bytes: written_bytes,
            oldest,
            newest,
        }))
    }
}

impl Run {
    /// What it takes in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let keys: usize = self.blocks.iter().map(|block| block.first.1.len() + 16).sum();
        self.bloom.size_bytes() + keys + self.blocks.len() * size_of::<Block>()
    }

    /// Its first key.
    pub(crate) fn first(&self) -> Option<(Family, &[u8])> {
        self.blocks.first().map(|block| (block.first.0, &*block.first.1))
    }

    /// Its rows, and then its entries, of which each has one version: in key order.
    pub(crate) fn rows(self: &Arc<Run>) -> Result<Singles> {
        Ok(Singles(RunCursor::at(self.clone(), Family::Row, &[], false, false)?))
    }

    pub(crate) fn entries(self: &Arc<Run>) -> Result<Singles> {
        Ok(Singles(RunCursor::at(self.clone(), Family::Entry, &[], false, false)?))
    }

    /// A key's versions; None if it has none.
    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<Versions>> {
        if !self.bloom.may_have(family, key) {
            return Ok(None);
        }
        let mut versions = Versions { key: key.to_vec(), all: Vec::new() };
        let (mut at, mut position) = self.seek(family, key, false)?;
        while let Some(loaded) = self.load(at)? {
            while let Some(record) = loaded.record(position)? {
                if (record.family, record.key) != (family, key) {
                    return Ok((!versions.all.is_empty()).then_some(versions));
                }
                versions.all.push((record.stamp, record.body.to_vec()));
                position += 1;
            }
            (at, position) = (at + 1, 0);
        }
        Ok((!versions.all.is_empty()).then_some(versions))
    }

    /// Whether any key of a range is here.
    pub(crate) fn has_within(
        self: &Arc<Run>,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<bool> {
        let (key, beyond) = match from {
            Bound::Included(key) => (key, false),
            Bound::Excluded(key) => (key, true),
            Bound::Unbounded => (&[][..], false),
        };
        let first = RunCursor::at(self.clone(), family, key, beyond, false)?.next()?;
        Ok(first.is_some_and(|first| match to {
            Bound::Included(to) => first.key.as_slice() <= to,
            Bound::Excluded(to) => first.key.as_slice() < to,
            Bound::Unbounded => true,
        }))
    }

    /// The first record at `key` or (`beyond` it) after its last one, as block and number.
    fn seek(&self, family: Family, key: &[u8], beyond: bool) -> Result<(usize, usize)> {
        let before = |of: Family, other: &[u8]| match (of, other).cmp(&(family, key)) {
            Ordering::Less => true,
            Ordering::Equal => beyond,
            Ordering::Greater => false,
        };
        let after = self.blocks.partition_point(|block| before(block.first.0, &block.first.1));
        // It may be within the block before.
        let Some(at) = after.checked_sub(1) else { return Ok((0, 0)) };
        let Some(loaded) = self.load(at)? else { return Ok((at, 0)) };
        let (mut low, mut high) = (0, loaded.starts.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match loaded.record(middle)? {
                Some(record) if before(record.family, record.key) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(if low == loaded.starts.len() { (after, 0) } else { (at, low) })
    }

    fn load(&self, at: usize) -> Result<Option<Arc<Loaded>>> {
        let Some(block) = self.blocks.get(at) else { return Ok(None) };
        if let Some((number, loaded)) = &*lock(&self.last_read)
            && *number == at
        {
            return Ok(Some(loaded.clone()));
        }
        let FileOfRun { path, file, .. } = &self.file;
        let mut head = [0; HEAD_BYTES];
        let mut bytes = vec![0; block.length as usize];
        file.read_exact_at(&mut head, block.offset)
            .and_then(|()| file.read_exact_at(&mut bytes, block.offset + HEAD_BYTES as u64))
            .map_err(|error| disk_error("could not read", path, &error))?;
        let damaged = |reason: &str| {
            let (path, offset) = (path.display(), block.offset);
            types::err!(IoError, "file \"{path}\", offset {offset}: what was put aside there is {reason}")
                .detail("It held a part of this transaction, or of one that the index does not have yet.")
        };
        let [length, checksum] = [[head[0], head[1], head[2], head[3]], [head[4], head[5], head[6], head[7]]];
        if u32::from_be_bytes(length) != block.length
            || u32::from_be_bytes(checksum) != crc32c::crc32c(&bytes)
        {
            return Err(damaged("not what was written"));
        }
        let mut starts = Vec::new();
        let mut reader = Reader::new(&bytes, "it");
        while !reader.is_empty() {
            starts.push((bytes.len() - reader.left_bytes()) as u32);
            Record::read(&mut reader).map_err(|reason| damaged(&reason))?;
        }
        let loaded = Arc::new(Loaded { bytes, starts });
        *lock(&self.last_read) = Some((at, loaded.clone()));
        Ok(Some(loaded))
    }
}

impl Loaded {
    fn record(&self, number: usize) -> Result<Option<Record<'_>>> {
        let Some(start) = self.starts.get(number) else { return Ok(None) };
        let mut reader = Reader::new(self.bytes.get(*start as usize..).unwrap_or_default(), "it");
        Record::read(&mut reader).map(Some).map_err(Error::internal)
    }
}

impl<'a> Record<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Record<'a>, String> {
        let family = match reader.byte()? {
            0 => Family::Row,
            1 => Family::Entry,
            other => return Err(format!("of a family {other}")),
        };
        let key = reader.v32()?;
        let stamp = u64::from_be_bytes(reader.array()?);
        Ok(Record { family, key, stamp, body: reader.v32()? })
    }
}

/// The changes of one transaction: storage keys and bodies.
pub(crate) struct Singles(RunCursor);

impl Singles {
    pub(crate) fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let Some(Versions { key, mut all }) = self.0.next()? else { return Ok(None) };
        match (all.pop(), all.is_empty()) {
            (Some((_, body)), true) => Ok(Some((key, body))),
            _ => Err(Error::internal("two changes of one key in a transaction")),
        }
    }
}

/// Walks a run's keys of one family, forward or backward, from a bound on.
pub(crate) struct RunCursor {
    run: Arc<Run>,
    family: Family,
    backward: bool,
    /// The next record: forward it is the one at the place, backward the one before it.
    place: (usize, usize),
    loaded: Option<(usize, Arc<Loaded>)>,
}

/// The next record, and the place after it.
struct Step {
    after: (usize, usize),
    loaded: Arc<Loaded>,
    number: usize,
}

impl RunCursor {
    /// Forward: at the first key not below `key` (`beyond`: above it). Backward: before that.
    pub(crate) fn at(
        run: Arc<Run>,
        family: Family,
        key: &[u8],
        beyond: bool,
        backward: bool,
    ) -> Result<RunCursor> {
        let place = run.seek(family, key, beyond)?;
        Ok(RunCursor { run, family, backward, place, loaded: None })
    }

    /// Backward from the family's end.
    pub(crate) fn at_end(run: Arc<Run>, family: Family) -> RunCursor {
        let after = run.blocks.partition_point(|block| block.first.0 <= family);
        // Its last records are within the block before; those of the next family there are skipped.
        RunCursor { run, family, backward: true, place: (after, 0), loaded: None }
    }

    /// The next key with all its versions.
    pub(crate) fn next(&mut self) -> Result<Option<Versions>> {
        let mut found: Option<Versions> = None;
        while let Some(Step { after: place, loaded, number }) = self.step()? {
            let Some(record) = loaded.record(number)? else { break };
            if record.family != self.family {
                // Backward, what is at first of a later family is passed over.
                if self.backward && record.family > self.family && found.is_none() {
                    self.place = place;
                    continue;
                }
                break;
            }
            match &mut found {
                None => {
                    let all = vec![(record.stamp, record.body.to_vec())];
                    found = Some(Versions { key: record.key.to_vec(), all });
                }
                Some(found) if found.key == record.key => {
                    found.all.push((record.stamp, record.body.to_vec()))
                }
                Some(_) => break,
            }
            self.place = place;
        }
        if self.backward
            && let Some(found) = &mut found
        {
            found.all.reverse();
        }
        Ok(found)
    }

    fn load(&mut self, at: usize) -> Result<Option<Arc<Loaded>>> {
        if self.loaded.as_ref().is_none_or(|(number, _)| *number != at) {
            self.loaded = self.run.load(at)?.map(|loaded| (at, loaded));
        }
        Ok(self.loaded.as_ref().map(|(_, loaded)| loaded.clone()))
    }

    fn step(&mut self) -> Result<Option<Step>> {
        let (mut at, mut number) = self.place;
        loop {
            if self.backward {
                if number > 0 {
                    let Some(loaded) = self.load(at)? else { return Ok(None) };
                    return Ok(Some(Step { after: (at, number - 1), loaded, number: number - 1 }));
                }
                let Some(before) = at.checked_sub(1) else { return Ok(None) };
                let Some(loaded) = self.load(before)? else { return Ok(None) };
                (at, number) = (before, loaded.starts.len());
            } else {
                let Some(loaded) = self.load(at)? else { return Ok(None) };
                if number < loaded.starts.len() {
                    return Ok(Some(Step { after: (at, number + 1), loaded, number }));
                }
                (at, number) = (at + 1, 0);
            }
        }
    }
}
