//! One datum.

use crate::{DataType, Interval, Numeric, Oid};

/// One SQL value. Its [`DataType`] is known from where it stands; the variant tells how it is stored.
///
/// Times count from 1970-01-01 (the wire's 2000-01-01 is the wire's business); the smallest and largest
/// date and timestamp are -infinity and infinity.
///
/// `==` means the same value in every respect: 1.0 is not 1.00 and `1 day` is not `24 hours`, because they print and
/// compute differently. SQL's equality is [`crate::compare`].
#[derive(Debug, Clone, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Float4(f32),
    Float8(f64),
    Numeric(Numeric),
    /// text, varchar, char(n) (padded), name, "char", unknown, json (verbatim).
    Text(String),
    Bytea(Vec<u8>),
    /// Canonical binary (docs/file-format.md): equal documents have equal bytes. See [`crate::json`].
    Jsonb(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since midnight, and seconds west of UTC.
    TimeTz(i64, i32),
    /// timestamp (as if UTC) and timestamptz (UTC): microseconds since 1970-01-01.
    Timestamp(i64),
    Interval(Interval),
    Uuid([u8; 16]),
    /// oid, regclass and friends.
    Oid(Oid),
    Array(Box<Array>),
    /// A row value.
    Record(Box<Record>),
}

/// A row value: each field with its type, and their names where the row is a table's. Names matter to JSON only: rows
/// that differ in them alone are equal.
#[derive(Debug, Clone)]
pub struct Record {
    pub fields: Vec<(DataType, Value)>,
    pub names: Option<FieldNames>,
}

/// The names of a row's fields, shared by all rows of one query.
pub type FieldNames = std::sync::Arc<[String]>;

impl Record {
    /// The name of a field; without names they are f1, f2 and so on.
    pub fn name(&self, index: usize) -> std::borrow::Cow<'_, str> {
        match self.names.as_ref().and_then(|names| names.get(index)) {
            Some(name) => name.as_str().into(),
            None => format!("f{}", index + 1).into(),
        }
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Record) -> bool {
        self.fields == other.fields
    }
}

impl std::ops::Deref for Record {
    type Target = [(DataType, Value)];
    fn deref(&self) -> &Self::Target {
        &self.fields
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (Null, Null) => true,
            (Bool(a), Bool(b)) => a == b,
            (Int2(a), Int2(b)) => a == b,
            (Int4(a), Int4(b)) | (Date(a), Date(b)) => a == b,
            (Int8(a), Int8(b)) | (Time(a), Time(b)) | (Timestamp(a), Timestamp(b)) => a == b,
            (Float4(a), Float4(b)) => a.to_bits() == b.to_bits(),
            (Float8(a), Float8(b)) => a.to_bits() == b.to_bits(),
            (Numeric(a), Numeric(b)) => a == b && a.scale() == b.scale(),
            (Text(a), Text(b)) => a == b,
            (Bytea(a), Bytea(b)) | (Jsonb(a), Jsonb(b)) => a == b,
            (TimeTz(a, x), TimeTz(b, y)) => (a, x) == (b, y),
            (Interval(a), Interval(b)) => (a.months, a.days, a.micros) == (b.months, b.days, b.micros),
            (Uuid(a), Uuid(b)) => a == b,
            (Oid(a), Oid(b)) => a == b,
            (Array(a), Array(b)) => a == b,
            (Record(a), Record(b)) => a == b,
            _ => false,
        }
    }
}

/// An array. One-dimensional everywhere today; empty arrays have no dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub element: DataType,
    /// (length, lower bound) of each dimension; empty for `{}`.
    pub dimensions: Vec<(i32, i32)>,
    /// Row-major.
    pub values: Vec<Value>,
}

impl Array {
    /// A one-dimensional array from 1.
    pub fn new(element: DataType, values: Vec<Value>) -> Array {
        let dimensions = if values.is_empty() { vec![] } else { vec![(values.len() as i32, 1)] };
        Array { element, dimensions, values }
    }
}

impl Value {
    /// What a function that returns nothing returns: it prints as nothing, and is not NULL.
    pub const VOID: Value = Value::Text(String::new());

    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// A row without names.
    pub fn record(fields: Vec<(DataType, Value)>) -> Value {
        Value::Record(Box::new(Record { fields, names: None }))
    }

    /// A one-dimensional array from 1.
    pub fn array(element: DataType, values: Vec<Value>) -> Value {
        Value::Array(Box::new(Array::new(element, values)))
    }

    /// The type that a value has by itself: text for every text type, timestamptz for both timestamps. None for NULL and
    /// records.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Value::Null | Value::Record(_) => return None,
            Value::Bool(_) => DataType::Bool,
            Value::Int2(_) => DataType::Int2,
            Value::Int4(_) => DataType::Int4,
            Value::Int8(_) => DataType::Int8,
            Value::Float4(_) => DataType::Float4,
            Value::Float8(_) => DataType::Float8,
            Value::Numeric(_) => DataType::Numeric,
            Value::Text(_) => DataType::Text,
            Value::Bytea(_) => DataType::Bytea,
            Value::Jsonb(_) => DataType::Jsonb,
            Value::Date(_) => DataType::Date,
            Value::Time(_) => DataType::Time,
            Value::TimeTz(..) => DataType::TimeTz,
            Value::Timestamp(_) => DataType::TimestampTz,
            Value::Interval(_) => DataType::Interval,
            Value::Uuid(_) => DataType::Uuid,
            Value::Oid(_) => DataType::Oid,
            Value::Array(array) => return array.element.array(),
        })
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// Any integer or oid, widened.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int2(v) => Some(*v as i64),
            Value::Int4(v) => Some(*v as i64),
            Value::Int8(v) => Some(*v),
            Value::Oid(v) => Some(*v as i64),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}
impl From<i16> for Value {
    fn from(value: i16) -> Value {
        Value::Int2(value)
    }
}
impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Int4(value)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int8(value)
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float8(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}
impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytea(value)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}
