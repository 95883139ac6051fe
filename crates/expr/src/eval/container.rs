//! Arrays and row values: making them and taking them apart.

use super::evaluate;
use crate::columnwise::{at, push};
use crate::context::Context;
use crate::expr::Expr;
use crate::functions::jsonb;
use std::borrow::Cow;
use types::{Array, Batch, ColumnType, DataType, Error, FieldNames, Record, Result, Value, Vector, bail};

/// Evaluates some operands and makes one value per row of them.
fn per_row<'b>(
    operands: &[&Expr],
    returns: DataType,
    input: &Batch,
    context: &Context<'_>,
    depth: usize,
    mut make: impl FnMut(&[Value]) -> Result<Value>,
) -> Result<Cow<'b, Vector>> {
    let mut columns = Vec::with_capacity(operands.len());
    for operand in operands {
        columns.push(evaluate(operand, input, context, depth)?);
    }
    let rows = if columns.iter().all(|column| column.len() == 1) { 1 } else { input.rows };
    let mut out = Vector::new(returns);
    let mut values = Vec::with_capacity(columns.len());
    for row in 0..rows {
        values.clear();
        values.extend(columns.iter().map(|column| column.get(at(column, row))));
        push(&mut out, make(&values)?)?;
    }
    Ok(Cow::Owned(out))
}

pub(super) fn array<'a>(
    elements: &[Expr],
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let element = ty.data_type.element().ok_or_else(|| Error::internal("ARRAY[] of no array type"))?;
    let nested = elements.iter().any(|element| element.data_type().is_array());
    per_row(&elements.iter().collect::<Vec<_>>(), ty.data_type, input, context, depth, |values| {
        if nested { nest(element, values) } else { Ok(Value::array(element, values.to_vec())) }
    })
}

/// Arrays of equal dimensions become one of one dimension more; a NULL counts as an empty array.
pub(crate) fn nest(element: DataType, values: &[Value]) -> Result<Value> {
    let mut inner: Option<Vec<(i32, i32)>> = None;
    let mut all = Vec::new();
    for value in values {
        let dimensions = match value {
            Value::Array(array) => {
                all.extend(array.values.iter().cloned());
                array.dimensions.clone()
            }
            _ => vec![],
        };
        if *inner.get_or_insert_with(|| dimensions.clone()) != dimensions {
            bail!(
                ArraySubscriptError,
                "multidimensional arrays must have array expressions with matching dimensions"
            );
        }
    }
    let inner = inner.unwrap_or_default();
    let mut dimensions = vec![(values.len() as i32, 1)];
    dimensions.extend(&inner);
    if all.is_empty() {
        dimensions.clear();
    }
    Ok(Value::Array(Box::new(Array { element, dimensions, values: all })))
}

pub(super) fn subscript<'a>(
    array: &Expr,
    index: &Expr,
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let from_zero = matches!(array.data_type(), DataType::Int2Vector | DataType::OidVector);
    let wants_array = ty.data_type.is_array();
    per_row(&[array, index], ty.data_type, input, context, depth, |values| match values {
        [Value::Array(array), index] => Ok(match index.as_i64() {
            Some(index) => element_at(array, index, from_zero, wants_array).unwrap_or(Value::Null),
            None => Value::Null,
        }),
        [document @ Value::Jsonb(_), index] if !index.is_null() => jsonb::at(context, document, index),
        _ => Ok(Value::Null),
    })
}

/// None for a subscript out of range. `wants_array`: one subscript of several, what remains is an array.
fn element_at(array: &Array, index: i64, from_zero: bool, wants_array: bool) -> Option<Value> {
    let (&(length, lower), inner) = array.dimensions.split_first()?;
    let lower = if from_zero { 0 } else { lower };
    let position = usize::try_from(index.checked_sub(lower as i64)?).ok()?;
    if position >= length.max(0) as usize {
        return None;
    }
    match (inner.is_empty(), wants_array) {
        (true, false) => array.values.get(position).cloned(),
        (false, true) => {
            let size = array.values.len() / length.max(1) as usize;
            let values = array.values.get(position * size..(position + 1) * size)?.to_vec();
            Some(Value::Array(Box::new(Array { element: array.element, dimensions: inner.to_vec(), values })))
        }
        _ => None,
    }
}

pub(super) fn slice<'a>(
    array: &Expr,
    lower: Option<&Expr>,
    upper: Option<&Expr>,
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let operands: Vec<&Expr> = [array].into_iter().chain(lower).chain(upper).collect();
    let (has_lower, has_upper) = (lower.is_some(), upper.is_some());
    per_row(&operands, ty.data_type, input, context, depth, |values| {
        let [Value::Array(array), bounds @ ..] = values else { return Ok(Value::Null) };
        if bounds.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        let mut bounds = bounds.iter().filter_map(Value::as_i64);
        let lower = has_lower.then(|| bounds.next()).flatten();
        let upper = has_upper.then(|| bounds.next()).flatten();
        Ok(Value::Array(Box::new(slice_of(array, lower, upper))))
    })
}

/// Of the first dimension; the result counts from 1.
fn slice_of(array: &Array, lower: Option<i64>, upper: Option<i64>) -> Array {
    let empty = || Array { element: array.element, dimensions: vec![], values: vec![] };
    let Some((&(length, first), inner)) = array.dimensions.split_first() else { return empty() };
    let (length, first) = (length.max(0) as i64, first as i64);
    let start = lower.unwrap_or(first).max(first) - first;
    let end = (upper.unwrap_or(first + length - 1).min(first + length - 1) - first).saturating_add(1);
    if start >= end {
        return empty();
    }
    let size = array.values.len() / (length.max(1) as usize);
    let values = array.values.get(start as usize * size..end as usize * size).unwrap_or_default().to_vec();
    let mut dimensions = vec![((end - start) as i32, 1)];
    dimensions.extend(inner.iter().map(|(length, _)| (*length, 1)));
    Array { element: array.element, dimensions, values }
}

pub(super) fn row<'a>(
    fields: &[Expr],
    names: Option<&FieldNames>,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let types: Vec<DataType> = fields.iter().map(Expr::data_type).collect();
    per_row(&fields.iter().collect::<Vec<_>>(), DataType::Record, input, context, depth, |values| {
        let fields = types.iter().copied().zip(values.iter().cloned()).collect();
        Ok(Value::Record(Box::new(Record { fields, names: names.cloned() })))
    })
}

pub(super) fn field<'a>(
    record: &Expr,
    index: usize,
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    per_row(&[record], ty.data_type, input, context, depth, |values| match values {
        [Value::Record(fields)] => match fields.get(index) {
            Some((_, value)) => Ok(value.clone()),
            None => Err(Error::internal(format!("field {index} of a row of {}", fields.len()))),
        },
        _ => Ok(Value::Null),
    })
}
