//! Which casts exist (`pg_cast`), and doing them.

mod convert;
mod vector;

pub use vector::cast_vector;

use crate::{Array, ColumnType, DataType, Error, Result, TextSettings, Value, datetime, text};

/// When PostgreSQL applies a cast by itself (`pg_cast.castcontext`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// Anywhere: int4 to int8.
    Implicit,
    /// On assignment to a column: int8 to int4.
    Assignment,
    /// Only when written: text to int4.
    Explicit,
}

/// The least demanding context in which `from` casts to `to`; None where no cast exists (42846).
/// Unknown casts implicitly to everything; everything casts to text on assignment.
pub fn context(from: DataType, to: DataType) -> Option<Context> {
    use Context::*;
    if from == to {
        return Some(Implicit);
    }
    if from == DataType::Unknown {
        return (to != DataType::Void).then_some(Implicit);
    }
    if matches!(to, DataType::Unknown | DataType::Void | DataType::Record) || from == DataType::Void {
        return None;
    }
    catalogued(from, to).or_else(|| {
        let arrays = (element_of(from), to.element());
        if let (Some(from), Some(to)) = arrays {
            return context(from, to);
        }
        // Conversion through text: to a string on assignment, from one when written.
        match (to.category(), from.category()) {
            ('S', _) => Some(Assignment),
            (_, 'S') => Some(Explicit),
            _ => None,
        }
    })
}

/// The element type of an array, int2vector and oidvector included.
fn element_of(data_type: DataType) -> Option<DataType> {
    match data_type {
        DataType::Int2Vector => Some(DataType::Int2),
        DataType::OidVector => Some(DataType::Oid),
        other => other.element(),
    }
}

/// `pg_cast`, as far as its types exist here.
fn catalogued(from: DataType, to: DataType) -> Option<Context> {
    use Context::*;
    use DataType::*;
    // oid and its aliases by name.
    let alias = |ty: DataType| matches!(ty, Regclass | Regtype | Regproc | Regnamespace | Regrole);
    let oid = |ty: DataType| ty == Oid || alias(ty);
    Some(match (from, to) {
        (Int2, Int4 | Int8 | Float4 | Float8 | Numeric) => Implicit,
        (Int4, Int8 | Float4 | Float8 | Numeric) => Implicit,
        (Int8, Float4 | Float8 | Numeric) => Implicit,
        (Float4, Float8) | (Numeric, Float4 | Float8) => Implicit,
        (Int4, Int2) | (Int8, Int2 | Int4) | (Float8, Float4) => Assignment,
        (Float4 | Float8, Int2 | Int4 | Int8 | Numeric) | (Numeric, Int2 | Int4 | Int8) => Assignment,
        (Int4, Bool) | (Bool, Int4) | (Int4, Char) | (Char, Int4) => Explicit,
        (Int2 | Int4 | Int8, to) if oid(to) => Implicit,
        (from, Int4 | Int8) if oid(from) => Assignment,
        (Oid, to) if alias(to) => Implicit,
        (from, Oid) if alias(from) => Implicit,
        (Text | Varchar, Regclass) => Implicit,
        (Text, Bpchar | Varchar) | (Bpchar, Text | Varchar) | (Varchar, Text | Bpchar) => Implicit,
        (Char, Text) | (Name, Text) | (Text | Bpchar | Varchar, Name) => Implicit,
        (Char | Name, Bpchar | Varchar) | (Text | Bpchar | Varchar, Char) => Assignment,
        (Bool, Text | Varchar | Bpchar) => Assignment,
        (Date, Timestamp | TimestampTz) | (Time, Interval | TimeTz) | (Timestamp, TimestampTz) => Implicit,
        (Timestamp | TimestampTz, Date | Time) | (TimestampTz, Timestamp | TimeTz) => Assignment,
        (Interval | TimeTz, Time) => Assignment,
        (Json, Jsonb) | (Jsonb, Json) => Assignment,
        (Jsonb, Bool | Numeric | Int2 | Int4 | Int8 | Float4 | Float8) => Explicit,
        _ => return None,
    })
}

/// Casts one value, applying `to.typmod`. `explicit` decides what happens to a string that is too long (cut, or 22001)
/// as PostgreSQL does. The planner has checked that the cast exists.
pub fn cast(
    value: &Value,
    from: DataType,
    to: ColumnType,
    explicit: bool,
    settings: &TextSettings,
) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let target = to.data_type;
    if from == target {
        return apply_typmod(value.clone(), to, explicit);
    }
    if let Value::Array(array) = value
        && let (Some(from), Some(element)) = (element_of(from), target.element())
    {
        let element = ColumnType::new(element, to.typmod);
        let values = array.values.iter().map(|value| cast(value, from, element, explicit, settings));
        return Ok(Value::Array(Box::new(Array {
            element: element.data_type,
            dimensions: array.dimensions.clone(),
            values: values.collect::<Result<_>>()?,
        })));
    }
    if let Some(converted) = convert::convert(value, from, target, settings)? {
        return apply_typmod(converted, to, explicit);
    }
    // Through text. An interval's modifier says what a bare number is; other modifiers come after.
    let source = match value {
        Value::Text(text) => std::borrow::Cow::Borrowed(text.as_str()),
        _ => std::borrow::Cow::Owned(text::to_string(value, from, settings)),
    };
    let typmod = if target == DataType::Interval { to.typmod } else { -1 };
    apply_typmod(text::parse(&source, ColumnType::new(target, typmod), settings)?, to, explicit)
}

/// The modifier of varchar(n), numeric(p, s), timestamp(p) and so on, applied to a value of that type.
/// `explicit`: a string that is too long is cut.
pub fn apply_typmod(value: Value, ty: ColumnType, explicit: bool) -> Result<Value> {
    let typmod = ty.typmod;
    if typmod < 0 {
        return Ok(value);
    }
    Ok(match (ty.data_type, value) {
        (DataType::Varchar, Value::Text(value)) => Value::Text(text::fit_varchar(&value, typmod, explicit)?),
        (DataType::Bpchar, Value::Text(value)) => Value::Text(text::fit_bpchar(&value, typmod, explicit)?),
        (DataType::Numeric, Value::Numeric(value)) => Value::Numeric(value.apply_typmod(typmod)?),
        (DataType::Time, Value::Time(value)) => Value::Time(datetime::round_time(value, typmod)),
        (DataType::TimeTz, Value::TimeTz(value, west)) => {
            Value::TimeTz(datetime::round_time(value, typmod), west)
        }
        (DataType::Timestamp | DataType::TimestampTz, Value::Timestamp(value)) => {
            Value::Timestamp(datetime::round_timestamp(value, typmod)?)
        }
        (DataType::Interval, Value::Interval(value)) => Value::Interval(value.apply_typmod(typmod)),
        (data_type, Value::Array(mut array)) => {
            if let Some(element) = data_type.element() {
                let element = ColumnType::new(element, typmod);
                for value in &mut array.values {
                    *value = apply_typmod(std::mem::take(value), element, explicit)?;
                }
            }
            Value::Array(array)
        }
        (_, value) => value,
    })
}

/// A value whose variant is not its type's: a bug of the caller.
fn wrong(value: &Value, from: DataType) -> Error {
    Error::internal(format!("{value:?} is no {from}"))
}
