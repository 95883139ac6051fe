//! The two hashed structures, byte for byte: transaction T (112 bytes) and entry E (86 bytes).
//!
//! ```text
//! T   0 tag `stele1tx`   8 u16 version = 1   10 u16 flags     12 db_id 16        28 u64 tx_id
//!    36 i64 commit time  44 u32 entries      48 entries_root  80 meta_commit    112
//! E   0 tag `stele1en`   8 u8 op   9 u8 flags = 0   10 u32 object   14 u64 prev_tx   22 key_commit   54 row_commit   86
//! ```
//! Big-endian. Decoding refuses what version 1 does not define, so decode and encode are inverse on what is accepted.

use crate::hash::{self, Hash, Sha256};
use crate::rejection::{Rejection, unreadable};
use alloc::format;

pub const TRANSACTION_BYTES: usize = 112;
pub const ENTRY_BYTES: usize = 86;

const TRANSACTION_TAG: &[u8; 8] = b"stele1tx";
const ENTRY_TAG: &[u8; 8] = b"stele1en";
const VERSION: u16 = 1;
const FLAG_SYSTEM: u16 = 1;

/// The log's leaf: one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// Made by the database itself: genesis, bootstrap, reservations.
    pub system: bool,
    pub database_id: [u8; 16],
    /// Its leaf's index in the log.
    pub tx_id: u64,
    /// Microseconds since 1970-01-01 UTC, as the server claims; never smaller than the transaction's before it.
    pub commit_time: i64,
    pub entry_count: u32,
    /// RFC 6962 tree over the entries.
    pub entries_root: Hash,
    pub meta_commit: Hash,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    Insert = 1,
    Update = 2,
    Delete = 3,
}

/// A leaf of a transaction's tree: one row change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    pub op: Op,
    /// The table's storage generation.
    pub object: u32,
    /// The transaction of this key's previous entry, 0 = none.
    pub prev_tx: u64,
    pub key_commit: Hash,
    /// [`hash::NO_ROW`] for a delete.
    pub row_commit: Hash,
}

impl Transaction {
    pub fn encode(&self) -> [u8; TRANSACTION_BYTES] {
        let flags = if self.system { FLAG_SYSTEM } else { 0 };
        let mut bytes = [0; TRANSACTION_BYTES];
        bytes[..8].copy_from_slice(TRANSACTION_TAG);
        bytes[8..10].copy_from_slice(&VERSION.to_be_bytes());
        bytes[10..12].copy_from_slice(&flags.to_be_bytes());
        bytes[12..28].copy_from_slice(&self.database_id);
        bytes[28..36].copy_from_slice(&self.tx_id.to_be_bytes());
        bytes[36..44].copy_from_slice(&self.commit_time.to_be_bytes());
        bytes[44..48].copy_from_slice(&self.entry_count.to_be_bytes());
        bytes[48..80].copy_from_slice(&self.entries_root);
        bytes[80..].copy_from_slice(&self.meta_commit);
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Transaction, Rejection> {
        let bytes: &[u8; TRANSACTION_BYTES] = match bytes.try_into() {
            Ok(bytes) => bytes,
            Err(_) => {
                return unreadable(format!("a transaction record of {} bytes instead of 112", bytes.len()));
            }
        };
        let version = u16::from_be_bytes(array(bytes, 8));
        let flags = u16::from_be_bytes(array(bytes, 10));
        if &array(bytes, 0) != TRANSACTION_TAG {
            return unreadable("not a transaction record");
        }
        if version != VERSION {
            return unreadable(format!("transaction record of unknown version {version}"));
        }
        if flags & !FLAG_SYSTEM != 0 {
            return unreadable(format!("transaction record with unknown flags {flags:#06x}"));
        }
        Ok(Transaction {
            system: flags & FLAG_SYSTEM != 0,
            database_id: array(bytes, 12),
            tx_id: u64::from_be_bytes(array(bytes, 28)),
            commit_time: i64::from_be_bytes(array(bytes, 36)),
            entry_count: u32::from_be_bytes(array(bytes, 44)),
            entries_root: array(bytes, 48),
            meta_commit: array(bytes, 80),
        })
    }

    /// The hash of this transaction's leaf in the log.
    pub fn leaf<S: Sha256>(&self) -> Hash {
        hash::leaf::<S>(&self.encode())
    }
}

impl Entry {
    pub fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(ENTRY_TAG);
        bytes[8] = self.op as u8;
        bytes[10..14].copy_from_slice(&self.object.to_be_bytes());
        bytes[14..22].copy_from_slice(&self.prev_tx.to_be_bytes());
        bytes[22..54].copy_from_slice(&self.key_commit);
        bytes[54..].copy_from_slice(&self.row_commit);
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Entry, Rejection> {
        let bytes: &[u8; ENTRY_BYTES] = match bytes.try_into() {
            Ok(bytes) => bytes,
            Err(_) => return unreadable(format!("an entry of {} bytes instead of 86", bytes.len())),
        };
        if &array(bytes, 0) != ENTRY_TAG {
            return unreadable("not an entry");
        }
        let op = match bytes[8] {
            1 => Op::Insert,
            2 => Op::Update,
            3 => Op::Delete,
            other => return unreadable(format!("entry with unknown operation {other}")),
        };
        if bytes[9] != 0 {
            return unreadable(format!("entry with unknown flags {:#04x}", bytes[9]));
        }
        let row_commit: Hash = array(bytes, 54);
        if (op == Op::Delete) != (row_commit == hash::NO_ROW) {
            return unreadable("an entry has a row if and only if it is no delete");
        }
        Ok(Entry {
            op,
            object: u32::from_be_bytes(array(bytes, 10)),
            prev_tx: u64::from_be_bytes(array(bytes, 14)),
            key_commit: array(bytes, 22),
            row_commit,
        })
    }

    /// The hash of this entry's leaf in its transaction's tree.
    pub fn leaf<S: Sha256>(&self) -> Hash {
        hash::leaf::<S>(&self.encode())
    }
}

/// `N` bytes at a fixed offset of a record whose length was checked.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn transaction() -> Transaction {
        Transaction {
            system: false,
            database_id: [7; 16],
            tx_id: 3,
            commit_time: -1,
            entry_count: 2,
            entries_root: [8; 32],
            meta_commit: [9; 32],
        }
    }

    fn entry(op: Op) -> Entry {
        let row_commit = if op == Op::Delete { hash::NO_ROW } else { [4; 32] };
        Entry { op, object: 16384, prev_tx: 2, key_commit: [3; 32], row_commit }
    }

    #[test]
    fn what_version_1_does_not_define_is_refused() {
        let good = transaction().encode();
        assert_eq!(Transaction::decode(&good), Ok(transaction()));
        for (at, value, reason) in [
            (0, b'S', "not a transaction record"),
            (9, 2, "transaction record of unknown version 2"),
            (11, 2, "transaction record with unknown flags 0x0002"),
            (10, 0x80, "transaction record with unknown flags 0x8000"),
        ] {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(Transaction::decode(&bad).unwrap_err().reason(), reason);
        }
        assert!(Transaction::decode(&good[..111]).is_err());

        let good = entry(Op::Insert).encode();
        assert_eq!(Entry::decode(&good), Ok(entry(Op::Insert)));
        for (at, value, reason) in [
            (7, b't', "not an entry"),
            (8, 0, "entry with unknown operation 0"),
            (8, 4, "entry with unknown operation 4"),
            (9, 1, "entry with unknown flags 0x01"),
            (8, 3, "an entry has a row if and only if it is no delete"),
        ] {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(Entry::decode(&bad).unwrap_err().reason(), reason);
        }
        assert_eq!(Entry::decode(&entry(Op::Delete).encode()), Ok(entry(Op::Delete)));
    }

    proptest! {
        #[test]
        fn decode_and_encode_are_inverse(mut bytes in prop::array::uniform32(any::<[u8; 4]>()).prop_map(|b| b.concat()), system in 0..2u8, op in 1..4u8) {
            bytes.truncate(112);
            bytes[..12].copy_from_slice(&[&b"stele1tx\0\x01\0"[..], &[system]].concat());
            prop_assert_eq!(&Transaction::decode(&bytes).unwrap().encode()[..], &bytes[..]);
            bytes.truncate(86);
            bytes[..10].copy_from_slice(&[&b"stele1en"[..], &[op, 0]].concat());
            if op == 3 {
                bytes[54..].fill(0);
            }
            prop_assert_eq!(&Entry::decode(&bytes).unwrap().encode()[..], &bytes[..]);
        }
    }
}
