//! To the wire.

use super::*;
use bytes::{BufMut, BytesMut};
use types::datetime::{
    DATE_INFINITY, DATE_NEGATIVE_INFINITY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY,
};
use types::numeric::Form;
use types::vector::Data;
use types::{Array, DataType, Numeric, Result, TextSettings, Value, Vector, json, text};

/// Appends a row of a column, which is not null, without its length.
pub fn encode_row(
    column: &Vector,
    row: usize,
    settings: &TextSettings,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<()> {
    match &column.data {
        Data::Bool(v) => out.put_u8(v[row] as u8),
        Data::I16(v) => out.put_i16(v[row]),
        Data::I32(v) if column.data_type == DataType::Date => out.put_i32(wire_date(v[row])),
        Data::I32(v) => out.put_i32(v[row]),
        Data::I64(v) => match column.data_type {
            DataType::Timestamp | DataType::TimestampTz => out.put_i64(wire_timestamp(v[row])),
            _ => out.put_i64(v[row]),
        },
        Data::U32(v) => out.put_u32(v[row]),
        Data::F32(v) => out.put_f32(v[row]),
        Data::F64(v) => out.put_f64(v[row]),
        Data::Numeric(v) => put_numeric(&v[row], out),
        Data::Interval(v) => put_interval(&v[row], out),
        Data::Uuid(v) => out.extend_from_slice(&v[row]),
        Data::Bytes(v) => put_bytes(v.get(row), column.data_type, scratch, out),
        Data::Value(v) => encode(&v[row], column.data_type, settings, scratch, out)?,
    }
    Ok(())
}

/// Appends a value, which is not null, without its length.
pub fn encode(
    value: &Value,
    data_type: DataType,
    settings: &TextSettings,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<()> {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.put_u8(*value as u8),
        Value::Int2(value) => out.put_i16(*value),
        Value::Int4(value) => out.put_i32(*value),
        Value::Int8(value) | Value::Time(value) => out.put_i64(*value),
        Value::Float4(value) => out.put_f32(*value),
        Value::Float8(value) => out.put_f64(*value),
        Value::Numeric(value) => put_numeric(value, out),
        Value::Text(_) if data_type == DataType::Void => {}
        Value::Text(value) => put_bytes(value.as_bytes(), data_type, scratch, out),
        Value::Bytea(value) => out.extend_from_slice(value),
        Value::Jsonb(value) => put_bytes(value, DataType::Jsonb, scratch, out),
        Value::Date(days) => out.put_i32(wire_date(*days)),
        Value::TimeTz(micros, west) => {
            out.put_i64(*micros);
            out.put_i32(*west);
        }
        Value::Timestamp(micros) => out.put_i64(wire_timestamp(*micros)),
        Value::Interval(value) => put_interval(value, out),
        Value::Uuid(value) => out.extend_from_slice(value),
        Value::Oid(value) => out.put_u32(*value),
        Value::Array(array) => put_array(array, data_type, settings, scratch, out)?,
        Value::Record(fields) => {
            out.put_i32(fields.len() as i32);
            for (field_type, value) in fields.iter() {
                out.put_u32(field_type.oid());
                put_element(value, *field_type, settings, scratch, out)?;
            }
        }
    }
    if !fits(value, data_type) {
        // A value whose layout is not its type's would be read as something else.
        scratch.clear();
        text::format(value, data_type, settings, scratch);
        return Err(types::Error::internal(format!("a {data_type} holds {scratch}")));
    }
    Ok(())
}

/// The layouts that have one type only are checked where it is cheap.
fn fits(value: &Value, data_type: DataType) -> bool {
    match value {
        Value::Array(_) => {
            data_type.is_array() || matches!(data_type, DataType::Int2Vector | DataType::OidVector)
        }
        Value::Record(_) => data_type == DataType::Record,
        Value::TimeTz(..) => data_type == DataType::TimeTz,
        _ => true,
    }
}

fn wire_date(days: i32) -> i32 {
    match days {
        DATE_INFINITY | DATE_NEGATIVE_INFINITY => days,
        // Days are at least Julian day 0: nothing overflows.
        days => days.saturating_sub(EPOCH_DAYS),
    }
}

fn wire_timestamp(micros: i64) -> i64 {
    match micros {
        TIMESTAMP_INFINITY | TIMESTAMP_NEGATIVE_INFINITY => micros,
        micros => micros.saturating_sub(EPOCH_MICROS),
    }
}

fn put_bytes(bytes: &[u8], data_type: DataType, scratch: &mut String, out: &mut BytesMut) {
    match data_type {
        DataType::Jsonb => {
            scratch.clear();
            json::format(bytes, scratch);
            out.put_u8(JSONB_VERSION);
            out.extend_from_slice(scratch.as_bytes());
        }
        // One byte, always.
        DataType::Char if bytes.is_empty() => out.put_u8(0),
        _ => out.extend_from_slice(bytes),
    }
}

fn put_interval(value: &types::Interval, out: &mut BytesMut) {
    out.put_i64(value.micros);
    out.put_i32(value.days);
    out.put_i32(value.months);
}

fn put_numeric(value: &Numeric, out: &mut BytesMut) {
    match value.to_units() {
        Some((units, scale)) if scale <= 18 => put_small_numeric(units, scale, out),
        _ => {
            let parts = value.parts();
            let sign = match parts.form {
                Form::Positive => POSITIVE,
                Form::Negative => NEGATIVE,
                Form::NaN => NAN,
                Form::Infinity => INFINITY,
                Form::NegativeInfinity => NEGATIVE_INFINITY,
            };
            // PostgreSQL shows a bit of its own layout here.
            let dscale = if value.is_infinite() { 0x20 } else { parts.dscale };
            put_digits(&parts.digits, parts.weight, sign, dscale, out);
        }
    }
}

fn put_digits(digits: &[i16], weight: i16, sign: u16, dscale: u16, out: &mut BytesMut) {
    out.put_i16(digits.len() as i16);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(dscale);
    digits.iter().for_each(|digit| out.put_i16(*digit));
}

/// Most numbers: `units / 10^scale`, without allocating.
fn put_small_numeric(units: i64, scale: u8, out: &mut BytesMut) {
    // Base 10000, least significant first: up to 5 groups after the point and 5 before it.
    let mut groups = [0i16; 12];
    let mut count = 0;
    let fraction_groups = scale.div_ceil(4) as usize;
    let one = 10u128.pow(scale as u32);
    let magnitude = units.unsigned_abs() as u128;
    let padding = 10u128.pow(fraction_groups as u32 * 4 - scale as u32);
    let mut fraction = magnitude % one * padding;
    for _ in 0..fraction_groups {
        groups[count] = (fraction % 10_000) as i16;
        fraction /= 10_000;
        count += 1;
    }
    let mut whole = magnitude / one;
    while whole > 0 {
        groups[count] = (whole % 10_000) as i16;
        whole /= 10_000;
        count += 1;
    }
    let digits = &mut groups[..count];
    digits.reverse();
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    let trailing = digits[leading..].iter().rev().take_while(|digit| **digit == 0).count();
    let kept = &digits[leading..count - trailing];
    let weight = if kept.is_empty() { 0 } else { (count - fraction_groups) as i16 - 1 - leading as i16 };
    let sign = if units < 0 { NEGATIVE } else { POSITIVE };
    put_digits(kept, weight, sign, scale as u16, out);
}

fn put_array(
    array: &Array,
    data_type: DataType,
    settings: &TextSettings,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<()> {
    let vector = matches!(data_type, DataType::Int2Vector | DataType::OidVector);
    let empty_vector = [(0, 0)];
    let dimensions = match &array.dimensions[..] {
        [] if vector => &empty_vector[..],
        dimensions => dimensions,
    };
    out.put_i32(dimensions.len() as i32);
    out.put_i32(array.values.iter().any(Value::is_null) as i32);
    out.put_u32(array.element.oid());
    for (length, lower) in dimensions {
        out.put_i32(*length);
        out.put_i32(*lower);
    }
    array.values.iter().try_for_each(|value| put_element(value, array.element, settings, scratch, out))
}

/// With its length.
fn put_element(
    value: &Value,
    data_type: DataType,
    settings: &TextSettings,
    scratch: &mut String,
    out: &mut BytesMut,
) -> Result<()> {
    if value.is_null() {
        out.put_i32(-1);
        return Ok(());
    }
    let start = out.len();
    out.put_i32(0);
    encode(value, data_type, settings, scratch, out)?;
    set_length(out, start)
}

/// Writes the length of what follows the four bytes at `start`.
pub fn set_length(out: &mut BytesMut, start: usize) -> Result<()> {
    let length = i32::try_from(out.len() - start - 4).map_err(|_| crate::row::too_large())?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
