//! jsonb: `types::json` looks into documents and changes them; here it meets SQL (PostgreSQL 15, 9.16).

use crate::columnwise::rowwise;
use crate::context::Context;
use crate::functions::json::{Made, array_text, object_text, path_of, text_object};
use crate::functions::text::output;
use crate::signature::functions;
use types::json::{self, Node, Tree};
use types::{Array, DataType, Error, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    3478 "jsonb_object_field" (Jsonb, Text) -> Jsonb = row(field);
    3214 "jsonb_object_field_text" (Jsonb, Text) -> Text = row(field_text);
    3215 "jsonb_array_element" (Jsonb, Int4) -> Jsonb = row(element);
    3216 "jsonb_array_element_text" (Jsonb, Int4) -> Text = row(element_text);
    3217 "jsonb_extract_path" (Jsonb, TextArray) -> Jsonb = row(extract_path) variadic;
    3940 "jsonb_extract_path_text" (Jsonb, TextArray) -> Text = row(extract_path_text) variadic;
    4046 "jsonb_contains" (Jsonb, Jsonb) -> Bool = row(contains);
    4050 "jsonb_contained" (Jsonb, Jsonb) -> Bool = row(contained);
    4047 "jsonb_exists" (Jsonb, Text) -> Bool = row(exists);
    4048 "jsonb_exists_any" (Jsonb, TextArray) -> Bool = row(exists_any);
    4049 "jsonb_exists_all" (Jsonb, TextArray) -> Bool = row(exists_all);
    3301 "jsonb_concat" (Jsonb, Jsonb) -> Jsonb = row(concatenate);
    3302 "jsonb_delete" (Jsonb, Text) -> Jsonb = row(delete_key);
    3343 "jsonb_delete" (Jsonb, TextArray) -> Jsonb = row(delete_keys) variadic;
    3303 "jsonb_delete" (Jsonb, Int4) -> Jsonb = row(delete_index);
    3304 "jsonb_delete_path" (Jsonb, TextArray) -> Jsonb = row(delete_path);
    3271 "jsonb_build_array" (Any) -> Jsonb = columns(build_array) called_on_null variadic stable;
    3272 "jsonb_build_array" () -> Jsonb = columns(build_array) called_on_null stable;
    3273 "jsonb_build_object" (Any) -> Jsonb = columns(build_object) called_on_null variadic stable;
    3274 "jsonb_build_object" () -> Jsonb = columns(build_object) called_on_null stable;
    3263 "jsonb_object" (TextArray) -> Jsonb = row(object);
    3264 "jsonb_object" (TextArray, TextArray) -> Jsonb = row(object);
    3787 "to_jsonb" (AnyElement) -> Jsonb = columns(to_jsonb) stable;
    3305 "jsonb_set" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb = row(set);
    0 "jsonb_set" (Jsonb, TextArray, Jsonb) -> Jsonb = row(set);
    5054 "jsonb_set_lax" (Jsonb, TextArray, Jsonb, Bool, Text) -> Jsonb = row(set_lax) called_on_null;
    0 "jsonb_set_lax" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb = row(set_lax) called_on_null;
    0 "jsonb_set_lax" (Jsonb, TextArray, Jsonb) -> Jsonb = row(set_lax) called_on_null;
    3579 "jsonb_insert" (Jsonb, TextArray, Jsonb, Bool) -> Jsonb = row(insert);
    0 "jsonb_insert" (Jsonb, TextArray, Jsonb) -> Jsonb = row(insert);
    3210 "jsonb_typeof" (Jsonb) -> Text = row(type_of);
    3207 "jsonb_array_length" (Jsonb) -> Int4 = row(array_length);
    3208 "jsonb_each" (Jsonb) -> Record { "key" Text, "value" Jsonb } = set(each);
    3932 "jsonb_each_text" (Jsonb) -> Record { "key" Text, "value" Text } = set(each_text);
    3931 "jsonb_object_keys" (Jsonb) -> Text = set(object_keys);
    3219 "jsonb_array_elements" (Jsonb) -> Jsonb = set(array_elements);
    3465 "jsonb_array_elements_text" (Jsonb) -> Text = set(array_elements_text);
    3306 "jsonb_pretty" (Jsonb) -> Text = row(pretty);
    3262 "jsonb_strip_nulls" (Jsonb) -> Jsonb = row(strip_nulls);
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a jsonb function was given {args:?}"))
}

fn bytes(args: &[Value]) -> Result<&[u8]> {
    match args {
        [Value::Jsonb(bytes), ..] => Ok(bytes),
        _ => Err(unexpected(args)),
    }
}

fn document(found: Option<&[u8]>) -> Value {
    found.map_or(Value::Null, |bytes| Value::Jsonb(bytes.to_vec()))
}

fn as_text(found: Option<&[u8]>) -> Value {
    found.and_then(json::as_text).map_or(Value::Null, Value::Text)
}

fn found_field(args: &[Value]) -> Result<Option<&[u8]>> {
    match args {
        [Value::Jsonb(bytes), Value::Text(key)] => Ok(json::get(bytes, key)),
        _ => Err(unexpected(args)),
    }
}
fn found_element(args: &[Value]) -> Result<Option<&[u8]>> {
    match args {
        [Value::Jsonb(bytes), Value::Int4(index)] => Ok(json::get_index(bytes, *index as i64)),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn field(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(document(found_field(args)?))
}
pub(crate) fn field_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(as_text(found_field(args)?))
}
pub(crate) fn element(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(document(found_element(args)?))
}
pub(crate) fn element_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(as_text(found_element(args)?))
}

fn follow(args: &[Value]) -> Result<Option<&[u8]>> {
    let document = bytes(args)?;
    Ok(path_of(args).and_then(|path| json::get_path(document, &path)))
}
pub(crate) fn extract_path(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(document(follow(args)?))
}
pub(crate) fn extract_path_text(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(as_text(follow(args)?))
}

/// `document[index]`: a field by text, an element by number.
pub(crate) fn at(_: &Context<'_>, container: &Value, index: &Value) -> Result<Value> {
    let Value::Jsonb(bytes) = container else { return Err(unexpected(std::slice::from_ref(container))) };
    let step = match index {
        Value::Text(step) => step.clone(),
        index => index.as_i64().ok_or_else(|| unexpected(std::slice::from_ref(index)))?.to_string(),
    };
    Ok(document(json::get_path(bytes, &[&step])))
}

pub(crate) fn contains(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(a), Value::Jsonb(b)] => Ok(Value::Bool(json::contains(a, b))),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn contained(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(a), Value::Jsonb(b)] => Ok(Value::Bool(json::contains(b, a))),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn exists(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(bytes), Value::Text(key)] => Ok(Value::Bool(json::exists(bytes, key))),
        _ => Err(unexpected(args)),
    }
}
/// NULL keys are left out.
fn keys(args: &[Value]) -> Result<(&[u8], Vec<&str>)> {
    match args {
        [Value::Jsonb(bytes), Value::Array(keys)] => {
            Ok((bytes, keys.values.iter().filter_map(Value::as_str).collect()))
        }
        [Value::Jsonb(bytes), keys @ ..] => Ok((bytes, keys.iter().filter_map(Value::as_str).collect())),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn exists_any(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (bytes, keys) = keys(args)?;
    Ok(Value::Bool(keys.into_iter().any(|key| json::exists(bytes, key))))
}
pub(crate) fn exists_all(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (bytes, keys) = keys(args)?;
    Ok(Value::Bool(keys.into_iter().all(|key| json::exists(bytes, key))))
}

pub(crate) fn type_of(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::text(json::type_of(bytes(args)?)))
}

pub(crate) fn array_length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match Node::read(bytes(args)?) {
        Node::Array(array) => Ok(Value::Int4(array.len as i32)),
        Node::Object(_) => Err(err!(InvalidParameterValue, "cannot get array length of a non-array")),
        _ => Err(err!(InvalidParameterValue, "cannot get array length of a scalar")),
    }
}

fn members<'a>(args: &'a [Value], name: &str) -> Result<Vec<(&'a str, &'a [u8])>> {
    match Node::read(bytes(args)?) {
        Node::Object(object) => Ok(object.iter().collect()),
        _ => Err(err!(InvalidParameterValue, "cannot call {name} on a non-object")),
    }
}
pub(crate) fn each(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let members = members(args, "jsonb_each")?;
    Ok(members.into_iter().map(|(key, value)| vec![Value::text(key), document(Some(value))]).collect())
}
pub(crate) fn each_text(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let members = members(args, "jsonb_each_text")?;
    Ok(members.into_iter().map(|(key, value)| vec![Value::text(key), as_text(Some(value))]).collect())
}
pub(crate) fn object_keys(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    match Node::read(bytes(args)?) {
        Node::Object(object) => Ok(object.iter().map(|(key, _)| vec![Value::text(key)]).collect()),
        Node::Array(_) => Err(err!(InvalidParameterValue, "cannot call jsonb_object_keys on an array")),
        _ => Err(err!(InvalidParameterValue, "cannot call jsonb_object_keys on a scalar")),
    }
}

fn elements(args: &[Value]) -> Result<Vec<&[u8]>> {
    match Node::read(bytes(args)?) {
        Node::Array(array) => Ok(array.iter().collect()),
        Node::Object(_) => Err(err!(InvalidParameterValue, "cannot extract elements from an object")),
        _ => Err(err!(InvalidParameterValue, "cannot extract elements from a scalar")),
    }
}
pub(crate) fn array_elements(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(elements(args)?.into_iter().map(|item| vec![document(Some(item))]).collect())
}
pub(crate) fn array_elements_text(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(elements(args)?.into_iter().map(|item| vec![as_text(Some(item))]).collect())
}

// Making documents of SQL values.

fn types_of(args: &[&Vector]) -> Vec<DataType> {
    args.iter().map(|arg| arg.data_type).collect()
}

/// A value as to_jsonb makes it.
pub(crate) fn tree<'a>(value: &'a Value, data_type: DataType, context: &Context<'_>) -> Result<Tree<'a>> {
    match value {
        // Names of regclass and friends are the runtime's.
        Value::Oid(_) => Ok(Tree::string(output(value, data_type, context)?)),
        Value::Record(record) => {
            let members = record
                .iter()
                .enumerate()
                .map(|(index, (ty, field))| Ok((record.name(index), tree(field, *ty, context)?)));
            Ok(Tree::Object(members.collect::<Result<_>>()?))
        }
        _ => json::to_tree(value, data_type, context.settings),
    }
}

/// JSON text as a document.
pub(crate) fn from_text(text: &str) -> Result<Value> {
    json::parse(text).map(Value::Jsonb)
}

pub(crate) fn to_jsonb(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types = types_of(args);
    rowwise(args, rows, DataType::Jsonb, |values| match values {
        [Value::Null] => Ok(Value::Null),
        [value @ Value::Jsonb(_)] => Ok(value.clone()),
        _ => tree(&values[0], types[0], context)?.encode().map(Value::Jsonb),
    })
}
pub(crate) fn build_array(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types = types_of(args);
    rowwise(args, rows, DataType::Jsonb, |values| from_text(&array_text(values, &types, context)?))
}
pub(crate) fn build_object(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let types = types_of(args);
    rowwise(args, rows, DataType::Jsonb, |values| {
        from_text(&object_text(values, &types, context, Made::Jsonb)?)
    })
}
pub(crate) fn object(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    from_text(&text_object(args)?)
}

// Changed documents.

pub(crate) fn concatenate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(a), Value::Jsonb(b)] => json::concat(a, b).map(Value::Jsonb),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn delete_key(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(bytes), Value::Text(key)] => json::delete_keys(bytes, &[key]).map(Value::Jsonb),
        _ => Err(unexpected(args)),
    }
}
/// `- text[]`, or called with several keys.
pub(crate) fn delete_keys(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (bytes, keys) = keys(args)?;
    json::delete_keys(bytes, &keys).map(Value::Jsonb)
}
pub(crate) fn delete_index(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(bytes), Value::Int4(index)] => {
            json::delete_index(bytes, *index as i64).map(Value::Jsonb)
        }
        _ => Err(unexpected(args)),
    }
}

/// The steps of a path to a change: none may be NULL.
fn steps(path: &Array) -> Result<Vec<&str>> {
    let steps = path.values.iter().enumerate().map(|(index, step)| {
        step.as_str()
            .ok_or_else(|| err!(NullValueNotAllowed, "path element at position {} is null", index + 1))
    });
    steps.collect()
}

pub(crate) fn delete_path(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Jsonb(bytes), Value::Array(path)] => {
            json::delete_path(bytes, &steps(path)?).map(Value::Jsonb)
        }
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn set(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Jsonb(bytes), Value::Array(path), Value::Jsonb(new), rest @ ..] = args else {
        return Err(unexpected(args));
    };
    let create = !matches!(rest.first(), Some(Value::Bool(false)));
    json::set(bytes, &steps(path)?, new, create).map(Value::Jsonb)
}

/// What a NULL for the new value means is said by the last argument.
pub(crate) fn set_lax(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [bytes, path, new, rest @ ..] = args else { return Err(unexpected(args)) };
    let create = rest.first().cloned().unwrap_or(Value::Bool(true));
    if bytes.is_null() || path.is_null() || create.is_null() {
        return Ok(Value::Null);
    }
    let treatment = match rest.get(1) {
        None => "use_json_null",
        Some(treatment) => treatment.as_str().unwrap_or_default(),
    };
    match treatment {
        "delete_key" | "return_target" | "use_json_null" | "raise_exception" if !new.is_null() => {
            set(context, &[bytes.clone(), path.clone(), new.clone(), create])
        }
        "use_json_null" => {
            let null = Value::Jsonb(Tree::Null.encode()?);
            set(context, &[bytes.clone(), path.clone(), null, create])
        }
        "delete_key" => delete_path(context, &[bytes.clone(), path.clone()]),
        "return_target" => Ok(bytes.clone()),
        "raise_exception" => Err(err!(NullValueNotAllowed, "JSON value must not be null")
            .detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .hint(
                "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
            )),
        _ => Err(err!(
            InvalidParameterValue,
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\""
        )),
    }
}

pub(crate) fn insert(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Jsonb(bytes), Value::Array(path), Value::Jsonb(new), rest @ ..] = args else {
        return Err(unexpected(args));
    };
    let after = matches!(rest.first(), Some(Value::Bool(true)));
    json::insert(bytes, &steps(path)?, new, after).map(Value::Jsonb)
}
pub(crate) fn strip_nulls(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    json::strip_nulls(bytes(args)?).map(Value::Jsonb)
}
pub(crate) fn pretty(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let mut out = String::new();
    json::format_pretty(bytes(args)?, &mut out);
    Ok(Value::Text(out))
}
