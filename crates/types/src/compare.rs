//! SQL's order on values of one type: what `<`, ORDER BY, GROUP BY and keys agree on.

use crate::{Array, DataType, Value, json};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Total order of two values of the same type. NaN is greater than all and equal to itself; -0 = +0; char(n)
/// ignores trailing blanks only where the caller stripped them (`bpchar` is compared by the functions of `expr`),
/// except inside arrays and records, whose element types are known here: those ignore them.
/// NULLs: equal to each other and after everything (ORDER BY ASC's default); use three-valued logic above.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    use Value::*;
    match (left, right) {
        (Null, Null) => Ordering::Equal,
        (Null, _) => Ordering::Greater,
        (_, Null) => Ordering::Less,
        (Bool(a), Bool(b)) => a.cmp(b),
        (Int2(a), Int2(b)) => a.cmp(b),
        (Int4(a), Int4(b)) | (Date(a), Date(b)) => a.cmp(b),
        (Int8(a), Int8(b)) | (Time(a), Time(b)) | (Timestamp(a), Timestamp(b)) => a.cmp(b),
        (Float4(a), Float4(b)) => compare_f64(*a as f64, *b as f64),
        (Float8(a), Float8(b)) => compare_f64(*a, *b),
        (Numeric(a), Numeric(b)) => a.cmp(b),
        (Text(a), Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Bytea(a), Bytea(b)) => a.cmp(b),
        (Jsonb(a), Jsonb(b)) => json::compare(a, b),
        (TimeTz(a, i), TimeTz(b, j)) => time_tz_key(*a, *i).cmp(&time_tz_key(*b, *j)),
        (Interval(a), Interval(b)) => a.cmp(b),
        (Uuid(a), Uuid(b)) => a.cmp(b),
        (Oid(a), Oid(b)) => a.cmp(b),
        (Array(a), Array(b)) => compare_arrays(a, b),
        (Record(a), Record(b)) => {
            for ((ty, a), (_, b)) in a.iter().zip(b.iter()) {
                let order = compare_as(*ty, a, b);
                if order.is_ne() {
                    return order;
                }
            }
            a.len().cmp(&b.len())
        }
        // The caller mixed types: some order, the same every time.
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

/// [`compare`] for values of a known type: char(n) ignores trailing blanks.
pub fn compare_as(data_type: DataType, left: &Value, right: &Value) -> Ordering {
    match (data_type, left, right) {
        (DataType::Bpchar, Value::Text(a), Value::Text(b)) => {
            a.trim_end_matches(' ').as_bytes().cmp(b.trim_end_matches(' ').as_bytes())
        }
        _ => compare(left, right),
    }
}

/// SQL's order of floats: NaN equals NaN and is the greatest, -0 = +0.
pub fn compare_f64(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// timetz: by the moment in UTC, then by the zone, the one further east first.
fn time_tz_key(micros: i64, west_seconds: i32) -> (i64, i32) {
    (micros + west_seconds as i64 * 1_000_000, west_seconds)
}

/// PostgreSQL's `array_cmp`: elements first, then their number, dimensions, lengths and lower bounds.
fn compare_arrays(left: &Array, right: &Array) -> Ordering {
    for (a, b) in left.values.iter().zip(&right.values) {
        let order = compare_as(left.element, a, b);
        if order.is_ne() {
            return order;
        }
    }
    let lengths = |array: &Array| array.dimensions.iter().map(|(length, _)| *length).collect::<Vec<_>>();
    let bounds = |array: &Array| array.dimensions.iter().map(|(_, bound)| *bound).collect::<Vec<_>>();
    left.values
        .len()
        .cmp(&right.values.len())
        .then_with(|| left.dimensions.len().cmp(&right.dimensions.len()))
        .then_with(|| lengths(left).cmp(&lengths(right)))
        .then_with(|| bounds(left).cmp(&bounds(right)))
}

fn rank(value: &Value) -> u8 {
    use Value::*;
    match value {
        Bool(_) => 0,
        Int2(_) => 1,
        Int4(_) => 2,
        Int8(_) => 3,
        Float4(_) => 4,
        Float8(_) => 5,
        Numeric(_) => 6,
        Text(_) => 7,
        Bytea(_) => 8,
        Jsonb(_) => 9,
        Date(_) => 10,
        Time(_) => 11,
        TimeTz(..) => 12,
        Timestamp(_) => 13,
        Interval(_) => 14,
        Uuid(_) => 15,
        Oid(_) => 16,
        Array(_) => 17,
        Record(_) => 18,
        Null => 19,
    }
}

/// A hash that agrees with [`compare`] = Equal.
pub fn hash<H: Hasher>(value: &Value, state: &mut H) {
    use Value::*;
    match value {
        Null => state.write_u8(255),
        Bool(v) => state.write_u8(*v as u8),
        Int2(v) => state.write_i16(*v),
        Int4(v) | Date(v) => state.write_i32(*v),
        Int8(v) | Time(v) | Timestamp(v) => state.write_i64(*v),
        Float4(v) => hash_f64(*v as f64, state),
        Float8(v) => hash_f64(*v, state),
        Numeric(v) => v.hash(state),
        Text(v) => v.hash(state),
        Bytea(v) => v.hash(state),
        Jsonb(v) => json::hash(v, state),
        TimeTz(micros, west) => time_tz_key(*micros, *west).hash(state),
        Interval(v) => v.hash(state),
        Uuid(v) => state.write(v),
        Oid(v) => state.write_u32(*v),
        Array(array) => {
            state.write_usize(array.values.len());
            array.values.iter().for_each(|element| hash_as(array.element, element, state));
        }
        Record(fields) => fields.iter().for_each(|(ty, field)| hash_as(*ty, field, state)),
    }
}

/// A hash that agrees with [`compare_as`] = Equal.
pub fn hash_as<H: Hasher>(data_type: DataType, value: &Value, state: &mut H) {
    match (data_type, value) {
        (DataType::Bpchar, Value::Text(text)) => text.trim_end_matches(' ').hash(state),
        _ => hash(value, state),
    }
}

/// One NaN, one zero.
pub fn hash_f64<H: Hasher>(value: f64, state: &mut H) {
    let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
    state.write_u64(value.to_bits());
}

#[cfg(test)]
mod tests;
