//! json: making it of SQL values, and taking its text apart (PostgreSQL 15, 9.16). What comes out of a json is its text
//! as it was written.

use crate::columnwise::{rowwise, wrong_layout};
use crate::context::Context;
use crate::functions::text::output;
use crate::signature::functions;
use types::json::{push_string, raw, to_json_text};
use types::{Array, DataType, Error, Record, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    3947 "json_object_field" (Json, Text) -> Json = row(json_field);
    3948 "json_object_field_text" (Json, Text) -> Text = row(json_field_text);
    3949 "json_array_element" (Json, Int4) -> Json = row(json_element);
    3950 "json_array_element_text" (Json, Int4) -> Text = row(json_element_text);
    3951 "json_extract_path" (Json, TextArray) -> Json = row(json_extract_path) variadic;
    3953 "json_extract_path_text" (Json, TextArray) -> Text = row(json_extract_path_text) variadic;
    3198 "json_build_array" (Any) -> Json = columns(json_build_array) called_on_null variadic stable;
    3199 "json_build_array" () -> Json = columns(json_build_array) called_on_null stable;
    3200 "json_build_object" (Any) -> Json = columns(json_build_object) called_on_null variadic stable;
    3201 "json_build_object" () -> Json = columns(json_build_object) called_on_null stable;
    3202 "json_object" (TextArray) -> Json = row(json_object);
    3203 "json_object" (TextArray, TextArray) -> Json = row(json_object);
    3176 "to_json" (AnyElement) -> Json = columns(to_json) stable;
    3153 "array_to_json" (AnyArray) -> Json = columns(to_json) stable;
    3155 "row_to_json" (Record) -> Json = columns(to_json) stable;
    3154 "array_to_json" (AnyArray, Bool) -> Json = columns(to_json_pretty) stable;
    3156 "row_to_json" (Record, Bool) -> Json = columns(to_json_pretty) stable;
    3968 "json_typeof" (Json) -> Text = row(json_typeof);
    3956 "json_array_length" (Json) -> Int4 = row(json_array_length);
    3958 "json_each" (Json) -> Record { "key" Text, "value" Json } = set(json_each);
    3959 "json_each_text" (Json) -> Record { "key" Text, "value" Text } = set(json_each_text);
    3957 "json_object_keys" (Json) -> Text = set(json_object_keys);
    3955 "json_array_elements" (Json) -> Json = set(json_array_elements);
    3969 "json_array_elements_text" (Json) -> Text = set(json_array_elements_text);
    3261 "json_strip_nulls" (Json) -> Json = row(json_strip_nulls);
}

/// Which of the two types is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Made {
    Json,
    Jsonb,
}

/// A value as to_json writes it.
pub(crate) fn write(
    value: &Value,
    data_type: DataType,
    context: &Context<'_>,
    out: &mut String,
) -> Result<()> {
    match value {
        // Names of regclass and friends are the runtime's.
        Value::Oid(_) => push_string(&output(value, data_type, context)?, out),
        Value::Record(record) => write_record(record, context, ",", out)?,
        _ => to_json_text(value, data_type, context.settings, out),
    }
    Ok(())
}

fn write_record(record: &Record, context: &Context<'_>, separator: &str, out: &mut String) -> Result<()> {
    out.push('{');
    for (index, (data_type, value)) in record.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        push_string(&record.name(index), out);
        out.push(':');
        write(value, *data_type, context, out)?;
    }
    out.push('}');
    Ok(())
}

/// A value as the key of an object.
pub(crate) fn write_key(
    value: &Value,
    data_type: DataType,
    context: &Context<'_>,
    out: &mut String,
) -> Result<()> {
    match (value, data_type) {
        (Value::Array(_) | Value::Record(_), _) | (_, DataType::Json | DataType::Jsonb) => {
            return Err(err!(
                InvalidParameterValue,
                "key value must be scalar, not array, composite, or json"
            ));
        }
        (Value::Bool(truth), _) => push_string(if *truth { "true" } else { "false" }, out),
        (Value::Date(_) | Value::Timestamp(_), _) => to_json_text(value, data_type, context.settings, out),
        _ => push_string(&output(value, data_type, context)?, out),
    }
    Ok(())
}

fn types_of(args: &[&Vector]) -> Vec<DataType> {
    args.iter().map(|arg| arg.data_type).collect()
}

pub(crate) fn to_json(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types = types_of(args);
    rowwise(args, rows, DataType::Json, |values| match values {
        [Value::Null] => Ok(Value::Null),
        [value] => {
            let mut out = String::new();
            write(value, types[0], context, &mut out)?;
            Ok(Value::Text(out))
        }
        _ => Err(wrong_layout(args)),
    })
}

/// With a line for each element or field.
pub(crate) fn to_json_pretty(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    rowwise(args, rows, DataType::Json, |values| {
        let [value, Value::Bool(pretty)] = values else { return Ok(Value::Null) };
        let separator = if *pretty { ",\n " } else { "," };
        let mut out = String::new();
        match value {
            Value::Null => return Ok(Value::Null),
            Value::Record(fields) => write_record(fields, context, separator, &mut out)?,
            Value::Array(array) => {
                let (count, inner) = match array.dimensions.split_first() {
                    Some(((length, _), inner)) => ((*length).max(1) as usize, inner.to_vec()),
                    None => (1, vec![]),
                };
                out.push('[');
                for (index, part) in array.values.chunks((array.values.len() / count).max(1)).enumerate() {
                    if index > 0 {
                        out.push_str(separator);
                    }
                    match part {
                        [one] if inner.is_empty() => write(one, array.element, context, &mut out)?,
                        part => {
                            let part = Array {
                                element: array.element,
                                dimensions: inner.clone(),
                                values: part.to_vec(),
                            };
                            to_json_text(
                                &Value::Array(Box::new(part)),
                                DataType::Unknown,
                                context.settings,
                                &mut out,
                            );
                        }
                    }
                }
                out.push(']');
            }
            _ => return Err(wrong_layout(args)),
        }
        Ok(Value::Text(out))
    })
}

pub(crate) fn array_text(values: &[Value], types: &[DataType], context: &Context<'_>) -> Result<String> {
    let mut out = String::from("[");
    for (index, (value, ty)) in values.iter().zip(types).enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(value, *ty, context, &mut out)?;
    }
    out.push(']');
    Ok(out)
}

pub(crate) fn object_text(
    values: &[Value],
    types: &[DataType],
    context: &Context<'_>,
    made: Made,
) -> Result<String> {
    if !values.len().is_multiple_of(2) {
        let name = if made == Made::Json { "json" } else { "jsonb" };
        return Err(err!(InvalidParameterValue, "argument list must have even number of elements").hint(
            format!("The arguments of {name}_build_object() must consist of alternating keys and values."),
        ));
    }
    let mut out = String::from("{");
    for (index, (pair, types)) in values.chunks(2).zip(types.chunks(2)).enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if pair[0].is_null() {
            let position = index * 2 + 1;
            return Err(match made {
                Made::Json => err!(InvalidParameterValue, "argument {position} cannot be null")
                    .hint("Object keys should be text."),
                Made::Jsonb => err!(InvalidParameterValue, "argument {position}: key must not be null"),
            });
        }
        write_key(&pair[0], types[0], context, &mut out)?;
        out.push_str(" : ");
        write(&pair[1], types[1], context, &mut out)?;
    }
    out.push('}');
    Ok(out)
}

pub(crate) fn json_build_array(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types = types_of(args);
    rowwise(args, rows, DataType::Json, |values| array_text(values, &types, context).map(Value::Text))
}
pub(crate) fn json_build_object(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types = types_of(args);
    rowwise(args, rows, DataType::Json, |values| {
        object_text(values, &types, context, Made::Json).map(Value::Text)
    })
}

/// Of one array of keys and values in turn, of an array of pairs, or of an array of keys and one of values.
pub(crate) fn text_object(args: &[Value]) -> Result<String> {
    let pairs: Vec<(&Value, &Value)> = match args {
        [Value::Array(array)] => {
            match array.dimensions.as_slice() {
                [] => {}
                [(length, _)] if length % 2 != 0 => {
                    return Err(err!(ArraySubscriptError, "array must have even number of elements"));
                }
                [_] | [_, (2, _)] => {}
                [_, _] => return Err(err!(ArraySubscriptError, "array must have two columns")),
                _ => return Err(err!(ArraySubscriptError, "wrong number of array subscripts")),
            }
            array.values.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect()
        }
        [Value::Array(keys), Value::Array(values)] => {
            if keys.dimensions.len() > 1 || values.dimensions.len() > 1 {
                return Err(err!(ArraySubscriptError, "wrong number of array subscripts"));
            }
            if keys.values.len() != values.values.len() {
                return Err(err!(ArraySubscriptError, "mismatched array dimensions"));
            }
            keys.values.iter().zip(&values.values).collect()
        }
        _ => return Err(unexpected(args)),
    };
    let mut out = String::from("{");
    for (index, (key, value)) in pairs.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        let Value::Text(key) = key else {
            return Err(err!(NullValueNotAllowed, "null value not allowed for object key"));
        };
        push_string(key, &mut out);
        out.push_str(" : ");
        match value {
            Value::Text(value) => push_string(value, &mut out),
            _ => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(out)
}
pub(crate) fn json_object(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    text_object(args).map(Value::Text)
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a json function was given {args:?}"))
}

fn one(args: &[Value]) -> Result<&str> {
    match args {
        [Value::Text(text)] => Ok(text),
        _ => Err(unexpected(args)),
    }
}

fn as_json(found: Option<&str>) -> Value {
    found.map_or(Value::Null, Value::text)
}

fn as_text(found: Option<&str>) -> Result<Value> {
    Ok(match found {
        Some(text) => raw::as_text(text)?.map_or(Value::Null, Value::Text),
        None => Value::Null,
    })
}

fn found_field(args: &[Value]) -> Result<Option<&str>> {
    match args {
        [Value::Text(text), Value::Text(key)] => Ok(raw::get(text, key)),
        _ => Err(unexpected(args)),
    }
}
fn found_element(args: &[Value]) -> Result<Option<&str>> {
    match args {
        [Value::Text(text), Value::Int4(index)] => Ok(raw::get_index(text, *index as i64)),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn json_field(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(as_json(found_field(args)?))
}
pub(crate) fn json_field_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    as_text(found_field(args)?)
}
pub(crate) fn json_element(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(as_json(found_element(args)?))
}
pub(crate) fn json_element_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    as_text(found_element(args)?)
}

/// The steps of a path: one array (the operators), or the rest of the arguments (the functions). None if one is NULL.
pub(crate) fn path_of(args: &[Value]) -> Option<Vec<&str>> {
    match args {
        [_, Value::Array(path)] => path.values.iter().map(Value::as_str).collect(),
        [_, path @ ..] => path.iter().map(Value::as_str).collect(),
        [] => None,
    }
}

fn follow(args: &[Value]) -> Result<Option<&str>> {
    let [Value::Text(text), ..] = args else { return Err(unexpected(args)) };
    Ok(path_of(args).and_then(|path| raw::get_path(text, &path)))
}
pub(crate) fn json_extract_path(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(as_json(follow(args)?))
}
pub(crate) fn json_extract_path_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    as_text(follow(args)?)
}

pub(crate) fn json_typeof(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(raw::type_of(one(args)?).map_or(Value::Null, Value::text))
}

fn is_array(text: &str) -> bool {
    raw::type_of(text) == Some("array")
}

pub(crate) fn json_array_length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let text = one(args)?;
    match (raw::elements(text), raw::type_of(text)) {
        (Some(elements), _) => Ok(Value::Int4(elements.len() as i32)),
        (None, Some("object")) => Err(err!(InvalidParameterValue, "cannot get array length of a non-array")),
        _ => Err(err!(InvalidParameterValue, "cannot get array length of a scalar")),
    }
}

type Members<'a> = Vec<(std::borrow::Cow<'a, str>, &'a str)>;

fn object_members(args: &[Value]) -> Result<Members<'_>> {
    let text = one(args)?;
    raw::members(text).ok_or_else(|| match is_array(text) {
        true => err!(InvalidParameterValue, "cannot deconstruct an array as an object"),
        false => err!(InvalidParameterValue, "cannot deconstruct a scalar"),
    })
}
pub(crate) fn json_each(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(object_members(args)?
        .into_iter()
        .map(|(key, value)| vec![Value::text(key), Value::text(value)])
        .collect())
}
pub(crate) fn json_each_text(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    object_members(args)?
        .into_iter()
        .map(|(key, value)| Ok(vec![Value::text(key), as_text(Some(value))?]))
        .collect()
}
pub(crate) fn json_object_keys(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let text = one(args)?;
    match raw::members(text) {
        Some(members) => Ok(members.into_iter().map(|(key, _)| vec![Value::text(key)]).collect()),
        None if is_array(text) => {
            Err(err!(InvalidParameterValue, "cannot call json_object_keys on an array"))
        }
        None => Err(err!(InvalidParameterValue, "cannot call json_object_keys on a scalar")),
    }
}

fn array_elements<'a>(args: &'a [Value], name: &str) -> Result<Vec<&'a str>> {
    let text = one(args)?;
    raw::elements(text).ok_or_else(|| match raw::type_of(text) {
        Some("object") => err!(InvalidParameterValue, "cannot call {name} on a non-array"),
        _ => err!(InvalidParameterValue, "cannot call {name} on a scalar"),
    })
}
pub(crate) fn json_array_elements(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(array_elements(args, "json_array_elements")?
        .into_iter()
        .map(|value| vec![Value::text(value)])
        .collect())
}
pub(crate) fn json_array_elements_text(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    array_elements(args, "json_array_elements_text")?
        .into_iter()
        .map(|value| Ok(vec![as_text(Some(value))?]))
        .collect()
}

/// Without blanks, and without members that are null.
pub(crate) fn json_strip_nulls(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    fn strip(text: &str, out: &mut String) {
        if let Some(members) = raw::members(text) {
            out.push('{');
            let kept = members.into_iter().filter(|(_, value)| raw::type_of(value) != Some("null"));
            for (index, (key, value)) in kept.enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_string(&key, out);
                out.push(':');
                strip(value, out);
            }
            out.push('}');
        } else if let Some(elements) = raw::elements(text) {
            out.push('[');
            for (index, value) in elements.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                strip(value, out);
            }
            out.push(']');
        } else {
            out.push_str(text.trim());
        }
    }
    let mut out = String::new();
    strip(one(args)?, &mut out);
    Ok(Value::Text(out))
}
