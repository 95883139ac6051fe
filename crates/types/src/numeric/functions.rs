//! Roots, powers, logarithms: to PostgreSQL's result scales, by its algorithms where those decide digits.

use super::arithmetic::{MAX_DISPLAY_SCALE, MIN_SIGNIFICANT_DIGITS};
use super::decimal::{BASE, DIGITS, Decimal};
use super::{MAX_SCALE, MAX_WEIGHT, Numeric, overflow};
use crate::{Result, bail};
use std::cmp::Ordering;
use std::f64::consts::{LN_10, LOG10_2, LOG10_E};

/// Results smaller than 10^-2000 are zero, larger ones may overflow.
const MAX_RESULT_SCALE: i32 = MAX_DISPLAY_SCALE * 2;

impl Numeric {
    /// 2201F for a negative number.
    pub fn sqrt(&self) -> Result<Numeric> {
        if self.is_negative() {
            bail!(InvalidArgumentForPowerFunction, "cannot take square root of a negative number");
        }
        if !self.is_finite() {
            return Ok(self.clone());
        }
        let argument = self.decimal();
        let weight = argument.weight * DIGITS / 2 + 1;
        let scale = display_scale(MIN_SIGNIFICANT_DIGITS - weight, &[&argument]);
        Numeric::from_decimal(sqrt(&argument, scale))
    }

    pub fn exp(&self) -> Result<Numeric> {
        if self.is_infinite() && self.is_negative() {
            return Ok(Numeric::ZERO);
        }
        if !self.is_finite() {
            return Ok(self.clone());
        }
        let argument = self.decimal();
        let limit = MAX_RESULT_SCALE as f64;
        let weight = (argument.to_f64_estimate() * LOG10_E).clamp(-limit, limit) as i32;
        let scale = display_scale(MIN_SIGNIFICANT_DIGITS - weight, &[&argument]);
        Numeric::from_decimal(exp(&argument, scale)?)
    }

    /// The natural logarithm. 2201E for zero and below.
    pub fn ln(&self) -> Result<Numeric> {
        self.check_logarithm()?;
        if !self.is_finite() {
            return Ok(self.clone());
        }
        let argument = self.decimal();
        let scale = display_scale(MIN_SIGNIFICANT_DIGITS - estimate_ln_weight(&argument), &[&argument]);
        Numeric::from_decimal(ln(&argument, scale))
    }

    /// The logarithm of `self` to `base`. 2201E for zero and below, 22012 for base 1.
    pub fn log(&self, base: &Numeric) -> Result<Numeric> {
        if self.is_nan() || base.is_nan() {
            return Ok(Numeric::NAN);
        }
        // With an infinity, both signs are looked at before either zero.
        if self.is_infinite() && self.is_negative() {
            self.check_logarithm()?;
        }
        base.check_logarithm()?;
        self.check_logarithm()?;
        match (base.is_infinite(), self.is_infinite()) {
            (true, true) => return Ok(Numeric::NAN),
            (true, false) => return Ok(Numeric::ZERO),
            (false, true) => return Ok(Numeric::INFINITY),
            (false, false) => {}
        }
        let (base, number) = (base.decimal(), self.decimal());
        let (base_weight, number_weight) = (estimate_ln_weight(&base), estimate_ln_weight(&number));
        let weight = number_weight - base_weight;
        let scale = display_scale(MIN_SIGNIFICANT_DIGITS - weight, &[&base, &number]);
        let ln_base = ln(&base, (scale + weight - base_weight + 8).max(0));
        let ln_number = ln(&number, (scale + weight - number_weight + 8).max(0));
        if ln_base.is_zero() {
            bail!(DivisionByZero, "division by zero");
        }
        Numeric::from_decimal(ln_number.div(&ln_base, scale, true))
    }

    fn check_logarithm(&self) -> Result<()> {
        if self.is_negative() {
            bail!(InvalidArgumentForLogarithm, "cannot take logarithm of a negative number");
        }
        if self.is_zero() {
            bail!(InvalidArgumentForLogarithm, "cannot take logarithm of zero");
        }
        Ok(())
    }

    /// `self ^ exponent`. 2201F where the result would be complex or 0 to a negative power.
    pub fn power(&self, exponent: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !exponent.is_finite() {
            return self.power_special(exponent);
        }
        if self.is_zero() && exponent.is_negative() {
            bail!(InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined");
        }
        if self.is_negative() && !exponent.is_integer() {
            bail!(
                InvalidArgumentForPowerFunction,
                "a negative number raised to a non-integer power yields a complex result"
            );
        }
        Numeric::from_decimal(power(&self.decimal(), &exponent.decimal())?)
    }

    /// POSIX's rules for NaN and the infinities.
    fn power_special(&self, exponent: &Numeric) -> Result<Numeric> {
        if self.is_nan() {
            return Ok(if exponent.is_zero() { Numeric::ONE } else { Numeric::NAN });
        }
        if exponent.is_nan() {
            return Ok(if *self == Numeric::ONE { Numeric::ONE } else { Numeric::NAN });
        }
        if self.is_zero() && exponent.is_negative() {
            bail!(InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined");
        }
        if self.is_negative() && exponent.is_finite() && !exponent.is_integer() {
            bail!(
                InvalidArgumentForPowerFunction,
                "a negative number raised to a non-integer power yields a complex result"
            );
        }
        if *self == Numeric::ONE || exponent.is_zero() {
            return Ok(Numeric::ONE);
        }
        if exponent.is_infinite() {
            if *self == Numeric::from(-1) {
                return Ok(Numeric::ONE);
            }
            let grows = self.abs() > Numeric::ONE;
            return Ok(if grows != exponent.is_negative() { Numeric::INFINITY } else { Numeric::ZERO });
        }
        // The base is infinite, the exponent is not.
        if exponent.is_negative() {
            return Ok(Numeric::ZERO);
        }
        let odd = exponent.is_integer() && exponent.decimal().digit_at(0) % 2 == 1;
        Ok(Numeric::infinity(self.is_negative() && odd))
    }

    /// `factorial(n)`. 22003 for a negative number and beyond the format.
    pub fn factorial(n: i64) -> Result<Numeric> {
        if n < 0 {
            bail!(NumericValueOutOfRange, "factorial of a negative number is undefined");
        }
        if n > 32177 {
            return Err(overflow());
        }
        let mut product = Decimal::from_int(1);
        for factor in 2..=n {
            product = product.mul(&Decimal::from_int(factor), 0);
        }
        Numeric::from_decimal(product)
    }

    /// Greatest common divisor, not negative; NaN unless both are finite.
    pub fn gcd(&self, other: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !other.is_finite() {
            return Ok(Numeric::NAN);
        }
        let scale = self.scale().max(other.scale()).unwrap_or(0);
        let (mut a, mut b) = (self.abs(), other.abs());
        while !b.is_zero() {
            let rest = a.rem(&b)?;
            (a, b) = (b, rest);
        }
        // The larger scale, also where the loop did nothing.
        let mut decimal = a.decimal();
        decimal.dscale = scale;
        Numeric::from_decimal(decimal)
    }

    /// Least common multiple, not negative; NaN unless both are finite.
    pub fn lcm(&self, other: &Numeric) -> Result<Numeric> {
        if !self.is_finite() || !other.is_finite() {
            return Ok(Numeric::NAN);
        }
        let scale = self.scale().max(other.scale()).unwrap_or(0);
        let mut decimal = if self.is_zero() || other.is_zero() {
            Decimal::zero(scale)
        } else {
            let quotient = self.div_trunc(&self.gcd(other)?)?;
            quotient.mul(other)?.abs().decimal()
        };
        decimal.dscale = scale;
        Numeric::from_decimal(decimal)
    }
}

/// At least `wanted` and what the arguments display, within 0 and 1000.
fn display_scale(wanted: i32, arguments: &[&Decimal]) -> i32 {
    arguments.iter().fold(wanted, |scale, argument| scale.max(argument.dscale)).clamp(0, MAX_DISPLAY_SCALE)
}

/// Newton's iteration on 1/2 (x + a/x), rounded to `rscale`.
fn sqrt(argument: &Decimal, rscale: i32) -> Decimal {
    if argument.is_zero() {
        return Decimal::zero(rscale);
    }
    // Enough further digits that an exact root is seen as such and that a tie is one.
    let working = (rscale + 24).max(24 - argument.weight * DIGITS / 2);
    let even = argument.weight - argument.weight.rem_euclid(2);
    // The first digits as a float between 1 and 10^8, times 10000^even.
    let mut first = Decimal { weight: argument.weight - even, ..argument.clone() };
    first.digits.truncate(6);
    let mut root = super::Numeric::from_f64(first.to_f64_estimate().sqrt()).decimal();
    root.weight += even / 2;
    root.dscale = working;
    // The float gives 15 digits, and each step doubles them.
    let wanted_digits = working + (argument.weight / 2 + 2) * DIGITS;
    let mut digits = 14;
    while digits < wanted_digits * 2 {
        let quotient = argument.div(&root, working, true);
        root = root.add(&quotient).div_int(2, working);
        digits *= 2;
    }
    root.round(rscale + 16);
    root.round(rscale);
    root
}

/// e^argument by its Taylor series, after halving the argument until it is small.
fn exp(argument: &Decimal, rscale: i32) -> Result<Decimal> {
    let mut value = argument.to_f64_estimate();
    if value.abs() >= MAX_RESULT_SCALE as f64 * 3.0 {
        return if value > 0.0 { Err(overflow()) } else { Ok(Decimal::zero(rscale)) };
    }
    let weight = (value * LOG10_E) as i32;
    let mut halvings = 0;
    while value.abs() > 0.01 {
        halvings += 1;
        value /= 2.0;
    }
    let significant = (1 + weight + rscale + (halvings as f64 * LOG10_2) as i32).max(0) + 8;
    let scale = significant - 1;
    let x = match halvings {
        0 => argument.clone(),
        // Exact: each halving needs one digit more.
        _ => argument.div_int(1 << halvings, argument.dscale + halvings),
    };
    let mut result = Decimal::from_int(1).add(&x);
    let mut n = 2;
    let mut element = x.mul(&x, scale).div_int(n, scale);
    while !element.is_zero() {
        result = result.add(&element);
        n += 1;
        element = element.mul(&x, scale).div_int(n, scale);
    }
    for _ in 0..halvings {
        let scale = (significant - result.weight * 2 * DIGITS).max(0);
        result = result.mul(&result, scale);
    }
    result.round(rscale);
    Ok(result)
}

/// The decimal weight of ln(argument), roughly.
fn estimate_ln_weight(argument: &Decimal) -> i32 {
    if argument.negative || argument.is_zero() {
        return 0;
    }
    if near_one(argument) {
        // ln(1 + x) is about x.
        let x = argument.sub(&Decimal::from_int(1));
        return match x.digits.first() {
            Some(first) => x.weight * DIGITS + (*first as f64).log10() as i32,
            None => 0,
        };
    }
    let mut digits = argument.digits[0] as f64;
    let mut weight = argument.weight * DIGITS;
    if let Some(second) = argument.digits.get(1) {
        digits = digits * BASE as f64 + *second as f64;
        weight -= DIGITS;
    }
    (digits.ln() + weight as f64 * LN_10).abs().log10() as i32
}

fn near_one(argument: &Decimal) -> bool {
    argument.compare(&Decimal::from_units(9, 1)) != Ordering::Less
        && argument.compare(&Decimal::from_units(11, 1)) != Ordering::Greater
}

/// ln(argument) for a positive argument: roots until it is near 1, then the series of artanh.
fn ln(argument: &Decimal, rscale: i32) -> Decimal {
    let one = Decimal::from_int(1);
    let (low, high) = (Decimal::from_units(9, 1), Decimal::from_units(11, 1));
    let mut x = argument.clone();
    let mut roots = 0;
    while x.compare(&low) != Ordering::Greater || x.compare(&high) != Ordering::Less {
        let scale = (rscale - x.weight * DIGITS / 2 + 8).max(8);
        x = sqrt(&x, scale);
        roots += 1;
    }
    // ln(x) = 2 artanh((x - 1) / (x + 1)), times 2 for each root taken.
    let scale = rscale + ((roots + 1) as f64 * LOG10_2) as i32 + 8;
    let mut result = x.sub(&one).div(&x.add(&one), scale, true);
    let square = result.mul(&result, scale);
    let mut power = result.clone();
    let mut n = 1;
    loop {
        n += 2;
        power = power.mul(&square, scale);
        let element = power.div_int(n, scale);
        if element.is_zero() {
            break;
        }
        result = result.add(&element);
    }
    let mut factor = Decimal::from_int(2);
    for _ in 0..roots {
        factor = factor.add(&factor);
    }
    result.mul(&factor, rscale)
}

fn power(base: &Decimal, exponent: &Decimal) -> Result<Decimal> {
    if exponent.is_integer()
        && let Some(exponent) = exponent.to_units(0).and_then(|value| i32::try_from(value).ok())
    {
        return power_int(base, exponent, display_scale(MIN_SIGNIFICANT_DIGITS, &[base]));
    }
    if base.is_zero() {
        return Ok(Decimal::zero(MIN_SIGNIFICANT_DIGITS));
    }
    // A negative base has an integer exponent: beyond i32, here.
    let negative = base.negative && exponent.digit_at(0) % 2 == 1;
    let base = base.clone().magnitude();
    let ln_weight = estimate_ln_weight(&base);
    // A first, cheap logarithm tells the weight of the result.
    let scale = (8 - ln_weight).max(0);
    let mut value = ln(&base, scale).mul(exponent, scale).to_f64_estimate();
    if value.abs() > MAX_RESULT_SCALE as f64 * 3.01 {
        return if value > 0.0 { Err(overflow()) } else { Ok(Decimal::zero(MAX_DISPLAY_SCALE)) };
    }
    value *= LOG10_E;
    let rscale = display_scale(MIN_SIGNIFICANT_DIGITS - value as i32, &[&base, exponent]);
    let significant = (rscale + value as i32).max(0);
    let scale = (significant - ln_weight + 8).max(0);
    let mut result = exp(&ln(&base, scale).mul(exponent, scale), rscale)?;
    result.negative = negative && !result.is_zero();
    Ok(result)
}

/// By repeated squaring, with enough digits at each step.
fn power_int(base: &Decimal, exponent: i32, rscale: i32) -> Result<Decimal> {
    let one = Decimal::from_int(1);
    let rounded = |decimal: &Decimal| {
        let mut decimal = decimal.clone();
        decimal.round(rscale);
        decimal
    };
    match exponent {
        0 => return Ok(rounded(&one)),
        1 => return Ok(rounded(base)),
        -1 if base.is_zero() => bail!(DivisionByZero, "division by zero"),
        -1 => return Ok(one.div(base, rscale, true)),
        2 => return Ok(base.mul(base, rscale)),
        _ => {}
    }
    if base.is_zero() {
        if exponent < 0 {
            bail!(DivisionByZero, "division by zero");
        }
        return Ok(Decimal::zero(rscale));
    }
    let mut first = 0.0;
    let mut weight = base.weight * DIGITS + DIGITS;
    for digit in base.digits.iter().take(4) {
        first = first * BASE as f64 + *digit as f64;
        weight -= DIGITS;
    }
    let log10 = exponent as f64 * (first.log10() + weight as f64);
    if log10 > ((MAX_WEIGHT + 1) * DIGITS) as f64 {
        return Err(overflow());
    }
    if log10 + 1.0 < -(rscale as f64) || log10 + 1.0 < -(MAX_SCALE as f64) {
        return Ok(Decimal::zero(rscale));
    }
    let significant = 1 + rscale + log10 as i32 + (exponent as f64).abs().ln() as i32 + 8;
    let mut negative = exponent < 0;
    let mut mask = exponent.unsigned_abs();
    let mut product = base.clone();
    let mut result = if mask & 1 == 1 { base.clone() } else { one.clone() };
    loop {
        mask >>= 1;
        if mask == 0 {
            break;
        }
        let scale = (significant - 2 * product.weight * DIGITS).min(2 * product.dscale).max(0);
        product = product.mul(&product, scale);
        if mask & 1 == 1 {
            let scale = significant - (product.weight + result.weight) * DIGITS;
            result = product.mul(&result, scale.min(product.dscale + result.dscale).max(0));
        }
        if product.weight > MAX_WEIGHT || result.weight > MAX_WEIGHT {
            if !negative {
                return Err(overflow());
            }
            result = Decimal::zero(rscale);
            negative = false;
            break;
        }
    }
    if negative && result.is_zero() {
        return Err(overflow());
    }
    if negative {
        return Ok(one.div(&result, rscale, true));
    }
    result.round(rscale);
    Ok(result)
}
