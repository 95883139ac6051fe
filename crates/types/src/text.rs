//! Values as text: what `typinput` accepts and `typoutput` prints in PostgreSQL 15.

mod array;
mod bytea;
mod float;
mod number;
mod record;
mod string;
mod uuid;

pub(crate) use float::float_to_text;
pub use float::{format_f32, format_f64};
pub use number::push_integer;
pub use string::{byte_of_char, char_of_byte, cut_name, fit_bpchar, fit_varchar};

use crate::settings::ByteaOutput;
use crate::vector::Data;
use crate::{ColumnType, DataType, Error, Interval, Numeric, Result, TextSettings, Value, Vector, bail};
use crate::{datetime, err, json};

/// Parses `text` as a value of `ty` and applies its modifier as an assignment would (22001 when too long).
/// Errors are PostgreSQL's: 22P02, 22003, 22007, 22008 with the same message.
/// regclass and friends accept a number here; names need a catalog and are resolved above.
pub fn parse(text: &str, ty: ColumnType, settings: &TextSettings) -> Result<Value> {
    let typmod = ty.typmod;
    Ok(match ty.data_type {
        DataType::Bool => Value::Bool(parse_bool(text)?),
        DataType::Int2 => Value::Int2(number::parse(text, "smallint")?),
        DataType::Int4 => Value::Int4(number::parse(text, "integer")?),
        DataType::Int8 => Value::Int8(number::parse(text, "bigint")?),
        DataType::Float4 => Value::Float4(float::parse_f32(text)?),
        DataType::Float8 => Value::Float8(float::parse_f64(text)?),
        DataType::Numeric => Value::Numeric(Numeric::parse(text)?.apply_typmod(typmod)?),
        DataType::Text | DataType::Unknown | DataType::AclItem => Value::Text(text.to_owned()),
        DataType::Varchar => Value::Text(fit_varchar(text, typmod, false)?),
        DataType::Bpchar => Value::Text(fit_bpchar(text, typmod, false)?),
        DataType::Name => Value::Text(cut_name(text).to_owned()),
        DataType::Char => Value::Text(char_of_byte(byte_of_char(text))),
        DataType::Bytea => Value::Bytea(bytea::parse(text)?),
        DataType::Json => {
            json::check_text(text)?;
            Value::Text(text.to_owned())
        }
        DataType::Jsonb => Value::Jsonb(json::parse(text)?),
        DataType::Date => Value::Date(datetime::parse_date(text, settings)?),
        DataType::Time => Value::Time(datetime::round_time(datetime::parse_time(text, settings)?, typmod)),
        DataType::TimeTz => {
            let (micros, west) = datetime::parse_time_tz(text, settings)?;
            Value::TimeTz(datetime::round_time(micros, typmod), west)
        }
        DataType::Timestamp => {
            Value::Timestamp(datetime::round_timestamp(datetime::parse_timestamp(text, settings)?, typmod)?)
        }
        DataType::TimestampTz => Value::Timestamp(datetime::round_timestamp(
            datetime::parse_timestamp_tz(text, settings)?,
            typmod,
        )?),
        DataType::Interval => Value::Interval(Interval::parse(text, typmod, settings.interval_style)?),
        DataType::Uuid => Value::Uuid(uuid::parse(text)?),
        DataType::Oid | DataType::Xid => Value::Oid(number::parse_oid(text, ty.data_type.name())?),
        DataType::Regclass
        | DataType::Regtype
        | DataType::Regproc
        | DataType::Regnamespace
        | DataType::Regrole => Value::Oid(parse_registered(text, ty.data_type)?),
        DataType::Int2Vector => array::parse_vector(text, DataType::Int2)?,
        DataType::OidVector => array::parse_vector(text, DataType::Oid)?,
        DataType::Record => {
            bail!(FeatureNotSupported, "input of anonymous composite types is not implemented")
        }
        DataType::Void => Value::Text(String::new()),
        array_type => match array_type.element() {
            Some(element) => array::parse(text, ColumnType::new(element, typmod), settings)?,
            None => return Err(Error::internal(format!("no text input for type {array_type}"))),
        },
    })
}

/// [`parse`], appended to a column of that type.
pub fn parse_into(text: &str, ty: ColumnType, settings: &TextSettings, out: &mut Vector) -> Result<()> {
    match ty.data_type {
        DataType::Text => out.push_bytes(text.as_bytes()),
        _ => out.push(&parse(text, ty, settings)?),
    }
    Ok(())
}

/// Appends what `typoutput` prints. NULL prints nothing: the caller shows it in its own way.
pub fn format(value: &Value, data_type: DataType, settings: &TextSettings, out: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.push(if *value { 't' } else { 'f' }),
        Value::Int2(value) => push_integer(out, *value as i64),
        Value::Int4(value) => push_integer(out, *value as i64),
        Value::Int8(value) => push_integer(out, *value),
        Value::Float4(value) => format_f32(*value, settings.extra_float_digits, out),
        Value::Float8(value) => format_f64(*value, settings.extra_float_digits, out),
        Value::Numeric(value) => value.push_text(out),
        Value::Text(value) => out.push_str(value),
        Value::Bytea(value) => format_bytea(value, settings, out),
        Value::Jsonb(value) => json::format(value, out),
        Value::Date(value) => datetime::format_date(*value, settings, out),
        Value::Time(value) => datetime::format_time(*value, out),
        Value::TimeTz(micros, west) => datetime::format_time_tz(*micros, *west, out),
        Value::Timestamp(value) if data_type == DataType::TimestampTz => {
            datetime::format_timestamp_tz(*value, settings, out)
        }
        Value::Timestamp(value) => datetime::format_timestamp(*value, settings, out),
        Value::Interval(value) => value.format(settings.interval_style, out),
        Value::Uuid(value) => uuid::format(value, out),
        Value::Oid(value) => format_oid(*value, data_type, settings, out),
        Value::Array(array) if matches!(data_type, DataType::Int2Vector | DataType::OidVector) => {
            array::format_vector(array, out)
        }
        Value::Array(array) => array::format(array, settings, out),
        Value::Record(fields) => record::format(fields, settings, out),
    }
}

/// [`format()`] of a row of a column, without making a [`Value`] where that costs. Nothing for NULL.
pub fn format_vector_row(vector: &Vector, row: usize, settings: &TextSettings, out: &mut String) {
    if vector.is_null(row) {
        return;
    }
    match &vector.data {
        Data::I16(v) => push_integer(out, v[row] as i64),
        Data::I32(v) if vector.data_type == DataType::Int4 => push_integer(out, v[row] as i64),
        Data::I64(v) if vector.data_type == DataType::Int8 => push_integer(out, v[row]),
        Data::F32(v) => format_f32(v[row], settings.extra_float_digits, out),
        Data::F64(v) => format_f64(v[row], settings.extra_float_digits, out),
        Data::Numeric(v) => v[row].push_text(out),
        Data::Uuid(v) => uuid::format(&v[row], out),
        Data::Bytes(v) => match vector.data_type {
            DataType::Bytea => format_bytea(v.get(row), settings, out),
            DataType::Jsonb => json::format(v.get(row), out),
            _ => out.push_str(v.get_str(row)),
        },
        Data::Value(v) => format(&v[row], vector.data_type, settings, out),
        // One machine word: the value costs nothing.
        Data::Bool(_) | Data::I32(_) | Data::I64(_) | Data::U32(_) | Data::Interval(_) => {
            format(&vector.get(row), vector.data_type, settings, out)
        }
    }
}

/// The text of a value, as `typoutput` prints it. Empty for NULL.
pub fn to_string(value: &Value, data_type: DataType, settings: &TextSettings) -> String {
    let mut out = String::new();
    format(value, data_type, settings, &mut out);
    out
}

fn format_bytea(bytes: &[u8], settings: &TextSettings, out: &mut String) {
    match settings.bytea_output {
        ByteaOutput::Hex => bytea::format_hex(bytes, out),
        ByteaOutput::Escape => bytea::format_escape(bytes, out),
    }
}

/// A prefix of true, false, yes, no, on, off that fits only one of them, or 1 or 0.
pub fn parse_bool(text: &str) -> Result<bool> {
    let lower = text.trim_matches(is_space).to_ascii_lowercase();
    let prefix_of = |word: &str, least: usize| lower.len() >= least && word.starts_with(lower.as_str());
    if lower == "1" || lower == "on" || prefix_of("true", 1) || prefix_of("yes", 1) {
        Ok(true)
    } else if lower == "0" || prefix_of("false", 1) || prefix_of("no", 1) || prefix_of("off", 2) {
        Ok(false)
    } else {
        bail!(InvalidTextRepresentation, "invalid input syntax for type boolean: \"{text}\"")
    }
}

/// What C's `isspace` says of ASCII.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// A number or `-` for regclass and friends; 42P01 or 42704 for a name, which only a catalog knows.
fn parse_registered(text: &str, data_type: DataType) -> Result<crate::Oid> {
    if text == "-" {
        return Ok(0);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number::parse_oid(text, "oid");
    }
    Err(match data_type {
        DataType::Regclass => err!(UndefinedTable, "relation \"{text}\" does not exist"),
        DataType::Regtype => err!(UndefinedObject, "type \"{text}\" does not exist"),
        DataType::Regproc => err!(UndefinedFunction, "function \"{text}\" does not exist"),
        DataType::Regnamespace => err!(InvalidSchemaName, "schema \"{text}\" does not exist"),
        _ => err!(UndefinedObject, "role \"{text}\" does not exist"),
    })
}

fn format_oid(oid: crate::Oid, data_type: DataType, settings: &TextSettings, out: &mut String) {
    match data_type {
        DataType::Oid | DataType::Xid => push_integer(out, oid as i64),
        _ if oid == 0 && data_type.is_oid() => out.push('-'),
        _ => match settings.names.as_ref().and_then(|names| names.get(&(data_type, oid))) {
            Some(name) => out.push_str(name),
            None => push_integer(out, oid as i64),
        },
    }
}

#[cfg(test)]
mod tests;
