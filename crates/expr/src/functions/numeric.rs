//! numeric: exact arithmetic is `types::Numeric`'s; here it meets columns and function names.

use crate::columnwise::{at, column, rowwise, wrong_layout};
use crate::context::Context;
use crate::eval::compare_values;
use crate::signature::functions;
use types::vector::Data;
use types::{DataType, Error, Numeric, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    1724 "numeric_add" (Numeric, Numeric) -> Numeric = columns(add);
    1725 "numeric_sub" (Numeric, Numeric) -> Numeric = columns(subtract);
    1726 "numeric_mul" (Numeric, Numeric) -> Numeric = columns(multiply);
    1727 "numeric_div" (Numeric, Numeric) -> Numeric = columns(divide);
    1729 "numeric_mod" (Numeric, Numeric) -> Numeric = columns(remainder);
    1728 "mod" (Numeric, Numeric) -> Numeric = columns(remainder);
    1771 "numeric_uminus" (Numeric) -> Numeric = row(negate);
    1915 "numeric_uplus" (Numeric) -> Numeric = row(identity);
    1704 "numeric_abs" (Numeric) -> Numeric = row(absolute);
    1705 "abs" (Numeric) -> Numeric = row(absolute);
    1739 "numeric_power" (Numeric, Numeric) -> Numeric = row(power);
    1738 "pow" (Numeric, Numeric) -> Numeric = row(power);
    2169 "power" (Numeric, Numeric) -> Numeric = row(power);
    1730 "sqrt" (Numeric) -> Numeric = row(square_root);
    1731 "numeric_sqrt" (Numeric) -> Numeric = row(square_root);
    1711 "ceil" (Numeric) -> Numeric = row(ceil);
    2167 "ceiling" (Numeric) -> Numeric = row(ceil);
    1712 "floor" (Numeric) -> Numeric = row(floor);
    1707 "round" (Numeric, Int4) -> Numeric = row(round);
    1709 "trunc" (Numeric, Int4) -> Numeric = row(truncate);
    1708 "round" (Numeric) -> Numeric = row(round_to_integer);
    1710 "trunc" (Numeric) -> Numeric = row(truncate_to_integer);
    1706 "sign" (Numeric) -> Numeric = row(sign);
    1732 "exp" (Numeric) -> Numeric = row(exponential);
    1733 "numeric_exp" (Numeric) -> Numeric = row(exponential);
    1734 "ln" (Numeric) -> Numeric = row(natural_logarithm);
    1735 "numeric_ln" (Numeric) -> Numeric = row(natural_logarithm);
    1736 "log" (Numeric, Numeric) -> Numeric = row(logarithm);
    1737 "numeric_log" (Numeric, Numeric) -> Numeric = row(logarithm);
    1741 "log" (Numeric) -> Numeric = row(decimal_logarithm);
    1481 "log10" (Numeric) -> Numeric = row(decimal_logarithm);
    1973 "div" (Numeric, Numeric) -> Numeric = row(quotient);
    1980 "numeric_div_trunc" (Numeric, Numeric) -> Numeric = row(quotient);
    1376 "factorial" (Int8) -> Numeric = row(factorial);
    5048 "gcd" (Numeric, Numeric) -> Numeric = row(greatest_common_divisor);
    5049 "lcm" (Numeric, Numeric) -> Numeric = row(least_common_multiple);
    3281 "scale" (Numeric) -> Int4 = row(scale);
    5042 "min_scale" (Numeric) -> Int4 = row(min_scale);
    5043 "trim_scale" (Numeric) -> Numeric = row(trim_scale);
    1764 "numeric_inc" (Numeric) -> Numeric = row(increment);
    2170 "width_bucket" (Numeric, Numeric, Numeric, Int4) -> Int4 = row(width_bucket);
    3218 "width_bucket" (AnyCompatible, AnyCompatibleArray) -> Int4 = columns(width_bucket_array);
}

fn pairs(args: &[&Vector], rows: usize, f: impl Fn(&Numeric, &Numeric) -> Result<Numeric>) -> Result<Vector> {
    let [left, right] = *args else { return Err(wrong_layout(args)) };
    let (Data::Numeric(a), Data::Numeric(b)) = (&left.data, &right.data) else {
        return Err(wrong_layout(args));
    };
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let (i, j) = (at(left, row), at(right, row));
        out.push(if left.is_null(i) || right.is_null(j) { Numeric::default() } else { f(&a[i], &b[j])? });
    }
    Ok(column(DataType::Numeric, Data::Numeric(out)))
}

pub(crate) fn add(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    pairs(args, rows, Numeric::add)
}
pub(crate) fn subtract(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    pairs(args, rows, Numeric::sub)
}
pub(crate) fn multiply(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    pairs(args, rows, Numeric::mul)
}
pub(crate) fn divide(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    pairs(args, rows, Numeric::div)
}
pub(crate) fn remainder(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    pairs(args, rows, Numeric::rem)
}

fn one(args: &[Value]) -> Result<&Numeric> {
    match args {
        [Value::Numeric(a)] => Ok(a),
        _ => Err(unexpected(args)),
    }
}
fn two(args: &[Value]) -> Result<(&Numeric, &Numeric)> {
    match args {
        [Value::Numeric(a), Value::Numeric(b)] => Ok((a, b)),
        _ => Err(unexpected(args)),
    }
}
fn scaled(args: &[Value]) -> Result<(&Numeric, i32)> {
    match args {
        [Value::Numeric(a), Value::Int4(scale)] => Ok((a, *scale)),
        _ => Err(unexpected(args)),
    }
}
fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a numeric function was given {args:?}"))
}

pub(crate) fn negate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Numeric(one(args)?.neg()))
}
pub(crate) fn identity(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Numeric(one(args)?.clone()))
}
pub(crate) fn absolute(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Numeric(one(args)?.abs()))
}
pub(crate) fn sign(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Numeric(one(args)?.sign()))
}
pub(crate) fn trim_scale(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Numeric(one(args)?.trim_scale()))
}
pub(crate) fn power(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (base, exponent) = two(args)?;
    base.power(exponent).map(Value::Numeric)
}
pub(crate) fn square_root(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.sqrt().map(Value::Numeric)
}
pub(crate) fn ceil(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.ceil().map(Value::Numeric)
}
pub(crate) fn floor(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.floor().map(Value::Numeric)
}
pub(crate) fn round(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, scale) = scaled(args)?;
    a.round(scale).map(Value::Numeric)
}
pub(crate) fn truncate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, scale) = scaled(args)?;
    a.trunc(scale).map(Value::Numeric)
}
pub(crate) fn round_to_integer(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.round(0).map(Value::Numeric)
}
pub(crate) fn truncate_to_integer(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.trunc(0).map(Value::Numeric)
}
pub(crate) fn exponential(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.exp().map(Value::Numeric)
}
pub(crate) fn natural_logarithm(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.ln().map(Value::Numeric)
}
/// `log(base, x)`
pub(crate) fn logarithm(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (base, a) = two(args)?;
    a.log(base).map(Value::Numeric)
}
pub(crate) fn decimal_logarithm(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.log(&Numeric::from(10)).map(Value::Numeric)
}
pub(crate) fn quotient(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = two(args)?;
    a.div_trunc(b).map(Value::Numeric)
}
pub(crate) fn factorial(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int8(n)] => Numeric::factorial(*n).map(Value::Numeric),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn greatest_common_divisor(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = two(args)?;
    a.gcd(b).map(Value::Numeric)
}
pub(crate) fn least_common_multiple(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = two(args)?;
    a.lcm(b).map(Value::Numeric)
}
pub(crate) fn scale(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(one(args)?.scale().map_or(Value::Null, Value::Int4))
}
pub(crate) fn min_scale(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(one(args)?.min_scale().map_or(Value::Null, Value::Int4))
}
pub(crate) fn increment(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    one(args)?.add(&Numeric::from(1)).map(Value::Numeric)
}

pub(crate) fn width_bucket(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Numeric(operand), Value::Numeric(low), Value::Numeric(high), Value::Int4(count)] = args
    else {
        return Err(unexpected(args));
    };
    if *count <= 0 {
        return Err(err!(InvalidArgumentForWidthBucket, "count must be greater than zero"));
    }
    if [operand, low, high].iter().any(|bound| bound.is_nan()) {
        return Err(err!(
            InvalidArgumentForWidthBucket,
            "operand, lower bound, and upper bound cannot be NaN"
        ));
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(err!(InvalidArgumentForWidthBucket, "lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(err!(InvalidArgumentForWidthBucket, "lower bound cannot equal upper bound"));
    }
    let (before, after) =
        if low < high { (operand < low, operand >= high) } else { (operand > low, operand <= high) };
    Ok(Value::Int4(if before {
        0
    } else if after {
        count.checked_add(1).ok_or_else(|| err!(NumericValueOutOfRange, "integer out of range"))?
    } else {
        let steps = operand.sub(low)?.mul(&Numeric::from(*count as i64))?;
        let bucket: i32 = steps.div_trunc(&high.sub(low)?)?.to_integer("integer")?;
        bucket + 1
    }))
}

/// The bucket in a sorted array of lower bounds.
pub(crate) fn width_bucket_array(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let data_type = args.first().map_or(DataType::Unknown, |operand| operand.data_type);
    rowwise(args, rows, DataType::Int4, |values| match values {
        [Value::Null, _] | [_, Value::Null] => Ok(Value::Null),
        [operand, Value::Array(thresholds)] => {
            if thresholds.dimensions.len() > 1 {
                return Err(err!(ArraySubscriptError, "thresholds must be one-dimensional array"));
            }
            if thresholds.values.iter().any(Value::is_null) {
                return Err(err!(NullValueNotAllowed, "thresholds array must not contain NULLs"));
            }
            let bucket =
                thresholds.values.partition_point(|low| compare_values(low, operand, data_type).is_le());
            Ok(Value::Int4(bucket as i32))
        }
        _ => Err(unexpected(values)),
    })
}
