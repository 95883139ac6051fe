//! From the log's bytes back to changes, believing nothing: every hash is made again and compared with T.

use super::{
    Change, ENTRIES_AS_HASHED, ENTRIES_WITHOUT_HASHES, FORM_MOVED, META_SALT, Meta, Op, Record, check,
    derived_salt, entry, same_key,
};
use crate::Cells;
use crate::reader::Reader;
use proof::hash::{self, Sha2};
use proof::layout::{ENTRY_BYTES, Entry, Transaction};
use proof::tree::Compact;

/// A transaction from T and its payload. The reason why not, otherwise; the caller knows where it was.
pub fn unseal(transaction: &[u8; 112], payload: &[u8]) -> Result<Record, String> {
    let header = Transaction::decode(transaction).map_err(|rejection| rejection.to_string())?;
    let mut reader = Reader::new(payload, "the transaction");
    let form = reader.byte()?;
    if ![ENTRIES_AS_HASHED, ENTRIES_WITHOUT_HASHES].contains(&form) {
        return Err(format!("a payload of the unknown form {form}"));
    }
    let seed: [u8; 32] = reader.array()?;
    let meta_bytes = reader.v32()?;
    let meta_salt = derived_salt(&seed, META_SALT);
    if hash::meta_commit::<Sha2>(&meta_salt, meta_bytes) != header.meta_commit {
        return Err("the transaction's meta is not what was hashed".into());
    }
    let meta = Meta::decode(meta_bytes)?;

    // A count that lies must not make us reserve memory for it.
    let expected = (header.entry_count as usize).min(payload.len() / ENTRY_MIN_BYTES);
    let mut changes: Vec<Change> = Vec::with_capacity(expected);
    let mut entries = Vec::with_capacity(expected);
    let mut row_salts = Vec::with_capacity(expected);
    let mut tree = Compact::<Sha2>::new();
    let mut commits = Vec::new();
    for number in 0..header.entry_count {
        let wrong = |why: String| format!("entry {number}: {why}");
        let hashed: Option<[u8; ENTRY_BYTES]> = match form {
            ENTRIES_AS_HASHED => Some(reader.array().map_err(wrong)?),
            _ => None,
        };
        let change = read_change(hashed.as_ref(), &mut reader).map_err(wrong)?;
        check(&change).map_err(|error| wrong(error.message.clone()))?;
        if changes.last().is_some_and(|last| {
            same_key(last, &change) || (last.object, &last.key) > (change.object, &change.key)
        }) {
            return Err(wrong("out of order".into()));
        }
        let row_salt = derived_salt(&seed, number);
        let bytes = entry(&change, &row_salt, &mut commits).encode();
        if hashed.is_some_and(|hashed| hashed != bytes) {
            return Err(wrong("key or cells are not what was hashed".into()));
        }
        tree.append(hash::leaf::<Sha2>(&bytes), |_, _, _| ());
        changes.push(change);
        entries.push(bytes);
        row_salts.push(row_salt);
    }
    if !reader.is_empty() {
        return Err("bytes after the last entry".into());
    }
    if tree.root() != header.entries_root {
        return Err("the entries are not those that were hashed".into());
    }
    if changes.is_empty() && header.tx_id != 0 {
        return Err("no entries".into());
    }
    Ok(Record {
        tx: header.tx_id,
        committed_at: header.commit_time,
        system: header.system,
        meta,
        changes,
        transaction: *transaction,
        entries,
        meta_salt,
        row_salts,
    })
}

/// The least that an entry takes.
const ENTRY_MIN_BYTES: usize = 32;

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
