//! From and to integers and floats, and the modifier numeric(p, s).

use super::decimal::DIGITS;
use super::integer::{self, POWERS_OF_10};
use super::{MAX_PRECISION, Numeric, Repr, SMALL_SCALE};
use crate::{Result, bail, err};

macro_rules! from_integer {
    ($($integer:ty)*) => { $(
        impl From<$integer> for Numeric {
            fn from(value: $integer) -> Numeric {
                Numeric::from_units(value as i128, 0)
            }
        }
    )* };
}
from_integer! { i16 i32 i64 u32 u64 i128 }

impl Numeric {
    /// As a cast does: 15 significant digits, halves to even (C's `%.15g`).
    pub fn from_f64(value: f64) -> Numeric {
        Numeric::from_float(value, 15)
    }

    /// As a cast does: 6 significant digits.
    pub fn from_f32(value: f32) -> Numeric {
        Numeric::from_float(value as f64, 6)
    }

    fn from_float(value: f64, digits: usize) -> Numeric {
        if value.is_nan() {
            return Numeric::NAN;
        }
        if value.is_infinite() {
            return Numeric::infinity(value < 0.0);
        }
        // The text of a finite float is a number; its exponent is small.
        let text = format!("{value:.*e}", digits - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        Numeric::parse(&format!("{mantissa}e{exponent}")).unwrap_or_default()
    }

    /// Rounded half away from zero. None if it does not fit or is not finite.
    pub fn to_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Small { units, scale } => {
                Some(integer::div_round(*units as i128, POWERS_OF_10[*scale as usize]))
            }
            Repr::Large(decimal) => {
                let mut decimal = (**decimal).clone();
                decimal.round(0);
                decimal.to_units(0)
            }
            _ => None,
        }
    }

    /// Rounded half away from zero. None if it does not fit or is not finite.
    pub fn to_i64(&self) -> Option<i64> {
        self.to_i128().and_then(|value| i64::try_from(value).ok())
    }

    /// A cast to an integer type: 22003 "integer out of range" and the like, 0A000 for NaN and infinity.
    pub fn to_integer<T: TryFrom<i128>>(&self, type_name: &str) -> Result<T> {
        match &self.0 {
            Repr::NaN => bail!(FeatureNotSupported, "cannot convert NaN to {type_name}"),
            Repr::Infinity | Repr::NegativeInfinity => {
                bail!(FeatureNotSupported, "cannot convert infinity to {type_name}")
            }
            _ => self
                .to_i128()
                .and_then(|value| T::try_from(value).ok())
                .ok_or_else(|| err!(NumericValueOutOfRange, "{type_name} out of range")),
        }
    }

    /// The nearest float; infinite when beyond its range.
    pub fn to_f64_lossy(&self) -> f64 {
        match &self.0 {
            Repr::NaN => f64::NAN,
            Repr::Infinity => f64::INFINITY,
            Repr::NegativeInfinity => f64::NEG_INFINITY,
            // Both operands are exact, so the quotient is rounded once.
            Repr::Small { units, scale } if units.unsigned_abs() < 1 << 53 => {
                *units as f64 / POWERS_OF_10[*scale as usize] as f64
            }
            _ => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The nearest float; 22003 when beyond its range, or when it is not zero and the float would be.
    pub fn to_f64(&self) -> Result<f64> {
        let value = self.to_f64_lossy();
        if self.is_finite() && (value.is_infinite() || value == 0.0 && !self.is_zero()) {
            bail!(NumericValueOutOfRange, "\"{self}\" is out of range for type double precision");
        }
        Ok(value)
    }

    pub fn to_f32(&self) -> Result<f32> {
        let value: f32 = match &self.0 {
            Repr::Small { .. } | Repr::Large(_) => self.to_string().parse().unwrap_or(f32::NAN),
            _ => self.to_f64_lossy() as f32,
        };
        if self.is_finite() && (value.is_infinite() || value == 0.0 && !self.is_zero()) {
            bail!(NumericValueOutOfRange, "\"{self}\" is out of range for type real");
        }
        Ok(value)
    }

    /// Rounds to the scale of numeric(p, s) and checks the precision (22003). `typmod` -1: unchanged.
    pub fn apply_typmod(&self, typmod: i32) -> Result<Numeric> {
        if typmod < 4 {
            return Ok(self.clone());
        }
        let (precision, scale) = typmod_parts(typmod);
        let fail = |what: String| {
            Err(err!(NumericValueOutOfRange, "numeric field overflow")
                .detail(format!("A field with precision {precision}, scale {scale} {what}.")))
        };
        match &self.0 {
            Repr::NaN => return Ok(Numeric::NAN),
            Repr::Infinity | Repr::NegativeInfinity => return fail("cannot hold an infinite value".into()),
            Repr::Small { units, scale: old } if (0..=SMALL_SCALE).contains(&scale) => {
                if let Some(units) = integer::rescale((*units, *old), scale, true)
                    && units.unsigned_abs() < power_of_10(precision)
                {
                    return Ok(Numeric::from_units(units, scale));
                }
            }
            _ => {}
        }
        let mut decimal = self.decimal();
        decimal.round(scale);
        let digits_before_point = match decimal.digits.first() {
            Some(first) => decimal.weight * DIGITS + first.ilog10() as i32 + 1,
            None => i32::MIN,
        };
        let allowed = precision - scale;
        if digits_before_point > allowed {
            let (base, exponent) = if allowed == 0 { ("", 1) } else { ("10^", allowed) };
            return fail(format!("must round to an absolute value less than {base}{exponent}"));
        }
        Numeric::from_decimal(decimal)
    }
}

/// 10^exponent, or the largest u128.
fn power_of_10(exponent: i32) -> u128 {
    POWERS_OF_10.get(exponent as usize).map_or(u128::MAX, |power| *power as u128)
}

/// Precision and scale of numeric(p, s), from its modifier (at least 4).
pub fn typmod_parts(typmod: i32) -> (i32, i32) {
    let packed = typmod - 4;
    // The scale is 11 bits, signed (PostgreSQL 15, numeric_typmod_scale).
    ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024)
}

/// The modifier of numeric(p, s); 22023 outside of 1 to 1000 and -1000 to 1000.
pub fn typmod(precision: i32, scale: i32) -> Result<i32> {
    if !(1..=MAX_PRECISION).contains(&precision) {
        bail!(InvalidParameterValue, "NUMERIC precision {precision} must be between 1 and {MAX_PRECISION}");
    }
    if !(-MAX_PRECISION..=MAX_PRECISION).contains(&scale) {
        bail!(
            InvalidParameterValue,
            "NUMERIC scale {scale} must be between -{MAX_PRECISION} and {MAX_PRECISION}"
        );
    }
    Ok(((precision << 16) | (scale & 0x7ff)) + 4)
}
