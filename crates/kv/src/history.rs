//! The versions of a key, as bytes.
//!
//! ```text
//!   storage key   u32 object or index ‖ key                       current and dead keyspaces
//!   history key   storage key ‖ !u64 tx                           newest first
//!   value         u64 tx ‖ body
//!   row body      u8 op ‖ u8 flags ‖ key_salt 16 ‖ u64 schema_tx ‖ u64 prev_tx ‖ [u32 length ‖ moved_to] ‖ cells
//!   entry body    u8 op ‖ primary key                             op 1 = valid from tx, 3 = no longer valid from tx
//! ```
//!
//! Rows and index entries are versioned in the same way, so everything that moves or finds versions looks at the
//! transaction and the op alone. Bytes of an engine are not trusted: every reader here is total.

use crate::{Cells, ObjectId, Op, Span, TxId, Version};
use std::ops::Bound;
use types::{Error, Result, SqlState};

/// The transaction number that a transaction sees on what it has written itself and not committed.
pub const UNCOMMITTED: TxId = TxId::MAX;

/// What is versioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    Row = 0,
    Entry = 1,
}

impl Family {
    pub(crate) const ALL: [Family; 2] = [Family::Row, Family::Entry];
}

/// A version as stored: its transaction, and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub tx: TxId,
    pub body: Vec<u8>,
}

/// A row's version, but for its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowBody<'a> {
    pub op: Op,
    pub key_salt: [u8; 16],
    pub schema_tx: TxId,
    pub prev_tx: TxId,
    pub moved_to: Option<&'a [u8]>,
    /// None for a delete.
    pub cells: Option<&'a [u8]>,
}

const ROW_HEAD: usize = 34;
const FLAG_MOVED: u8 = 1;

impl<'a> RowBody<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    /// Appends it.
    pub(crate) fn encode_to(&self, out: &mut Vec<u8>) {
        let moved = self.moved_to.map_or(0, |key| 4 + key.len());
        let cells = self.cells.unwrap_or_default();
        out.reserve(ROW_HEAD + moved + cells.len());
        out.push(self.op as u8);
        out.push(if self.moved_to.is_some() { FLAG_MOVED } else { 0 });
        out.extend_from_slice(&self.key_salt);
        out.extend_from_slice(&self.schema_tx.to_be_bytes());
        out.extend_from_slice(&self.prev_tx.to_be_bytes());
        if let Some(key) = self.moved_to {
            out.extend_from_slice(&(key.len() as u32).to_be_bytes());
            out.extend_from_slice(key);
        }
        out.extend_from_slice(cells);
    }

    pub(crate) fn decode(body: &'a [u8]) -> Result<RowBody<'a>> {
        RowBody::parse(body).ok_or_else(|| damaged("a row's version"))
    }

    fn parse(body: &'a [u8]) -> Option<RowBody<'a>> {
        let (head, mut rest) = body.split_at_checked(ROW_HEAD)?;
        let op = op_of(head)?;
        let mut moved_to = None;
        if head[1] & FLAG_MOVED != 0 {
            let (length, tail) = rest.split_at_checked(4)?;
            let (key, tail) = tail.split_at_checked(u32::from_be_bytes(length.try_into().ok()?) as usize)?;
            moved_to = Some(key);
            rest = tail;
        }
        Some(RowBody {
            op,
            key_salt: head[2..18].try_into().ok()?,
            schema_tx: u64::from_be_bytes(head[18..26].try_into().ok()?),
            prev_tx: u64::from_be_bytes(head[26..34].try_into().ok()?),
            moved_to,
            cells: (op != Op::Delete).then_some(rest),
        })
    }
}

impl Stored {
    /// As a row's version. Keeps the allocation for the cells.
    pub(crate) fn into_version(self) -> Result<Version> {
        let RowBody { op, key_salt: _, schema_tx, prev_tx: _, moved_to, cells } =
            RowBody::decode(&self.body)?;
        let moved_to = moved_to.map(<[u8]>::to_vec);
        let cells_at = cells.map(|cells| self.body.len() - cells.len());
        let mut body = self.body;
        let cells = cells_at.map(|at| {
            body.drain(..at);
            Cells(body)
        });
        Ok(Version { tx: self.tx, op, schema_tx, cells, moved_to, end: None })
    }

    /// As an index entry: the row's primary key.
    pub(crate) fn into_primary_key(mut self) -> Vec<u8> {
        self.body.drain(..self.body.len().min(1));
        self.body
    }

    pub(crate) fn is_live(&self) -> bool {
        is_live(&self.body)
    }
}

/// Whether a body is a version that can be seen: anything but a delete.
pub(crate) fn is_live(body: &[u8]) -> bool {
    body.first().is_some_and(|&op| op != Op::Delete as u8)
}

/// Whether a body says that its key has no older version. An entry does not tell.
pub(crate) fn is_first(family: Family, body: &[u8]) -> bool {
    family == Family::Row && RowBody::decode(body).is_ok_and(|row| row.op == Op::Insert && row.prev_tx == 0)
}

pub(crate) fn entry_body(add: bool, primary_key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + primary_key.len());
    out.push(if add { Op::Insert } else { Op::Delete } as u8);
    out.extend_from_slice(primary_key);
    out
}

fn op_of(body: &[u8]) -> Option<Op> {
    match *body.first()? {
        1 => Some(Op::Insert),
        2 => Some(Op::Update),
        3 => Some(Op::Delete),
        _ => None,
    }
}

pub(crate) fn storage_key(id: ObjectId, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + key.len());
    storage_key_to(id, key, &mut out);
    out
}

/// Appends it.
pub(crate) fn storage_key_to(id: ObjectId, key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(key);
}

/// The object or index of a storage key, and the key within it.
pub(crate) fn split_storage_key(key: &[u8]) -> (ObjectId, &[u8]) {
    match key.split_first_chunk::<4>() {
        Some((id, rest)) => (u32::from_be_bytes(*id), rest),
        None => (0, &[]),
    }
}

pub(crate) fn history_key(storage_key: &[u8], tx: TxId) -> Vec<u8> {
    let mut out = Vec::with_capacity(storage_key.len() + 8);
    out.extend_from_slice(storage_key);
    out.extend_from_slice(&(!tx).to_be_bytes());
    out
}

pub(crate) fn value(tx: TxId, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + body.len());
    out.extend_from_slice(&tx.to_be_bytes());
    out.extend_from_slice(body);
    out
}

pub(crate) fn parse_value(mut value: Vec<u8>) -> Result<Stored> {
    let tx = value_tx(&value)?;
    value.drain(..8);
    Ok(Stored { tx, body: value })
}

pub(crate) fn value_tx(value: &[u8]) -> Result<TxId> {
    match value.split_first_chunk::<8>() {
        Some((tx, body)) if !body.is_empty() => Ok(u64::from_be_bytes(*tx)),
        _ => Err(damaged("a value")),
    }
}

/// A range of storage keys.
pub(crate) type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// A span of one object's or index's keys, as storage keys.
pub(crate) fn storage_span(id: ObjectId, span: &Span) -> KeyRange {
    let from = match &span.from {
        Bound::Included(key) => Bound::Included(storage_key(id, key)),
        Bound::Excluded(key) => Bound::Excluded(storage_key(id, key)),
        Bound::Unbounded => Bound::Included(storage_key(id, &[])),
    };
    let to = match &span.to {
        Bound::Included(key) => Bound::Included(storage_key(id, key)),
        Bound::Excluded(key) => Bound::Excluded(storage_key(id, key)),
        Bound::Unbounded => match id.checked_add(1) {
            Some(next) => Bound::Excluded(storage_key(next, &[])),
            None => Bound::Unbounded,
        },
    };
    (from, to)
}

pub(crate) fn as_slices<'a>(
    from: &'a Bound<Vec<u8>>,
    to: &'a Bound<Vec<u8>>,
) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice))
}

/// Whether no key can lie between (ordered maps panic on such ranges).
pub(crate) fn is_empty_range(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    use Bound::*;
    match (from, to) {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(from), Included(to)) => from > to,
        (Included(from) | Excluded(from), Excluded(to)) | (Excluded(from), Included(to)) => from >= to,
    }
}

/// XX002: derived state that cannot be what was put there.
pub(crate) fn damaged(what: &str) -> Error {
    Error::new(SqlState::IndexCorrupted, format!("the index holds bytes that are not {what}"))
        .hint("The index is derived from the log: stop the server and run \"stele check --rebuild-index\".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_body_reads_back(
            op in prop_oneof![Just(Op::Insert), Just(Op::Update), Just(Op::Delete)],
            key_salt: [u8; 16], schema_tx: u64, prev_tx: u64, tx: u64,
            moved_to: Option<Vec<u8>>, cells: Vec<u8>,
        ) {
            let cells = (op != Op::Delete).then_some(cells);
            let body = RowBody { op, key_salt, schema_tx, prev_tx, moved_to: moved_to.as_deref(), cells: cells.as_deref() };
            let stored = parse_value(value(tx, &body.encode())).unwrap();
            prop_assert_eq!(RowBody::decode(&stored.body).unwrap(), body);
            prop_assert_eq!(stored.is_live(), op != Op::Delete);
            let version = stored.into_version().unwrap();
            prop_assert_eq!(version, Version { tx, op, schema_tx, cells: cells.map(Cells), moved_to, end: None });
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(stored) = parse_value(bytes) {
                let _ = stored.clone().into_version();
                let _ = stored.into_primary_key();
            }
        }
    }

    #[test]
    fn newer_history_sorts_first() {
        assert!(history_key(b"k", 9) < history_key(b"k", 8));
    }

    #[test]
    fn an_empty_range_is_told_from_a_point() {
        assert!(!is_empty_range(Bound::Included(b"a"), Bound::Included(b"a")));
        assert!(is_empty_range(Bound::Included(b"a"), Bound::Excluded(b"a")));
        assert!(is_empty_range(Bound::Included(b"b"), Bound::Included(b"a")));
        assert!(!is_empty_range(Bound::Excluded(b"a"), Bound::Unbounded));
    }
}
