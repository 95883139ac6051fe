//! smallint, integer and bigint: arithmetic that never wraps (22003, 22012), bits, gcd.

use crate::columnwise::{checked1, checked2, column, map2, wrong_layout};
use crate::context::Context;
use crate::signature::functions;
use types::vector::Data;
use types::{DataType, Error, Result, Value, Vector, bail, err};

#[rustfmt::skip]
functions! {
    176 "int2pl" (Int2, Int2) -> Int2 = columns(add);
    177 "int4pl" (Int4, Int4) -> Int4 = columns(add);
    178 "int24pl" (Int2, Int4) -> Int4 = columns(add);
    179 "int42pl" (Int4, Int2) -> Int4 = columns(add);
    463 "int8pl" (Int8, Int8) -> Int8 = columns(add);
    1274 "int84pl" (Int8, Int4) -> Int8 = columns(add);
    1278 "int48pl" (Int4, Int8) -> Int8 = columns(add);
    837 "int82pl" (Int8, Int2) -> Int8 = columns(add);
    841 "int28pl" (Int2, Int8) -> Int8 = columns(add);
    180 "int2mi" (Int2, Int2) -> Int2 = columns(subtract);
    181 "int4mi" (Int4, Int4) -> Int4 = columns(subtract);
    182 "int24mi" (Int2, Int4) -> Int4 = columns(subtract);
    183 "int42mi" (Int4, Int2) -> Int4 = columns(subtract);
    464 "int8mi" (Int8, Int8) -> Int8 = columns(subtract);
    1275 "int84mi" (Int8, Int4) -> Int8 = columns(subtract);
    1279 "int48mi" (Int4, Int8) -> Int8 = columns(subtract);
    838 "int82mi" (Int8, Int2) -> Int8 = columns(subtract);
    942 "int28mi" (Int2, Int8) -> Int8 = columns(subtract);
    141 "int4mul" (Int4, Int4) -> Int4 = columns(multiply);
    152 "int2mul" (Int2, Int2) -> Int2 = columns(multiply);
    170 "int24mul" (Int2, Int4) -> Int4 = columns(multiply);
    171 "int42mul" (Int4, Int2) -> Int4 = columns(multiply);
    465 "int8mul" (Int8, Int8) -> Int8 = columns(multiply);
    1276 "int84mul" (Int8, Int4) -> Int8 = columns(multiply);
    1280 "int48mul" (Int4, Int8) -> Int8 = columns(multiply);
    839 "int82mul" (Int8, Int2) -> Int8 = columns(multiply);
    943 "int28mul" (Int2, Int8) -> Int8 = columns(multiply);
    153 "int2div" (Int2, Int2) -> Int2 = columns(divide);
    154 "int4div" (Int4, Int4) -> Int4 = columns(divide);
    172 "int24div" (Int2, Int4) -> Int4 = columns(divide);
    173 "int42div" (Int4, Int2) -> Int4 = columns(divide);
    466 "int8div" (Int8, Int8) -> Int8 = columns(divide);
    1277 "int84div" (Int8, Int4) -> Int8 = columns(divide);
    1281 "int48div" (Int4, Int8) -> Int8 = columns(divide);
    840 "int82div" (Int8, Int2) -> Int8 = columns(divide);
    948 "int28div" (Int2, Int8) -> Int8 = columns(divide);
    945 "int8mod" (Int8, Int8) -> Int8 = columns(remainder);
    155 "int2mod" (Int2, Int2) -> Int2 = columns(remainder);
    156 "int4mod" (Int4, Int4) -> Int4 = columns(remainder);
    940 "mod" (Int2, Int2) -> Int2 = columns(remainder);
    941 "mod" (Int4, Int4) -> Int4 = columns(remainder);
    947 "mod" (Int8, Int8) -> Int8 = columns(remainder);
    462 "int8um" (Int8) -> Int8 = columns(negate);
    212 "int4um" (Int4) -> Int4 = columns(negate);
    213 "int2um" (Int2) -> Int2 = columns(negate);
    1910 "int8up" (Int8) -> Int8 = row(identity);
    1911 "int2up" (Int2) -> Int2 = row(identity);
    1912 "int4up" (Int4) -> Int4 = row(identity);
    1230 "int8abs" (Int8) -> Int8 = columns(absolute);
    1253 "int2abs" (Int2) -> Int2 = columns(absolute);
    1251 "int4abs" (Int4) -> Int4 = columns(absolute);
    1396 "abs" (Int8) -> Int8 = columns(absolute);
    1397 "abs" (Int4) -> Int4 = columns(absolute);
    1398 "abs" (Int2) -> Int2 = columns(absolute);
    1892 "int2and" (Int2, Int2) -> Int2 = columns(bit_and);
    1898 "int4and" (Int4, Int4) -> Int4 = columns(bit_and);
    1904 "int8and" (Int8, Int8) -> Int8 = columns(bit_and);
    1893 "int2or" (Int2, Int2) -> Int2 = columns(bit_or);
    1899 "int4or" (Int4, Int4) -> Int4 = columns(bit_or);
    1905 "int8or" (Int8, Int8) -> Int8 = columns(bit_or);
    1894 "int2xor" (Int2, Int2) -> Int2 = columns(bit_xor);
    1900 "int4xor" (Int4, Int4) -> Int4 = columns(bit_xor);
    1906 "int8xor" (Int8, Int8) -> Int8 = columns(bit_xor);
    1895 "int2not" (Int2) -> Int2 = columns(bit_not);
    1901 "int4not" (Int4) -> Int4 = columns(bit_not);
    1907 "int8not" (Int8) -> Int8 = columns(bit_not);
    1896 "int2shl" (Int2, Int4) -> Int2 = row(shift_left);
    1902 "int4shl" (Int4, Int4) -> Int4 = row(shift_left);
    1908 "int8shl" (Int8, Int4) -> Int8 = row(shift_left);
    1897 "int2shr" (Int2, Int4) -> Int2 = row(shift_right);
    1903 "int4shr" (Int4, Int4) -> Int4 = row(shift_right);
    1909 "int8shr" (Int8, Int4) -> Int8 = row(shift_right);
    5044 "gcd" (Int4, Int4) -> Int4 = row(greatest_common_divisor);
    5045 "gcd" (Int8, Int8) -> Int8 = row(greatest_common_divisor);
    5046 "lcm" (Int4, Int4) -> Int4 = row(least_common_multiple);
    5047 "lcm" (Int8, Int8) -> Int8 = row(least_common_multiple);
    2089 "to_hex" (Int4) -> Text = row(to_hex);
    2090 "to_hex" (Int8) -> Text = row(to_hex);
}

fn out_of_range(data_type: DataType) -> Error {
    err!(NumericValueOutOfRange, "{data_type} out of range")
}

pub(crate) fn division_by_zero() -> Error {
    err!(DivisionByZero, "division by zero")
}

/// An arm per pair of widths: the narrower operand is widened first, the result has the wider type.
macro_rules! integer_pairs {
    ($args:expr, $rows:expr, $method:ident) => {{
        let (args, rows) = ($args, $rows);
        let [left, right] = *args else { return Err(wrong_layout(args)) };
        macro_rules! arm {
            ($a:expr, $b:expr, $wide:ty, $layout:ident, $data_type:ident) => {
                column(
                    DataType::$data_type,
                    Data::$layout(checked2(
                        $a,
                        $b,
                        args,
                        rows,
                        |a, b| (a as $wide).$method(b as $wide),
                        |_, _| out_of_range(DataType::$data_type),
                    )?),
                )
            };
        }
        use Data::*;
        Ok(match (&left.data, &right.data) {
            (I16(a), I16(b)) => arm!(a, b, i16, I16, Int2),
            (I16(a), I32(b)) => arm!(a, b, i32, I32, Int4),
            (I32(a), I16(b)) => arm!(a, b, i32, I32, Int4),
            (I32(a), I32(b)) => arm!(a, b, i32, I32, Int4),
            (I16(a), I64(b)) => arm!(a, b, i64, I64, Int8),
            (I32(a), I64(b)) => arm!(a, b, i64, I64, Int8),
            (I64(a), I16(b)) => arm!(a, b, i64, I64, Int8),
            (I64(a), I32(b)) => arm!(a, b, i64, I64, Int8),
            (I64(a), I64(b)) => arm!(a, b, i64, I64, Int8),
            _ => return Err(wrong_layout(args)),
        })
    }};
}

pub(crate) fn add(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    integer_pairs!(args, rows, overflowing_add)
}
pub(crate) fn subtract(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    integer_pairs!(args, rows, overflowing_sub)
}
pub(crate) fn multiply(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    integer_pairs!(args, rows, overflowing_mul)
}
pub(crate) fn divide(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    refuse_zero(args, rows)?;
    integer_pairs!(args, rows, overflowing_quotient)
}
pub(crate) fn remainder(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    refuse_zero(args, rows)?;
    integer_pairs!(args, rows, remainder_of)
}

/// Division whose zero divisors (null rows: the others were refused) give 0.
trait Division: Sized {
    fn overflowing_quotient(self, divisor: Self) -> (Self, bool);
    fn remainder_of(self, divisor: Self) -> (Self, bool);
}

macro_rules! division {
    ($($integer:ty)*) => { $(
        impl Division for $integer {
            fn overflowing_quotient(self, divisor: Self) -> (Self, bool) {
                if divisor == 0 { (0, false) } else { self.overflowing_div(divisor) }
            }
            fn remainder_of(self, divisor: Self) -> (Self, bool) {
                // MIN % -1 is 0, not an overflow.
                (self.checked_rem(divisor).unwrap_or(0), false)
            }
        }
    )* };
}
division!(i16 i32 i64);

fn refuse_zero(args: &[&Vector], rows: usize) -> Result<()> {
    let [_, divisor] = *args else { return Err(wrong_layout(args)) };
    match &divisor.data {
        Data::I16(b) => checked1(b, args, rows, |b| ((), b == 0), |_| division_by_zero())?,
        Data::I32(b) => checked1(b, args, rows, |b| ((), b == 0), |_| division_by_zero())?,
        Data::I64(b) => checked1(b, args, rows, |b| ((), b == 0), |_| division_by_zero())?,
        _ => return Err(wrong_layout(args)),
    };
    Ok(())
}

macro_rules! integer_unary {
    ($args:expr, $rows:expr, $method:ident) => {{
        let (args, rows) = ($args, $rows);
        let [operand] = *args else { return Err(wrong_layout(args)) };
        let data_type = operand.data_type;
        Ok(match &operand.data {
            Data::I16(a) => column(
                DataType::Int2,
                Data::I16(checked1(a, args, rows, |a| a.$method(), |_| out_of_range(data_type))?),
            ),
            Data::I32(a) => column(
                DataType::Int4,
                Data::I32(checked1(a, args, rows, |a| a.$method(), |_| out_of_range(data_type))?),
            ),
            Data::I64(a) => column(
                DataType::Int8,
                Data::I64(checked1(a, args, rows, |a| a.$method(), |_| out_of_range(data_type))?),
            ),
            _ => return Err(wrong_layout(args)),
        })
    }};
}

pub(crate) fn negate(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    integer_unary!(args, rows, overflowing_neg)
}
pub(crate) fn absolute(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    integer_unary!(args, rows, overflowing_abs)
}

macro_rules! bitwise {
    ($args:expr, $rows:expr, $operator:tt) => {{
        let [left, right] = *$args else { return Err(wrong_layout($args)) };
        use Data::*;
        Ok(match (&left.data, &right.data) {
            (I16(a), I16(b)) => column(DataType::Int2, I16(map2(a, b, $rows, |a, b| a $operator b))),
            (I32(a), I32(b)) => column(DataType::Int4, I32(map2(a, b, $rows, |a, b| a $operator b))),
            (I64(a), I64(b)) => column(DataType::Int8, I64(map2(a, b, $rows, |a, b| a $operator b))),
            _ => return Err(wrong_layout($args)),
        })
    }};
}

pub(crate) fn bit_and(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    bitwise!(args, rows, &)
}
pub(crate) fn bit_or(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    bitwise!(args, rows, |)
}
pub(crate) fn bit_xor(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    bitwise!(args, rows, ^)
}
pub(crate) fn bit_not(_: &Context<'_>, args: &[&Vector], rows: usize) -> Result<Vector> {
    let [operand] = *args else { return Err(wrong_layout(args)) };
    Ok(match &operand.data {
        Data::I16(a) => column(DataType::Int2, Data::I16(map2(a, &[()], rows, |a, ()| !a))),
        Data::I32(a) => column(DataType::Int4, Data::I32(map2(a, &[()], rows, |a, ()| !a))),
        Data::I64(a) => column(DataType::Int8, Data::I64(map2(a, &[()], rows, |a, ()| !a))),
        _ => return Err(wrong_layout(args)),
    })
}

pub(crate) fn identity(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(args[0].clone())
}

/// As C shifts on PostgreSQL's platforms: the count is taken modulo the width.
pub(crate) fn shift_left(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(match *args {
        // smallint is shifted as an integer and cut.
        [Value::Int2(a), Value::Int4(n)] => Value::Int2((a as i32).wrapping_shl(n as u32) as i16),
        [Value::Int4(a), Value::Int4(n)] => Value::Int4(a.wrapping_shl(n as u32)),
        [Value::Int8(a), Value::Int4(n)] => Value::Int8(a.wrapping_shl(n as u32)),
        _ => return Err(unexpected(args)),
    })
}

pub(crate) fn shift_right(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(match *args {
        [Value::Int2(a), Value::Int4(n)] => Value::Int2((a as i32).wrapping_shr(n as u32) as i16),
        [Value::Int4(a), Value::Int4(n)] => Value::Int4(a.wrapping_shr(n as u32)),
        [Value::Int8(a), Value::Int4(n)] => Value::Int8(a.wrapping_shr(n as u32)),
        _ => return Err(unexpected(args)),
    })
}

pub(crate) fn greatest_common_divisor(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = widened(args)?;
    narrowed(gcd(a, b), args)
}

pub(crate) fn least_common_multiple(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = widened(args)?;
    narrowed(if a == 0 || b == 0 { 0 } else { (a / gcd(a, b) * b).abs() }, args)
}

fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}

fn widened(args: &[Value]) -> Result<(i128, i128)> {
    match args {
        [a, b] => {
            a.as_i64().zip(b.as_i64()).map(|(a, b)| (a as i128, b as i128)).ok_or_else(|| unexpected(args))
        }
        _ => Err(unexpected(args)),
    }
}

fn narrowed(result: i128, args: &[Value]) -> Result<Value> {
    if let Value::Int4(_) = args[0] {
        i32::try_from(result).map(Value::Int4).map_err(|_| out_of_range(DataType::Int4))
    } else {
        i64::try_from(result).map(Value::Int8).map_err(|_| out_of_range(DataType::Int8))
    }
}

pub(crate) fn to_hex(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(match *args {
        [Value::Int4(v)] => Value::Text(format!("{v:x}")),
        [Value::Int8(v)] => Value::Text(format!("{v:x}")),
        _ => bail!(InternalError, "to_hex of {args:?}"),
    })
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("an integer function was given {args:?}"))
}
