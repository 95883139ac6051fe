//! SQL values as JSON: the rules of to_json and to_jsonb.

use super::tree::Tree;
use super::{parse, push_string};
use crate::{Array, DataType, Numeric, Result, TextSettings, Value, datetime, text};
use std::borrow::Cow;

/// `to_jsonb(value)`
pub fn to_jsonb(value: &Value, data_type: DataType, settings: &TextSettings) -> Result<Vec<u8>> {
    to_tree(value, data_type, settings)?.encode()
}

/// A value as a document: numbers and booleans as such, arrays as arrays, rows as objects (with the keys f1, f2 and so
/// on where they have no names), json and jsonb as they are, dates and times in ISO 8601, all else as its text.
pub fn to_tree<'a>(value: &'a Value, data_type: DataType, settings: &TextSettings) -> Result<Tree<'a>> {
    Ok(match value {
        Value::Null => Tree::Null,
        Value::Bool(value) => Tree::Bool(*value),
        Value::Int2(_) | Value::Int4(_) | Value::Int8(_) => {
            Tree::Number(Numeric::from(value.as_i64().unwrap_or(0)))
        }
        Value::Numeric(number) => Tree::Number(number.clone()),
        Value::Float4(_) | Value::Float8(_) => {
            let shown = text::to_string(value, data_type, settings);
            match Numeric::parse(&shown) {
                Ok(number) if number.is_finite() => Tree::Number(number),
                _ => Tree::string(shown),
            }
        }
        Value::Jsonb(bytes) => Tree::encoded(bytes),
        Value::Text(text) if data_type == DataType::Json => Tree::Encoded(Cow::Owned(parse(text)?)),
        Value::Text(text) => Tree::string(text.as_str()),
        Value::Array(array) if !matches!(data_type, DataType::Int2Vector | DataType::OidVector) => {
            let mut values = array.values.iter();
            array_tree(array, &array.dimensions, &mut values, settings)?
        }
        Value::Record(record) => {
            let members = record
                .iter()
                .enumerate()
                .map(|(index, (ty, field))| Ok((record.name(index), to_tree(field, *ty, settings)?)));
            Tree::Object(members.collect::<Result<_>>()?)
        }
        other => Tree::string(plain_text(other, data_type, settings)),
    })
}

fn array_tree<'a>(
    array: &'a Array,
    dimensions: &[(i32, i32)],
    values: &mut impl Iterator<Item = &'a Value>,
    settings: &TextSettings,
) -> Result<Tree<'a>> {
    let Some(((length, _), inner)) = dimensions.split_first() else { return Ok(Tree::Array(vec![])) };
    let elements = (0..*length).map(|_| {
        if inner.is_empty() {
            to_tree(values.next().unwrap_or(&Value::Null), array.element, settings)
        } else {
            array_tree(array, inner, values, settings)
        }
    });
    Ok(Tree::Array(elements.collect::<Result<_>>()?))
}

/// The text of a value that JSON writes as a string.
fn plain_text(value: &Value, data_type: DataType, settings: &TextSettings) -> String {
    let mut out = String::new();
    match (value, data_type) {
        (Value::Date(days), _) => {
            let iso = TextSettings { date_style: crate::settings::DateStyle::Iso, ..settings.clone() };
            datetime::format_date(*days, &iso, &mut out);
        }
        (Value::Timestamp(micros), DataType::TimestampTz) => {
            let zone = &settings.time_zone;
            datetime::format_iso_8601(zone.to_local(*micros), Some(-zone.offset_at(*micros)), &mut out);
        }
        (Value::Timestamp(micros), _) => datetime::format_iso_8601(*micros, None, &mut out),
        _ => text::format(value, data_type, settings, &mut out),
    }
    out
}

/// `to_json(value)`: text without blanks; json stays as it was written.
pub fn to_json_text(value: &Value, data_type: DataType, settings: &TextSettings, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int2(_)
        | Value::Int4(_)
        | Value::Int8(_)
        | Value::Numeric(_)
        | Value::Float4(_)
        | Value::Float8(_) => {
            let start = out.len();
            text::format(value, data_type, settings, out);
            // NaN and the infinities are no JSON numbers.
            if out[start..].contains(['N', 'I']) {
                out.insert(start, '"');
                out.push('"');
            }
        }
        Value::Jsonb(document) => super::format(document, out),
        Value::Text(text) if data_type == DataType::Json => out.push_str(text),
        Value::Text(text) => push_string(text, out),
        Value::Array(array) if !matches!(data_type, DataType::Int2Vector | DataType::OidVector) => {
            let mut values = array.values.iter();
            array_text(array, &array.dimensions, &mut values, settings, out);
        }
        Value::Record(record) => {
            out.push('{');
            for (index, (ty, field)) in record.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_string(&record.name(index), out);
                out.push(':');
                to_json_text(field, *ty, settings, out);
            }
            out.push('}');
        }
        other => push_string(&plain_text(other, data_type, settings), out),
    }
}

fn array_text<'a>(
    array: &Array,
    dimensions: &[(i32, i32)],
    values: &mut impl Iterator<Item = &'a Value>,
    settings: &TextSettings,
    out: &mut String,
) {
    out.push('[');
    if let Some(((length, _), inner)) = dimensions.split_first() {
        for index in 0..*length {
            if index > 0 {
                out.push(',');
            }
            if inner.is_empty() {
                to_json_text(values.next().unwrap_or(&Value::Null), array.element, settings, out);
            } else {
                array_text(array, inner, values, settings, out);
            }
        }
    }
    out.push(']');
}
