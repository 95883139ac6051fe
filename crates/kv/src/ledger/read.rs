//! Reading the ledger: transactions, times, roots and paths. Everything is compared with the tree before it is given.

use super::Ledger;
use crate::guard::lock;
use crate::log::Slot;
use crate::log::block::{self, Codec, Content, HEADER_BYTES, Header, Kind, Parts, Stored};
use crate::record::{self, Record};
use crate::{At, TxId};
use proof::hash::{self, Hash, Sha2};
use proof::layout::{TRANSACTION_BYTES, Transaction};
use proof::tree;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use types::{DataType, Error, Result, SqlState, TextSettings, Value, bail};

impl Ledger {
    /// One transaction, verified against its leaf. 22023 if there is none of that number.
    pub fn read(&self, tx: TxId) -> Result<Record> {
        let size = self.size();
        if tx >= size {
            return Err(no_transaction(tx, size));
        }
        let (slot, block) = self.block_of(tx)?;
        self.visit_block(slot, &block, tx, |stored| Ok(ControlFlow::Break(self.unseal(slot, tx, stored)?)))?
            .ok_or_else(|| self.damaged(slot, tx, "the block does not hold it"))
    }

    /// Transactions `from..` in order until `visit` says stop, verified. Ends with the last that was ordered when it
    /// began. One block is in memory at a time, and the parts of one large transaction.
    pub fn replay(&self, from: TxId, visit: &mut dyn FnMut(Record) -> Result<ControlFlow<()>>) -> Result<()> {
        let size = self.size();
        if from >= size {
            return Ok(());
        }
        let first = self.block_slot(from)?;
        let mut tx = from;
        self.log.tail(first, &mut |slot, block| {
            let visited = self.visit_block(slot, block, tx, |stored| {
                if tx >= size {
                    return Ok(ControlFlow::Break(()));
                }
                let record = self.unseal(slot, tx, stored)?;
                tx += 1;
                visit(record)
            })?;
            Ok(if visited.is_some() || tx >= size {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
    }

    /// The transaction that `at` means, among the durable ones. 22023 with the valid range otherwise.
    pub fn resolve(&self, at: At) -> Result<TxId> {
        let size = self.durable_size();
        match at {
            At::Latest => Ok(size.saturating_sub(1)),
            At::Transaction(tx) if tx < size => Ok(tx),
            At::Transaction(tx) => Err(no_transaction(tx, size)),
            At::Time(time) => self.last_committed_by(time, size),
        }
    }

    /// Commit time of a transaction, without its entries.
    pub fn committed_at(&self, tx: TxId) -> Result<i64> {
        let size = self.size();
        if tx >= size {
            return Err(no_transaction(tx, size));
        }
        let slot = self.block_slot(tx)?;
        if let Some((header, first)) = self.first_transaction(slot)?
            && header.first_tx == tx
        {
            return self.verified(slot, tx, &first).map(|transaction| transaction.commit_time);
        }
        let (slot, block) = self.block_of(tx)?;
        self.visit_block(slot, &block, tx, |stored| {
            Ok(ControlFlow::Break(self.verified(slot, tx, stored.transaction)?))
        })?
        .map(|transaction| transaction.commit_time)
        .ok_or_else(|| self.damaged(slot, tx, "the block does not hold it"))
    }

    /// The root of the first `size` leaves.
    pub fn root(&self, size: u64) -> Result<Hash> {
        self.check_size(size)?;
        let durable = lock(&self.durable).tree.clone();
        if durable.size() == size { Ok(durable.root()) } else { self.tiles.root(size) }
    }

    /// RFC 6962 audit path of `tx` in the tree of `size`.
    pub fn inclusion(&self, tx: TxId, size: u64) -> Result<Vec<Hash>> {
        self.check_size(size)?;
        let path = tree::inclusion_path::<Sha2, _>(tx, size, |level, index| self.tiles.node(level, index))?
            .ok_or_else(|| no_transaction(tx, size))?;
        let leaf = self.tiles.leaf(tx)?;
        if !tree::verify_inclusion::<Sha2>(&leaf, tx, size, &path, &self.root(size)?) {
            return Err(self.damaged_tiles(&format!("transaction {tx} does not lead to the root of {size}")));
        }
        Ok(path)
    }

    /// RFC 6962 consistency proof between two sizes.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>> {
        self.check_size(to)?;
        let path = tree::consistency_path::<Sha2, _>(from, to, |level, index| self.tiles.node(level, index))?;
        let Some(path) = path else {
            bail!(
                InvalidParameterValue,
                "a checkpoint of {from} transactions cannot be a prefix of one of {to}"
            );
        };
        if !tree::verify_consistency::<Sha2>(from, &self.root(from)?, to, &self.root(to)?, &path) {
            return Err(
                self.damaged_tiles(&format!("the roots of {from} and {to} transactions do not agree"))
            );
        }
        Ok(path)
    }

    /// The last transaction committed at or before `time`: a binary search over blocks, of which it reads only the
    /// first bytes, then over one block.
    fn last_committed_by(&self, time: i64, size: u64) -> Result<TxId> {
        // Invariant: `below` was committed in time, or is 0; `above` and all after it were not, or are not there.
        let (mut below, mut above) = (0, size);
        let mut found = None;
        while below < above {
            let middle = below + (above - below) / 2;
            let slot = self.block_slot(middle)?;
            let (header, first) = self
                .first_transaction(slot)?
                .ok_or_else(|| self.damaged(slot, middle, "a block without transactions"))?;
            if self.verified(slot, header.first_tx, &first)?.commit_time <= time {
                let end = header.end_tx().unwrap_or(u64::MAX);
                found = Some((header.first_tx, end.min(size)));
                below = end.max(middle + 1);
            } else {
                above = header.first_tx.min(middle);
            }
        }
        let Some((first, end)) = found else {
            let first = time_text(self.committed_at(0)?);
            return Err(types::err!(
                InvalidParameterValue,
                "the ledger holds no transaction of that time or before"
            )
            .detail(format!("Its first transaction was committed at {first}.")));
        };
        // Within the block times do not decrease either.
        let (mut below, mut above) = (first + 1, end);
        while below < above {
            let middle = below + (above - below) / 2;
            if self.committed_at(middle)? <= time {
                below = middle + 1;
            } else {
                above = middle;
            }
        }
        Ok(below - 1)
    }

    fn block_slot(&self, tx: TxId) -> Result<Slot> {
        self.log.block_of(tx)?.ok_or_else(|| self.damaged(0, tx, "no block holds it"))
    }

    /// The block of a transaction: the last one read is kept.
    fn block_of(&self, tx: TxId) -> Result<(Slot, Arc<Vec<u8>>)> {
        let slot = self.block_slot(tx)?;
        if let Some((kept, block)) = &*lock(&self.last_read)
            && *kept == slot
        {
            return Ok((slot, block.clone()));
        }
        let block =
            self.noticed(self.log.get(slot))?.ok_or_else(|| self.damaged(slot, tx, "no such block"))?;
        let block = Arc::new(block);
        *lock(&self.last_read) = Some((slot, block.clone()));
        Ok((slot, block))
    }

    /// The head of a block and its first T, unverified.
    fn first_transaction(&self, slot: Slot) -> Result<Option<(Header, [u8; TRANSACTION_BYTES])>> {
        let Some(bytes) = self.log.head(slot, HEADER_BYTES + 4 + TRANSACTION_BYTES)? else { return Ok(None) };
        let header = Header::decode(&bytes).map_err(|reason| self.damaged(slot, 0, &reason))?;
        let first = bytes.get(HEADER_BYTES + 4..).and_then(|bytes| bytes.first_chunk().copied());
        if header.kind != Kind::Transactions || header.transactions == 0 {
            return Ok(None);
        }
        if header.codec == Codec::None {
            return Ok(first.map(|first| (header, first)));
        }
        let (_, block) = self.block_of(header.first_tx)?;
        let first = self.visit_block(slot, &block, header.first_tx, |stored| {
            Ok(ControlFlow::Break(*stored.transaction))
        })?;
        Ok(first.map(|first| (header, first)))
    }

    /// Goes over a block's transactions from `from` on until `visit` breaks.
    fn visit_block<B>(
        &self,
        slot: Slot,
        block: &[u8],
        from: TxId,
        mut visit: impl FnMut(&Stored) -> Result<ControlFlow<B>>,
    ) -> Result<Option<B>> {
        let (header, body) = block::open(block).map_err(|reason| self.damaged(slot, from, &reason))?;
        for (tx, stored) in (header.first_tx..).zip(block::transactions(&header, &body)) {
            let stored = stored.map_err(|reason| self.damaged(slot, tx, &reason))?;
            if tx >= from
                && let ControlFlow::Break(value) = visit(&stored)?
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// T, if it is the leaf of `tx` in the tree.
    fn verified(&self, slot: Slot, tx: TxId, transaction: &[u8; TRANSACTION_BYTES]) -> Result<Transaction> {
        if hash::leaf::<Sha2>(transaction) != self.tiles.leaf(tx)? {
            return Err(self.damaged(slot, tx, "it is not the leaf of the tree"));
        }
        let read =
            Transaction::decode(transaction).map_err(|why| self.damaged(slot, tx, &why.to_string()))?;
        if read.tx_id != tx {
            return Err(self.damaged(slot, tx, &format!("transaction {} is in its place", read.tx_id)));
        }
        Ok(read)
    }

    fn unseal(&self, slot: Slot, tx: TxId, stored: &Stored) -> Result<Record> {
        self.verified(slot, tx, stored.transaction)?;
        let payload = match stored.content {
            Content::Inline(payload) => Cow::Borrowed(payload),
            Content::InParts(parts) => Cow::Owned(self.noticed(assemble(parts, |part| self.log.get(part)))?),
        };
        record::unseal(stored.transaction, &payload).map_err(|reason| self.damaged(slot, tx, &reason))
    }

    fn check_size(&self, size: u64) -> Result<()> {
        let ordered = self.size();
        if size > ordered {
            bail!(InvalidParameterValue, "the ledger holds {ordered} transactions, not {size}");
        }
        Ok(())
    }

    /// Damage, named; it stops writing.
    fn damaged(&self, slot: Slot, tx: TxId, reason: &str) -> Error {
        let place = self.log.place(slot);
        let error = Error::corrupted(format!(
            "the log is damaged: {place}, block {slot}, transaction {tx}: {reason}"
        ));
        self.stop(
            error.hint("Run `stele check` to see the extent; restore the folder from a backup or replica."),
        )
    }

    fn damaged_tiles(&self, reason: &str) -> Error {
        let folder = self.paths.tiles.display();
        let error = Error::corrupted(format!("the tiles in \"{folder}\" are damaged: {reason}"));
        self.stop(error.hint("Run `stele check`. Tiles are made again from the log where they are missing."))
    }

    /// Damage that the log has found stops writing too.
    fn noticed<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| if error.state == SqlState::DataCorrupted { self.stop(error) } else { error })
    }
}

/// A large transaction's payload out of its parts.
pub(crate) fn assemble(parts: Parts, get: impl Fn(Slot) -> Result<Option<Vec<u8>>>) -> Result<Vec<u8>> {
    let mut payload = Vec::new();
    for (expected, slot) in (0u32..).zip(parts.slots()) {
        let wrong = |reason: &str| {
            Error::corrupted(format!(
                "the log is damaged: block {slot}, a part of stream {}: {reason}",
                parts.stream
            ))
        };
        let block = get(slot)?.ok_or_else(|| wrong("it is missing"))?;
        let (header, body) = block::open(&block).map_err(|reason| wrong(&reason))?;
        let (stream, number, bytes) = block::part(&body).map_err(|reason| wrong(&reason))?;
        if header.kind != Kind::Part || (stream, number) != (parts.stream, expected) {
            return Err(wrong("another block is in its place"));
        }
        payload.extend_from_slice(bytes);
    }
    if payload.len() as u64 != parts.payload_bytes {
        return Err(Error::corrupted(format!(
            "the log is damaged: the parts of stream {} are not all there",
            parts.stream
        )));
    }
    Ok(payload)
}

fn time_text(us: i64) -> String {
    types::text::to_string(&Value::Timestamp(us), DataType::TimestampTz, &TextSettings::default())
}

fn no_transaction(tx: TxId, size: u64) -> Error {
    types::err!(InvalidParameterValue, "transaction {tx} does not exist")
        .detail(format!("The ledger holds transactions 0 to {}.", size.saturating_sub(1)))
}
