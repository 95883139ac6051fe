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
        Data::Bytes(v) => {
            let bytes = match column.data_type {
                DataType::Bpchar => without_padding(v.get(row)),
                _ => v.get(row),
            };
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
            return Ok(());
        }
        _ => return encode(&column.get(row), column.data_type, out),
    };
    out.extend_from_slice(&fixed.to_le_bytes());
    Ok(())
}

fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &bytes[..end]
}

fn encode(value: &Value, data_type: DataType, out: &mut Vec<u8>) -> Result<()> {
    if let Value::Record(fields) = value {
        for (data_type, field) in fields.iter() {
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
                codec::key::encode_at(column, row, *descending, *nulls_first, &mut buffer)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(data_type: DataType) -> BoxedStrategy<Value> {
        let value = match data_type {
            DataType::Int4 => any::<i32>().prop_map(Value::Int4).boxed(),
            DataType::Float8 => prop_oneof![Just(0.0), Just(-0.0), Just(f64::NAN), any::<f64>()]
                .prop_map(Value::Float8)
                .boxed(),
            _ => "[ab\u{0}-\u{3} é]{0,12}".prop_map(Value::Text).boxed(),
        };
        prop_oneof![1 => Just(Value::Null), 4 => value].boxed()
    }

    fn column() -> impl Strategy<Value = (DataType, Vec<Value>)> {
        let data_type = prop_oneof![Just(DataType::Int4), Just(DataType::Float8), Just(DataType::Text)];
        data_type.prop_flat_map(|ty| (Just(ty), prop::collection::vec(values(ty), 1..40)))
    }

    proptest! {
        #[test]
        fn key_order_is_sql_order((data_type, values) in column(), descending: bool, nulls_first: bool) {
            let vector = Vector::from_values(data_type, &values);
            let mut keys = SortKeys::by(vec![(descending, nulls_first)], std::iter::once(data_type));
            keys.push(std::slice::from_ref(&vector), values.len()).unwrap();
            let order = keys.order(values.len());
            let mut expected: Vec<usize> = (0..values.len()).collect();
            expected.sort_by(|&a, &b| match (values[a].is_null(), values[b].is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) if nulls_first => Ordering::Less,
                (true, false) => Ordering::Greater,
                (false, true) if nulls_first => Ordering::Greater,
                (false, true) => Ordering::Less,
                _ if descending => compare(&values[b], &values[a]),
                _ => compare(&values[a], &values[b]),
            });
            prop_assert_eq!(order, expected);
        }

        #[test]
        fn hash_keys_are_equal_where_values_are((data_type, values) in column()) {
            let vector = Vector::from_values(data_type, &values);
            let key = |row| {
                let mut key = Vec::new();
                hash_key(std::slice::from_ref(&vector), row, &mut key).unwrap();
                key
            };
            for a in 0..values.len() {
                for b in 0..values.len() {
                    prop_assert_eq!(key(a) == key(b), compare(&values[a], &values[b]).is_eq());
                }
            }
        }

        #[test]
        fn a_column_encodes_as_its_values((data_type, values) in column(), descending: bool, nulls_first: bool) {
            for data_type in [data_type, if data_type == DataType::Text { DataType::Bpchar } else { data_type }] {
                let vector = Vector::from_values(data_type, &values);
                for (row, value) in values.iter().enumerate() {
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    codec::key::encode_at(&vector, row, descending, nulls_first, &mut one).unwrap();
                    codec::key::encode(value, data_type, descending, nulls_first, &mut other).unwrap();
                    prop_assert_eq!(one, other);
                }
            }
        }
    }

    #[test]
    fn types_without_keys_are_sorted_by_comparison() {
        let record = |a: i32, b: &str| {
            Value::record(vec![(DataType::Int4, Value::Int4(a)), (DataType::Text, Value::text(b))])
        };
        let rows = [record(2, "a"), Value::Null, record(1, "b"), record(1, "a"), record(2, "a")];
        let vector = Vector::from_values(DataType::Record, &rows);
        let mut keys = SortKeys::by(vec![(true, false)], std::iter::once(DataType::Record));
        keys.push(&[vector], 5).unwrap();
        assert_eq!(keys.order(5), [0, 4, 2, 3, 1]);
        let json = Vector::from_values(DataType::Json, &[Value::text("{}")]);
        let mut keys = SortKeys::by(vec![(false, false)], std::iter::once(DataType::Json));
        assert_eq!(keys.push(&[json], 1).unwrap_err().state, types::SqlState::UndefinedFunction);
    }

    #[test]
    fn padding_and_width_do_not_matter() {
        let same = |a: (DataType, Value), b: (DataType, Value)| {
            let key = |(data_type, value): (DataType, Value)| {
                let mut key = Vec::new();
                hash_key(&[Vector::from_values(data_type, &[value])], 0, &mut key).unwrap();
                key
            };
            assert!(same_hash_form(a.0, b.0));
            key(a) == key(b)
        };
        assert!(same((DataType::Int2, Value::Int2(-7)), (DataType::Int8, Value::Int8(-7))));
        assert!(same((DataType::Float4, Value::Float4(0.5)), (DataType::Float8, Value::Float8(0.5))));
        assert!(same((DataType::Bpchar, Value::text("a  ")), (DataType::Bpchar, Value::text("a"))));
        assert!(!same((DataType::Varchar, Value::text("a ")), (DataType::Text, Value::text("a"))));
        assert!(!same_hash_form(DataType::Bpchar, DataType::Text));
        assert!(!same_hash_form(DataType::Int4, DataType::Numeric));
    }
}
