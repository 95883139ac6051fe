//! Following a log from its first block on, out of its files alone: every block's checksum, place and numbers, and the
//! tree that it grows. The files may be a live server's: nothing is locked and nothing written.
//!
//! Not one block is handed over before it is known to continue those before it; whether they are what was signed is for
//! the caller to compare, at the size of a checkpoint.

use super::Slot;
use super::block::{self, Content, HEADER_BYTES, Header, Kind};
use super::scan::{Scan, Step};
use super::segments::{damaged, segment_path};
use crate::fault::disk_error;
use host::{Disk, OpenMode};
use proof::hash::{self, Hash, Sha2};
use proof::tree::Compact;
use std::io;
use std::path::Path;
use types::{Error, Result};

/// Where a block begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Of its segment.
    pub first_slot: Slot,
    pub offset: u64,
}

/// A block that continues the chain.
pub struct Link<'a> {
    pub place: Place,
    pub header: &'a Header,
    pub block: &'a [u8],
    /// The tree before it.
    pub tree: &'a Compact<Sha2>,
    /// Of its transactions: what they add to the tree, and when they were committed.
    pub leaves: &'a [Hash],
    pub committed_at: &'a [i64],
}

/// How far a log has been followed.
pub struct Chain {
    tree: Compact<Sha2>,
    place: Place,
    slot: Slot,
    database_id: Option<[u8; 16]>,
    last_commit_us: i64,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain {
            tree: Compact::new(),
            place: Place { first_slot: 1, offset: 0 },
            slot: 1,
            database_id: None,
            last_commit_us: i64::MIN,
        }
    }
}

impl Chain {
    /// At the beginning of a log.
    pub fn new() -> Chain {
        Chain::default()
    }

    pub fn tree(&self) -> &Compact<Sha2> {
        &self.tree
    }

    /// Where the next block begins, unless it begins the next segment.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Goes on in the log in `folder`, which may be another copy than before, until the tree has `size` transactions.
    pub fn follow(
        &mut self,
        disk: &dyn Disk,
        folder: &Path,
        size: u64,
        visit: &mut dyn FnMut(&Link) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = Vec::new();
        while self.tree.size() < size {
            self.follow_segment(disk, folder, size, &mut buffer, visit)?;
            if self.tree.size() >= size {
                break;
            }
            let next = segment_path(folder, self.slot);
            if self.slot == self.place.first_slot || !disk.exists(&next) {
                return Err(Error::corrupted(format!(
                    "the log in \"{}\" ends before transaction {}, but transactions 0 to {} are signed",
                    folder.display(),
                    self.tree.size(),
                    size - 1
                )));
            }
            self.place = Place { first_slot: self.slot, offset: 0 };
        }
        Ok(())
    }

    fn follow_segment(
        &mut self,
        disk: &dyn Disk,
        folder: &Path,
        size: u64,
        buffer: &mut Vec<u8>,
        visit: &mut dyn FnMut(&Link) -> Result<()>,
    ) -> Result<()> {
        let path = segment_path(folder, self.place.first_slot);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::corrupted(format!("the log segment \"{}\" is missing", path.display()))
            }
            _ => disk_error("could not read", &path, &error),
        };
        let file = disk.open(&path, OpenMode::Read).map_err(failed)?;
        let mut scan = Scan::new(&*file, self.place.offset, self.slot, self.database_id).map_err(failed)?;
        while self.tree.size() < size {
            match scan.next(buffer).map_err(failed)? {
                Step::Block { header, .. } => self
                    .link(&header, buffer, size, visit)
                    .map_err(|reason| reason.of(&path, self.place.offset, header.slot))?,
                Step::Bad { offset, reason } => return Err(damaged(&path, offset, self.slot, &reason)),
                Step::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn link(
        &mut self,
        header: &Header,
        block: &[u8],
        size: u64,
        visit: &mut dyn FnMut(&Link) -> Result<()>,
    ) -> Result<(), Broken> {
        if header.first_tx != self.tree.size() {
            return Err(format!("it begins with transaction {}", header.first_tx).into());
        }
        if header.root_before != self.tree.root() {
            return Err("the tree before this block had another root".to_owned().into());
        }
        let (mut leaves, mut committed_at) = (Vec::new(), Vec::new());
        let (_, body) = block::open(block)?;
        for (tx, stored) in (header.first_tx..).zip(block::transactions(header, &body)) {
            let bytes = stored?.transaction;
            let read = block::in_place(bytes, tx, &header.database_id, self.last_commit_us)
                .map_err(|reason| format!("transaction {tx}: {reason}"))?;
            self.last_commit_us = read.commit_time;
            leaves.push(hash::leaf::<Sha2>(bytes));
            committed_at.push(read.commit_time);
        }
        if self.tree.size() + leaves.len() as u64 > size {
            return Err(format!("transactions 0 to {} are signed, which ends within it", size - 1).into());
        }
        let tree = &self.tree;
        let (leaves, committed_at) = (&leaves[..], &committed_at[..]);
        visit(&Link { place: self.place, header, block, tree, leaves, committed_at })?;
        for leaf in leaves {
            self.tree.append(*leaf, |_, _, _| ());
        }
        self.database_id = Some(header.database_id);
        self.place.offset += header.block_bytes();
        self.slot += 1;
        Ok(())
    }
}

/// The first `count` transactions of a block as a block of their own, which the tree cannot tell from it.
pub fn first_of(header: &Header, block: &[u8], count: usize) -> Result<Vec<u8>, String> {
    let mut first = vec![0; HEADER_BYTES];
    let (_, body) = block::open(block)?;
    for stored in block::transactions(header, &body).take(count) {
        let stored = stored?;
        match stored.content {
            Content::Inline(payload) => block::put_inline(&mut first, stored.transaction, payload),
            Content::InParts(parts) => {
                let slots: Vec<Slot> = parts.slots().collect();
                let (stream, bytes) = (parts.stream, parts.payload_bytes);
                block::put_in_parts(&mut first, stored.transaction, stream, bytes, &slots);
            }
        }
    }
    let transactions = u32::try_from(count).map_err(|_| "a block beyond all measure")?;
    let header = Header { transactions, kind: Kind::Transactions, ..*header };
    if block::close(&header, &mut first) { Ok(first) } else { Err("a block beyond all measure".into()) }
}

/// What a follower stopped at: the block, or the visitor's own error.
enum Broken {
    Block(String),
    Visitor(Error),
}

impl Broken {
    fn of(self, path: &Path, offset: u64, slot: Slot) -> Error {
        match self {
            Broken::Block(reason) => damaged(path, offset, slot, &reason),
            Broken::Visitor(error) => error,
        }
    }
}

impl From<String> for Broken {
    fn from(reason: String) -> Broken {
        Broken::Block(reason)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Broken {
        Broken::Visitor(error)
    }
}
