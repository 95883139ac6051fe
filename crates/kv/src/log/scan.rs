//! Walking a segment file block by block, from the file's bytes alone.

use super::Slot;
use super::block::{self, HEADER_BYTES, Header, MAGIC};
use host::File;
use std::io;

/// Largest block that is believed: a header that says more is damaged.
pub const BLOCK_MAX_BYTES: u64 = 1 << 31;

/// Where a walk is. The file's length is taken once, so that a writer may go on meanwhile.
pub struct Scan<'a> {
    file: &'a dyn File,
    length: u64,
    offset: u64,
    slot: Slot,
    database_id: Option<[u8; 16]>,
}

#[derive(Debug)]
pub enum Step {
    /// A whole block, its bytes in the buffer.
    Block {
        offset: u64,
        header: Header,
    },
    /// What begins here is not the block that should.
    Bad {
        offset: u64,
        reason: String,
    },
    End,
}

impl<'a> Scan<'a> {
    /// From `offset`, where the block of `slot` should begin. Without a database id the first block's is taken.
    pub fn new(
        file: &'a dyn File,
        offset: u64,
        slot: Slot,
        database_id: Option<[u8; 16]>,
    ) -> io::Result<Scan<'a>> {
        Ok(Scan { file, length: file.len()?, offset, slot, database_id })
    }

    pub fn slot(&self) -> Slot {
        self.slot
    }

    pub fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<Step> {
        if self.offset >= self.length {
            return Ok(Step::End);
        }
        let offset = self.offset;
        match self.block_at(offset, buffer)? {
            Ok(header) if header.slot != self.slot => {
                let reason = format!("block {} where block {} should be", header.slot, self.slot);
                Ok(Step::Bad { offset, reason })
            }
            Ok(header) => {
                self.database_id = Some(header.database_id);
                self.offset += header.block_bytes();
                self.slot += 1;
                Ok(Step::Block { offset, header })
            }
            Err(reason) => Ok(Step::Bad { offset, reason }),
        }
    }

    /// After something bad: goes to the next whole block of a later slot that `accept` takes. False if there is none.
    pub fn skip(&mut self, buffer: &mut Vec<u8>, accept: impl Fn(&Header) -> bool) -> io::Result<bool> {
        const CHUNK_BYTES: usize = 1 << 20;
        let mut chunk = Vec::new();
        let mut from = self.offset + 1;
        while from < self.length {
            let bytes = (self.length - from).min(CHUNK_BYTES as u64) as usize;
            chunk.resize(bytes, 0);
            self.file.read_exact_at(&mut chunk, from)?;
            for at in magics(&chunk) {
                let offset = from + at as u64;
                if let Ok(header) = self.block_at(offset, buffer)?
                    && header.slot > self.slot
                    && accept(&header)
                {
                    self.offset = offset;
                    self.slot = header.slot;
                    return Ok(true);
                }
            }
            // A magic may lie across two chunks.
            from += (bytes as u64).saturating_sub(MAGIC.len() as u64 - 1).max(1);
        }
        Ok(false)
    }

    /// The block at an offset, its checksum verified: into the buffer.
    fn block_at(&self, offset: u64, buffer: &mut Vec<u8>) -> io::Result<Result<Header, String>> {
        let left = self.length - offset;
        buffer.clear();
        buffer.resize(left.min(HEADER_BYTES as u64) as usize, 0);
        self.file.read_exact_at(buffer, offset)?;
        let header = match Header::decode(buffer) {
            Ok(header) => header,
            Err(reason) => return Ok(Err(reason)),
        };
        if self.database_id.is_some_and(|id| id != header.database_id) {
            return Ok(Err("a block of another database".into()));
        }
        if header.block_bytes() > left.min(BLOCK_MAX_BYTES) {
            return Ok(Err(format!(
                "a block of {} bytes, where the file has {left} left",
                header.block_bytes()
            )));
        }
        buffer.resize(header.block_bytes() as usize, 0);
        self.file.read_exact_at(&mut buffer[HEADER_BYTES..], offset + HEADER_BYTES as u64)?;
        Ok(block::check(buffer))
    }
}

fn magics(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == MAGIC[0]);
    starts.map(|(at, _)| at).filter(move |at| bytes[*at..].starts_with(MAGIC))
}
