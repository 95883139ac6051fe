//! A transaction as it goes into the log: changes sealed into entries, entries into a root, and back.
//!
//! ```text
//!   Change ── row salt, cells -> row_commit ──┐
//!          └─ key salt, key   -> key_commit ──┴─> E, 86 bytes ──> entries root ──┐
//!   Meta ──── salt            -> meta_commit ───────────────────────────────────┴─> T, 112 bytes = the leaf
//! ```
//! Sealing (salts, cell, row, key and entry hashes, the entries root) is done in the session's thread; only the
//! transaction number, the commit time and the leaf are left to the committer. The bytes are in `docs/file-format.md`.

mod leaves;
mod meta;
mod unseal;

pub use unseal::{Head, Unsealed, Unsealing, unseal};
pub(crate) use unseal::{Pieces, nothing_more, reason_alone};

use crate::history::{RowBody, split_storage_key};
use crate::spool::Run;
use crate::{Cells, ObjectId, TxId};
use proof::hash::{self, Hash, Sha2};
use proof::layout::{self, Entry};
use proof::tree::Compact;
use std::sync::Arc;
use types::{Error, Result, bail};

/// Longest key.
pub const KEY_MAX_BYTES: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    Insert = 1,
    Update = 2,
    Delete = 3,
}

/// The net effect of a transaction on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub object: ObjectId,
    pub key: Vec<u8>,
    pub op: Op,
    /// The transaction of this key's previous entry, 0 for none.
    pub prev_tx: TxId,
    /// Drawn at the key's first insert, kept by its later entries.
    pub key_salt: [u8; 16],
    /// The transaction of the table's descriptor; 0 = this one. 0 for a delete.
    pub schema_tx: TxId,
    /// None for a delete.
    pub cells: Option<Cells>,
    /// A delete by a primary-key change names the new key.
    pub moved_to: Option<Vec<u8>>,
}

/// Who and why (`ledger.md` 1, meta fields 1 to 5). None is omitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    pub user: Option<String>,
    pub application_name: Option<String>,
    pub client_address: Option<String>,
    pub reason: Option<String>,
    pub statement_sha256: Option<[u8; 32]>,
}

/// Hashed and encoded, ready for a block: all but tx_id and time.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Sorted by (object, key). Of a large transaction they are in its run.
    pub changes: Vec<Change>,
    pub meta: Meta,
    pub system: bool,
    pub entry_count: u32,
    /// RFC 6962 tree over the entries.
    pub entries_root: [u8; 32],
    pub meta_commit: [u8; 32],
    /// The transaction's bytes in a block body, after T: of a large one only those before its changes.
    pub payload: Vec<u8>,
    run: Option<SealedRun>,
}

/// The changes of a large transaction, and how long they are in its payload.
#[derive(Debug, Clone)]
struct SealedRun {
    run: Arc<Run>,
    payload_bytes: u64,
}

/// A transaction read back from the log, its hashes verified against its leaf.
#[derive(Debug, Clone)]
pub struct Record {
    pub head: Head,
    pub changes: Vec<Change>,
    /// For proofs: the entries as hashed, each 86 bytes, in order.
    pub entries: Vec<[u8; 86]>,
    /// Row salts, by entry.
    pub row_salts: Vec<[u8; 32]>,
}

/// What is said of the transaction is said of the record.
impl std::ops::Deref for Record {
    type Target = Head;
    fn deref(&self) -> &Head {
        &self.head
    }
}

/// Sorts the changes by (object, key), draws salts, hashes and encodes. One change per key: two are XX000.
pub fn seal(changes: Vec<Change>, meta: Meta, system: bool, random: &dyn host::Random) -> Result<Sealed> {
    if changes.is_empty() {
        return Err(Error::internal("a transaction without entries is none"));
    }
    seal_with(changes, meta, system, host::random::bytes(random))
}

/// Transaction 0: no entries.
pub(crate) fn seal_genesis(random: &dyn host::Random) -> Result<Sealed> {
    seal_with(Vec::new(), Meta::default(), true, host::random::bytes(random))
}

/// What a payload says of its entries; the salts come from one seed in both forms. The first has them as they are hashed.
const ENTRIES_AS_HASHED: u8 = 0;
/// The second leaves out what is computed: it is hashed again whenever it is read, and their root is in T.
const ENTRIES_WITHOUT_HASHES: u8 = 1;
/// An entry's payload names the key that its row moved to.
const FORM_MOVED: u8 = 1;

fn seal_with(mut changes: Vec<Change>, meta: Meta, system: bool, seed: [u8; 32]) -> Result<Sealed> {
    changes.sort_unstable_by(|a, b| (a.object, &a.key).cmp(&(b.object, &b.key)));
    if let Some(twice) = changes.windows(2).find(|pair| same_key(&pair[0], &pair[1])) {
        let object = twice[0].object;
        return Err(Error::internal(format!("two changes of one key of object {object} in a transaction")));
    }
    let mut sealing = Sealing::begin(meta, system, seed)?;
    sealing.sealed.payload.reserve(changes.iter().map(payload_bytes).sum());
    sealing.hash(&changes)?;
    for change in &changes {
        put_change(&mut sealing.sealed.payload, change)?;
    }
    sealing.sealed.changes = changes;
    Ok(sealing.finish())
}

/// A transaction that is sealed some changes after others.
pub(crate) struct Sealing {
    seed: [u8; 32],
    tree: Compact<Sha2>,
    sealed: Sealed,
    payload_bytes: u64,
}

impl Sealing {
    pub(crate) fn begin(meta: Meta, system: bool, seed: [u8; 32]) -> Result<Sealing> {
        let meta_bytes = meta.encode();
        let mut payload = Vec::with_capacity(64 + meta_bytes.len());
        payload.push(ENTRIES_WITHOUT_HASHES);
        payload.extend_from_slice(&seed);
        put_v32(&mut payload, &meta_bytes)?;
        let meta_commit = hash::meta_commit::<Sha2>(&derived_salt(&seed, META_SALT), &meta_bytes);
        let (changes, entries_root, run) = (Vec::new(), [0; 32], None);
        let sealed =
            Sealed { changes, meta, system, entry_count: 0, entries_root, meta_commit, payload, run };
        Ok(Sealing { seed, tree: Compact::new(), sealed, payload_bytes: 0 })
    }

    /// The next changes by (object, key).
    pub(crate) fn hash(&mut self, changes: &[Change]) -> Result<()> {
        let first = self.sealed.entry_count;
        let count = u32::try_from(changes.len()).ok().and_then(|count| first.checked_add(count));
        let Some(count) = count.filter(|count| *count < META_SALT) else {
            bail!(ProgramLimitExceeded, "a transaction cannot change more than {} rows", META_SALT - 1);
        };
        for leaf in leaves::of(&self.seed, first, changes)? {
            self.tree.append(leaf, |_, _, _| ());
        }
        self.sealed.entry_count = count;
        self.payload_bytes += changes.iter().map(|change| payload_bytes(change) as u64).sum::<u64>();
        Ok(())
    }

    fn finish(self) -> Sealed {
        Sealed { entries_root: self.tree.root(), ..self.sealed }
    }

    /// What was hashed is in this run, as the index keeps it.
    pub(crate) fn finish_run(self, run: Arc<Run>) -> Sealed {
        let run = Some(SealedRun { run, payload_bytes: self.payload_bytes });
        Sealed { run, ..self.finish() }
    }
}

impl Sealed {
    pub fn payload_bytes(&self) -> u64 {
        self.payload.len() as u64 + self.run.as_ref().map_or(0, |run| run.payload_bytes)
    }

    /// The payload, where it is in memory.
    pub(crate) fn whole_payload(&self) -> Option<&[u8]> {
        self.run.is_none().then_some(&self.payload)
    }

    /// The payload in pieces of this length; the last may be shorter.
    pub(crate) fn each_piece(
        &self,
        piece_bytes: usize,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some(SealedRun { run, payload_bytes }) = &self.run else {
            return self.payload.chunks(piece_bytes).try_for_each(each);
        };
        let (mut buffer, mut given_bytes) = (self.payload.clone(), 0);
        let mut rows = run.rows()?;
        while let Some((key, body)) = rows.next()? {
            put_change(&mut buffer, &change_of(&key, &body)?)?;
            while buffer.len() >= piece_bytes {
                given_bytes += piece_bytes as u64;
                each(&buffer[..piece_bytes])?;
                buffer.drain(..piece_bytes);
            }
        }
        if given_bytes + buffer.len() as u64 != self.payload.len() as u64 + payload_bytes {
            return Err(Error::internal("a transaction that was put aside is not what was sealed"));
        }
        if buffer.is_empty() { Ok(()) } else { each(&buffer) }
    }
}

/// A change from a row as the index keeps it.
pub(crate) fn change_of(storage_key: &[u8], body: &[u8]) -> Result<Change> {
    let RowBody { op, key_salt, schema_tx, prev_tx, moved_to, cells } = RowBody::decode(body)?;
    let (object, key) = split_storage_key(storage_key);
    Ok(Change {
        object,
        key: key.to_vec(),
        op,
        prev_tx,
        key_salt,
        schema_tx,
        cells: cells.map(|cells| Cells(cells.to_vec())),
        moved_to: moved_to.map(<[u8]>::to_vec),
    })
}

fn put_change(payload: &mut Vec<u8>, change: &Change) -> Result<()> {
    payload.push(change.op as u8);
    payload.extend_from_slice(&change.object.to_be_bytes());
    payload.extend_from_slice(&change.prev_tx.to_be_bytes());
    payload.push(if change.moved_to.is_some() { FORM_MOVED } else { 0 });
    payload.extend_from_slice(&change.key_salt);
    put_key(payload, &change.key);
    if let Some(cells) = &change.cells {
        payload.extend_from_slice(&change.schema_tx.to_be_bytes());
        put_v32(payload, &cells.0)?;
    }
    if let Some(key) = &change.moved_to {
        put_key(payload, key);
    }
    Ok(())
}

fn same_key(a: &Change, b: &Change) -> bool {
    a.object == b.object && a.key == b.key
}

/// What every change that leaves this process, or comes back from disk, is like.
fn check(change: &Change) -> Result<()> {
    let wrong = |what: &str| Err(Error::internal(format!("a change of object {}: {what}", change.object)));
    for key in [Some(&change.key), change.moved_to.as_ref()].into_iter().flatten() {
        if key.len() > KEY_MAX_BYTES {
            bail!(
                ProgramLimitExceeded,
                "key size {} exceeds the maximum of {KEY_MAX_BYTES} bytes",
                key.len()
            );
        }
    }
    match (&change.cells, change.op) {
        (Some(_), Op::Delete) => wrong("a delete with cells"),
        (None, Op::Insert | Op::Update) => wrong("a row without cells"),
        (Some(_), _) if change.moved_to.is_some() => wrong("moved, but not a delete"),
        (None, Op::Delete) if change.schema_tx != 0 => wrong("a delete with a descriptor"),
        (Some(cells), _) if !cells.check() => wrong("malformed cells"),
        _ => Ok(()),
    }
}

/// A change as it is hashed. `commits` is a buffer to reuse.
fn entry(change: &Change, row_salt: &[u8; 32], commits: &mut Vec<(u32, Hash)>) -> Entry {
    let row_commit = match &change.cells {
        None => hash::NO_ROW,
        Some(cells) => {
            commits.clear();
            commits.extend(cells.iter().map(|cell| {
                let salt = hash::cell_salt::<Sha2>(row_salt, cell.column);
                (cell.column, hash::cell_commit::<Sha2>(&salt, cell.column, cell.code, cell.bytes))
            }));
            hash::row_commit::<Sha2>(change.schema_tx, change.object, commits.iter().copied())
        }
    };
    let op = match change.op {
        Op::Insert => layout::Op::Insert,
        Op::Update => layout::Op::Update,
        Op::Delete => layout::Op::Delete,
    };
    let key_commit = hash::key_commit::<Sha2>(&change.key_salt, change.object, &change.key);
    Entry { op, object: change.object, prev_tx: change.prev_tx, key_commit, row_commit }
}

/// The number of the meta salt; row salts have their entry's.
const META_SALT: u32 = u32::MAX;

/// A salt of a transaction: H(`stele1rs` ‖ seed 32 ‖ u32 number). A matter of storage: no verifier sees the seed.
fn derived_salt(seed: &[u8; 32], number: u32) -> [u8; 32] {
    hash::digest::<Sha2>(&[b"stele1rs", seed, &number.to_be_bytes()])
}

fn payload_bytes(change: &Change) -> usize {
    let cells = change.cells.as_ref().map_or(0, |cells| 12 + cells.0.len());
    13 + 1 + 16 + 2 + change.key.len() + cells + change.moved_to.as_ref().map_or(0, |key| 2 + key.len())
}

fn put_v32(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let Ok(length) = u32::try_from(bytes.len()) else {
        bail!(ProgramLimitExceeded, "a row of {} bytes is too long", bytes.len());
    };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Keys are at most 2 KiB long ([`check`]).
fn put_key(out: &mut Vec<u8>, key: &[u8]) {
    out.extend_from_slice(&(key.len() as u16).to_be_bytes());
    out.extend_from_slice(key);
}

#[cfg(test)]
mod tests;
