//! real and double precision: arithmetic that refuses to overflow or to underflow (22003), roots, logarithms and
//! trigonometry with PostgreSQL's domain errors.

use crate::columnwise::{checked2, column, map2, wrong_layout};
use crate::context::Context;
use crate::functions::integer::division_by_zero;
use crate::signature::functions;
use types::vector::Data;
use types::{DataType, Error, Result, Value, Vector, err};

#[rustfmt::skip]
functions! {
    204 "float4pl" (Float4, Float4) -> Float4 = columns(add);
    218 "float8pl" (Float8, Float8) -> Float8 = columns(add);
    281 "float48pl" (Float4, Float8) -> Float8 = columns(add);
    285 "float84pl" (Float8, Float4) -> Float8 = columns(add);
    205 "float4mi" (Float4, Float4) -> Float4 = columns(subtract);
    219 "float8mi" (Float8, Float8) -> Float8 = columns(subtract);
    282 "float48mi" (Float4, Float8) -> Float8 = columns(subtract);
    286 "float84mi" (Float8, Float4) -> Float8 = columns(subtract);
    202 "float4mul" (Float4, Float4) -> Float4 = columns(multiply);
    216 "float8mul" (Float8, Float8) -> Float8 = columns(multiply);
    279 "float48mul" (Float4, Float8) -> Float8 = columns(multiply);
    283 "float84mul" (Float8, Float4) -> Float8 = columns(multiply);
    203 "float4div" (Float4, Float4) -> Float4 = columns(divide);
    217 "float8div" (Float8, Float8) -> Float8 = columns(divide);
    280 "float48div" (Float4, Float8) -> Float8 = columns(divide);
    284 "float84div" (Float8, Float4) -> Float8 = columns(divide);
    206 "float4um" (Float4) -> Float4 = columns(negate);
    220 "float8um" (Float8) -> Float8 = columns(negate);
    1913 "float4up" (Float4) -> Float4 = row(identity);
    1914 "float8up" (Float8) -> Float8 = row(identity);
    207 "float4abs" (Float4) -> Float4 = columns(absolute);
    221 "float8abs" (Float8) -> Float8 = columns(absolute);
    1394 "abs" (Float4) -> Float4 = columns(absolute);
    1395 "abs" (Float8) -> Float8 = columns(absolute);
    232 "dpow" (Float8, Float8) -> Float8 = row(power);
    1346 "pow" (Float8, Float8) -> Float8 = row(power);
    1368 "power" (Float8, Float8) -> Float8 = row(power);
    230 "dsqrt" (Float8) -> Float8 = row(square_root);
    1344 "sqrt" (Float8) -> Float8 = row(square_root);
    231 "dcbrt" (Float8) -> Float8 = row(cube_root);
    1345 "cbrt" (Float8) -> Float8 = row(cube_root);
    2308 "ceil" (Float8) -> Float8 = row(ceil);
    2320 "ceiling" (Float8) -> Float8 = row(ceil);
    2309 "floor" (Float8) -> Float8 = row(floor);
    1342 "round" (Float8) -> Float8 = row(round);
    228 "dround" (Float8) -> Float8 = row(round);
    1343 "trunc" (Float8) -> Float8 = row(truncate);
    229 "dtrunc" (Float8) -> Float8 = row(truncate);
    2310 "sign" (Float8) -> Float8 = row(sign);
    1347 "exp" (Float8) -> Float8 = row(exponential);
    233 "dexp" (Float8) -> Float8 = row(exponential);
    1341 "ln" (Float8) -> Float8 = row(natural_logarithm);
    234 "dlog1" (Float8) -> Float8 = row(natural_logarithm);
    1340 "log" (Float8) -> Float8 = row(decimal_logarithm);
    1194 "log10" (Float8) -> Float8 = row(decimal_logarithm);
    1339 "dlog10" (Float8) -> Float8 = row(decimal_logarithm);
    1608 "degrees" (Float8) -> Float8 = row(degrees);
    1609 "radians" (Float8) -> Float8 = row(radians);
    1610 "pi" () -> Float8 = row(pi);
    1601 "acos" (Float8) -> Float8 = row(acos);
    2732 "acosd" (Float8) -> Float8 = row(acosd);
    1600 "asin" (Float8) -> Float8 = row(asin);
    2731 "asind" (Float8) -> Float8 = row(asind);
    1602 "atan" (Float8) -> Float8 = row(atan);
    2733 "atand" (Float8) -> Float8 = row(atand);
    1603 "atan2" (Float8, Float8) -> Float8 = row(atan2);
    2734 "atan2d" (Float8, Float8) -> Float8 = row(atan2d);
    1605 "cos" (Float8) -> Float8 = row(cos);
    2736 "cosd" (Float8) -> Float8 = row(cosd);
    1607 "cot" (Float8) -> Float8 = row(cot);
    2738 "cotd" (Float8) -> Float8 = row(cotd);
    1604 "sin" (Float8) -> Float8 = row(sin);
    2735 "sind" (Float8) -> Float8 = row(sind);
    1606 "tan" (Float8) -> Float8 = row(tan);
    2737 "tand" (Float8) -> Float8 = row(tand);
    2462 "sinh" (Float8) -> Float8 = row(sinh);
    2463 "cosh" (Float8) -> Float8 = row(cosh);
    2464 "tanh" (Float8) -> Float8 = row(tanh);
    2465 "asinh" (Float8) -> Float8 = row(asinh);
    2466 "acosh" (Float8) -> Float8 = row(acosh);
    2467 "atanh" (Float8) -> Float8 = row(atanh);
    320 "width_bucket" (Float8, Float8, Float8, Int4) -> Int4 = row(width_bucket);
    1598 "random" () -> Float8 = runtime volatile;
    1599 "setseed" (Float8) -> Void = runtime volatile;
}

fn overflow() -> Error {
    err!(NumericValueOutOfRange, "value out of range: overflow")
}
fn underflow() -> Error {
    err!(NumericValueOutOfRange, "value out of range: underflow")
}
fn out_of_range() -> Error {
    err!(NumericValueOutOfRange, "input is out of range")
}

/// Each operation with whether it failed.
trait Real: Copy {
    fn sum(self, other: Self) -> (Self, bool);
    fn difference(self, other: Self) -> (Self, bool);
    fn product(self, other: Self) -> (Self, bool);
    fn quotient(self, other: Self) -> (Self, bool);
    /// Why a product or a quotient failed: it is zero, or infinite, or the divisor is zero.
    fn product_error(self, other: Self) -> Error;
    fn quotient_error(self, other: Self) -> Error;
}

macro_rules! real {
    ($($float:ty)*) => { $(
        impl Real for $float {
            fn sum(self, other: Self) -> (Self, bool) {
                let sum = self + other;
                (sum, sum.is_infinite() && !self.is_infinite() && !other.is_infinite())
            }
            fn difference(self, other: Self) -> (Self, bool) {
                let difference = self - other;
                (difference, difference.is_infinite() && !self.is_infinite() && !other.is_infinite())
            }
            fn product(self, other: Self) -> (Self, bool) {
                let product = self * other;
                let overflow = product.is_infinite() && !self.is_infinite() && !other.is_infinite();
                (product, overflow || (product == 0.0 && self != 0.0 && other != 0.0))
            }
            fn quotient(self, other: Self) -> (Self, bool) {
                let quotient = self / other;
                let by_zero = other == 0.0 && !self.is_nan();
                let overflow = quotient.is_infinite() && !self.is_infinite();
                (quotient, by_zero || overflow || (quotient == 0.0 && self != 0.0 && !other.is_infinite()))
            }
            fn product_error(self, other: Self) -> Error {
                if self * other == 0.0 { underflow() } else { overflow() }
            }
            fn quotient_error(self, other: Self) -> Error {
                match () {
                    () if other == 0.0 => division_by_zero(),
                    () if self / other == 0.0 => underflow(),
                    () => overflow(),
                }
            }
        }
    )* };
}
real!(f32 f64);

/// An arm per pair of widths; two reals compute as reals, a mixed pair as doubles.
macro_rules! float_pairs {
    ($args:expr, $rows:expr, $method:ident, $error:expr) => {{
        let (args, rows) = ($args, $rows);
        let [left, right] = *args else { return Err(wrong_layout(args)) };
        use Data::*;
        Ok(match (&left.data, &right.data) {
            (F32(a), F32(b)) => {
                column(DataType::Float4, F32(checked2(a, b, args, rows, |a, b| a.$method(b), $error)?))
            }
            (F64(a), F64(b)) => {
                column(DataType::Float8, F64(checked2(a, b, args, rows, |a, b| a.$method(b), $error)?))
            }
            (F32(a), F64(b)) => {
                let a: Vec<f64> = a.iter().map(|a| *a as f64).collect();
                column(DataType::Float8, F64(checked2(&a, b, args, rows, |a, b| a.$method(b), $error)?))
            }
            (F64(a), F32(b)) => {
                let b: Vec<f64> = b.iter().map(|b| *b as f64).collect();
                column(DataType::Float8, F64(checked2(a, &b, args, rows, |a, b| a.$method(b), $error)?))
            }
            _ => return Err(wrong_layout(args)),
        })
    }};
}

pub(crate) fn add(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    float_pairs!(args, rows, sum, |_, _| overflow())
}
pub(crate) fn subtract(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    float_pairs!(args, rows, difference, |_, _| overflow())
}
pub(crate) fn multiply(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    float_pairs!(args, rows, product, Real::product_error)
}
pub(crate) fn divide(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    float_pairs!(args, rows, quotient, Real::quotient_error)
}

macro_rules! float_unary {
    ($args:expr, $rows:expr, |$a:ident| $f:expr) => {{
        let (args, rows) = ($args, $rows);
        let [operand] = *args else { return Err(wrong_layout(args)) };
        Ok(match &operand.data {
            Data::F32(a) => column(DataType::Float4, Data::F32(map2(a, &[()], rows, |$a, ()| $f))),
            Data::F64(a) => column(DataType::Float8, Data::F64(map2(a, &[()], rows, |$a, ()| $f))),
            _ => return Err(wrong_layout(args)),
        })
    }};
}

pub(crate) fn negate(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    float_unary!(args, rows, |a| -a)
}
pub(crate) fn absolute(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    float_unary!(args, rows, |a| a.abs())
}
pub(crate) fn identity(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(args[0].clone())
}

fn one(args: &[Value]) -> Result<f64> {
    match args {
        [Value::Float8(a)] => Ok(*a),
        _ => Err(Error::internal(format!("a float function was given {args:?}"))),
    }
}

fn two(args: &[Value]) -> Result<(f64, f64)> {
    match args {
        [Value::Float8(a), Value::Float8(b)] => Ok((*a, *b)),
        _ => Err(Error::internal(format!("a float function was given {args:?}"))),
    }
}

fn float(value: f64) -> Result<Value> {
    Ok(Value::Float8(value))
}

/// Infinite only if an argument was, zero only where the function is exactly zero.
fn in_range(result: f64, infinite: bool, zero: bool) -> Result<Value> {
    if result.is_infinite() && !infinite {
        return Err(overflow());
    }
    if result == 0.0 && !zero {
        return Err(underflow());
    }
    float(result)
}

pub(crate) fn power(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (base, exponent) = two(args)?;
    if base == 0.0 && exponent < 0.0 {
        return Err(err!(InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined"));
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(err!(
            InvalidArgumentForPowerFunction,
            "a negative number raised to a non-integer power yields a complex result"
        ));
    }
    let result = base.powf(exponent);
    if base.is_infinite() || exponent.is_infinite() || base.is_nan() || exponent.is_nan() {
        return float(result);
    }
    in_range(result, false, base == 0.0)
}

pub(crate) fn square_root(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let a = one(args)?;
    if a < 0.0 {
        return Err(err!(InvalidArgumentForPowerFunction, "cannot take square root of a negative number"));
    }
    float(a.sqrt())
}

pub(crate) fn cube_root(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.cbrt())
}
pub(crate) fn ceil(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.ceil())
}
pub(crate) fn floor(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.floor())
}
pub(crate) fn round(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.round_ties_even())
}
pub(crate) fn truncate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.trunc())
}
pub(crate) fn sign(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let a = one(args)?;
    float(if a > 0.0 {
        1.0
    } else if a < 0.0 {
        -1.0
    } else {
        0.0
    })
}

pub(crate) fn exponential(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let a = one(args)?;
    in_range(a.exp(), a.is_infinite(), a == f64::NEG_INFINITY)
}

fn logarithm(a: f64, f: fn(f64) -> f64) -> Result<Value> {
    if a == 0.0 {
        return Err(err!(InvalidArgumentForLogarithm, "cannot take logarithm of zero"));
    }
    if a < 0.0 {
        return Err(err!(InvalidArgumentForLogarithm, "cannot take logarithm of a negative number"));
    }
    float(f(a))
}
pub(crate) fn natural_logarithm(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    logarithm(one(args)?, f64::ln)
}
pub(crate) fn decimal_logarithm(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    logarithm(one(args)?, f64::log10)
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

pub(crate) fn degrees(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let a = one(args)?;
    in_range(a / DEGREE, a.is_infinite(), a == 0.0)
}
pub(crate) fn radians(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let a = one(args)?;
    in_range(a * DEGREE, a.is_infinite(), a == 0.0)
}
pub(crate) fn pi(_: &Context<'_>, _: &[Value]) -> Result<Value> {
    float(std::f64::consts::PI)
}

/// An argument beyond -1 to 1 is refused.
fn inverse(args: &[Value], f: fn(f64) -> f64) -> Result<Value> {
    let a = one(args)?;
    if !(-1.0..=1.0).contains(&a) && !a.is_nan() {
        return Err(out_of_range());
    }
    float(f(a))
}

/// An infinite argument is refused.
fn periodic(args: &[Value], f: impl Fn(f64) -> f64) -> Result<Value> {
    let a = one(args)?;
    if a.is_infinite() {
        return Err(out_of_range());
    }
    float(f(a))
}

pub(crate) fn acos(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    inverse(args, f64::acos)
}
pub(crate) fn asin(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    inverse(args, f64::asin)
}
pub(crate) fn atan(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.atan())
}
pub(crate) fn atan2(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (y, x) = two(args)?;
    float(y.atan2(x))
}
pub(crate) fn cos(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, f64::cos)
}
pub(crate) fn sin(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, f64::sin)
}
pub(crate) fn tan(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, f64::tan)
}
pub(crate) fn cot(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, |a| 1.0 / a.tan())
}
pub(crate) fn sinh(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.sinh())
}
pub(crate) fn cosh(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.cosh())
}
pub(crate) fn tanh(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.tanh())
}
pub(crate) fn asinh(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.asinh())
}
pub(crate) fn acosh(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let a = one(args)?;
    if a < 1.0 {
        return Err(out_of_range());
    }
    float(a.acosh())
}
pub(crate) fn atanh(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    inverse(args, f64::atanh)
}

// Degrees are exact at the multiples of 30 and 45: each octant is scaled by what the C library says of its corner.

fn sin_to_30(x: f64) -> f64 {
    (x * DEGREE).sin() / (30.0 * DEGREE).sin() / 2.0
}
fn cos_to_60(x: f64) -> f64 {
    let one_minus_cos = 1.0 - (x * DEGREE).cos();
    1.0 - (one_minus_cos / (1.0 - (60.0 * DEGREE).cos())) / 2.0
}
fn sin_quadrant(x: f64) -> f64 {
    if x <= 30.0 { sin_to_30(x) } else { cos_to_60(90.0 - x) }
}
fn cos_quadrant(x: f64) -> f64 {
    if x <= 60.0 { cos_to_60(x) } else { sin_to_30(90.0 - x) }
}
fn sine_of_degrees(x: f64) -> f64 {
    let (mut x, mut sign) = (x % 360.0, 1.0);
    if x < 0.0 {
        (x, sign) = (-x, -sign);
    }
    if x > 180.0 {
        (x, sign) = (360.0 - x, -sign);
    }
    if x > 90.0 {
        x = 180.0 - x;
    }
    sign * sin_quadrant(x)
}
fn cosine_of_degrees(x: f64) -> f64 {
    let (mut x, mut sign) = ((x % 360.0).abs(), 1.0);
    if x > 180.0 {
        x = 360.0 - x;
    }
    if x > 90.0 {
        (x, sign) = (180.0 - x, -sign);
    }
    sign * cos_quadrant(x)
}
/// Tangent, or cotangent, by folding into the first quadrant.
fn tangent_of_degrees(x: f64, tangent: bool) -> f64 {
    let (mut x, mut sign) = (x % 360.0, 1.0);
    if x < 0.0 {
        (x, sign) = (-x, -sign);
    }
    if x > 180.0 {
        (x, sign) = (360.0 - x, -sign);
    }
    if x > 90.0 {
        (x, sign) = (180.0 - x, -sign);
    }
    let ratio = |x: f64| {
        let (sine, cosine) = (sin_quadrant(x), cos_quadrant(x));
        if tangent { sine / cosine } else { cosine / sine }
    };
    let result = sign * (ratio(x) / ratio(45.0));
    // Not -0.
    if result == 0.0 { 0.0 } else { result }
}

pub(crate) fn sind(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, sine_of_degrees)
}
pub(crate) fn cosd(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, cosine_of_degrees)
}
pub(crate) fn tand(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, |x| tangent_of_degrees(x, true))
}
pub(crate) fn cotd(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    periodic(args, |x| tangent_of_degrees(x, false))
}

fn arcsine_quadrant(x: f64) -> f64 {
    if x <= 0.5 { x.asin() / 0.5f64.asin() * 30.0 } else { 90.0 - x.acos() / 0.5f64.acos() * 60.0 }
}
fn arccosine_quadrant(x: f64) -> f64 {
    if x <= 0.5 { 90.0 - x.asin() / 0.5f64.asin() * 30.0 } else { x.acos() / 0.5f64.acos() * 60.0 }
}
pub(crate) fn asind(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    inverse(args, |x| if x >= 0.0 { arcsine_quadrant(x) } else { -arcsine_quadrant(-x) })
}
pub(crate) fn acosd(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    inverse(args, |x| if x >= 0.0 { arccosine_quadrant(x) } else { 90.0 + arcsine_quadrant(-x) })
}
pub(crate) fn atand(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    float(one(args)?.atan() / 1f64.atan() * 45.0)
}
pub(crate) fn atan2d(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (y, x) = two(args)?;
    float(y.atan2(x) / 1f64.atan() * 45.0)
}

pub(crate) fn width_bucket(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Float8(operand), Value::Float8(low), Value::Float8(high), Value::Int4(count)] = *args else {
        return Err(Error::internal("width_bucket of other types"));
    };
    if count <= 0 {
        return Err(err!(InvalidArgumentForWidthBucket, "count must be greater than zero"));
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return Err(err!(
            InvalidArgumentForWidthBucket,
            "operand, lower bound, and upper bound cannot be NaN"
        ));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(err!(InvalidArgumentForWidthBucket, "lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(err!(InvalidArgumentForWidthBucket, "lower bound cannot equal upper bound"));
    }
    let beyond = || count.checked_add(1).ok_or_else(|| err!(NumericValueOutOfRange, "integer out of range"));
    let ascending = low < high;
    let (before, after) =
        if ascending { (operand < low, operand >= high) } else { (operand > low, operand <= high) };
    let bucket = if before {
        0
    } else if after {
        beyond()?
    } else {
        // Halved where the difference would overflow.
        let halve = if (high - low).is_infinite() { 0.5 } else { 1.0 };
        let position = (operand * halve - low * halve) / (high * halve - low * halve);
        ((position * count as f64) as i32).clamp(0, count - 1) + 1
    };
    Ok(Value::Int4(bucket))
}
