//! IN, ANY and ALL over lists and arrays.

use super::{apply, booleans, evaluate};
use crate::columnwise::{at, push};
use crate::context::Context;
use crate::expr::Expr;
use crate::function::Function;
use crate::operator::comparison_symbol;
use std::borrow::Cow;
use std::collections::HashSet;
use types::vector::Data;
use types::{Batch, DataType, Error, Result, Value, Vector};

/// From this many items on, and this many rows, a set of the items is made first.
const SET_ITEMS: usize = 12;
const SET_ROWS: usize = 8;

pub(super) fn in_list<'a>(
    inner: &Expr,
    list: &[Expr],
    equal: &'static Function,
    negated: bool,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let left = evaluate(inner, input, context, depth)?;
    let mut items = Vec::with_capacity(list.len());
    for item in list {
        items.push(evaluate(item, input, context, depth)?);
    }
    let constant = items.iter().all(|item| item.len() == 1);
    let rows = if constant && left.len() == 1 { 1 } else { input.rows };
    let mut found = None;
    if constant && list.len() >= SET_ITEMS && rows >= SET_ROWS {
        let mut all = Vector::new(list[0].data_type());
        for item in &items {
            push(&mut all, item.get(0))?;
        }
        found = member_of_set(&left, &all);
    }
    let mut result = match found {
        Some(found) => found,
        None => {
            let items: Vec<&Vector> = items.iter().map(|item| &**item).collect();
            any_or_all(&left, &items, equal, false, rows, context)?
        }
    };
    if negated && let Data::Bool(truths) = &mut result.data {
        truths.iter_mut().for_each(|truth| *truth = !*truth);
    }
    Ok(Cow::Owned(result))
}

pub(super) fn quantified<'a>(
    left: &Expr,
    array: &Expr,
    operator: &'static Function,
    all: bool,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let left = evaluate(left, input, context, depth)?;
    let arrays = evaluate(array, input, context, depth)?;
    let rows = if left.len() == 1 && arrays.len() == 1 { 1 } else { input.rows };
    if arrays.len() == 1 {
        let Some(items) = items_of(&arrays, 0)? else { return null() };
        return one_array(&left, &items, operator, all, rows, context).map(Cow::Owned);
    }
    let mut out = Vector::new(DataType::Bool);
    for row in 0..rows {
        let operand = left.take(&[at(&left, row)]);
        match items_of(&arrays, row)? {
            Some(items) => out.append(&one_array(&operand, &items, operator, all, 1, context)?),
            None => out.push_null(),
        }
    }
    Ok(Cow::Owned(out))
}

fn null<'a>() -> Result<Cow<'a, Vector>> {
    let mut null = Vector::new(DataType::Bool);
    null.push_null();
    Ok(Cow::Owned(null))
}

/// The elements of an array, as a column. None for a null array.
fn items_of(arrays: &Vector, row: usize) -> Result<Option<Vector>> {
    match (&arrays.data, arrays.is_null(row)) {
        (_, true) => Ok(None),
        (Data::Value(values), _) => match values.get(row) {
            Some(Value::Array(array)) => {
                let mut items = Vector::new(array.element);
                for value in &array.values {
                    push(&mut items, value.clone())?;
                }
                Ok(Some(items))
            }
            _ => Err(Error::internal("op ANY/ALL requires an array")),
        },
        _ => Err(Error::internal("op ANY/ALL requires an array")),
    }
}

fn one_array(
    left: &Vector,
    items: &Vector,
    operator: &'static Function,
    all: bool,
    rows: usize,
    context: &Context<'_>,
) -> Result<Vector> {
    if !all
        && items.len() >= SET_ITEMS
        && rows >= SET_ROWS
        && comparison_symbol(operator) == Some("=")
        && let Some(found) = member_of_set(left, items)
    {
        return Ok(found);
    }
    if rows == 1 && items.len() > 1 {
        // One value against many items: the items are the column.
        let answers = apply(operator, &[left, items], DataType::Bool, items.len(), context)?;
        let truths = booleans(&answers)?;
        let (mut decided, mut unknown) = (false, false);
        for (row, truth) in truths.iter().enumerate() {
            unknown |= answers.is_null(row);
            decided |= !answers.is_null(row) && *truth != all;
        }
        let mut out = Vector::new(DataType::Bool);
        push(&mut out, if unknown && !decided { Value::Null } else { Value::Bool(decided != all) })?;
        return Ok(out);
    }
    let items: Vec<Vector> = (0..items.len()).map(|item| items.take(&[item])).collect();
    any_or_all(left, &items.iter().collect::<Vec<_>>(), operator, all, rows, context)
}

/// `left operator item`, for each item; then "any is true" or "all are true", with three truth values.
fn any_or_all(
    left: &Vector,
    items: &[&Vector],
    operator: &'static Function,
    all: bool,
    rows: usize,
    context: &Context<'_>,
) -> Result<Vector> {
    let mut truths = vec![all; rows];
    let mut nulls = vec![false; rows];
    for item in items {
        let answers = apply(operator, &[left, item], DataType::Bool, rows, context)?;
        let answered = booleans(&answers)?;
        for row in 0..rows {
            let index = at(&answers, row);
            if answers.is_null(index) {
                nulls[row] = true;
            } else if answered[index] != all {
                truths[row] = !all;
            }
        }
    }
    // A decided row is not null, whatever else was.
    nulls.iter_mut().zip(&truths).for_each(|(null, truth)| *null &= *truth == all);
    let nulls = nulls.contains(&true).then_some(nulls);
    Ok(Vector { data_type: DataType::Bool, data: Data::Bool(truths), nulls })
}

/// `left = ANY (items)` through a set, for the layouts where equal values are equal bits.
fn member_of_set(left: &Vector, items: &Vector) -> Option<Vector> {
    let some_null = (0..items.len()).any(|row| items.is_null(row));
    let live = (0..items.len()).filter(|&row| !items.is_null(row));
    macro_rules! integers {
        ($left:expr, $items:expr) => {{
            let set: HashSet<i64> = live.map(|row| $items[row] as i64).collect();
            $left.iter().map(|value| set.contains(&(*value as i64))).collect::<Vec<bool>>()
        }};
    }
    use Data::*;
    let truths = match (&left.data, &items.data) {
        _ if left.data_type != items.data_type
            && !(left.data_type.is_integer() && items.data_type.is_integer()) =>
        {
            let text = |ty| matches!(ty, DataType::Text | DataType::Varchar);
            if !(text(left.data_type) && text(items.data_type)) {
                return None;
            }
            return text_member(left, items, some_null);
        }
        (I16(a), I16(b)) => integers!(a, b),
        (I16(a), I32(b)) => integers!(a, b),
        (I16(a), I64(b)) => integers!(a, b),
        (I32(a), I16(b)) => integers!(a, b),
        (I32(a), I32(b)) => integers!(a, b),
        (I32(a), I64(b)) => integers!(a, b),
        (I64(a), I16(b)) => integers!(a, b),
        (I64(a), I32(b)) => integers!(a, b),
        (I64(a), I64(b)) => integers!(a, b),
        (U32(a), U32(b)) => integers!(a, b),
        (Uuid(a), Uuid(b)) => {
            let set: HashSet<[u8; 16]> = live.map(|row| b[row]).collect();
            a.iter().map(|value| set.contains(value)).collect()
        }
        (Bytes(_), Bytes(_)) => return text_member(left, items, some_null),
        _ => return None,
    };
    Some(member_answers(left, truths, some_null))
}

fn text_member(left: &Vector, items: &Vector, some_null: bool) -> Option<Vector> {
    if matches!(left.data_type, DataType::Bpchar | DataType::Jsonb) {
        return None;
    }
    let (Data::Bytes(a), Data::Bytes(b)) = (&left.data, &items.data) else { return None };
    let set: HashSet<&[u8]> =
        (0..items.len()).filter(|&row| !items.is_null(row)).map(|row| b.get(row)).collect();
    let truths = (0..a.len()).map(|row| set.contains(a.get(row))).collect();
    Some(member_answers(left, truths, some_null))
}

/// NULL where the left side is, and where nothing was found but an item is NULL.
fn member_answers(left: &Vector, truths: Vec<bool>, some_null: bool) -> Vector {
    let nulls = if some_null {
        Some((0..truths.len()).map(|row| left.is_null(row) || !truths[row]).collect())
    } else {
        left.nulls.clone()
    };
    Vector { data_type: DataType::Bool, data: Data::Bool(truths), nulls }
}
