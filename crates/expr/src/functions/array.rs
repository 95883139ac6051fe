//! Arrays: PostgreSQL 15, 9.19.

use crate::columnwise::{rowwise, wrong_layout};
use crate::context::Context;
use crate::eval::compare_values;
use crate::functions::text::output;
use crate::signature::functions;
use types::{Array, DataType, Error, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    2176 "array_length" (AnyArray, Int4) -> Int4 = row(length);
    2092 "array_upper" (AnyArray, Int4) -> Int4 = row(upper);
    2091 "array_lower" (AnyArray, Int4) -> Int4 = row(lower);
    748 "array_ndims" (AnyArray) -> Int4 = row(dimension_count);
    747 "array_dims" (AnyArray) -> Text = row(dimensions);
    3179 "cardinality" (AnyArray) -> Int4 = row(cardinality);
    378 "array_append" (AnyCompatibleArray, AnyCompatible) -> AnyCompatibleArray = columns(append) called_on_null;
    379 "array_prepend" (AnyCompatible, AnyCompatibleArray) -> AnyCompatibleArray = columns(prepend) called_on_null;
    383 "array_cat" (AnyCompatibleArray, AnyCompatibleArray) -> AnyCompatibleArray = row(concatenate) called_on_null;
    2748 "arraycontains" (AnyArray, AnyArray) -> Bool = row(contains);
    2749 "arraycontained" (AnyArray, AnyArray) -> Bool = row(contained);
    2747 "arrayoverlap" (AnyArray, AnyArray) -> Bool = row(overlap);
    3277 "array_position" (AnyCompatibleArray, AnyCompatible) -> Int4 = columns(position) called_on_null;
    3278 "array_position" (AnyCompatibleArray, AnyCompatible, Int4) -> Int4 = columns(position) called_on_null;
    3279 "array_positions" (AnyCompatibleArray, AnyCompatible) -> Int4Array = columns(positions) called_on_null;
    3167 "array_remove" (AnyCompatibleArray, AnyCompatible) -> AnyCompatibleArray = columns(remove) called_on_null;
    3168 "array_replace" (AnyCompatibleArray, AnyCompatible, AnyCompatible) -> AnyCompatibleArray = columns(replace) called_on_null;
    395 "array_to_string" (AnyArray, Text) -> Text = columns(to_string) stable;
    384 "array_to_string" (AnyArray, Text, Text) -> Text = columns(to_string) called_on_null stable;
    1193 "array_fill" (AnyElement, Int4Array) -> AnyArray = columns(fill) called_on_null;
    1286 "array_fill" (AnyElement, Int4Array, Int4Array) -> AnyArray = columns(fill) called_on_null;
    6172 "trim_array" (AnyArray, Int4) -> AnyArray = row(trim);
    515 "array_larger" (AnyArray, AnyArray) -> AnyArray = row(larger);
    516 "array_smaller" (AnyArray, AnyArray) -> AnyArray = row(smaller);
    2331 "unnest" (AnyArray) -> AnyElement = set(unnest);
    1192 "generate_subscripts" (AnyArray, Int4) -> Int4 = set(subscripts);
    1191 "generate_subscripts" (AnyArray, Int4, Bool) -> Int4 = set(subscripts);
    13208 "information_schema._pg_expandarray" (Int2Vector) -> Record { "x" Int2, "n" Int4 } = set(expand);
    0 "information_schema._pg_expandarray" (Int2Array) -> Record { "x" Int2, "n" Int4 } = set(expand);
    0 "information_schema._pg_expandarray" (OidVector) -> Record { "x" Oid, "n" Int4 } = set(expand);
    0 "information_schema._pg_expandarray" (OidArray) -> Record { "x" Oid, "n" Int4 } = set(expand);
}

/// What PostgreSQL allows in one array.
const ITEM_LIMIT: i64 = 134_217_727;

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("an array function was given {args:?}"))
}

fn one(args: &[Value]) -> Result<&Array> {
    match args {
        [Value::Array(array)] => Ok(array),
        _ => Err(unexpected(args)),
    }
}

fn two(args: &[Value]) -> Result<(&Array, &Array)> {
    match args {
        [Value::Array(a), Value::Array(b)] => Ok((a, b)),
        _ => Err(unexpected(args)),
    }
}

/// (length, lower bound) of a dimension, counted from 1.
fn dimension(args: &[Value]) -> Result<Option<(i32, i32)>> {
    match args {
        [Value::Array(array), Value::Int4(dimension)] => {
            let index = usize::try_from(*dimension).ok().and_then(|dimension| dimension.checked_sub(1));
            Ok(index.and_then(|index| array.dimensions.get(index)).copied())
        }
        _ => Err(unexpected(args)),
    }
}

pub(crate) fn length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(length, _)| Value::Int4(length)))
}
pub(crate) fn lower(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(_, lower)| Value::Int4(lower)))
}
pub(crate) fn upper(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(dimension(args)?.map_or(Value::Null, |(length, lower)| Value::Int4(lower.saturating_add(length - 1))))
}
pub(crate) fn dimension_count(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let count = one(args)?.dimensions.len() as i32;
    Ok(if count == 0 { Value::Null } else { Value::Int4(count) })
}
pub(crate) fn dimensions(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let array = one(args)?;
    if array.dimensions.is_empty() {
        return Ok(Value::Null);
    }
    let bounds = array
        .dimensions
        .iter()
        .map(|(length, lower)| format!("[{lower}:{}]", lower.saturating_add(length - 1)));
    Ok(Value::Text(bounds.collect()))
}
pub(crate) fn cardinality(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(one(args)?.values.len() as i32))
}

/// One value at an end. A null array counts as empty.
fn extend(array: &Value, item: &Value, element: DataType, front: bool) -> Result<Value> {
    let mut array = match array {
        Value::Array(array) => (**array).clone(),
        _ => Array::new(element, vec![]),
    };
    let lower = match array.dimensions.as_slice() {
        [] => 1,
        [(_, lower)] => *lower,
        _ => return Err(err!(DataException, "argument must be empty or one-dimensional array")),
    };
    if front {
        array.values.insert(0, item.clone());
    } else {
        array.values.push(item.clone());
    }
    array.dimensions = vec![(array.values.len() as i32, lower)];
    Ok(Value::Array(Box::new(array)))
}

pub(crate) fn append(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [array, item] = *args else { return Err(wrong_layout(args)) };
    rowwise(args, rows, array.data_type, |values| extend(&values[0], &values[1], item.data_type, false))
}
pub(crate) fn prepend(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [item, array] = *args else { return Err(wrong_layout(args)) };
    rowwise(args, rows, array.data_type, |values| extend(&values[1], &values[0], item.data_type, true))
}

pub(crate) fn concatenate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = match args {
        [Value::Null, other] | [other, Value::Null] => return Ok(other.clone()),
        _ => two(args)?,
    };
    if a.dimensions.is_empty() {
        return Ok(args[1].clone());
    }
    if b.dimensions.is_empty() {
        return Ok(args[0].clone());
    }
    let incompatible =
        |detail: &str| err!(ArraySubscriptError, "cannot concatenate incompatible arrays").detail(detail);
    let differing = || incompatible("Arrays with differing dimensions are not compatible for concatenation.");
    // An array joins another of as many dimensions, or one of one more as its item.
    let mut dimensions = match (a.dimensions.len(), b.dimensions.len()) {
        (m, n) if m == n && a.dimensions[1..] == b.dimensions[1..] => a.dimensions.clone(),
        (m, n) if m == n => {
            return Err(incompatible(
                "Arrays with differing element dimensions are not compatible for concatenation.",
            ));
        }
        (m, n) if m == n + 1 && a.dimensions[1..] == b.dimensions[..] => a.dimensions.clone(),
        (m, n) if m + 1 == n && a.dimensions[..] == b.dimensions[1..] => b.dimensions.clone(),
        _ => return Err(differing()),
    };
    dimensions[0].0 = match (a.dimensions.len(), b.dimensions.len()) {
        (m, n) if m == n => a.dimensions[0].0.saturating_add(b.dimensions[0].0),
        _ => dimensions[0].0.saturating_add(1),
    };
    let values = a.values.iter().chain(&b.values).cloned().collect();
    Ok(Value::Array(Box::new(Array { element: a.element, dimensions, values })))
}

fn same(a: &Value, b: &Value, element: DataType) -> bool {
    match (a.is_null(), b.is_null()) {
        (false, false) => compare_values(a, b, element).is_eq(),
        (a, b) => a && b,
    }
}

/// Every item of `b` is in `a`; a NULL is in nothing.
fn contains_all(a: &Array, b: &Array) -> bool {
    b.values.iter().all(|item| !item.is_null() && a.values.iter().any(|other| same(item, other, a.element)))
}
pub(crate) fn contains(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = two(args)?;
    Ok(Value::Bool(contains_all(a, b)))
}
pub(crate) fn contained(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = two(args)?;
    Ok(Value::Bool(contains_all(b, a)))
}
pub(crate) fn overlap(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = two(args)?;
    let shared = |item: &Value| !item.is_null() && b.values.iter().any(|other| same(item, other, a.element));
    Ok(Value::Bool(a.values.iter().any(shared)))
}

fn searchable(array: &Array) -> Result<&Array> {
    if array.dimensions.len() > 1 {
        return Err(err!(
            FeatureNotSupported,
            "searching for elements in multidimensional arrays is not supported"
        ));
    }
    Ok(array)
}

pub(crate) fn position(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    rowwise(args, rows, DataType::Int4, |values| {
        let [Value::Array(array), item, rest @ ..] = values else { return Ok(Value::Null) };
        let array = searchable(array)?;
        let lower = array.dimensions.first().map_or(1, |(_, lower)| *lower);
        let start = match rest {
            [] => lower,
            [Value::Int4(start)] => *start,
            _ => return Err(err!(NullValueNotAllowed, "initial position must not be null")),
        };
        let skipped = (start as i64 - lower as i64).max(0) as usize;
        let found = array.values.iter().skip(skipped).position(|other| same(item, other, array.element));
        Ok(found.map_or(Value::Null, |found| Value::Int4(lower.saturating_add((skipped + found) as i32))))
    })
}

pub(crate) fn positions(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    rowwise(args, rows, DataType::Int4Array, |values| {
        let [Value::Array(array), item] = values else { return Ok(Value::Null) };
        let array = searchable(array)?;
        let lower = array.dimensions.first().map_or(1, |(_, lower)| *lower);
        let found = array.values.iter().enumerate().filter(|(_, other)| same(item, other, array.element));
        Ok(Value::array(
            DataType::Int4,
            found.map(|(index, _)| Value::Int4(lower.saturating_add(index as i32))).collect(),
        ))
    })
}

pub(crate) fn remove(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [arrays, _] = *args else { return Err(wrong_layout(args)) };
    rowwise(args, rows, arrays.data_type, |values| {
        let [Value::Array(array), item] = values else { return Ok(Value::Null) };
        if array.dimensions.len() > 1 {
            return Err(err!(
                FeatureNotSupported,
                "removing elements from multidimensional arrays is not supported"
            ));
        }
        let kept: Vec<Value> =
            array.values.iter().filter(|other| !same(item, other, array.element)).cloned().collect();
        let dimensions = match (kept.is_empty(), array.dimensions.first()) {
            (false, Some((_, lower))) => vec![(kept.len() as i32, *lower)],
            _ => vec![],
        };
        Ok(Value::Array(Box::new(Array { element: array.element, dimensions, values: kept })))
    })
}

pub(crate) fn replace(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [arrays, ..] = *args else { return Err(wrong_layout(args)) };
    rowwise(args, rows, arrays.data_type, |values| {
        let [Value::Array(array), from, to] = values else { return Ok(Value::Null) };
        let mut array = (**array).clone();
        let element = array.element;
        array.values.iter_mut().filter(|item| same(item, from, element)).for_each(|item| *item = to.clone());
        Ok(Value::Array(Box::new(array)))
    })
}

pub(crate) fn to_string(context: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    rowwise(args, rows, DataType::Text, |values| {
        let (array, separator, null) = match values {
            [Value::Array(array), Value::Text(separator)] => (array, separator, None),
            [Value::Array(array), Value::Text(separator), null] => (array, separator, null.as_str()),
            _ => return Ok(Value::Null),
        };
        let mut parts = Vec::with_capacity(array.values.len());
        for value in &array.values {
            match (value, null) {
                (Value::Null, None) => {}
                (Value::Null, Some(null)) => parts.push(null.to_owned()),
                (value, _) => parts.push(output(value, array.element, context)?),
            }
        }
        Ok(Value::Text(parts.join(separator)))
    })
}

pub(crate) fn fill(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [items, ..] = *args else { return Err(wrong_layout(args)) };
    let element = items.data_type;
    let returns = element.array().ok_or_else(|| wrong_layout(args))?;
    let null = || err!(NullValueNotAllowed, "dimension array or low bound array cannot be null");
    let numbers = |value: &Value| match value {
        Value::Array(array) => array
            .values
            .iter()
            .map(|value| match value {
                Value::Int4(number) => Ok(*number),
                _ => Err(err!(NullValueNotAllowed, "dimension values cannot be null")),
            })
            .collect::<Result<Vec<i32>>>(),
        _ => Err(null()),
    };
    rowwise(args, rows, returns, |values| {
        let lengths = numbers(&values[1])?;
        let lowers = match values.get(2) {
            Some(lowers) => numbers(lowers)?,
            None => vec![1; lengths.len()],
        };
        if lowers.len() != lengths.len() {
            return Err(err!(ArraySubscriptError, "wrong number of array subscripts")
                .detail("Low bound array has different size than dimensions array."));
        }
        let count = lengths.iter().try_fold(1i64, |count, length| {
            let length = u32::try_from(*length).ok()?;
            count.checked_mul(length as i64).filter(|count| *count <= ITEM_LIMIT)
        });
        let count = count.ok_or_else(|| {
            err!(ProgramLimitExceeded, "array size exceeds the maximum allowed ({ITEM_LIMIT})")
        })?;
        let mut dimensions: Vec<(i32, i32)> = lengths.into_iter().zip(lowers).collect();
        let count = if dimensions.is_empty() { 0 } else { count as usize };
        if count == 0 {
            dimensions.clear();
        }
        Ok(Value::Array(Box::new(Array { element, dimensions, values: vec![values[0].clone(); count] })))
    })
}

pub(crate) fn trim(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Array(array), Value::Int4(count)] = args else { return Err(unexpected(args)) };
    let length = array.dimensions.first().map_or(0, |(length, _)| *length);
    if !(0..=length).contains(count) {
        return Err(err!(ArraySubscriptError, "number of elements to trim must be between 0 and {length}"));
    }
    let mut array = (**array).clone();
    let size = array.values.len() / length.max(1) as usize;
    array.values.truncate((length - count) as usize * size);
    match array.dimensions.first_mut() {
        Some(first) if length > *count => *first = (length - count, 1),
        _ => array.dimensions.clear(),
    }
    Ok(Value::Array(Box::new(array)))
}

pub(crate) fn larger(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    two(args)?;
    Ok(args[usize::from(types::compare::compare(&args[0], &args[1]).is_lt())].clone())
}
pub(crate) fn smaller(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    two(args)?;
    Ok(args[usize::from(types::compare::compare(&args[0], &args[1]).is_gt())].clone())
}

pub(crate) fn unnest(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    Ok(one(args)?.values.iter().map(|value| vec![value.clone()]).collect())
}

pub(crate) fn subscripts(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let reverse = matches!(args.get(2), Some(Value::Bool(true)));
    let Some((length, lower)) = dimension(&args[..args.len().min(2)])? else { return Ok(vec![]) };
    let mut rows: Vec<Vec<Value>> =
        (0..length).map(|index| vec![Value::Int4(lower.saturating_add(index))]).collect();
    if reverse {
        rows.reverse();
    }
    Ok(rows)
}

/// `information_schema._pg_expandarray`: items with their numbers, from 1.
pub(crate) fn expand(_: &Context<'_>, args: &[Value]) -> Result<Vec<Vec<Value>>> {
    let numbered = one(args)?.values.iter().enumerate();
    Ok(numbered.map(|(index, value)| vec![value.clone(), Value::Int4(index as i32 + 1)]).collect())
}
