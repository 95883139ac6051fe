//! A transaction as it goes into the log: changes sealed into entries, entries into a root, and back.
//!
//! Sealing (salts, cell, row, key and entry hashes, the entries root) is done in the session's thread; only the
//! transaction number, the commit time and the leaf are left to the committer.

use crate::{Cells, ObjectId, TxId};
use types::Result;

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
    /// The transaction of the table's descriptor; 0 = this one.
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
    pub changes: Vec<Change>,
    pub meta: Meta,
    pub system: bool,
    /// RFC 6962 tree over the entries.
    pub entries_root: [u8; 32],
    pub meta_commit: [u8; 32],
    /// The transaction's bytes in a block body, after T.
    pub payload: Vec<u8>,
}

/// Sorts the changes by (object, key), draws salts, hashes and encodes. One change per key: two are XX000.
pub fn seal(_changes: Vec<Change>, _meta: Meta, _system: bool, _random: &dyn host::Random) -> Result<Sealed> {
    todo!()
}

/// A transaction read back from the log, its hashes verified against its leaf.
#[derive(Debug, Clone)]
pub struct Record {
    pub tx: TxId,
    /// Microseconds since 1970-01-01 UTC.
    pub committed_at: i64,
    pub system: bool,
    pub meta: Meta,
    pub changes: Vec<Change>,
    /// The 112 bytes of T.
    pub transaction: [u8; 112],
    /// For proofs: the entries as hashed, each 86 bytes, in order.
    pub entries: Vec<[u8; 86]>,
    pub meta_salt: [u8; 32],
    /// Row salts, by entry.
    pub row_salts: Vec<[u8; 32]>,
}
