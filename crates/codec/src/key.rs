//! Order-preserving keys.
//!
//! ```text
//!   column   marker ‖ value            marker 00 = NULL first, 01 = a value follows, 02 = NULL last
//!   int      two's complement, sign bit flipped           float    IEEE, sign flipped (negative: all bits)
//!   text     00 -> 00 ff, end 00 00                        numeric  class ‖ weight ‖ (digit + 1)* ‖ 00 00
//!   array    (01 ‖ element | 02)* ‖ 00 ‖ dimensions        interval 96-bit microseconds, sign flipped
//! ```
//! DESC inverts the value's bytes, not the marker. No encoding is a prefix of another of its type, so columns follow
//! each other without separators and a prefix of columns is a prefix of bytes.

use crate::bytes::Reader;
use types::vector::Data;
use types::{Array, DataType, Error, Interval, Result, Value, Vector, canonical};

const NULL_FIRST: u8 = 0x00;
const PRESENT: u8 = 0x01;
const NULL_LAST: u8 = 0x02;

/// Appends one key column. `descending` inverts every byte; `nulls_first` chooses the NULL marker.
/// char(n) is stripped of trailing blanks, -0 is +0, numeric loses its scale, intervals are normalised.
/// A type without an order (json) is 42883.
pub fn encode(
    value: &Value,
    data_type: DataType,
    descending: bool,
    nulls_first: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    if value.is_null() {
        out.push(if nulls_first { NULL_FIRST } else { NULL_LAST });
        return Ok(());
    }
    out.push(PRESENT);
    let start = out.len();
    encode_value(value, data_type, out)?;
    if descending {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(())
}

/// [`encode`] of row `row` of a column: the same bytes, without a copy of a text in between.
pub fn encode_at(
    column: &Vector,
    row: usize,
    descending: bool,
    nulls_first: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    match &column.data {
        Data::Bytes(texts) if column.data_type.is_text() && !column.is_null(row) => {
            out.push(PRESENT);
            let start = out.len();
            match column.data_type {
                DataType::Bpchar => push_escaped(texts.get_str(row).trim_end_matches(' ').as_bytes(), out),
                _ => push_escaped(texts.get(row), out),
            }
            if descending {
                out[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
            Ok(())
        }
        _ => encode(&column.get(row), column.data_type, descending, nulls_first, out),
    }
}

/// Reads one key column back and returns the rest. What the encoding normalised stays normalised.
pub fn decode(
    bytes: &[u8],
    data_type: DataType,
    descending: bool,
    nulls_first: bool,
) -> Result<(Value, &[u8])> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        NULL_FIRST if nulls_first => return Ok((Value::Null, reader.rest())),
        NULL_LAST if !nulls_first => return Ok((Value::Null, reader.rest())),
        PRESENT => {}
        _ => return Err(Error::corrupted("a key column with an unknown marker")),
    }
    if !descending {
        let value = decode_value(&mut reader, data_type)?;
        return Ok((value, reader.rest()));
    }
    let inverted: Vec<u8> = reader.rest().iter().map(|byte| !byte).collect();
    let mut inner = Reader::new(&inverted);
    let value = decode_value(&mut inner, data_type)?;
    reader.take(inverted.len() - inner.rest().len())?;
    Ok((value, reader.rest()))
}

/// Whether values of the type have an order that keys can keep.
pub fn is_orderable(data_type: DataType) -> bool {
    use DataType::*;
    match data_type.element() {
        Some(element) => is_orderable(element),
        None => !matches!(data_type, Json | Jsonb | Int2Vector | OidVector | AclItem | Record | Void),
    }
}

fn no_order(data_type: DataType) -> Error {
    types::err!(UndefinedFunction, "could not identify an ordering operator for type {data_type}")
        .hint("Use a column of another type, or an expression such as (document ->> 'id').")
}

fn encode_value(value: &Value, data_type: DataType, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Bool(value) => out.push(*value as u8),
        Value::Int2(value) => out.extend_from_slice(&(*value as u16 ^ 0x8000).to_be_bytes()),
        Value::Int4(value) | Value::Date(value) => push_i32(*value, out),
        Value::Int8(value) | Value::Time(value) | Value::Timestamp(value) => push_i64(*value, out),
        Value::Float4(value) => {
            let bits = if value.is_nan() { 0x7fc0_0000 } else { (value + 0.0).to_bits() };
            let bits = if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Value::Float8(value) => {
            let bits = if value.is_nan() { 0x7ff8_0000_0000_0000 } else { (value + 0.0).to_bits() };
            let bits = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Value::Numeric(_) => encode_numeric(value, out)?,
        Value::Text(text) => match data_type {
            DataType::Json => return Err(no_order(data_type)),
            DataType::Bpchar => push_escaped(text.trim_end_matches(' ').as_bytes(), out),
            _ => push_escaped(text.as_bytes(), out),
        },
        Value::Bytea(bytes) => push_escaped(bytes, out),
        Value::TimeTz(micros, west) => {
            // By the moment in UTC, then by the zone.
            push_i64(micros.saturating_add(*west as i64 * 1_000_000), out);
            push_i32(*west, out);
        }
        Value::Interval(interval) => {
            let bytes = interval.normalised().to_be_bytes();
            // The top 32 bits are sign only: no interval needs more than 76 bits.
            out.push(bytes[4] ^ 0x80);
            out.extend_from_slice(&bytes[5..]);
        }
        Value::Uuid(bytes) => out.extend_from_slice(bytes),
        Value::Oid(oid) => out.extend_from_slice(&oid.to_be_bytes()),
        Value::Array(array) => {
            if !is_orderable(array.element) {
                return Err(no_order(data_type));
            }
            for element in &array.values {
                encode(element, array.element, false, false, out)?;
            }
            out.push(0);
            out.push(array.dimensions.len() as u8);
            array.dimensions.iter().for_each(|(length, _)| push_i32(*length, out));
            array.dimensions.iter().for_each(|(_, lower)| push_i32(*lower, out));
        }
        Value::Jsonb(_) | Value::Record(_) | Value::Null => return Err(no_order(data_type)),
    }
    Ok(())
}

fn decode_value(reader: &mut Reader<'_>, data_type: DataType) -> Result<Value> {
    use DataType::*;
    Ok(match data_type {
        Bool => Value::Bool(match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Error::corrupted("a bool key that is neither 0 nor 1")),
        }),
        Int2 => Value::Int2((reader.u16()? ^ 0x8000) as i16),
        Int4 => Value::Int4(take_i32(reader)?),
        Date => Value::Date(take_i32(reader)?),
        Int8 => Value::Int8(take_i64(reader)?),
        Time => Value::Time(take_i64(reader)?),
        Timestamp | TimestampTz => Value::Timestamp(take_i64(reader)?),
        Float4 => {
            let bits = reader.u32()?;
            Value::Float4(f32::from_bits(if bits >> 31 == 1 { bits & 0x7fff_ffff } else { !bits }))
        }
        Float8 => {
            let bits = u64::from_be_bytes(reader.array()?);
            Value::Float8(f64::from_bits(if bits >> 63 == 1 { bits & (u64::MAX >> 1) } else { !bits }))
        }
        Numeric => decode_numeric(reader)?,
        Text | Varchar | Bpchar | Name | Char | Unknown => Value::Text(
            String::from_utf8(take_escaped(reader)?)
                .map_err(|_| Error::corrupted("a text key that is not UTF-8"))?,
        ),
        Bytea => Value::Bytea(take_escaped(reader)?),
        TimeTz => {
            let (utc, west) = (take_i64(reader)?, take_i32(reader)?);
            let micros = utc
                .checked_sub(west as i64 * 1_000_000)
                .ok_or_else(|| Error::corrupted("a timetz key out of range"))?;
            Value::TimeTz(micros, west)
        }
        Interval => decode_interval(reader)?,
        Uuid => Value::Uuid(reader.array()?),
        other if other.is_oid() => Value::Oid(reader.u32()?),
        other => match other.element() {
            Some(element) if is_orderable(element) => decode_array(reader, element)?,
            _ => return Err(no_order(data_type)),
        },
    })
}

fn push_i32(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value as u32 ^ (1 << 31)).to_be_bytes());
}

fn push_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value as u64 ^ (1 << 63)).to_be_bytes());
}

fn take_i32(reader: &mut Reader<'_>) -> Result<i32> {
    Ok((reader.u32()? ^ (1 << 31)) as i32)
}

fn take_i64(reader: &mut Reader<'_>) -> Result<i64> {
    Ok((u64::from_be_bytes(reader.array()?) ^ (1 << 63)) as i64)
}

fn push_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

fn take_escaped(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let mut out = vec![];
    loop {
        match reader.u8()? {
            0 => match reader.u8()? {
                0 => return Ok(out),
                0xff => out.push(0),
                _ => return Err(Error::corrupted("a key with an unknown escape")),
            },
            byte => out.push(byte),
        }
    }
}

// numeric: class (0 -Inf, 1 negative, 2 zero, 3 positive, 4 +Inf, 5 NaN), then for the finite ones weight and digits
// of the canonical form, each digit + 1 so that the end (0) sorts before every digit. Negative ones are inverted.

fn encode_numeric(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    let mut bytes = vec![];
    canonical::encode(value, &mut bytes);
    let mut reader = Reader::new(&bytes);
    let form = reader.u8()?;
    let weight = reader.u16()?;
    reader.u16()?;
    match form {
        2 => out.push(5),
        3 => out.push(4),
        4 => out.push(0),
        _ if reader.is_empty() => out.push(2),
        _ => {
            out.push(if form == 1 { 1 } else { 3 });
            let start = out.len();
            out.extend_from_slice(&(weight ^ 0x8000).to_be_bytes());
            while !reader.is_empty() {
                out.extend_from_slice(&(reader.u16()?.saturating_add(1)).to_be_bytes());
            }
            out.extend_from_slice(&[0, 0]);
            if form == 1 {
                out[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
    }
    Ok(())
}

fn decode_numeric(reader: &mut Reader<'_>) -> Result<Value> {
    let class = reader.u8()?;
    let (form, invert) = match class {
        0 => (4, 0),
        1 => (1, 0xffff),
        2 => (0, 0),
        3 => (0, 0),
        4 => (3, 0),
        5 => (2, 0),
        _ => return Err(Error::corrupted("a numeric key of an unknown class")),
    };
    let (mut weight, mut digits) = (0i16, vec![]);
    if matches!(class, 1 | 3) {
        weight = (reader.u16()? ^ invert ^ 0x8000) as i16;
        loop {
            match reader.u16()? ^ invert {
                0 => break,
                digit @ 1..=10_000 => digits.push(digit - 1),
                _ => return Err(Error::corrupted("a numeric key with a digit out of range")),
            }
        }
        if digits.is_empty() {
            return Err(Error::corrupted("a numeric key without digits"));
        }
    }
    // The smallest scale that shows every digit: the last group's trailing zeros are not needed.
    let groups_after_point = digits.len() as i32 - 1 - weight as i32;
    let trailing =
        digits.last().map_or(0, |&digit| (0..4).take_while(|n| digit % 10u16.pow(n + 1) == 0).count());
    let scale = (groups_after_point * 4 - trailing as i32).max(0);
    let mut bytes = vec![form];
    bytes.extend_from_slice(&weight.to_be_bytes());
    bytes.extend_from_slice(&(scale as u16).to_be_bytes());
    digits.iter().for_each(|digit| bytes.extend_from_slice(&digit.to_be_bytes()));
    canonical::decode(0x17, &bytes)
}

fn decode_interval(reader: &mut Reader<'_>) -> Result<Value> {
    const DAY: i128 = 86_400_000_000;
    let raw: [u8; 12] = reader.array()?;
    let mut wide = [if raw[0] & 0x80 == 0 { 0xff } else { 0 }; 16];
    wide[4..].copy_from_slice(&raw);
    wide[4] ^= 0x80;
    let total = i128::from_be_bytes(wide);
    let months = (total / (30 * DAY)).clamp(i32::MIN as i128, i32::MAX as i128);
    let rest = total - months * 30 * DAY;
    let days = (rest / DAY).clamp(i32::MIN as i128, i32::MAX as i128);
    let micros =
        i64::try_from(rest - days * DAY).map_err(|_| Error::corrupted("an interval key out of range"))?;
    Ok(Value::Interval(Interval { months: months as i32, days: days as i32, micros }))
}

fn decode_array(reader: &mut Reader<'_>, element: DataType) -> Result<Value> {
    let mut values = vec![];
    while reader.rest().first().is_some_and(|&marker| marker != 0) {
        let (value, rest) = decode(reader.rest(), element, false, false)?;
        *reader = Reader::new(rest);
        values.push(value);
    }
    reader.u8()?;
    let count = reader.u8()? as usize;
    let lengths = (0..count).map(|_| take_i32(reader)).collect::<Result<Vec<_>>>()?;
    let dimensions =
        lengths.into_iter().map(|length| Ok((length, take_i32(reader)?))).collect::<Result<Vec<_>>>()?;
    let size = dimensions.iter().try_fold(1i64, |size, (length, _)| size.checked_mul(*length as i64));
    if size != Some(values.len() as i64) && !(values.is_empty() && count == 0) {
        return Err(Error::corrupted("an array key whose dimensions do not fit its elements"));
    }
    Ok(Value::Array(Box::new(Array { element, dimensions, values })))
}
