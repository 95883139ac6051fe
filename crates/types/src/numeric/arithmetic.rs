//! `+ - * / %`, rounding and the like, with PostgreSQL's result scales and its rules for NaN and the infinities.

use super::decimal::{DIGITS, Decimal};
use super::integer::{self, POWERS_OF_10};
use super::{MAX_PRECISION, MAX_SCALE, Numeric, Repr};
use crate::{Result, bail};

/// A quotient or a root has at least this many significant digits.
pub(super) const MIN_SIGNIFICANT_DIGITS: i32 = 16;
/// What such results display at most after the point.
pub(super) const MAX_DISPLAY_SCALE: i32 = MAX_PRECISION;

impl Numeric {
    pub fn add(&self, other: &Numeric) -> Result<Numeric> {
        match (&self.0, &other.0) {
            (Repr::Small { units: a, scale: i }, Repr::Small { units: b, scale: j }) => {
                let (units, scale) = integer::add((*a, *i), (*b, *j));
                Ok(Numeric::from_units(units, scale as i32))
            }
            (Repr::NaN, _) | (_, Repr::NaN) => Ok(Numeric::NAN),
            (Repr::Infinity, Repr::NegativeInfinity) | (Repr::NegativeInfinity, Repr::Infinity) => {
                Ok(Numeric::NAN)
            }
            (Repr::Infinity, _) | (_, Repr::Infinity) => Ok(Numeric::INFINITY),
            (Repr::NegativeInfinity, _) | (_, Repr::NegativeInfinity) => Ok(Numeric::NEGATIVE_INFINITY),
            _ => Numeric::from_decimal(self.decimal().add(&other.decimal())),
        }
    }

    pub fn sub(&self, other: &Numeric) -> Result<Numeric> {
        match (&self.0, &other.0) {
            (Repr::Small { units: a, scale: i }, Repr::Small { units: b, scale: j }) => {
                let (units, scale) = integer::sub((*a, *i), (*b, *j));
                Ok(Numeric::from_units(units, scale as i32))
            }
            _ => self.add(&other.neg()),
        }
    }

    /// Exact, with the sum of the scales.
    pub fn mul(&self, other: &Numeric) -> Result<Numeric> {
        match (&self.0, &other.0) {
            (Repr::Small { units: a, scale: i }, Repr::Small { units: b, scale: j }) => {
                let (units, scale) = integer::mul((*a, *i), (*b, *j));
                Ok(Numeric::from_units(units, scale as i32))
            }
            (Repr::NaN, _) | (_, Repr::NaN) => Ok(Numeric::NAN),
            _ if self.is_infinite() || other.is_infinite() => Ok(if self.is_zero() || other.is_zero() {
                Numeric::NAN
            } else {
                Numeric::infinity(self.is_negative() != other.is_negative())
            }),
            _ => {
                let (a, b) = (self.decimal(), other.decimal());
                let scale = (a.dscale + b.dscale).min(MAX_SCALE);
                Numeric::from_decimal(a.mul(&b, scale))
            }
        }
    }

    /// At least 16 significant digits (`select_div_scale`), rounded half away from zero. 22012 for a zero divisor.
    pub fn div(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.div_special(other)? {
            return Ok(special);
        }
        if let (Repr::Small { units: a, scale: i }, Repr::Small { units: b, scale: j }) = (&self.0, &other.0)
        {
            let scale = small_div_scale((*a, *i), (*b, *j));
            if let Some(units) = integer::div((*a, *i), (*b, *j), scale) {
                return Ok(Numeric::from_units(units, scale));
            }
        }
        let (a, b) = (self.decimal(), other.decimal());
        let scale = div_scale(&a, &b);
        Numeric::from_decimal(a.div(&b, scale, true))
    }

    /// `div(a, b)`: the quotient, truncated to an integer.
    pub fn div_trunc(&self, other: &Numeric) -> Result<Numeric> {
        if let Some(special) = self.div_special(other)? {
            return Ok(special);
        }
        Numeric::from_decimal(self.decimal().div(&other.decimal(), 0, false))
    }

    /// What a quotient is where either is no finite number; 22012 for a zero divisor.
    fn div_special(&self, other: &Numeric) -> Result<Option<Numeric>> {
        if self.is_nan() || other.is_nan() {
            return Ok(Some(Numeric::NAN));
        }
        if other.is_zero() {
            bail!(DivisionByZero, "division by zero");
        }
        Ok(match (self.is_infinite(), other.is_infinite()) {
            (true, true) => Some(Numeric::NAN),
            (true, false) => Some(Numeric::infinity(self.is_negative() != other.is_negative())),
            (false, true) => Some(Numeric::ZERO),
            (false, false) => None,
        })
    }

    /// `%`: the remainder of the truncated quotient; it has the dividend's sign.
    pub fn rem(&self, other: &Numeric) -> Result<Numeric> {
        if self.is_nan() || other.is_nan() {
            return Ok(Numeric::NAN);
        }
        if self.is_infinite() {
            if other.is_zero() {
                bail!(DivisionByZero, "division by zero");
            }
            return Ok(Numeric::NAN);
        }
        if other.is_infinite() {
            return Ok(self.clone());
        }
        if other.is_zero() {
            bail!(DivisionByZero, "division by zero");
        }
        if let (Repr::Small { units: a, scale: i }, Repr::Small { units: b, scale: j }) = (&self.0, &other.0)
        {
            let (units, scale) = integer::rem((*a, *i), (*b, *j));
            return Ok(Numeric::from_units(units, scale as i32));
        }
        let (a, b) = (self.decimal(), other.decimal());
        let quotient = a.div(&b, 0, false);
        Numeric::from_decimal(a.sub(&quotient.mul(&b, b.dscale)))
    }

    pub fn neg(&self) -> Numeric {
        match &self.0 {
            Repr::Small { units, scale } => Numeric::from_units(-(*units as i128), *scale as i32),
            Repr::NaN => Numeric::NAN,
            Repr::Infinity => Numeric::NEGATIVE_INFINITY,
            Repr::NegativeInfinity => Numeric::INFINITY,
            Repr::Large(decimal) => {
                let decimal = (**decimal).clone().negate();
                // -2^63 fits an i64, 2^63 does not.
                match decimal.to_small() {
                    Some((units, scale)) => Numeric(Repr::Small { units, scale }),
                    None => Numeric(Repr::Large(Box::new(decimal))),
                }
            }
        }
    }

    pub fn abs(&self) -> Numeric {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    /// -1, 0 or 1 (scale 0); NaN for NaN.
    pub fn sign(&self) -> Numeric {
        if self.is_nan() {
            Numeric::NAN
        } else if self.is_zero() {
            Numeric::ZERO
        } else {
            Numeric::from(if self.is_negative() { -1 } else { 1 })
        }
    }

    /// Half away from zero, to `scale` digits after the point; negative: before it. The result displays `scale` digits.
    pub fn round(&self, scale: i32) -> Result<Numeric> {
        self.cut(scale, true)
    }

    /// Towards zero.
    pub fn trunc(&self, scale: i32) -> Result<Numeric> {
        self.cut(scale, false)
    }

    fn cut(&self, scale: i32, round: bool) -> Result<Numeric> {
        // PostgreSQL limits to 2000 so that no intermediate value overflows.
        let scale = scale.clamp(-2000, 2000);
        match &self.0 {
            Repr::Small { units, scale: old }
                if scale >= 0
                    && let Some(units) = integer::rescale((*units, *old), scale, round) =>
            {
                Ok(Numeric::from_units(units, scale))
            }
            Repr::Small { .. } | Repr::Large(_) => {
                let mut decimal = self.decimal();
                if round {
                    decimal.round(scale);
                } else {
                    decimal.truncate(scale);
                }
                Numeric::from_decimal(decimal)
            }
            _ => Ok(self.clone()),
        }
    }

    pub fn ceil(&self) -> Result<Numeric> {
        let truncated = self.trunc(0)?;
        if self.is_finite() && truncated < *self { truncated.add(&Numeric::ONE) } else { Ok(truncated) }
    }

    pub fn floor(&self) -> Result<Numeric> {
        let truncated = self.trunc(0)?;
        if self.is_finite() && truncated > *self { truncated.sub(&Numeric::ONE) } else { Ok(truncated) }
    }

    /// `min_scale`: the digits after the point that the value needs. None unless finite.
    pub fn min_scale(&self) -> Option<i32> {
        self.is_finite().then(|| self.decimal().min_scale())
    }

    /// `trim_scale`: without trailing zeros.
    pub fn trim_scale(&self) -> Numeric {
        match &self.0 {
            Repr::Small { units, scale } => {
                let (units, scale) = integer::trim((*units, *scale));
                Numeric(Repr::Small { units, scale })
            }
            Repr::Large(decimal) => {
                let decimal = decimal.trimmed();
                match decimal.to_small() {
                    Some((units, scale)) => Numeric(Repr::Small { units, scale }),
                    None => Numeric(Repr::Large(Box::new(decimal))),
                }
            }
            _ => self.clone(),
        }
    }

    pub(super) fn infinity(negative: bool) -> Numeric {
        if negative { Numeric::NEGATIVE_INFINITY } else { Numeric::INFINITY }
    }
}

/// `select_div_scale`: from the weights and the first digits of both, in base 10000.
pub(super) fn div_scale(left: &Decimal, right: &Decimal) -> i32 {
    let first = |d: &Decimal| d.digits.first().copied().unwrap_or(0);
    quotient_scale((left.weight, first(left), left.dscale), (right.weight, first(right), right.dscale))
}

fn quotient_scale(left: (i32, i16, i32), right: (i32, i16, i32)) -> i32 {
    // If the first digits are equal the quotient may be below 1: assume so.
    let weight = left.0 - right.0 - i32::from(left.1 <= right.1);
    (MIN_SIGNIFICANT_DIGITS - weight * DIGITS).max(left.2).max(right.2).clamp(0, MAX_DISPLAY_SCALE)
}

fn small_div_scale(left: integer::Small, right: integer::Small) -> i32 {
    quotient_scale(weight_and_first(left), weight_and_first(right))
}

/// Weight, first base-10000 digit and scale, without taking the number apart.
fn weight_and_first((units, scale): integer::Small) -> (i32, i16, i32) {
    let scale = scale as i32;
    if units == 0 {
        return (0, 0, scale);
    }
    let units = units.unsigned_abs() as u128;
    // The decimal exponent of the first decimal digit; then of its group of four.
    let exponent = units.ilog10() as i32 - scale;
    let weight = exponent.div_euclid(DIGITS);
    let shift = weight * DIGITS + scale;
    let first = if shift >= 0 {
        units / POWERS_OF_10[shift as usize] as u128
    } else {
        units * POWERS_OF_10[shift.unsigned_abs() as usize] as u128
    };
    (weight, first as i16, scale)
}
