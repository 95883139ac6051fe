//! From the log's bytes back to changes, believing nothing: every hash is made again and compared with T.
//!
//! A large transaction is read piece by piece, and its entries' root is known only behind the last one: who takes changes
//! out of an [`Unsealing`] believes none of them before it has said that there are no more.

use super::{
    Change, ENTRIES_AS_HASHED, ENTRIES_WITHOUT_HASHES, FORM_MOVED, META_SALT, Meta, Op, Record, check,
    derived_salt, entry,
};
use crate::reader::Reader;
use crate::{Cells, ObjectId, TxId};
use proof::hash::{self, Sha2};
use proof::layout::{ENTRY_BYTES, Entry, TRANSACTION_BYTES, Transaction};
use proof::tree::Compact;
use std::borrow::Cow;
use types::{Error, Result};

/// A transaction but for its changes, verified against its leaf.
#[derive(Debug, Clone)]
pub struct Head {
    pub tx: TxId,
    /// Microseconds since 1970-01-01 UTC.
    pub committed_at: i64,
    pub system: bool,
    pub meta: Meta,
    pub entry_count: u32,
    /// The 112 bytes of T.
    pub transaction: [u8; TRANSACTION_BYTES],
    pub meta_salt: [u8; 32],
}

/// A change and what it is hashed with.
pub struct Unsealed {
    pub number: u32,
    pub change: Change,
    pub entry: [u8; ENTRY_BYTES],
    pub row_salt: [u8; 32],
}

/// Gives a payload's bytes in order, in pieces of any length.
pub(crate) type Pieces<'a> = Box<dyn FnMut() -> Result<Option<Vec<u8>>> + 'a>;
/// Names the place of what is wrong.
pub(crate) type Blame<'a> = Box<dyn Fn(&str) -> Error + 'a>;

/// A transaction that is being read, change after change.
pub struct Unsealing<'a> {
    head: Head,
    entries_root: hash::Hash,
    form: u8,
    seed: [u8; 32],
    bytes: Cow<'a, [u8]>,
    at: usize,
    more: Pieces<'a>,
    payload_bytes: u64,
    blame: Blame<'a>,
    number: u32,
    last: Option<(ObjectId, Vec<u8>)>,
    tree: Compact<Sha2>,
    commits: Vec<(u32, hash::Hash)>,
}

/// A transaction from T and its payload. The reason why not, otherwise; the caller knows where it was.
pub fn unseal(transaction: &[u8; 112], payload: &[u8]) -> Result<Record, String> {
    let record = Unsealing::new(transaction, Cow::Borrowed(payload), nothing_more(), reason_alone())
        .and_then(Unsealing::into_record);
    record.map_err(|error| error.message.clone())
}

/// For payloads that are there in one piece.
pub(crate) fn nothing_more<'a>() -> (Pieces<'a>, u64) {
    (Box::new(|| Ok(None)), 0)
}

pub(crate) fn reason_alone<'a>() -> Blame<'a> {
    Box::new(|reason| Error::corrupted(reason.to_owned()))
}

impl<'a> Unsealing<'a> {
    /// `bytes` and `more_bytes` behind them, which `more` gives, are the payload.
    pub(crate) fn new(
        transaction: &[u8; TRANSACTION_BYTES],
        bytes: Cow<'a, [u8]>,
        (more, more_bytes): (Pieces<'a>, u64),
        blame: Blame<'a>,
    ) -> Result<Unsealing<'a>> {
        let read = Transaction::decode(transaction).map_err(|rejection| blame(&rejection.to_string()))?;
        let mut unsealing = Unsealing {
            head: Head {
                tx: read.tx_id,
                committed_at: read.commit_time,
                system: read.system,
                meta: Meta::default(),
                entry_count: read.entry_count,
                transaction: *transaction,
                meta_salt: [0; 32],
            },
            entries_root: read.entries_root,
            form: ENTRIES_WITHOUT_HASHES,
            seed: [0; 32],
            payload_bytes: more_bytes.saturating_add(bytes.len() as u64),
            bytes,
            at: 0,
            more,
            blame,
            number: 0,
            last: None,
            tree: Compact::new(),
            commits: Vec::new(),
        };
        unsealing.read_head(&read.meta_commit)?;
        Ok(unsealing)
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How long it is in the log.
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    fn read_head(&mut self, meta_commit: &hash::Hash) -> Result<()> {
        let (form, seed, meta) = self.take(|reader| {
            let form = reader.byte()?;
            if ![ENTRIES_AS_HASHED, ENTRIES_WITHOUT_HASHES].contains(&form) {
                return Err(format!("a payload of the unknown form {form}"));
            }
            let seed: [u8; 32] = reader.array()?;
            let meta = reader.v32()?;
            if hash::meta_commit::<Sha2>(&derived_salt(&seed, META_SALT), meta) != *meta_commit {
                return Err("the transaction's meta is not what was hashed".into());
            }
            Ok((form, seed, Meta::decode(meta)?))
        })?;
        (self.form, self.seed) = (form, seed);
        (self.head.meta, self.head.meta_salt) = (meta, derived_salt(&seed, META_SALT));
        Ok(())
    }

    /// The next change. None: that was all, and all of them are what was hashed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Unsealed>> {
        if self.number == self.head.entry_count {
            self.finish()?;
            return Ok(None);
        }
        let (number, form) = (self.number, self.form);
        let wrong = |why: String| format!("entry {number}: {why}");
        let (hashed, change) = self.take(|reader| {
            let hashed: Option<[u8; ENTRY_BYTES]> = match form {
                ENTRIES_AS_HASHED => Some(reader.array().map_err(wrong)?),
                _ => None,
            };
            let change = read_change(hashed.as_ref(), reader).map_err(wrong)?;
            check(&change).map_err(|error| wrong(error.message.clone()))?;
            Ok((hashed, change))
        })?;
        if self.last.as_ref().is_some_and(|(object, key)| (*object, key) >= (change.object, &change.key)) {
            return Err((self.blame)(&wrong("out of order".into())));
        }
        let row_salt = derived_salt(&self.seed, number);
        let bytes = entry(&change, &row_salt, &mut self.commits).encode();
        if hashed.is_some_and(|hashed| hashed != bytes) {
            return Err((self.blame)(&wrong("key or cells are not what was hashed".into())));
        }
        self.tree.append(hash::leaf::<Sha2>(&bytes), |_, _, _| ());
        match &mut self.last {
            Some((object, key)) => {
                *object = change.object;
                key.clone_from(&change.key);
            }
            last => *last = Some((change.object, change.key.clone())),
        }
        self.number += 1;
        Ok(Some(Unsealed { number, change, entry: bytes, row_salt }))
    }

    fn finish(&mut self) -> Result<()> {
        if self.at < self.bytes.len() || self.refill()? {
            return Err((self.blame)("bytes after the last entry"));
        }
        if self.tree.root() != self.entries_root {
            return Err((self.blame)("the entries are not those that were hashed"));
        }
        if self.number == 0 && self.head.tx != 0 {
            return Err((self.blame)("no entries"));
        }
        Ok(())
    }

    /// All of it, in memory.
    pub fn into_record(mut self) -> Result<Record> {
        let (mut changes, mut entries, mut row_salts) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(Unsealed { number: _, change, entry, row_salt }) = self.next()? {
            changes.push(change);
            entries.push(entry);
            row_salts.push(row_salt);
        }
        Ok(Record { head: self.head, changes, entries, row_salts })
    }

    /// Reads something that may go on in the next pieces.
    fn take<T>(&mut self, read: impl Fn(&mut Reader) -> Result<T, String>) -> Result<T> {
        loop {
            let mut reader = Reader::new(self.bytes.get(self.at..).unwrap_or_default(), "the transaction");
            match read(&mut reader) {
                Ok(taken) => {
                    self.at = self.bytes.len() - reader.left_bytes();
                    return Ok(taken);
                }
                Err(reason) => {
                    if !(reader.ended_early() && self.refill()?) {
                        return Err((self.blame)(&reason));
                    }
                }
            }
        }
    }

    /// False: there is no more.
    fn refill(&mut self) -> Result<bool> {
        let Some(piece) = (self.more)()? else { return Ok(false) };
        let left = self.bytes.get(self.at..).unwrap_or_default();
        self.bytes = Cow::Owned(if left.is_empty() { piece } else { [left, &piece].concat() });
        self.at = 0;
        Ok(true)
    }
}

/// `hashed`: the entry as it is hashed, where the payload has it.
fn read_change(hashed: Option<&[u8; ENTRY_BYTES]>, reader: &mut Reader) -> Result<Change, String> {
    let (op, object, prev_tx) = match hashed {
        Some(hashed) => {
            let entry = Entry::decode(hashed).map_err(|rejection| rejection.to_string())?;
            (entry.op as u8, entry.object, entry.prev_tx)
        }
        None => (reader.byte()?, reader.u32()?, u64::from_be_bytes(reader.array()?)),
    };
    let op = match op {
        1 => Op::Insert,
        2 => Op::Update,
        3 => Op::Delete,
        other => return Err(format!("unknown op {other}")),
    };
    let form = reader.byte()?;
    if form & !FORM_MOVED != 0 {
        return Err(format!("payload of unknown form {form:#04x}"));
    }
    let key_salt = reader.array()?;
    let key = reader.v16()?.to_vec();
    let (schema_tx, cells) = match op {
        Op::Delete => (0, None),
        Op::Insert | Op::Update => (u64::from_be_bytes(reader.array()?), Some(Cells(reader.v32()?.to_vec()))),
    };
    let moved_to = if form & FORM_MOVED != 0 { Some(reader.v16()?.to_vec()) } else { None };
    Ok(Change { object, key, op, prev_tx, key_salt, schema_tx, cells, moved_to })
}
