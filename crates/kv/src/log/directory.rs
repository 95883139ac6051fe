//! Where the blocks of a segment are. Derived: made again from the segment where it is missing or wrong.
//!
//! ```text
//!   log/<first slot>.dir   (u64 offset ‖ u64 first tx)*, an entry per block     16 bytes each
//!                          magic `steledir` ‖ u32 entries ‖ u32 CRC32C of all before
//! ```
//! The segment that is written to has its directory in memory: 16 bytes per block. The others' stay on disk.

use super::Slot;
use host::{Disk, File};
use std::io;
use std::path::Path;
use types::TxId;

const MAGIC: &[u8; 8] = b"steledir";
const ENTRY_BYTES: u64 = 16;
const TRAILER_BYTES: u64 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub offset: u64,
    /// The tree's size before the block.
    pub first_tx: TxId,
}

impl Entry {
    fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.offset.to_be_bytes());
        bytes[8..].copy_from_slice(&self.first_tx.to_be_bytes());
        bytes
    }

    fn decode(bytes: [u8; 16]) -> Entry {
        let number = u128::from_be_bytes(bytes);
        Entry { offset: (number >> 64) as u64, first_tx: number as u64 }
    }
}

pub fn save(disk: &dyn Disk, path: &Path, entries: &[Entry]) -> io::Result<()> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.encode()).collect();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    disk.replace(path, &bytes, false)
}

/// How many entries the directory says it has, if its length fits that. Its checksum is [`load`]'s business.
pub fn count(disk: &dyn Disk, path: &Path) -> Option<u64> {
    let file = disk.open(path, host::OpenMode::Read).ok()?;
    let entries = file.len().ok()?.checked_sub(TRAILER_BYTES)?;
    let mut trailer = [0; 12];
    file.read_exact_at(&mut trailer, entries).ok()?;
    let (magic, count) = trailer.split_first_chunk::<8>()?;
    let count = u64::from(u32::from_be_bytes(count.try_into().ok()?));
    (magic == MAGIC && entries == count * ENTRY_BYTES).then_some(count)
}

/// All entries, if the file is whole.
pub fn load(disk: &dyn Disk, path: &Path) -> Option<Vec<Entry>> {
    let bytes = disk.read(path).ok()?;
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    let (body, count) = body.split_last_chunk::<4>()?;
    let (entries, magic) = body.split_last_chunk::<8>()?;
    let whole = magic == MAGIC
        && crc32c::crc32c(&bytes[..bytes.len() - 4]) == u32::from_be_bytes(*checksum)
        && entries.len() as u64 == u64::from(u32::from_be_bytes(*count)) * ENTRY_BYTES;
    whole.then(|| entries.as_chunks::<16>().0.iter().map(|entry| Entry::decode(*entry)).collect())
}

/// One segment's entries, wherever they are.
pub enum Source<'a> {
    Memory(&'a [Entry]),
    File { file: &'a dyn File, count: u64 },
}

impl Source<'_> {
    fn len(&self) -> u64 {
        match self {
            Source::Memory(entries) => entries.len() as u64,
            Source::File { count, .. } => *count,
        }
    }

    pub fn entry(&self, number: u64) -> io::Result<Option<Entry>> {
        match self {
            Source::Memory(entries) => {
                Ok(usize::try_from(number).ok().and_then(|at| entries.get(at)).copied())
            }
            Source::File { file, count } if number < *count => {
                let mut bytes = [0; 16];
                file.read_exact_at(&mut bytes, number * ENTRY_BYTES)?;
                Ok(Some(Entry::decode(bytes)))
            }
            Source::File { .. } => Ok(None),
        }
    }

    /// The last block that begins at `tx` or before: parts of a large transaction come before the block with its T.
    pub fn block_of(&self, first_slot: Slot, tx: TxId) -> io::Result<Option<Slot>> {
        let (mut below, mut above) = (0, self.len());
        while below < above {
            let middle = below + (above - below) / 2;
            match self.entry(middle)? {
                Some(entry) if entry.first_tx <= tx => below = middle + 1,
                _ => above = middle,
            }
        }
        Ok(below.checked_sub(1).map(|number| first_slot + number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::MemoryDisk;

    #[test]
    fn a_directory_is_found_whole_or_not_at_all() {
        let disk = MemoryDisk::new();
        let path = Path::new("1.dir");
        let entries: Vec<Entry> = [(0, 0), (300, 1), (420, 1), (540, 1), (900, 4)]
            .map(|(offset, first_tx)| Entry { offset, first_tx })
            .into();
        save(&disk, path, &entries).unwrap();
        assert_eq!(count(&disk, path), Some(5));
        assert_eq!(load(&disk, path).unwrap(), entries);
        let file = disk.open(path, host::OpenMode::Read).unwrap();
        for source in [Source::Memory(&entries), Source::File { file: &*file, count: 5 }] {
            for (tx, slot) in [(0, 1), (1, 4), (3, 4), (4, 5), (9, 5)] {
                assert_eq!(source.block_of(1, tx).unwrap(), Some(slot), "{tx}");
            }
            assert_eq!(source.entry(5).unwrap(), None);
        }
        let good = disk.read(path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            disk.replace(path, &bad, false).unwrap();
            assert_eq!(load(&disk, path), None, "byte {at}");
        }
        disk.replace(path, &good[16..], false).unwrap();
        assert_eq!((count(&disk, path), load(&disk, path)), (None, None));
    }
}
