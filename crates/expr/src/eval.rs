//! The evaluator: an expression over a batch gives a column.
//!
//! ```text
//!   Column   borrowed from the batch                       `evaluate` gives a column as long as the batch, or of one
//!   Constant one row                                  ──>  row that stands for all: what depends on constants only is
//!   Call     Columns: a loop over slices; Row: per row     computed once per batch
//!   And, Or, Case, Coalesce: gather the rows that reach a branch, evaluate it on these, scatter the results
//! ```
//! Only the public functions stretch a column to the batch's length.

mod cast;
mod conditional;
mod container;
mod membership;

pub(crate) use container::nest;

use crate::columnwise::{at, column, push};
use crate::context::{Context, one_row};
use crate::expr::Expr;
use crate::function::{Function, Implementation, Volatility};
use std::borrow::Cow;
use types::vector::{Bytes, Data};
use types::{Batch, ColumnType, DataType, Error, Result, Value, Vector, err};

/// Evaluates `expr` for every row of `input`. Branches of CASE, COALESCE, AND and OR are evaluated only for the rows
/// that reach them, so that `CASE WHEN x <> 0 THEN 1/x END` never divides by zero.
pub fn eval(expr: &Expr, input: &Batch, context: &Context<'_>) -> Result<Vector> {
    if input.rows == 0 {
        return Ok(Vector::new(expr.data_type()));
    }
    let mut result = stretched(evaluate(expr, input, context, 0)?, input.rows).into_owned();
    result.data_type = expr.data_type();
    Ok(result)
}

/// Evaluates an expression that has no columns.
pub fn eval_constant(expr: &Expr, context: &Context<'_>) -> Result<Value> {
    match expr {
        Expr::Constant { value, .. } => Ok(value.clone()),
        Expr::Parameter { index, .. } if let Some(value) = context.parameters.get(*index) => {
            Ok(value.clone())
        }
        _ => Ok(eval(expr, &one_row(), context)?.get(0)),
    }
}

/// The rows of `input` for which `predicate` is true (not null), ascending.
pub fn eval_filter(predicate: &Expr, input: &Batch, context: &Context<'_>) -> Result<Vec<usize>> {
    if input.rows == 0 {
        return Ok(Vec::new());
    }
    let result = evaluate(predicate, input, context, 0)?;
    let truths = booleans(&result)?;
    let is_true = |row: usize| truths[row] && !result.is_null(row);
    if truths.len() == 1 && input.rows != 1 {
        return Ok(if is_true(0) { (0..input.rows).collect() } else { Vec::new() });
    }
    Ok((0..input.rows).filter(|&row| is_true(row)).collect())
}

/// The rows of one call of a set-returning function. No rows if it is strict and an argument is NULL.
pub fn eval_set(
    function: &'static Function,
    args: &[Value],
    context: &Context<'_>,
) -> Result<Vec<Vec<Value>>> {
    if function.strict && args.iter().any(Value::is_null) {
        return Ok(Vec::new());
    }
    match function.implementation {
        Implementation::Set(rows) => rows(context, args),
        Implementation::Runtime if function.returns_set() => context.runtime.call_set(function, args),
        _ => Err(Error::internal(format!("{} does not return a set", function.name))),
    }
}

/// Nested deeper than this, an expression is refused. A query runs with stack for its depth (`plan::stack`); stored
/// expressions are kept far below.
const DEPTH_LIMIT: usize = 8_200;

/// A column as long as the input, or one row that stands for all. `input` has rows.
fn evaluate<'a>(
    expr: &Expr,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    if depth > DEPTH_LIMIT {
        return Err(err!(StatementTooComplex, "stack depth limit exceeded")
            .hint("Break the expression into smaller ones."));
    }
    let depth = depth + 1;
    match expr {
        Expr::Column { index, .. } => match input.columns.get(*index) {
            Some(column) => Ok(Cow::Borrowed(column)),
            None => Err(Error::internal(format!("column {index} of {}", input.columns.len()))),
        },
        Expr::Constant { value, ty } => constant(value.clone(), *ty),
        Expr::Parameter { index, ty } => match context.parameters.get(*index) {
            Some(value) => constant(value.clone(), *ty),
            None => Err(err!(UndefinedParameter, "there is no parameter ${}", index + 1)),
        },
        Expr::Outer { slot, ty } => match context.slots.get(*slot) {
            Some(value) => constant(value.clone(), *ty),
            None => Err(Error::internal(format!("no value for slot {slot}"))),
        },
        Expr::Call { function, args, ty } => call(function, args, *ty, input, context, depth),
        Expr::Cast { input: inner, to, explicit } => cast::cast(inner, *to, *explicit, input, context, depth),
        Expr::And(args) => conditional::connective(args, true, input, context, depth),
        Expr::Or(args) => conditional::connective(args, false, input, context, depth),
        Expr::Not(inner) => not(evaluate(inner, input, context, depth)?),
        Expr::IsNull { input: inner, negated } => is_null(inner, *negated, input, context, depth),
        Expr::BooleanTest { input: inner, value, negated } => {
            let operand = evaluate(inner, input, context, depth)?;
            boolean_test(&operand, *value, *negated)
        }
        Expr::IsDistinct { left, right, equal, negated } => {
            is_distinct(left, right, equal, *negated, input, context, depth)
        }
        Expr::Case { branches, default, ty } => {
            conditional::case(branches, default.as_deref(), *ty, input, context, depth)
        }
        Expr::Coalesce { args, ty } => conditional::coalesce(args, *ty, input, context, depth),
        Expr::NullIf { left, right, equal, .. } => null_if(left, right, equal, input, context, depth),
        Expr::Extreme { args, greatest, ty } => extreme(args, *greatest, *ty, input, context, depth),
        Expr::InList { input: inner, list, equal, negated } => {
            membership::in_list(inner, list, equal, *negated, input, context, depth)
        }
        Expr::Quantified { left, array, operator, all } => {
            membership::quantified(left, array, operator, *all, input, context, depth)
        }
        Expr::Array { elements, ty } => container::array(elements, *ty, input, context, depth),
        Expr::Subscript { array, index, ty } => {
            container::subscript(array, index, *ty, input, context, depth)
        }
        Expr::Slice { array, lower, upper, ty } => {
            container::slice(array, lower.as_deref(), upper.as_deref(), *ty, input, context, depth)
        }
        Expr::Row { fields, names } => container::row(fields, names.as_ref(), input, context, depth),
        Expr::Field { record, index, ty } => container::field(record, *index, *ty, input, context, depth),
        Expr::Subplan { .. } => subplan(expr, input, context, depth),
    }
}

fn constant<'a>(value: Value, ty: ColumnType) -> Result<Cow<'a, Vector>> {
    let mut vector = Vector::new(ty.data_type);
    push(&mut vector, value)?;
    Ok(Cow::Owned(vector))
}

fn call<'a>(
    function: &'static Function,
    args: &[Expr],
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let mut columns = Vec::with_capacity(args.len());
    for arg in args {
        columns.push(evaluate(arg, input, context, depth)?);
    }
    let operands: Vec<&Vector> = columns.iter().map(|column| &**column).collect();
    // What depends on constants only is computed once; a volatile function once per row.
    let constant =
        function.volatility != Volatility::Volatile && operands.iter().all(|operand| operand.len() == 1);
    let rows = if constant { 1 } else { input.rows };
    apply(function, &operands, ty.data_type, rows, context).map(Cow::Owned)
}

/// A function over columns, strictness included. The result has `rows` rows, or one that stands for all.
fn apply(
    function: &'static Function,
    args: &[&Vector],
    returns: DataType,
    rows: usize,
    context: &Context<'_>,
) -> Result<Vector> {
    if function.strict && args.iter().any(|arg| arg.len() == 1 && arg.is_null(0)) {
        let mut null = Vector::new(returns);
        null.push_null();
        return Ok(null);
    }
    match &function.implementation {
        Implementation::Columns(compute) => {
            let mut result = compute(context, args, rows)?;
            if function.strict {
                merge_nulls(&mut result, args);
            }
            Ok(result)
        }
        Implementation::Row(compute) => {
            row_by_row(function.strict, args, returns, rows, |values| compute(context, values))
        }
        Implementation::Runtime if !function.returns_set() => {
            row_by_row(function.strict, args, returns, rows, |values| context.runtime.call(function, values))
        }
        Implementation::Runtime | Implementation::Set(_) => {
            Err(err!(FeatureNotSupported, "set-valued function called in context that cannot accept a set"))
        }
    }
}

fn row_by_row(
    strict: bool,
    args: &[&Vector],
    returns: DataType,
    rows: usize,
    mut compute: impl FnMut(&[Value]) -> Result<Value>,
) -> Result<Vector> {
    let mut out = Vector::new(returns);
    // Constants are fetched once.
    let mut values: Vec<Value> =
        args.iter().map(|arg| if arg.len() == 1 { arg.get(0) } else { Value::Null }).collect();
    for row in 0..rows {
        for (value, arg) in values.iter_mut().zip(args) {
            if arg.len() != 1 {
                *value = arg.get(row);
            }
        }
        if strict && values.iter().any(Value::is_null) {
            out.push_null();
        } else {
            push(&mut out, compute(&values)?)?;
        }
    }
    Ok(out)
}

/// A strict function's result is NULL wherever an argument is. Null constants were dealt with before.
fn merge_nulls(result: &mut Vector, args: &[&Vector]) {
    let rows = result.len();
    for nulls in args.iter().filter_map(|arg| arg.nulls.as_ref()).filter(|nulls| nulls.len() == rows) {
        match &mut result.nulls {
            None => result.nulls = Some(nulls.clone()),
            Some(mine) => mine.iter_mut().zip(nulls).for_each(|(mine, null)| *mine |= null),
        }
    }
}

fn not(operand: Cow<'_, Vector>) -> Result<Cow<'_, Vector>> {
    let negated = booleans(&operand)?.iter().map(|truth| !truth).collect();
    Ok(Cow::Owned(Vector {
        data_type: DataType::Bool,
        data: Data::Bool(negated),
        nulls: operand.nulls.clone(),
    }))
}

fn is_null<'a>(
    inner: &Expr,
    negated: bool,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let operand = evaluate(inner, input, context, depth)?;
    let answers = match &operand.data {
        // A row value IS NULL if every field is, and IS NOT NULL if no field is.
        Data::Value(values) if operand.data_type == DataType::Record => (0..values.len())
            .map(|row| match &values[row] {
                Value::Record(fields) => fields.iter().all(|(_, field)| field.is_null() != negated),
                _ => !negated,
            })
            .collect(),
        _ => match &operand.nulls {
            None => vec![negated; operand.len()],
            Some(nulls) => nulls.iter().map(|null| *null != negated).collect(),
        },
    };
    Ok(Cow::Owned(column(DataType::Bool, Data::Bool(answers))))
}

fn boolean_test<'a>(operand: &Vector, value: Option<bool>, negated: bool) -> Result<Cow<'a, Vector>> {
    let truths = booleans(operand)?;
    let answers = (0..truths.len())
        .map(|row| {
            let actual = if operand.is_null(row) { None } else { Some(truths[row]) };
            (actual == value) != negated
        })
        .collect();
    Ok(Cow::Owned(column(DataType::Bool, Data::Bool(answers))))
}

fn is_distinct<'a>(
    left: &Expr,
    right: &Expr,
    equal: &'static Function,
    negated: bool,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let left = evaluate(left, input, context, depth)?;
    let right = evaluate(right, input, context, depth)?;
    let rows = if left.len() == 1 && right.len() == 1 { 1 } else { input.rows };
    let same = apply(equal, &[&left, &right], DataType::Bool, rows, context)?;
    let truths = booleans(&same)?;
    let answers = (0..rows)
        .map(|row| {
            let distinct = match (left.is_null(at(&left, row)), right.is_null(at(&right, row))) {
                (false, false) => !truths[at(&same, row)],
                (left, right) => left != right,
            };
            distinct != negated
        })
        .collect();
    Ok(Cow::Owned(column(DataType::Bool, Data::Bool(answers))))
}

fn null_if<'a>(
    left: &Expr,
    right: &Expr,
    equal: &'static Function,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let left = evaluate(left, input, context, depth)?;
    let right = evaluate(right, input, context, depth)?;
    let rows = if left.len() == 1 && right.len() == 1 { 1 } else { input.rows };
    let same = apply(equal, &[&left, &right], DataType::Bool, rows, context)?;
    let truths = booleans(&same)?;
    let mut result = stretched(left, rows).into_owned();
    let nulls: Vec<bool> = (0..rows)
        .map(|row| result.is_null(row) || (truths[at(&same, row)] && !same.is_null(at(&same, row))))
        .collect();
    result.nulls = nulls.contains(&true).then_some(nulls);
    Ok(Cow::Owned(result))
}

/// GREATEST and LEAST: NULL only if all are.
fn extreme<'a>(
    args: &[Expr],
    greatest: bool,
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let mut columns = Vec::with_capacity(args.len());
    for arg in args {
        columns.push(evaluate(arg, input, context, depth)?);
    }
    let rows = if columns.iter().all(|column| column.len() == 1) { 1 } else { input.rows };
    let mut out = Vector::new(ty.data_type);
    for row in 0..rows {
        let mut best = Value::Null;
        for column in &columns {
            let value = column.get(at(column, row));
            if value.is_null() {
                continue;
            }
            let order = compare_values(&value, &best, ty.data_type);
            if best.is_null() || (if greatest { order.is_gt() } else { order.is_lt() }) {
                best = value;
            }
        }
        push(&mut out, best)?;
    }
    Ok(Cow::Owned(out))
}

/// SQL's order of two values of a type that are not null: char(n) without its trailing blanks.
pub(crate) fn compare_values(left: &Value, right: &Value, data_type: DataType) -> std::cmp::Ordering {
    match (left, right) {
        (Value::Text(a), Value::Text(b)) if data_type == DataType::Bpchar => {
            a.trim_end_matches(' ').cmp(b.trim_end_matches(' '))
        }
        _ => types::compare::compare(left, right),
    }
}

fn subplan<'a>(
    expr: &Expr,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    use crate::expr::SubplanKind::{All, Any};
    let Expr::Subplan { plan, kind, first_slot, args, ty } = expr else {
        return Err(Error::internal("not a subplan"));
    };
    let left: &[Expr] = match &**kind {
        Any { left, .. } | All { left, .. } => left,
        _ => &[],
    };
    // What depends on no row is asked once.
    let rows = if args.is_empty() && left.is_empty() { 1 } else { input.rows };
    let columns = |exprs: &[Expr]| -> Result<Vec<Vector>> {
        let mut columns = Vec::with_capacity(exprs.len());
        for expr in exprs {
            columns.push(stretched(evaluate(expr, input, context, depth)?, rows).into_owned());
        }
        Ok(columns)
    };
    let (args, left) = (columns(args)?, columns(left)?);
    let result = context.runtime.subplan(*plan, kind, *first_slot, &args, &left, rows, context.slots)?;
    if result.len() != rows {
        return Err(Error::internal(format!(
            "a subplan of type {} gave {} rows for {rows}",
            ty.data_type,
            result.len()
        )));
    }
    Ok(Cow::Owned(result))
}

/// The truth values of a boolean column; null rows hold anything.
fn booleans(vector: &Vector) -> Result<&[bool]> {
    match &vector.data {
        Data::Bool(truths) => Ok(truths),
        _ => Err(Error::internal(format!("a condition of type {}", vector.data_type))),
    }
}

/// A column of `rows` rows from one of one row that stands for all.
fn stretched(column: Cow<'_, Vector>, rows: usize) -> Cow<'_, Vector> {
    fn copies<T: Clone>(values: &[T], rows: usize) -> Vec<T> {
        values.first().map_or_else(Vec::new, |value| vec![value.clone(); rows])
    }
    if column.len() == rows || column.len() != 1 {
        return column;
    }
    let data = match &column.data {
        Data::Bool(v) => Data::Bool(copies(v, rows)),
        Data::I16(v) => Data::I16(copies(v, rows)),
        Data::I32(v) => Data::I32(copies(v, rows)),
        Data::I64(v) => Data::I64(copies(v, rows)),
        Data::U32(v) => Data::U32(copies(v, rows)),
        Data::F32(v) => Data::F32(copies(v, rows)),
        Data::F64(v) => Data::F64(copies(v, rows)),
        Data::Numeric(v) => Data::Numeric(copies(v, rows)),
        Data::Interval(v) => Data::Interval(copies(v, rows)),
        Data::Uuid(v) => Data::Uuid(copies(v, rows)),
        Data::Bytes(v) => {
            let row = v.get(0);
            Data::Bytes(Bytes {
                offsets: (0..=rows).map(|i| i * row.len()).collect(),
                bytes: row.repeat(rows),
            })
        }
        Data::Value(v) => Data::Value(copies(v, rows)),
    };
    let nulls = column.nulls.as_ref().map(|nulls| copies(nulls, rows));
    Cow::Owned(Vector { data_type: column.data_type, data, nulls })
}
