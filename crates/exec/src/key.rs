//! Rows as key bytes: equal bytes = equal keys (hash tables), byte order = SQL order (sorting).
//!
//! Sorting uses the storage key encoding as it is. Hash keys need equality only and skip it for the common layouts;
//! integers of every width share one form, so that `int4 = int8` joins by key.

use expr::SortKey;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use types::compare::compare;
use types::vector::{Bytes, Data};
use types::{Batch, DataType, Error, Result, Value, Vector, err};

pub(crate) type KeyMap<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<KeyHasher>>;
pub(crate) type KeySet = HashSet<Box<[u8]>, BuildHasherDefault<KeyHasher>>;

/// Appends row `row` of `columns`. NULLs are equal to each other.
pub(crate) fn hash_key(columns: &[Vector], row: usize, out: &mut Vec<u8>) -> Result<()> {
    for column in columns {
        hash_value(column, row, out)?;
    }
    Ok(())
}

/// [`hash_key`], or false if a column is NULL: no `=` is true for it.
pub(crate) fn hash_key_not_null(columns: &[Vector], row: usize, out: &mut Vec<u8>) -> Result<bool> {
    if columns.iter().any(|column| column.is_null(row)) {
        return Ok(false);
    }
    hash_key(columns, row, out)?;
    Ok(true)
}

/// Whether two types' hash keys are comparable, as their `=` is.
pub(crate) fn same_hash_form(left: DataType, right: DataType) -> bool {
    use DataType::*;
    let form = |data_type| match data_type {
        Int2 | Int4 | Int8 => Int8,
        Text | Varchar | Name | Unknown => Text,
        Float4 | Float8 => Float8,
        Regclass | Regtype | Regproc | Regnamespace | Regrole => Oid,
        other => other,
    };
    form(left) == form(right)
}

fn hash_value(column: &Vector, row: usize, out: &mut Vec<u8>) -> Result<()> {
    if column.is_null(row) {
        out.push(0);
        return Ok(());
    }
    out.push(1);
    let fixed: i64 = match &column.data {
        Data::Bool(v) => v[row].into(),
        Data::I16(v) => v[row].into(),
        Data::I32(v) => v[row].into(),
        Data::I64(v) => v[row],
        Data::U32(v) => v[row].into(),
        Data::F32(v) => return encode(&Value::Float8(v[row].into()), DataType::Float8, out),
        Data::Uuid(v) => {
            out.extend_from_slice(&v[row]);
            return Ok(());
        }
        Data::Bytes(_) if column.data_type == DataType::Json => {
            return Err(err!(UndefinedFunction, "could not identify an equality operator for type json"));
        }
        // Equal jsonb documents have equal bytes.
        Data::Bytes(v) if column.data_type != DataType::Bpchar => {
            let bytes = v.get(row);
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
            return Ok(());
        }
        _ => return encode(&column.get(row), column.data_type, out),
    };
    out.extend_from_slice(&fixed.to_le_bytes());
    Ok(())
}

fn encode(value: &Value, data_type: DataType, out: &mut Vec<u8>) -> Result<()> {
    if let Value::Record(fields) = value {
        for (data_type, field) in fields {
            hash_value(&Vector::from_values(*data_type, [field]), 0, out)?;
        }
        return Ok(());
    }
    codec::key::encode(value, data_type, false, false, out)
}

/// The sort keys of some rows.
pub(crate) struct SortKeys {
    /// (descending, nulls first) of each column.
    directions: Vec<(bool, bool)>,
    encoded: Bytes,
    /// Instead of `encoded`, if a column's type has no key encoding (jsonb, records).
    columns: Option<Vec<Vector>>,
}

impl SortKeys {
    pub fn new(keys: &[SortKey]) -> SortKeys {
        let types = keys.iter().map(|key| key.expr.data_type());
        SortKeys::by(keys.iter().map(|key| (key.descending, key.nulls_first)).collect(), types)
    }

    pub fn by(directions: Vec<(bool, bool)>, types: impl Iterator<Item = DataType> + Clone) -> SortKeys {
        let plain = types.clone().all(codec::key::is_orderable);
        let columns = (!plain).then(|| types.map(Vector::new).collect());
        SortKeys { directions, encoded: Bytes::default(), columns }
    }

    /// Adds the keys of some more rows.
    pub fn push(&mut self, columns: &[Vector], rows: usize) -> Result<()> {
        if let Some(mine) = &mut self.columns {
            if columns.iter().any(|column| column.data_type == DataType::Json) {
                return Err(err!(UndefinedFunction, "could not identify an ordering operator for type json")
                    .hint("Use an explicit ordering operator or modify the query."));
            }
            mine.iter_mut().zip(columns).for_each(|(mine, more)| mine.append(more));
            return Ok(());
        }
        let mut buffer = Vec::new();
        for row in 0..rows {
            buffer.clear();
            for (column, (descending, nulls_first)) in columns.iter().zip(&self.directions) {
                let value = column.get(row);
                codec::key::encode(&value, column.data_type, *descending, *nulls_first, &mut buffer)?;
            }
            self.encoded.push(&buffer);
        }
        Ok(())
    }

    /// The rows in the order of their keys; rows with equal keys stay in theirs.
    pub fn order(&self, rows: usize) -> Vec<usize> {
        if self.columns.is_some() {
            let mut order: Vec<usize> = (0..rows).collect();
            order.sort_by(|&a, &b| self.compare(a, b));
            return order;
        }
        // Most comparisons are decided by the first bytes, which lie beside the row number.
        let mut order: Vec<(u64, usize)> =
            (0..rows).map(|row| (prefix(self.encoded.get(row)), row)).collect();
        order.sort_unstable_by(|a, b| match a.0.cmp(&b.0) {
            Ordering::Equal => self.compare(a.1, b.1).then(a.1.cmp(&b.1)),
            other => other,
        });
        order.into_iter().map(|(_, row)| row).collect()
    }

    /// Drops all rows but these, which come to stand in this order.
    pub fn keep(&mut self, rows: &[usize]) {
        if let Some(columns) = &mut self.columns {
            columns.iter_mut().for_each(|column| *column = column.take(rows));
            return;
        }
        let mut kept = Bytes::default();
        rows.iter().for_each(|&row| kept.push(self.encoded.get(row)));
        self.encoded = kept;
    }

    pub fn compare(&self, a: usize, b: usize) -> Ordering {
        let Some(columns) = &self.columns else { return self.encoded.get(a).cmp(self.encoded.get(b)) };
        let mut orders = columns.iter().zip(&self.directions).map(|(column, (descending, nulls_first))| {
            let ascending = match (column.is_null(a), column.is_null(b)) {
                (true, true) => return Ordering::Equal,
                (true, false) => return if *nulls_first { Ordering::Less } else { Ordering::Greater },
                (false, true) => return if *nulls_first { Ordering::Greater } else { Ordering::Less },
                (false, false) => compare(&column.get(a), &column.get(b)),
            };
            if *descending { ascending.reverse() } else { ascending }
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = key.len().min(8);
    bytes[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(bytes)
}

/// The first row of each distinct key that was not seen before, ascending.
pub(crate) fn unseen(seen: &mut KeySet, batch: &Batch) -> Result<Vec<usize>> {
    let mut fresh = Vec::new();
    let mut key = Vec::new();
    for row in 0..batch.rows {
        key.clear();
        hash_key(&batch.columns, row, &mut key)?;
        if !seen.contains(key.as_slice()) {
            seen.insert(key.as_slice().into());
            fresh.push(row);
        }
    }
    Ok(fresh)
}

/// Refuses a hash join whose key types' `=` is not equality of hash keys.
pub(crate) fn check_hash_keys(left: &[Vector], right: &[DataType]) -> Result<()> {
    for (left, right) in left.iter().zip(right) {
        if !same_hash_form(left.data_type, *right) {
            return Err(Error::internal(format!("a hash join of {} and {right}", left.data_type)));
        }
    }
    Ok(())
}

/// Folded multiplication, eight bytes at a time: keys are hashed to be spread, not to withstand anybody.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl KeyHasher {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.fold(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.fold(u64::from_le_bytes(last));
        }
    }
    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
