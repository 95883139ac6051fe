//! The log: blocks at slots.
//!
//! ```text
//!   slot     1         2         3         4         5
//!         ┌───────┐ ┌───────┐ ┌───────┐ ┌───────┐ ┌───────┐
//!         │ tx 0  │ │ tx 1  │ │ part  │ │ tx 2-4│ │ tx 5  │     a block is one group commit, or a part of a
//!         └───────┘ └───────┘ └───────┘ └───────┘ └───────┘     large transaction whose T comes in a later block
//! ```
//! Slots are dense and start at 1. Everything's safety rests on one primitive, [`Log::put_at`]. Local segment files
//! ([`segments`]) are the first implementation; the bytes of a block ([`block`]) are the same everywhere.

pub mod block;
pub mod chain;
pub mod directory;
pub mod scan;
pub mod segments;

use std::ops::ControlFlow;
use types::{Result, TxId};

/// A block's number, from 1.
pub type Slot = u64;

/// Given a block; says whether to go on.
pub type Visit<'a> = dyn FnMut(Slot, &[u8]) -> Result<ControlFlow<()>> + 'a;

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Put {
    Stored,
    /// Another block has the slot.
    Occupied,
}

pub trait Log: Send + Sync {
    /// Stores these bytes at `slot` if and only if it is empty and the one before is not. Durable after [`Log::sync`].
    /// After an error the slot may hold a part of them:
    /// [`Log::cut`] comes next.
    fn put_at(&self, slot: Slot, block: &[u8]) -> Result<Put>;
    /// The block at `slot`, its checksum verified. None past the tip.
    fn get(&self, slot: Slot) -> Result<Option<Vec<u8>>>;
    /// Up to `length` of its first bytes, not verified.
    fn head(&self, slot: Slot, length: usize) -> Result<Option<Vec<u8>>>;
    /// Blocks from `from` on, at least one and then about `max_bytes`; empty past the tip.
    fn range(&self, from: Slot, max_bytes: usize) -> Result<Vec<(Slot, Vec<u8>)>>;
    /// The last slot that is taken, 0 for none.
    fn tip(&self) -> Slot;
    /// The block that holds a transaction's T. None for a transaction of the future.
    fn block_of(&self, tx: TxId) -> Result<Option<Slot>>;
    /// Does what opening has left undone for want of room (53100). Before anything is signed; [`Log::put_at`] does it too.
    fn catch_up(&self) -> Result<()>;
    /// Makes everything stored durable.
    fn sync(&self) -> Result<()>;
    /// Takes back the blocks from `from` on, which must not have been synced, and makes that durable.
    fn cut(&self, from: Slot) -> Result<()>;
    /// Where a slot's bytes are, for messages.
    fn place(&self, slot: Slot) -> String;

    /// Blocks from `from` on, until `visit` says stop or the tip is reached.
    fn tail(&self, from: Slot, visit: &mut Visit) -> Result<()> {
        const AHEAD_BYTES: usize = 1 << 20;
        let mut next = from;
        loop {
            let blocks = self.range(next, AHEAD_BYTES)?;
            if blocks.is_empty() {
                return Ok(());
            }
            for (slot, block) in blocks {
                if visit(slot, &block)?.is_break() {
                    return Ok(());
                }
                next = slot + 1;
            }
        }
    }
}
