//! The casts that do not go through text.

use super::wrong;
use crate::datetime::{self, MICROS_PER_DAY};
use crate::{DataType, Error, Interval, Numeric, Result, TextSettings, Value, bail, err, json, text};

/// None: the cast goes through text.
pub(super) fn convert(
    value: &Value,
    from: DataType,
    to: DataType,
    settings: &TextSettings,
) -> Result<Option<Value>> {
    let zone = &settings.time_zone;
    let number = from.is_integer() || from.is_oid();
    Ok(Some(match (from, to) {
        (DataType::Bool, DataType::Int4) => {
            Value::Int4(value.as_bool().ok_or_else(|| wrong(value, from))? as i32)
        }
        (DataType::Int4, DataType::Bool) => Value::Bool(integer(value, from)? != 0),
        (DataType::Int4, DataType::Char) => {
            let code = i8::try_from(integer(value, from)?);
            let code = code.map_err(|_| err!(NumericValueOutOfRange, "\"char\" out of range"))?;
            Value::Text(text::char_of_byte(code as u8))
        }
        (DataType::Char, DataType::Int4) => {
            Value::Int4(text::byte_of_char(string(value, from)?) as i8 as i32)
        }
        // xid has casts through text only.
        (DataType::Xid, _) | (_, DataType::Xid) if from != DataType::Unknown => return Ok(None),
        // The same 32 bits.
        (from, DataType::Int4) if from.is_oid() => Value::Int4(integer(value, from)? as u32 as i32),
        (DataType::Int2 | DataType::Int4, to) if to.is_oid() => {
            Value::Oid(integer(value, from)? as i32 as u32)
        }
        (_, to) if number && (to.is_numeric() || to.is_oid()) => from_integer(integer(value, from)?, to)?,
        (DataType::Float4 | DataType::Float8, to) if to.is_numeric() => from_float(value, from, to)?,
        (DataType::Numeric, to) if to.is_numeric() => match value {
            Value::Numeric(number) => from_numeric(number, to)?,
            _ => return Err(wrong(value, from)),
        },
        (DataType::Bool, DataType::Text | DataType::Varchar | DataType::Bpchar) => {
            let value = value.as_bool().ok_or_else(|| wrong(value, from))?;
            Value::text(if value { "true" } else { "false" })
        }
        (DataType::Bpchar, DataType::Text | DataType::Varchar | DataType::Name) => {
            let trimmed = string(value, from)?.trim_end_matches(' ');
            Value::text(if to == DataType::Name { text::cut_name(trimmed) } else { trimmed })
        }
        (
            DataType::Text | DataType::Varchar | DataType::Name | DataType::Char,
            DataType::Text | DataType::Varchar | DataType::Bpchar,
        ) => Value::text(string(value, from)?),
        (DataType::Date, DataType::Timestamp) => Value::Timestamp(datetime::date_to_timestamp(date(value)?)?),
        (DataType::Date, DataType::TimestampTz) => {
            Value::Timestamp(datetime::date_to_timestamp_tz(date(value)?, zone)?)
        }
        (DataType::Timestamp, DataType::TimestampTz) => {
            Value::Timestamp(datetime::local_to_utc(timestamp(value)?, zone)?)
        }
        (DataType::TimestampTz, DataType::Timestamp) => {
            Value::Timestamp(datetime::utc_to_local(timestamp(value)?, zone)?)
        }
        (DataType::Timestamp, DataType::Date) => Value::Date(datetime::timestamp_to_date(timestamp(value)?)),
        (DataType::TimestampTz, DataType::Date) => {
            Value::Date(datetime::timestamp_to_date(datetime::utc_to_local(timestamp(value)?, zone)?))
        }
        (DataType::Timestamp | DataType::TimestampTz, DataType::Time | DataType::TimeTz) => {
            let micros = timestamp(value)?;
            if matches!(micros, datetime::TIMESTAMP_INFINITY | datetime::TIMESTAMP_NEGATIVE_INFINITY) {
                return Ok(Some(Value::Null));
            }
            let local =
                if from == DataType::TimestampTz { datetime::utc_to_local(micros, zone)? } else { micros };
            let time = local.rem_euclid(MICROS_PER_DAY);
            if to == DataType::Time {
                Value::Time(time)
            } else {
                Value::TimeTz(time, -zone.offset_at(micros))
            }
        }
        (DataType::Time, DataType::Interval) => {
            Value::Interval(Interval { months: 0, days: 0, micros: time(value)? })
        }
        (DataType::Time, DataType::TimeTz) => {
            let time = time(value)?;
            let today = zone.to_local(settings.now).div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY;
            Value::TimeTz(time, -zone.offset_at_local(today.saturating_add(time)))
        }
        (DataType::Interval, DataType::Time) => match value {
            Value::Interval(interval) => Value::Time(interval.micros.rem_euclid(MICROS_PER_DAY)),
            _ => return Err(wrong(value, from)),
        },
        (DataType::TimeTz, DataType::Time) => match value {
            Value::TimeTz(micros, _) => Value::Time(*micros),
            _ => return Err(wrong(value, from)),
        },
        (DataType::Jsonb, to) if to == DataType::Bool || to.is_numeric() => match value {
            Value::Jsonb(document) => from_jsonb(document, to)?,
            _ => return Err(wrong(value, from)),
        },
        (DataType::Json, DataType::Jsonb) => Value::Jsonb(json::parse(string(value, from)?)?),
        _ => return Ok(None),
    }))
}

fn integer(value: &Value, from: DataType) -> Result<i64> {
    value.as_i64().ok_or_else(|| wrong(value, from))
}

fn string(value: &Value, from: DataType) -> Result<&str> {
    value.as_str().ok_or_else(|| wrong(value, from))
}

fn date(value: &Value) -> Result<i32> {
    match value {
        Value::Date(days) => Ok(*days),
        _ => Err(wrong(value, DataType::Date)),
    }
}

fn time(value: &Value) -> Result<i64> {
    match value {
        Value::Time(micros) => Ok(*micros),
        _ => Err(wrong(value, DataType::Time)),
    }
}

fn timestamp(value: &Value) -> Result<i64> {
    match value {
        Value::Timestamp(micros) => Ok(*micros),
        _ => Err(wrong(value, DataType::Timestamp)),
    }
}

/// `smallint out of range` and so on.
pub(super) fn out_of_range(to: DataType) -> Error {
    match to {
        DataType::Int2 | DataType::Int4 | DataType::Int8 => err!(NumericValueOutOfRange, "{to} out of range"),
        _ => err!(NumericValueOutOfRange, "OID out of range"),
    }
}

fn from_integer(value: i64, to: DataType) -> Result<Value> {
    let narrow = || out_of_range(to);
    Ok(match to {
        DataType::Int2 => Value::Int2(i16::try_from(value).map_err(|_| narrow())?),
        DataType::Int4 => Value::Int4(i32::try_from(value).map_err(|_| narrow())?),
        DataType::Int8 => Value::Int8(value),
        DataType::Float4 => Value::Float4(value as f32),
        DataType::Float8 => Value::Float8(value as f64),
        DataType::Numeric => Value::Numeric(Numeric::from(value)),
        to if to.is_oid() => Value::Oid(u32::try_from(value).map_err(|_| narrow())?),
        _ => return Err(Error::internal(format!("no cast from an integer to {to}"))),
    })
}

fn from_float(value: &Value, from: DataType, to: DataType) -> Result<Value> {
    let float = match value {
        Value::Float4(value) => *value as f64,
        Value::Float8(value) => *value,
        _ => return Err(wrong(value, from)),
    };
    // Halves to even, as C's rint. The upper limits are powers of two: exact.
    let integer = |limit: f64| {
        let rounded = float.round_ties_even();
        if rounded >= -limit && rounded < limit { Ok(rounded) } else { Err(out_of_range(to)) }
    };
    Ok(match to {
        DataType::Int2 => Value::Int2(integer(32_768.0)? as i16),
        DataType::Int4 => Value::Int4(integer(2_147_483_648.0)? as i32),
        DataType::Int8 => Value::Int8(integer(9_223_372_036_854_775_808.0)? as i64),
        DataType::Float8 => Value::Float8(float),
        DataType::Float4 => {
            let narrow = float as f32;
            if narrow.is_infinite() && float.is_finite() {
                bail!(NumericValueOutOfRange, "value out of range: overflow");
            }
            if narrow == 0.0 && float != 0.0 {
                bail!(NumericValueOutOfRange, "value out of range: underflow");
            }
            Value::Float4(narrow)
        }
        DataType::Numeric => Value::Numeric(match value {
            Value::Float4(value) => Numeric::from_f32(*value),
            _ => Numeric::from_f64(float),
        }),
        _ => return Err(Error::internal(format!("no cast from {from} to {to}"))),
    })
}

fn from_numeric(value: &Numeric, to: DataType) -> Result<Value> {
    Ok(match to {
        DataType::Int2 => Value::Int2(value.to_integer("smallint")?),
        DataType::Int4 => Value::Int4(value.to_integer("integer")?),
        DataType::Int8 => Value::Int8(value.to_integer("bigint")?),
        DataType::Float4 => Value::Float4(value.to_f32()?),
        DataType::Float8 => Value::Float8(value.to_f64()?),
        _ => Value::Numeric(value.clone()),
    })
}

/// 22023 for a document of another kind; SQL's NULL does not come from JSON's null.
fn from_jsonb(document: &[u8], to: DataType) -> Result<Value> {
    let kind = match json::Node::read(document) {
        json::Node::Bool(value) if to == DataType::Bool => return Ok(Value::Bool(value)),
        json::Node::Number(number) if to != DataType::Bool => {
            return from_numeric(&json::Node::number(number), to);
        }
        json::Node::Null => "null",
        json::Node::Bool(_) => "boolean",
        json::Node::Number(_) => "numeric",
        json::Node::String(_) => "string",
        json::Node::Array(_) => "array",
        json::Node::Object(_) => "object",
    };
    bail!(InvalidParameterValue, "cannot cast jsonb {kind} to type {to}")
}
