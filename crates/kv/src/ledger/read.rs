//! Reading the ledger: transactions, times, roots and paths. Everything is compared with the tree before it is given, and
//! the tree's own hashes with those above them: where a tile is wrong it is the tile that is named, and never the log.

use super::Ledger;
use crate::guard::lock;
use crate::log::Slot;
use crate::log::block::{self, Codec, Content, HEADER_BYTES, Header, Kind, Parts, Stored};
use crate::record::{Head, Pieces, Record, Unsealed, Unsealing, nothing_more};
use crate::{At, ObjectId, TxId};
use proof::hash::{self, Hash, Sha2};
use proof::layout::{TRANSACTION_BYTES, Transaction};
use proof::tree::{self, Compact};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use types::{DataType, Error, Result, SqlState, TextSettings, Value, bail};

/// A change, its transaction's head, and the path between them.
pub struct ProvenChange {
    pub head: Head,
    pub unsealed: Unsealed,
    /// RFC 6962 audit path of its entry.
    pub entries_path: Vec<Hash>,
}

impl Ledger {
    /// One transaction, whole and in memory, verified against its leaf. 22023 if there is none of that number.
    pub fn read(&self, tx: TxId) -> Result<Record> {
        self.with(tx, |unsealing| unsealing.into_record())
    }

    /// [`Ledger::read`] without the changes: who, why and when.
    pub fn head(&self, tx: TxId) -> Result<Head> {
        self.with(tx, |unsealing| Ok(unsealing.head().clone()))
    }

    /// One change of a transaction with all that proves it. None: it does not change that key.
    pub fn entry(&self, tx: TxId, object: ObjectId, key: &[u8]) -> Result<Option<ProvenChange>> {
        let found = self.with(tx, |mut unsealing| {
            let mut found = None;
            while let Some(unsealed) = unsealing.next()? {
                if unsealed.change.object == object && unsealed.change.key == key {
                    found = Some((unsealing.head().clone(), unsealed));
                }
            }
            Ok(found)
        })?;
        let Some((head, unsealed)) = found else { return Ok(None) };
        let entries_path = self.entries_path(&head, unsealed.number)?;
        Ok(Some(ProvenChange { head, unsealed, entries_path }))
    }

    /// The audit path of an entry within its transaction. The transaction is read once more, so that only what the path
    /// is made of is in memory.
    fn entries_path(&self, head: &Head, number: u32) -> Result<Vec<Hash>> {
        let (at, size) = (u64::from(number), u64::from(head.entry_count));
        let mut wanted = HashMap::new();
        tree::inclusion_path::<Sha2, Error>(at, size, |level, index| {
            wanted.insert((level, index), [0; 32]);
            Ok([0; 32])
        })?;
        self.with(head.tx, |mut unsealing| {
            let mut tree = Compact::<Sha2>::new();
            while let Some(unsealed) = unsealing.next()? {
                tree.append(hash::leaf::<Sha2>(&unsealed.entry), |level, index, hash| {
                    wanted.entry((level, index)).and_modify(|wanted| *wanted = *hash);
                });
            }
            Ok(())
        })?;
        let node = |level, index| wanted.get(&(level, index)).copied().ok_or_else(|| no_entry(head.tx));
        tree::inclusion_path::<Sha2, Error>(at, size, node)?.ok_or_else(|| no_entry(head.tx))
    }

    fn with<T>(&self, tx: TxId, mut read: impl FnMut(Unsealing) -> Result<T>) -> Result<T> {
        let size = self.size();
        if tx >= size {
            return Err(no_transaction(tx, size));
        }
        let (slot, block) = self.block_of(tx)?;
        let visited = self.visit_block(slot, &block, tx, |stored| {
            Ok(ControlFlow::Break(read(self.unsealing(slot, tx, stored)?)?))
        })?;
        visited.ok_or_else(|| self.damaged(slot, tx, "the block does not hold it"))
    }

    /// [`Ledger::walk`] with whole transactions in memory.
    pub fn replay(&self, from: TxId, visit: &mut dyn FnMut(Record) -> Result<ControlFlow<()>>) -> Result<()> {
        self.walk(from, &mut |unsealing| visit(unsealing.into_record()?))
    }

    /// Transactions `from..` in order until `visit` says stop, their heads verified, and their changes as they are read.
    /// Ends with the last that was ordered when it began. One block is in memory at a time, or a part of a large
    /// transaction.
    pub fn walk(
        &self,
        from: TxId,
        visit: &mut dyn FnMut(Unsealing) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
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
                let unsealing = self.unsealing(slot, tx, stored)?;
                tx += 1;
                visit(unsealing)
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
            return Err(Error::internal(format!("transaction {tx} does not lead to the root of {size}")));
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
            return Err(Error::internal(format!("the roots of {from} and {to} transactions do not agree")));
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
        let damaged = |reason: String| self.damaged(slot, from, &reason);
        if Header::decode(block).map_err(damaged)?.kind == Kind::Part {
            return Ok(None);
        }
        let (header, body) = block::open(block).map_err(damaged)?;
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

    fn unsealing<'a>(&'a self, slot: Slot, tx: TxId, stored: &Stored<'a>) -> Result<Unsealing<'a>> {
        self.verified(slot, tx, stored.transaction)?;
        let (bytes, more): (&[u8], (Pieces, u64)) = match stored.content {
            Content::Inline(payload) => (payload, nothing_more()),
            Content::InParts(parts) => {
                let mut pieces = pieces(parts, |part| self.log.get(part), |part| self.log.place(part));
                (&[], (Box::new(move || self.noticed(pieces())), parts.payload_bytes))
            }
        };
        let blame = Box::new(move |reason: &str| self.damaged(slot, tx, reason));
        Unsealing::new(stored.transaction, Cow::Borrowed(bytes), more, blame)
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

    /// Damage that the log has found stops writing too.
    fn noticed<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| if error.state == SqlState::DataCorrupted { self.stop(error) } else { error })
    }
}

/// A large transaction's payload, part by part. `place`: where a block is, for messages.
pub(crate) fn pieces<'a>(
    parts: Parts<'a>,
    get: impl Fn(Slot) -> Result<Option<Vec<u8>>> + 'a,
    place: impl Fn(Slot) -> String + 'a,
) -> Pieces<'a> {
    let mut slots = (0u32..).zip(parts.slots());
    let mut left_bytes = parts.payload_bytes;
    let mut last = parts.stream;
    Box::new(move || {
        let stream = parts.stream;
        let wrong = |slot: Slot, reason: &str| {
            let place = place(slot);
            Error::corrupted(format!(
                "the log is damaged: {place}, block {slot}, a part of stream {stream}: {reason}"
            ))
        };
        let Some((expected, slot)) = slots.next() else {
            return if left_bytes == 0 { Ok(None) } else { Err(wrong(last, "parts after it are missing")) };
        };
        last = slot;
        let block = get(slot)?.ok_or_else(|| wrong(slot, "it is missing"))?;
        let (header, body) = block::open(&block).map_err(|reason| wrong(slot, &reason))?;
        let (of, number, bytes) = block::part(&body).map_err(|reason| wrong(slot, &reason))?;
        if header.kind != Kind::Part || (of, number) != (stream, expected) {
            return Err(wrong(slot, "another block is in its place"));
        }
        left_bytes = left_bytes
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| wrong(slot, "the parts are longer than they should be"))?;
        Ok(Some(bytes.to_vec()))
    })
}

fn no_entry(tx: TxId) -> Error {
    Error::internal(format!("transaction {tx} was read twice and was not the same"))
}

fn time_text(us: i64) -> String {
    types::text::to_string(&Value::Timestamp(us), DataType::TimestampTz, &TextSettings::default())
}

fn no_transaction(tx: TxId, size: u64) -> Error {
    types::err!(InvalidParameterValue, "transaction {tx} does not exist")
        .detail(format!("The ledger holds transactions 0 to {}.", size.saturating_sub(1)))
}
