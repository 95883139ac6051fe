//! A column of values, stored by physical layout so that a loop runs over a plain slice.
//!
//! ```text
//!   Vector { data_type: Int4, data: I32([7, 0, 9]), nulls: Some([f, t, f]) }     -- 7, NULL, 9
//! ```
//! A null row holds a placeholder of its layout. `nulls: None` means that no row is null.

use crate::{DataType, Interval, Numeric, Value};

/// Variable-length rows, one after the other: row i is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bytes {
    pub offsets: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Bytes {
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets[row]..self.offsets[row + 1]]
    }
    /// Text rows are UTF-8 by construction; anything else reads as empty.
    pub fn get_str(&self, row: usize) -> &str {
        std::str::from_utf8(self.get(row)).unwrap_or_default()
    }
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.offsets.push(self.bytes.len());
    }
}

/// The layouts.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    Bool(Vec<bool>),
    I16(Vec<i16>),
    /// int4, date
    I32(Vec<i32>),
    /// int8, time, timestamp, timestamptz
    I64(Vec<i64>),
    /// oid and its aliases
    U32(Vec<u32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Numeric(Vec<Numeric>),
    Interval(Vec<Interval>),
    Uuid(Vec<[u8; 16]>),
    /// text family, json, bytea, jsonb
    Bytes(Bytes),
    /// timetz, arrays, records: no layout of their own
    Value(Vec<Value>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    pub data_type: DataType,
    pub data: Data,
    /// true = null. None = none is null. Else as long as the data.
    pub nulls: Option<Vec<bool>>,
}

impl Data {
    pub fn new(data_type: DataType) -> Data {
        use DataType::*;
        match data_type {
            Bool => Data::Bool(vec![]),
            Int2 => Data::I16(vec![]),
            Int4 | Date => Data::I32(vec![]),
            Int8 | Time | Timestamp | TimestampTz => Data::I64(vec![]),
            Oid | Regclass | Regtype | Regproc | Regnamespace | Regrole | Xid => Data::U32(vec![]),
            Float4 => Data::F32(vec![]),
            Float8 => Data::F64(vec![]),
            Numeric => Data::Numeric(vec![]),
            Interval => Data::Interval(vec![]),
            Uuid => Data::Uuid(vec![]),
            Text | Varchar | Bpchar | Name | Char | Unknown | AclItem | Json | Bytea | Jsonb => {
                Data::Bytes(Bytes::default())
            }
            _ => Data::Value(vec![]),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Data::Bool(v) => v.len(),
            Data::I16(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::U32(v) => v.len(),
            Data::F32(v) => v.len(),
            Data::F64(v) => v.len(),
            Data::Numeric(v) => v.len(),
            Data::Interval(v) => v.len(),
            Data::Uuid(v) => v.len(),
            Data::Bytes(v) => v.len(),
            Data::Value(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Vector {
    pub fn new(data_type: DataType) -> Vector {
        Vector { data_type, data: Data::new(data_type), nulls: None }
    }

    pub fn len(&self) -> usize {
        self.data.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls[row])
    }

    pub fn from_values<'a>(data_type: DataType, values: impl IntoIterator<Item = &'a Value>) -> Vector {
        let mut vector = Vector::new(data_type);
        values.into_iter().for_each(|value| vector.push(value));
        vector
    }

    /// NULL `count` times.
    pub fn null(data_type: DataType, count: usize) -> Vector {
        let mut vector = Vector::new(data_type);
        (0..count).for_each(|_| vector.push_null());
        vector
    }

    /// `value` `count` times.
    pub fn repeat(data_type: DataType, value: &Value, count: usize) -> Vector {
        let mut vector = Vector::new(data_type);
        (0..count).for_each(|_| vector.push(value));
        vector
    }

    pub fn clear(&mut self) {
        *self = Vector::new(self.data_type);
    }

    pub fn push_null(&mut self) {
        let len = self.len();
        self.nulls.get_or_insert_with(|| vec![false; len]).push(true);
        match &mut self.data {
            Data::Bool(v) => v.push(false),
            Data::I16(v) => v.push(0),
            Data::I32(v) => v.push(0),
            Data::I64(v) => v.push(0),
            Data::U32(v) => v.push(0),
            Data::F32(v) => v.push(0.0),
            Data::F64(v) => v.push(0.0),
            Data::Numeric(v) => v.push(Numeric::default()),
            Data::Interval(v) => v.push(Interval::default()),
            Data::Uuid(v) => v.push([0; 16]),
            Data::Bytes(v) => v.push(&[]),
            Data::Value(v) => v.push(Value::Null),
        }
    }

    /// Appends a value of this vector's type. A value of another layout is a bug of the caller: it is
    /// asserted in debug builds and stored as NULL never: it panics, to be caught at the session's edge.
    pub fn push(&mut self, value: &Value) {
        match (&mut self.data, value) {
            (_, Value::Null) => return self.push_null(),
            (Data::Bool(v), Value::Bool(x)) => v.push(*x),
            (Data::I16(v), Value::Int2(x)) => v.push(*x),
            (Data::I32(v), Value::Int4(x) | Value::Date(x)) => v.push(*x),
            (Data::I64(v), Value::Int8(x) | Value::Time(x) | Value::Timestamp(x)) => v.push(*x),
            (Data::U32(v), Value::Oid(x)) => v.push(*x),
            (Data::F32(v), Value::Float4(x)) => v.push(*x),
            (Data::F64(v), Value::Float8(x)) => v.push(*x),
            (Data::Numeric(v), Value::Numeric(x)) => v.push(x.clone()),
            (Data::Interval(v), Value::Interval(x)) => v.push(*x),
            (Data::Uuid(v), Value::Uuid(x)) => v.push(*x),
            (Data::Bytes(v), Value::Text(x)) => v.push(x.as_bytes()),
            (Data::Bytes(v), Value::Bytea(x) | Value::Jsonb(x)) => v.push(x),
            (Data::Value(v), x) => v.push(x.clone()),
            (_, value) => panic!("a {:?} vector was given {value:?}", self.data_type),
        }
        if let Some(nulls) = &mut self.nulls {
            nulls.push(false);
        }
    }

    /// [`Vector::push`] of a text or bytea from its bytes.
    pub fn push_bytes(&mut self, value: &[u8]) {
        match &mut self.data {
            Data::Bytes(values) => values.push(value),
            _ => panic!("a {:?} vector was given bytes", self.data_type),
        }
        if let Some(nulls) = &mut self.nulls {
            nulls.push(false);
        }
    }

    pub fn get(&self, row: usize) -> Value {
        if self.is_null(row) {
            return Value::Null;
        }
        match &self.data {
            Data::Bool(v) => Value::Bool(v[row]),
            Data::I16(v) => Value::Int2(v[row]),
            Data::I32(v) if self.data_type == DataType::Date => Value::Date(v[row]),
            Data::I32(v) => Value::Int4(v[row]),
            Data::I64(v) => match self.data_type {
                DataType::Time => Value::Time(v[row]),
                DataType::Timestamp | DataType::TimestampTz => Value::Timestamp(v[row]),
                _ => Value::Int8(v[row]),
            },
            Data::U32(v) => Value::Oid(v[row]),
            Data::F32(v) => Value::Float4(v[row]),
            Data::F64(v) => Value::Float8(v[row]),
            Data::Numeric(v) => Value::Numeric(v[row].clone()),
            Data::Interval(v) => Value::Interval(v[row]),
            Data::Uuid(v) => Value::Uuid(v[row]),
            Data::Bytes(v) => match self.data_type {
                DataType::Bytea => Value::Bytea(v.get(row).to_vec()),
                DataType::Jsonb => Value::Jsonb(v.get(row).to_vec()),
                _ => Value::Text(v.get_str(row).to_owned()),
            },
            Data::Value(v) => v[row].clone(),
        }
    }

    /// The rows `from..to`.
    pub fn slice(&self, from: usize, to: usize) -> Vector {
        let data = match &self.data {
            Data::Bool(v) => Data::Bool(v[from..to].to_vec()),
            Data::I16(v) => Data::I16(v[from..to].to_vec()),
            Data::I32(v) => Data::I32(v[from..to].to_vec()),
            Data::I64(v) => Data::I64(v[from..to].to_vec()),
            Data::U32(v) => Data::U32(v[from..to].to_vec()),
            Data::F32(v) => Data::F32(v[from..to].to_vec()),
            Data::F64(v) => Data::F64(v[from..to].to_vec()),
            Data::Numeric(v) => Data::Numeric(v[from..to].to_vec()),
            Data::Interval(v) => Data::Interval(v[from..to].to_vec()),
            Data::Uuid(v) => Data::Uuid(v[from..to].to_vec()),
            Data::Bytes(v) => {
                let (start, end) = (v.offsets[from], v.offsets[to]);
                let offsets = v.offsets[from..=to].iter().map(|offset| offset - start).collect();
                Data::Bytes(Bytes { offsets, bytes: v.bytes[start..end].to_vec() })
            }
            Data::Value(v) => Data::Value(v[from..to].to_vec()),
        };
        let nulls = self.nulls.as_ref().map(|nulls| nulls[from..to].to_vec());
        Vector { data_type: self.data_type, data, nulls }
    }

    /// The rows named, in that order; a row may be named more than once.
    pub fn take(&self, rows: &[usize]) -> Vector {
        fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|&row| values[row].clone()).collect()
        }
        let data = match &self.data {
            Data::Bool(v) => Data::Bool(pick(v, rows)),
            Data::I16(v) => Data::I16(pick(v, rows)),
            Data::I32(v) => Data::I32(pick(v, rows)),
            Data::I64(v) => Data::I64(pick(v, rows)),
            Data::U32(v) => Data::U32(pick(v, rows)),
            Data::F32(v) => Data::F32(pick(v, rows)),
            Data::F64(v) => Data::F64(pick(v, rows)),
            Data::Numeric(v) => Data::Numeric(pick(v, rows)),
            Data::Interval(v) => Data::Interval(pick(v, rows)),
            Data::Uuid(v) => Data::Uuid(pick(v, rows)),
            Data::Bytes(v) => {
                let mut out = Bytes::default();
                rows.iter().for_each(|&row| out.push(v.get(row)));
                Data::Bytes(out)
            }
            Data::Value(v) => Data::Value(pick(v, rows)),
        };
        let nulls = self.nulls.as_ref().map(|nulls| pick(nulls, rows));
        Vector { data_type: self.data_type, data, nulls }
    }

    /// Appends `other`'s rows; the layouts must agree.
    pub fn append(&mut self, other: &Vector) {
        if self.nulls.is_some() || other.nulls.is_some() {
            let (mine, theirs) = (self.len(), other.len());
            let nulls = self.nulls.get_or_insert_with(|| vec![false; mine]);
            match &other.nulls {
                Some(more) => nulls.extend_from_slice(more),
                None => nulls.resize(mine + theirs, false),
            }
        }
        match (&mut self.data, &other.data) {
            (Data::Bool(a), Data::Bool(b)) => a.extend_from_slice(b),
            (Data::I16(a), Data::I16(b)) => a.extend_from_slice(b),
            (Data::I32(a), Data::I32(b)) => a.extend_from_slice(b),
            (Data::I64(a), Data::I64(b)) => a.extend_from_slice(b),
            (Data::U32(a), Data::U32(b)) => a.extend_from_slice(b),
            (Data::F32(a), Data::F32(b)) => a.extend_from_slice(b),
            (Data::F64(a), Data::F64(b)) => a.extend_from_slice(b),
            (Data::Numeric(a), Data::Numeric(b)) => a.extend_from_slice(b),
            (Data::Interval(a), Data::Interval(b)) => a.extend_from_slice(b),
            (Data::Uuid(a), Data::Uuid(b)) => a.extend_from_slice(b),
            (Data::Bytes(a), Data::Bytes(b)) => (0..b.len()).for_each(|row| a.push(b.get(row))),
            (Data::Value(a), Data::Value(b)) => a.extend_from_slice(b),
            _ => panic!("a {:?} vector was given {:?} rows", self.data_type, other.data_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_the_same_however_they_are_copied() {
        let columns = [
            (DataType::Text, vec![Value::text("a"), Value::Null, Value::text(""), Value::text("ä")]),
            (DataType::Date, vec![Value::Null, Value::Date(1), Value::Date(2), Value::Null]),
            (DataType::Numeric, vec![Value::Numeric(Numeric::ONE), Value::Numeric(Numeric::NAN)]),
            (DataType::TimeTz, vec![Value::TimeTz(1, 2), Value::Null]),
            (DataType::Int4Array, vec![Value::array(DataType::Int4, vec![Value::Int4(1)]), Value::Null]),
        ];
        for (ty, values) in columns {
            let vector = Vector::from_values(ty, &values);
            let rows = |vector: &Vector| (0..vector.len()).map(|row| vector.get(row)).collect::<Vec<_>>();
            assert_eq!(rows(&vector), values);
            for from in 0..values.len() {
                assert_eq!(rows(&vector.slice(from, values.len())), values[from..]);
            }
            let backwards: Vec<usize> = (0..values.len()).rev().collect();
            assert_eq!(rows(&vector.take(&backwards).take(&backwards)), values);
            let mut twice = vector.slice(0, 1);
            twice.append(&vector.slice(1, values.len()));
            assert_eq!(rows(&twice), values);
            assert_eq!(rows(&Vector::null(ty, 2)), [Value::Null, Value::Null]);
        }
    }
}
