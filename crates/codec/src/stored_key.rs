//! Whole keys as the catalog stores them: of a row, of a row without a primary key, of an index entry.
//!
//! ```text
//!   row          column*                                         primary key columns, ascending, in key order
//!   hidden row   u64                                             tables without a primary key
//!   entry        u32 object ‖ column* ‖ key of the row           index columns with their DESC and NULLS FIRST
//! ```
//! An entry starts with the storage generation that its row lives in, so that TRUNCATE ends the entries of the old rows
//! without touching them. It always ends in the row's key, so that no two entries of an index are equal.

use crate::bytes::Reader;
use crate::key;
use std::fmt::Write;
use types::{DataType, Error, Result, TextSettings, Value};

/// PostgreSQL limits an index row to about a third of a page; the ledger limits a key to 2 KiB.
pub const KEY_LIMIT_BYTES: usize = 2048;

/// A column of a key, as it is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumn {
    pub data_type: DataType,
    pub descending: bool,
    pub nulls_first: bool,
}

impl KeyColumn {
    /// A primary key's.
    pub const fn ascending(data_type: DataType) -> KeyColumn {
        KeyColumn { data_type, descending: false, nulls_first: false }
    }
}

/// Every key that the catalog stores.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredKey {
    Row(Vec<Value>),
    HiddenRow(u64),
    Entry { object: u32, values: Vec<Value>, row: Vec<u8> },
}

impl StoredKey {
    /// `columns` describe the values, in order. 54000 above the limit.
    pub fn encode(&self, columns: &[KeyColumn]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(32);
        match self {
            StoredKey::HiddenRow(row) => out.extend_from_slice(&row.to_be_bytes()),
            StoredKey::Row(values) => encode_columns(values, columns, &mut out)?,
            StoredKey::Entry { object, values, row } => {
                out.extend_from_slice(&object.to_be_bytes());
                encode_columns(values, columns, &mut out)?;
                out.extend_from_slice(row);
            }
        }
        check_length(out.len())?;
        Ok(out)
    }

    /// A row's key back: no columns = a hidden row id.
    pub fn decode_row(bytes: &[u8], columns: &[KeyColumn]) -> Result<StoredKey> {
        if columns.is_empty() {
            let mut reader = Reader::new(bytes);
            let row = u64::from_be_bytes(reader.array()?);
            reader.end()?;
            return Ok(StoredKey::HiddenRow(row));
        }
        let (values, rest) = decode_columns(bytes, columns)?;
        Reader::new(rest).end()?;
        Ok(StoredKey::Row(values))
    }

    pub fn decode_entry(bytes: &[u8], columns: &[KeyColumn]) -> Result<StoredKey> {
        let mut reader = Reader::new(bytes);
        let object = reader.u32()?;
        let (values, row) = decode_columns(reader.rest(), columns)?;
        Ok(StoredKey::Entry { object, values, row: row.to_vec() })
    }

    /// For people: `(7, abc)`, `#12`, `16384 (abc) -> 01 80 00 00 07`.
    pub fn to_text(&self, columns: &[KeyColumn]) -> String {
        match self {
            StoredKey::Row(values) => values_text(values, columns),
            StoredKey::HiddenRow(row) => format!("#{row}"),
            StoredKey::Entry { object, values, row } => {
                let mut out = format!("{object} {} ->", values_text(values, columns));
                row.iter().for_each(|byte| {
                    let _ = write!(out, " {byte:02x}");
                });
                out
            }
        }
    }
}

/// 54000 for a key that is too long.
pub fn check_length(length: usize) -> Result<()> {
    if length <= KEY_LIMIT_BYTES {
        return Ok(());
    }
    Err(types::err!(ProgramLimitExceeded, "key of {length} bytes exceeds the maximum of {KEY_LIMIT_BYTES}")
        .hint("Index a hash of the value, for example md5(column)."))
}

/// Appends `values` as key columns.
pub fn encode_columns(values: &[Value], columns: &[KeyColumn], out: &mut Vec<u8>) -> Result<()> {
    for (value, column) in values.iter().zip(columns) {
        key::encode(value, column.data_type, column.descending, column.nulls_first, out)?;
    }
    Ok(())
}

/// As many columns as given, and what follows them.
pub fn decode_columns<'a>(bytes: &'a [u8], columns: &[KeyColumn]) -> Result<(Vec<Value>, &'a [u8])> {
    let mut rest = bytes;
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let (value, tail) = key::decode(rest, column.data_type, column.descending, column.nulls_first)?;
        values.push(value);
        rest = tail;
    }
    Ok((values, rest))
}

fn values_text(values: &[Value], columns: &[KeyColumn]) -> String {
    let settings = TextSettings::default();
    let mut out = String::from("(");
    for (at, (value, column)) in values.iter().zip(columns).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        match value {
            Value::Null => out.push_str("NULL"),
            value => types::text::format(value, column.data_type, &settings, &mut out),
        }
    }
    out.push(')');
    out
}

/// Whether a stored key's bytes could be anything: for callers that only want to print.
pub fn to_text(bytes: &[u8], columns: &[KeyColumn]) -> Result<String> {
    StoredKey::decode_row(bytes, columns).map(|key| key.to_text(columns)).map_err(|error| {
        Error::corrupted(format!("a row key that does not fit its table's primary key: {}", error.message))
    })
}
