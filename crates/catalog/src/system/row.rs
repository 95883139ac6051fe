//! Rows written as Rust values: `row![oid, name, 'r', true, NULL]`.

use types::{DataType, Oid, Value};

pub(super) type Rows = types::Result<Vec<Vec<Value>>>;

/// NULL, whatever the column's type.
pub(super) const NULL: Value = Value::Null;

macro_rules! row {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::system::row::Datum::datum($value)),*]
    };
}
pub(super) use row;

/// What has one obvious SQL value. `u32` is an OID.
pub(super) trait Datum {
    fn datum(self) -> Value;
}

impl Datum for Value {
    fn datum(self) -> Value {
        self
    }
}
impl Datum for bool {
    fn datum(self) -> Value {
        Value::Bool(self)
    }
}
impl Datum for i16 {
    fn datum(self) -> Value {
        Value::Int2(self)
    }
}
impl Datum for i32 {
    fn datum(self) -> Value {
        Value::Int4(self)
    }
}
impl Datum for i64 {
    fn datum(self) -> Value {
        Value::Int8(self)
    }
}
impl Datum for f32 {
    fn datum(self) -> Value {
        Value::Float4(self)
    }
}
impl Datum for Oid {
    fn datum(self) -> Value {
        Value::Oid(self)
    }
}
impl Datum for &str {
    fn datum(self) -> Value {
        Value::text(self)
    }
}
impl Datum for String {
    fn datum(self) -> Value {
        Value::Text(self)
    }
}
impl Datum for &String {
    fn datum(self) -> Value {
        Value::text(self)
    }
}
impl Datum for char {
    fn datum(self) -> Value {
        Value::Text(self.to_string())
    }
}
impl<T: Datum> Datum for Option<T> {
    fn datum(self) -> Value {
        self.map_or(Value::Null, Datum::datum)
    }
}

/// `YES` or `NO`, as the standard's views have it.
pub(super) fn yes(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

/// `int2[]` of column numbers.
pub(super) fn numbers(columns: &[u32]) -> Value {
    Value::array(DataType::Int2, columns.iter().map(|column| Value::Int2(number(*column))).collect())
}

/// `int2vector`, `oidvector`: arrays from 0.
pub(super) fn vector(element: DataType, values: Vec<Value>) -> Value {
    let dimensions = if values.is_empty() { vec![] } else { vec![(values.len() as i32, 0)] };
    Value::Array(Box::new(types::value::Array { element, dimensions, values }))
}

pub(super) fn oids(values: impl IntoIterator<Item = Oid>) -> Value {
    Value::array(DataType::Oid, values.into_iter().map(Value::Oid).collect())
}

pub(super) fn texts(values: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::array(DataType::Text, values.into_iter().map(Value::text).collect())
}

/// A column's number as `attnum` holds it.
pub(super) fn number(column: u32) -> i16 {
    i16::try_from(column).unwrap_or(i16::MAX)
}

pub(super) fn count(items: usize) -> i16 {
    i16::try_from(items).unwrap_or(i16::MAX)
}
