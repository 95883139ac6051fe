//! Where the blocks of a segment are. Derived: made again from the segment where it is missing or wrong.
//!
//! ```text
//!   log/<first slot>.dir   (u64 offset ‖ u64 first tx)*, an entry per block     16 bytes each
//!                          magic `steledir` ‖ u32 entries ‖ u64 segment bytes ‖ u32 its last block's checksum
//!                          ‖ u32 CRC32C of all before
//! ```
//! Length and last checksum tell which state of the segment it describes: a segment may have been cut and grown again.
//! The segment that is written to has its directory in memory: 16 bytes per block. The others' stay on disk.

use super::Slot;
use host::{Disk, File};
use std::io;
use std::path::Path;
use types::TxId;

const MAGIC: &[u8; 8] = b"steledir";
const ENTRY_BYTES: u64 = 16;
const TRAILER_BYTES: u64 = 28;

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

/// The state of a segment that a directory describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    pub blocks: u64,
    pub bytes: u64,
    pub last_checksum: u32,
}

pub fn save(
    disk: &dyn Disk,
    path: &Path,
    entries: &[Entry],
    bytes: u64,
    last_checksum: u32,
) -> io::Result<()> {
    let mut out: Vec<u8> = entries.iter().flat_map(|entry| entry.encode()).collect();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    out.extend_from_slice(&bytes.to_be_bytes());
    out.extend_from_slice(&last_checksum.to_be_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
    disk.replace(path, &out, false)
}

/// What the directory says it describes, and its last entry; its checksum is [`load`]'s business.
pub fn describe(disk: &dyn Disk, path: &Path) -> Option<(Described, Entry)> {
    let file = disk.open(path, host::OpenMode::Read).ok()?;
    let entries = file.len().ok()?.checked_sub(TRAILER_BYTES)?;
    let mut end = [0; (ENTRY_BYTES + TRAILER_BYTES) as usize];
    file.read_exact_at(&mut end, entries.checked_sub(ENTRY_BYTES)?).ok()?;
    let (last, trailer) = end.split_first_chunk()?;
    let described = trailer_of(trailer)?;
    (entries == described.blocks * ENTRY_BYTES).then_some((described, Entry::decode(*last)))
}

/// All entries, if the file is whole.
pub fn load(disk: &dyn Disk, path: &Path) -> Option<(Described, Vec<Entry>)> {
    let bytes = disk.read(path).ok()?;
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    let (entries, trailer) = bytes.split_at_checked(bytes.len().checked_sub(TRAILER_BYTES as usize)?)?;
    let described = trailer_of(trailer)?;
    let whole = crc32c::crc32c(body) == u32::from_be_bytes(*checksum)
        && entries.len() as u64 == described.blocks * ENTRY_BYTES;
    let entries = || entries.as_chunks::<16>().0.iter().map(|entry| Entry::decode(*entry)).collect();
    whole.then(|| (described, entries()))
}

fn trailer_of(bytes: &[u8]) -> Option<Described> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (blocks, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_first_chunk()?;
    let last_checksum = u32::from_be_bytes(*rest.first_chunk()?);
    Some(Described {
        blocks: u32::from_be_bytes(*blocks).into(),
        bytes: u64::from_be_bytes(*bytes),
        last_checksum,
    })
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
        save(&disk, path, &entries, 1100, 77).unwrap();
        let described = Described { blocks: 5, bytes: 1100, last_checksum: 77 };
        assert_eq!(describe(&disk, path), Some((described, entries[4])));
        assert_eq!(load(&disk, path).unwrap(), (described, entries.clone()));
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
        assert_eq!((describe(&disk, path), load(&disk, path)), (None, None));
    }
}
