//! Damage to what was synced, while nobody runs: flipped bits, zeroed sectors, files cut short or gone.
//!
//! What must follow is known before the store is opened, from the log as it was: damage to the log may go unnamed only
//! where no signed checkpoint and no block outside the damage says that the first damaged block was durable. Then that
//! block and what came after it is cut; nothing else may ever be missing.

use crate::model::{Verdict, ensure};
use host::{Disk, FaultyDisk, SeededRandom};
use kv::log::block::{self, Header, Kind};
use kv::log::segments;
use proof::checkpoint::SignedCheckpoint;
use std::path::{Path, PathBuf};

const SECTOR_BYTES: u64 = 512;

pub struct Damage {
    pub path: PathBuf,
    /// What it is, for the reader of a failure.
    pub what: String,
    before: Vec<u8>,
    pub may: May,
}

/// What the next opening may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Everything is there: what was damaged is derived, or nobody's.
    Repair,
    /// It must say no, and name the place.
    Refuse,
    /// Say no, or hold exactly this many transactions: the first damaged block and those after it are covered by
    /// nothing. `blocks` of them held transactions; `trace`: whether bytes of them are left to be set aside.
    Cut { size: u64, blocks: u64, trace: bool },
}

impl Damage {
    /// Does some damage. None: it changed nothing.
    pub fn inflict(disk: &FaultyDisk, folder: &Path, random: &SeededRandom) -> Verdict<Option<Damage>> {
        let files = files(disk, folder)?;
        let (of_log, rest): (Vec<PathBuf>, Vec<PathBuf>) =
            files.into_iter().partition(|path| path.extension().is_some_and(|end| end == "seg"));
        let from = if random.chance(65) { &of_log } else { &rest };
        // The last segment is the one that may be torn.
        let path = match random.below(3) {
            0 => from.last(),
            _ => from.get(random.below(from.len() as u64) as usize),
        };
        let Some(path) = path else { return Ok(None) };
        let before = disk.read(path).map_err(|error| error.to_string())?;
        let (what, after) = change(&before, random);
        if after.as_ref() == Some(&before) {
            return Ok(None);
        }
        let log = Log::read(disk, &of_log, folder)?;
        let may = match path.file_name().and_then(|name| name.to_str()) {
            Some("checkpoint" | "key") => May::Refuse,
            _ if of_log.contains(path) => log.verdict(path, &before, after.as_deref()),
            _ => May::Repair,
        };
        disk.overwrite(path, after);
        Ok(Some(Damage { path: path.clone(), what, before, may }))
    }

    /// Puts the file back as it was.
    pub fn undo(&self, disk: &FaultyDisk) {
        disk.overwrite(&self.path, Some(self.before.clone()));
    }
}

fn files(disk: &FaultyDisk, folder: &Path) -> Verdict<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in disk.list(folder).map_err(|error| error.to_string())? {
        let path = folder.join(name);
        if disk.is_dir(&path) { files.extend(self::files(disk, &path)?) } else { files.push(path) }
    }
    Ok(files)
}

fn change(before: &[u8], random: &SeededRandom) -> (String, Option<Vec<u8>>) {
    let length = before.len() as u64;
    // Often near the end.
    let at = match random.below(3) {
        0 => length.saturating_sub(1 + random.below(400)),
        _ => random.below(length),
    };
    let mut after = before.to_vec();
    let what = match random.below(100) {
        0..55 => {
            let bits = 1 + random.below(3) * random.below(20);
            for _ in 0..bits {
                let near = (at + random.below(64)).min(length.saturating_sub(1)) as usize;
                if let Some(byte) = after.get_mut(near) {
                    *byte ^= 1 << random.below(8);
                }
            }
            format!("{bits} bits flipped from byte {at}")
        }
        55..75 => {
            let start = (at - at % SECTOR_BYTES) as usize;
            let end = after.len().min(start + SECTOR_BYTES as usize);
            after[start..end].fill(0);
            format!("bytes {start}..{end} zeroed")
        }
        75..95 => {
            after.truncate(at as usize);
            format!("cut to {at} bytes of {length}")
        }
        _ => return ("gone".into(), None),
    };
    (what, Some(after))
}

/// The log's whole blocks, as they are before the damage.
struct Log {
    blocks: Vec<Block>,
    signed_size: u64,
}

struct Block {
    path: PathBuf,
    from: u64,
    to: u64,
    header: Header,
}

/// Whether a byte of a segment is in a part of a large transaction.
pub fn is_in_part(segment: &[u8], at: u64) -> bool {
    let mut from = 0;
    while let Some(header) = segment.get(from as usize..).and_then(whole_block) {
        from += header.block_bytes();
        if from > at {
            return header.kind == Kind::Part;
        }
    }
    false
}

impl Log {
    fn read(disk: &FaultyDisk, of_log: &[PathBuf], folder: &Path) -> Verdict<Log> {
        let note = disk.read(&folder.join("checkpoint")).map_err(|error| error.to_string())?;
        let note = String::from_utf8(note).map_err(|error| error.to_string())?;
        let signed = SignedCheckpoint::parse(&note).map_err(|rejection| rejection.to_string())?;
        let mut blocks = Vec::new();
        let mut slot = 1;
        for path in of_log {
            let expected = segments::segment_path(&folder.join("log"), slot);
            ensure!(*path == expected, "{path:?}, where block {slot} is the next that is whole");
            let bytes = disk.read(path).map_err(|error| error.to_string())?;
            let mut from = 0;
            while let Some(header) = whole_block(&bytes[from..]).filter(|header| header.slot == slot) {
                let to = from + header.block_bytes() as usize;
                blocks.push(Block { path: path.clone(), from: from as u64, to: to as u64, header });
                (from, slot) = (to, slot + 1);
            }
        }
        Ok(Log { blocks, signed_size: signed.unverified().size })
    }

    fn verdict(&self, path: &Path, before: &[u8], after: Option<&[u8]>) -> May {
        let touched = |block: &Block| {
            let bytes = block.from as usize..block.to as usize;
            block.path == path
                && after.is_none_or(|after| after.get(bytes.clone()) != before.get(bytes.clone()))
        };
        let Some(first) = self.blocks.iter().position(touched) else {
            // The torn end of the last segment: it will be cut anyhow, unless a later program seems to have begun it.
            let of_path = self.blocks.iter().rev().find(|block| block.path == path);
            let torn = after.and_then(|after| after.get(of_path.map_or(0, |block| block.to as usize)..));
            let size = self.blocks.last().and_then(|block| block.header.end_tx()).unwrap_or(0);
            return match torn.is_some_and(block::is_of_later_program) {
                true => May::Cut { size, blocks: 0, trace: false },
                false => May::Repair,
            };
        };
        let bad = &self.blocks[first];
        let later = &self.blocks[first + 1..];
        let covered = bad.header.first_tx < self.signed_size
            || later.iter().any(|block| {
                block.path != bad.path || (!touched(block) && block.header.durable_slot >= bad.header.slot)
            });
        if covered {
            return May::Refuse;
        }
        let blocks = self.blocks[first..].iter().filter(|block| block.header.kind == Kind::Transactions);
        let trace = after.is_some_and(|after| after.len() as u64 > bad.from);
        May::Cut { size: bad.header.first_tx, blocks: blocks.count() as u64, trace }
    }
}

/// The header of the block that begins here.
fn whole_block(bytes: &[u8]) -> Option<Header> {
    let header = Header::decode(bytes).ok()?;
    let block = bytes.get(..usize::try_from(header.block_bytes()).ok()?)?;
    block::open(block).ok().map(|(header, _)| header)
}
