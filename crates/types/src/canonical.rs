//! The bytes that the ledger hashes: `ledger.md` 1, "type codes". One vector per type is in this module's tests.
//!
//! A value has one form, and [`decode`] accepts no other: whatever it accepts, [`encode`] writes back unchanged.

use crate::numeric::{Form, Parts};
use crate::{Array, DataType, Error, Interval, Numeric, Result, Value, datetime, json};

/// The code a cell holding `value` in a column of `data_type` carries: 00 for NULL, else the type's code.
pub fn type_code(value: &Value, data_type: DataType) -> Result<u8> {
    if value.is_null() {
        return Ok(0);
    }
    data_type.code().ok_or_else(|| crate::err!(FeatureNotSupported, "type {data_type} cannot be stored"))
}

/// Appends the canonical bytes of `value` (nothing for NULL).
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(v) => out.push(*v as u8),
        Value::Int2(v) => out.extend_from_slice(&v.to_be_bytes()),
        Value::Int4(v) | Value::Date(v) => out.extend_from_slice(&v.to_be_bytes()),
        Value::Int8(v) | Value::Time(v) | Value::Timestamp(v) => out.extend_from_slice(&v.to_be_bytes()),
        Value::Float4(v) => {
            let bits = if v.is_nan() { NAN_4 } else { v.to_bits() };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Value::Float8(v) => {
            let bits = if v.is_nan() { NAN_8 } else { v.to_bits() };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Value::Numeric(v) => encode_numeric(v, out),
        Value::Text(v) => out.extend_from_slice(v.as_bytes()),
        Value::Bytea(v) | Value::Jsonb(v) => out.extend_from_slice(v),
        Value::TimeTz(micros, west) => {
            out.extend_from_slice(&micros.to_be_bytes());
            out.extend_from_slice(&west.to_be_bytes());
        }
        Value::Interval(Interval { months, days, micros }) => {
            out.extend_from_slice(&months.to_be_bytes());
            out.extend_from_slice(&days.to_be_bytes());
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Value::Uuid(v) => out.extend_from_slice(v),
        Value::Oid(v) => out.extend_from_slice(&v.to_be_bytes()),
        Value::Array(array) => {
            let code = array.element.code().unwrap_or(0);
            out.push(code);
            out.push(array.dimensions.len() as u8);
            for (length, bound) in &array.dimensions {
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&bound.to_be_bytes());
            }
            array.values.iter().for_each(|element| encode_item(element, code, out));
        }
        Value::Record(fields) => {
            out.extend_from_slice(&(fields.len() as u16).to_be_bytes());
            fields.iter().for_each(|(ty, field)| encode_item(field, ty.code().unwrap_or(0), out));
        }
    }
}

const NAN_4: u32 = 0x7fc0_0000;
const NAN_8: u64 = 0x7ff8_0000_0000_0000;
/// PostgreSQL's MAXDIM.
const MAX_DIMENSIONS: u8 = 6;
/// Arrays of arrays and records nest by code; a document from outside must not exhaust the stack.
const MAX_NESTING: u8 = 32;

/// u8 type ‖ v32(value)
fn encode_item(value: &Value, code: u8, out: &mut Vec<u8>) {
    out.push(if value.is_null() { 0 } else { code });
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(value, out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// u8 form ‖ i16 weight ‖ u16 dscale ‖ digits u16
pub fn encode_numeric(value: &Numeric, out: &mut Vec<u8>) {
    if let Some((units, scale)) = value.to_units() {
        return encode_small_numeric(units, scale, out);
    }
    let Parts { form, weight, dscale, digits } = value.parts();
    out.push(form as u8);
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&dscale.to_be_bytes());
    digits.iter().for_each(|digit| out.extend_from_slice(&digit.to_be_bytes()));
}

/// The same bytes from an i64 and a scale, without taking the number apart into a list of digits.
fn encode_small_numeric(units: i64, scale: u8, out: &mut Vec<u8>) {
    // Groups of four from the last; the last is filled up with zeros.
    let padding = (4 - scale % 4) % 4;
    let mut rest = units.unsigned_abs() as u128 * 10u128.pow(padding as u32);
    let groups_after_point = (scale as i16 + 3) / 4;
    let mut digits = [0u16; 8];
    let mut first = digits.len();
    while rest > 0 {
        first -= 1;
        digits[first] = (rest % 10_000) as u16;
        rest /= 10_000;
    }
    let weight = if units == 0 { 0 } else { (digits.len() - first) as i16 - 1 - groups_after_point };
    let end = digits.iter().rposition(|digit| *digit != 0).map_or(first, |last| last + 1);
    out.push(if units < 0 { Form::Negative } else { Form::Positive } as u8);
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&(scale as u16).to_be_bytes());
    digits[first..end.max(first)].iter().for_each(|digit| out.extend_from_slice(&digit.to_be_bytes()));
}

pub fn decode_numeric(bytes: &[u8]) -> Result<Numeric> {
    let mut input = Input(bytes);
    let form = match input.u8()? {
        0 => Form::Positive,
        1 => Form::Negative,
        2 => Form::NaN,
        3 => Form::Infinity,
        4 => Form::NegativeInfinity,
        form => return Err(Error::corrupted(format!("invalid canonical numeric: form {form}"))),
    };
    let (weight, dscale) = (i16::from_be_bytes(input.take()?), u16::from_be_bytes(input.take()?));
    let (digits, odd) = input.0.as_chunks::<2>();
    let digits = digits.iter().map(|digit| i16::from_be_bytes(*digit)).collect();
    let parts = Parts { form, weight, dscale, digits };
    // Only what comes out as it went in is canonical: no zero groups at the ends, no digits beyond the scale.
    match Numeric::from_parts(parts.clone()) {
        Ok(value) if odd.is_empty() && value.parts() == parts => Ok(value),
        _ => Err(Error::corrupted("invalid canonical numeric")),
    }
}

/// The type that `code` stands for: of those that share a code the plainest (text for 19, oid for 29).
pub fn type_of_code(code: u8) -> Option<DataType> {
    DataType::ALL.iter().copied().find(|ty| ty.code() == Some(code) && !ty.is_array())
}

/// Reads canonical bytes back. Total: any input is a value or XX001. `code` 00 is NULL.
/// Arrays come with an element type of [`type_of_code`]; [`decode_as`] knows better.
pub fn decode(code: u8, bytes: &[u8]) -> Result<Value> {
    decode_nested(code, bytes, 0)
}

/// [`decode`] for a column of `data_type`: refuses another type's code, and gives arrays the column's element type.
pub fn decode_as(data_type: DataType, code: u8, bytes: &[u8]) -> Result<Value> {
    if code != 0 && data_type.code() != Some(code) {
        return Err(Error::corrupted(format!("type code {code:02x} in a column of type {data_type}")));
    }
    let mut value = decode(code, bytes)?;
    if let Value::Array(array) = &mut value
        && let Some(element) = data_type.element()
    {
        if array.element.code() != element.code() {
            return Err(Error::corrupted(format!(
                "an array of {} in a column of type {data_type}",
                array.element
            )));
        }
        array.element = element;
    }
    Ok(value)
}

fn decode_nested(code: u8, bytes: &[u8], nesting: u8) -> Result<Value> {
    let mut input = Input(bytes);
    let value = match code {
        0x00 => Value::Null,
        0x10 => match input.u8()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => return Err(Error::corrupted(format!("invalid canonical bool {other:02x}"))),
        },
        0x12 => Value::Int2(i16::from_be_bytes(input.take()?)),
        0x13 => Value::Int4(i32::from_be_bytes(input.take()?)),
        0x14 => Value::Int8(i64::from_be_bytes(input.take()?)),
        0x15 => {
            let bits = u32::from_be_bytes(input.take()?);
            let value = f32::from_bits(bits);
            if value.is_nan() && bits != NAN_4 {
                return Err(Error::corrupted("invalid canonical float4: another NaN"));
            }
            Value::Float4(value)
        }
        0x16 => {
            let bits = u64::from_be_bytes(input.take()?);
            let value = f64::from_bits(bits);
            if value.is_nan() && bits != NAN_8 {
                return Err(Error::corrupted("invalid canonical float8: another NaN"));
            }
            Value::Float8(value)
        }
        0x17 => return Ok(Value::Numeric(decode_numeric(bytes)?)),
        0x19 | 0x1b => match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(Value::Text(text.to_owned())),
            Err(_) => return Err(Error::corrupted("canonical text is not UTF-8")),
        },
        0x1a => return Ok(Value::Bytea(bytes.to_vec())),
        0x1c => {
            json::validate(bytes)?;
            return Ok(Value::Jsonb(bytes.to_vec()));
        }
        0x20 => Value::Date(i32::from_be_bytes(input.take()?)),
        0x21 => Value::Time(i64::from_be_bytes(input.take()?)),
        0x22 | 0x23 => Value::Timestamp(i64::from_be_bytes(input.take()?)),
        0x24 => Value::Interval(Interval {
            months: i32::from_be_bytes(input.take()?),
            days: i32::from_be_bytes(input.take()?),
            micros: i64::from_be_bytes(input.take()?),
        }),
        0x25 => Value::TimeTz(i64::from_be_bytes(input.take()?), i32::from_be_bytes(input.take()?)),
        0x28 => Value::Uuid(input.take()?),
        0x29 => Value::Oid(u32::from_be_bytes(input.take()?)),
        0x40 => Value::Array(Box::new(decode_array(&mut input, nesting)?)),
        0x41 => {
            let count = u16::from_be_bytes(input.take()?);
            let mut fields = Vec::new();
            for _ in 0..count {
                let (code, value) = decode_item(&mut input, nesting)?;
                fields.push((type_of_code(code).unwrap_or(DataType::Text), value));
            }
            Value::record(fields)
        }
        other => return Err(Error::corrupted(format!("unknown type code {other:02x}"))),
    };
    if !input.0.is_empty() {
        return Err(Error::corrupted(format!(
            "{} bytes too many after a value of code {code:02x}",
            input.0.len()
        )));
    }
    if !datetime::in_range(&value) {
        return Err(Error::corrupted(format!("a value of code {code:02x} is out of range")));
    }
    Ok(value)
}

fn decode_item(input: &mut Input<'_>, nesting: u8) -> Result<(u8, Value)> {
    if nesting >= MAX_NESTING {
        return Err(Error::corrupted("canonical values nest too deeply"));
    }
    let code = input.u8()?;
    let length = u32::from_be_bytes(input.take()?) as usize;
    let (bytes, rest) = input.0.split_at_checked(length).ok_or_else(truncated)?;
    input.0 = rest;
    Ok((code, decode_nested(code, bytes, nesting + 1)?))
}

fn decode_array(input: &mut Input<'_>, nesting: u8) -> Result<Array> {
    let element_code = input.u8()?;
    let element =
        type_of_code(element_code).ok_or_else(|| Error::corrupted("an array of an unknown type"))?;
    let dimension_count = input.u8()?;
    if dimension_count > MAX_DIMENSIONS {
        return Err(Error::corrupted(format!("an array of {dimension_count} dimensions")));
    }
    let mut dimensions = vec![];
    let mut count = if dimension_count == 0 { 0 } else { 1i32 };
    for _ in 0..dimension_count {
        let (length, bound) = (i32::from_be_bytes(input.take()?), i32::from_be_bytes(input.take()?));
        let product = count.checked_mul(length).filter(|_| length > 0 && bound.checked_add(length).is_some());
        count = product.ok_or_else(|| Error::corrupted("invalid array dimensions"))?;
        dimensions.push((length, bound));
    }
    let mut values = vec![];
    for _ in 0..count {
        let (code, value) = decode_item(input, nesting)?;
        if code != 0 && code != element_code {
            return Err(Error::corrupted("an array element of another type"));
        }
        values.push(value);
    }
    Ok(Array { element, dimensions, values })
}

/// The bytes not yet read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn u8(&mut self) -> Result<u8> {
        self.take::<1>().map(|[byte]| byte)
    }
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(truncated)?;
        self.0 = rest;
        Ok(*head)
    }
}

fn truncated() -> Error {
    Error::corrupted("canonical bytes end too early")
}

#[cfg(test)]
mod tests;
