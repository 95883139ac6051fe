//! Loops over columns: operands of a batch's length, or one row that stands for all.

use types::vector::{Bytes, Data};
use types::{DataType, Error, Result, Value, Vector};

/// `f` of each pair.
pub(crate) fn map2<A: Copy, B: Copy, R: Clone>(
    a: &[A],
    b: &[B],
    rows: usize,
    f: impl Fn(A, B) -> R,
) -> Vec<R> {
    match (a, b) {
        (a, b) if a.len() == rows && b.len() == rows => a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect(),
        (a, &[b]) if a.len() == rows => a.iter().map(|&a| f(a, b)).collect(),
        (&[a], b) if b.len() == rows => b.iter().map(|&b| f(a, b)).collect(),
        (&[a], &[b]) => vec![f(a, b); rows],
        _ => Vec::new(),
    }
}

/// As [`map2`], for results that come with "this failed". The `error` of the first row that did and is not null.
pub(crate) fn checked2<A: Copy, B: Copy, R: Clone>(
    a: &[A],
    b: &[B],
    args: &[&Vector],
    rows: usize,
    f: impl Fn(A, B) -> (R, bool),
    error: impl Fn(A, B) -> Error,
) -> Result<Vec<R>> {
    let failed = std::cell::Cell::new(false);
    let results = map2(a, b, rows, |a, b| {
        let (result, wrong) = f(a, b);
        failed.set(failed.get() | wrong);
        result
    });
    if failed.get() {
        // Rare: look again, for a null row may hold anything.
        for row in (0..rows).filter(|&row| !any_null(args, row)) {
            let (a, b) = (a[if a.len() == 1 { 0 } else { row }], b[if b.len() == 1 { 0 } else { row }]);
            if f(a, b).1 {
                return Err(error(a, b));
            }
        }
    }
    Ok(results)
}

/// `f` of each value.
pub(crate) fn checked1<A: Copy, R: Clone>(
    a: &[A],
    args: &[&Vector],
    rows: usize,
    f: impl Fn(A) -> (R, bool),
    error: impl Fn(A) -> Error,
) -> Result<Vec<R>> {
    checked2(a, &[()], args, rows, |a, ()| f(a), |a, ()| error(a))
}

/// The row of an operand that stands at `row` of the batch.
pub(crate) fn at(operand: &Vector, row: usize) -> usize {
    if operand.len() == 1 { 0 } else { row }
}

pub(crate) fn any_null(args: &[&Vector], row: usize) -> bool {
    args.iter().any(|arg| arg.is_null(at(arg, row)))
}

/// The bytes of a row, broadcast.
pub(crate) fn bytes_at(bytes: &Bytes, row: usize) -> &[u8] {
    bytes.get(if bytes.len() == 1 { 0 } else { row })
}

/// The text of a row, broadcast.
pub(crate) fn text_at(bytes: &Bytes, row: usize) -> &str {
    bytes.get_str(if bytes.len() == 1 { 0 } else { row })
}

pub(crate) fn bytes_of(vector: &Vector) -> Result<&Bytes> {
    match &vector.data {
        Data::Bytes(bytes) => Ok(bytes),
        _ => Err(wrong_layout(&[vector])),
    }
}

/// Row by row, for functions that need their arguments' types.
pub(crate) fn rowwise(
    args: &[&Vector],
    rows: usize,
    returns: DataType,
    mut f: impl FnMut(&[Value]) -> Result<Value>,
) -> Result<Vector> {
    let mut out = Vector::new(returns);
    let mut values = Vec::with_capacity(args.len());
    for row in 0..rows {
        values.clear();
        values.extend(args.iter().map(|arg| arg.get(at(arg, row))));
        push(&mut out, f(&values)?)?;
    }
    Ok(out)
}

/// [`Vector::push`] that reports a value of another type instead of panicking.
pub(crate) fn push(out: &mut Vector, value: Value) -> Result<()> {
    let fits = match (&mut out.data, &value) {
        (_, Value::Null) => true,
        // Values move instead of being copied.
        (Data::Value(values), _) => {
            values.push(value);
            if let Some(nulls) = &mut out.nulls {
                nulls.push(false);
            }
            return Ok(());
        }
        (Data::Bool(_), Value::Bool(_))
        | (Data::I16(_), Value::Int2(_))
        | (Data::I32(_), Value::Int4(_) | Value::Date(_))
        | (Data::I64(_), Value::Int8(_) | Value::Time(_) | Value::Timestamp(_))
        | (Data::U32(_), Value::Oid(_))
        | (Data::F32(_), Value::Float4(_))
        | (Data::F64(_), Value::Float8(_))
        | (Data::Numeric(_), Value::Numeric(_))
        | (Data::Interval(_), Value::Interval(_))
        | (Data::Uuid(_), Value::Uuid(_))
        | (Data::Bytes(_), Value::Text(_) | Value::Bytea(_) | Value::Jsonb(_)) => true,
        _ => false,
    };
    if !fits {
        return Err(Error::internal(format!("a column of type {} was given {value:?}", out.data_type)));
    }
    out.push(&value);
    Ok(())
}

/// A column without nulls.
pub(crate) fn column(data_type: DataType, data: Data) -> Vector {
    Vector { data_type, data, nulls: None }
}

/// The binder promised other types.
pub(crate) fn wrong_layout(args: &[&Vector]) -> Error {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
    Error::internal(format!(
        "a function was given arguments of types {}",
        crate::resolution::type_list(&types)
    ))
}
