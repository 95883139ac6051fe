//! Exact numbers with PostgreSQL's scale rules (a port of the rules of `numeric.c`).
//!
//! A number is base-10000 digits, a weight (the power of 10000 of the first digit) and a display scale. `1.10` and
//! `1.1` are equal, hash equally, and print differently. NaN equals NaN and is greater than all.
//!
//! ```text
//!   12345.6700   digits [1, 2345, 6700]   weight 1   dscale 4      -- the parts: wire, ledger, keys
//!                units 123456700          scale 4                  -- how it is held while it fits an i64
//! ```
//! Most numbers of this world have fewer than 19 digits: those are one i64 and a scale, and their arithmetic is
//! integer arithmetic. The others are a `Decimal`. Which of the two holds a number follows from its value and its
//! scale alone, and no result depends on it.

mod arithmetic;
mod convert;
mod decimal;
mod functions;
mod integer;
mod text;

pub use convert::{typmod, typmod_parts};

use crate::{Result, bail};
use decimal::Decimal;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Digits after the point that a number can display.
pub const MAX_SCALE: i32 = 16383;
/// The largest power of 10000 of a first digit: 131072 digits before the point.
pub const MAX_WEIGHT: i32 = 32767;
/// What `numeric(p)` can declare.
pub const MAX_PRECISION: i32 = 1000;

/// PostgreSQL's `numeric`. The default is 0.
#[derive(Clone)]
pub struct Numeric(Repr);

#[derive(Clone)]
enum Repr {
    /// units / 10^scale, displayed with `scale` digits after the point; scale is at most [`SMALL_SCALE`].
    Small {
        units: i64,
        scale: u8,
    },
    /// A finite number that does not fit above.
    Large(Box<Decimal>),
    NaN,
    Infinity,
    NegativeInfinity,
}

const SMALL_SCALE: i32 = 18;

/// Which kind of number: the ledger's form byte (0 to 4, in this order).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Positive,
    Negative,
    NaN,
    Infinity,
    NegativeInfinity,
}

/// A number taken apart, as the wire and the ledger write it. Zero is positive, without digits, of weight 0; there are
/// no zero digits at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub form: Form,
    /// The power of 10000 of the first digit.
    pub weight: i16,
    /// Decimal digits displayed after the point.
    pub dscale: u16,
    /// Base 10000, most significant first.
    pub digits: Vec<i16>,
}

impl Numeric {
    pub const ZERO: Numeric = Numeric(Repr::Small { units: 0, scale: 0 });
    pub const ONE: Numeric = Numeric(Repr::Small { units: 1, scale: 0 });
    pub const NAN: Numeric = Numeric(Repr::NaN);
    pub const INFINITY: Numeric = Numeric(Repr::Infinity);
    pub const NEGATIVE_INFINITY: Numeric = Numeric(Repr::NegativeInfinity);

    pub fn parts(&self) -> Parts {
        let special = |form| Parts { form, weight: 0, dscale: 0, digits: vec![] };
        match self.0 {
            Repr::NaN => special(Form::NaN),
            Repr::Infinity => special(Form::Infinity),
            Repr::NegativeInfinity => special(Form::NegativeInfinity),
            Repr::Small { .. } | Repr::Large(_) => {
                let decimal = self.decimal();
                Parts {
                    form: if decimal.negative { Form::Negative } else { Form::Positive },
                    weight: decimal.weight as i16,
                    dscale: decimal.dscale as u16,
                    digits: decimal.digits,
                }
            }
        }
    }

    /// The number with these parts. Zero digits at the ends are dropped; 22P03 for digits that are none, for a scale
    /// that is too large, and for digits beyond the scale (as PostgreSQL, those are cut off).
    pub fn from_parts(parts: Parts) -> Result<Numeric> {
        let Parts { form, weight, dscale, digits } = parts;
        match form {
            Form::NaN => return Ok(Numeric::NAN),
            Form::Infinity => return Ok(Numeric::INFINITY),
            Form::NegativeInfinity => return Ok(Numeric::NEGATIVE_INFINITY),
            Form::Positive | Form::Negative => {}
        }
        if dscale as i32 > MAX_SCALE {
            bail!(InvalidBinaryRepresentation, "invalid scale in external \"numeric\" value");
        }
        if digits.iter().any(|digit| !(0..10000).contains(digit)) {
            bail!(InvalidBinaryRepresentation, "invalid digit in external \"numeric\" value");
        }
        let negative = form == Form::Negative;
        let mut decimal = Decimal { negative, weight: weight as i32, dscale: dscale as i32, digits };
        decimal.strip();
        decimal.truncate(dscale as i32);
        Numeric::from_decimal(decimal)
    }

    pub const fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }
    pub const fn is_infinite(&self) -> bool {
        matches!(self.0, Repr::Infinity | Repr::NegativeInfinity)
    }
    /// Neither NaN nor infinite.
    pub const fn is_finite(&self) -> bool {
        matches!(self.0, Repr::Small { .. } | Repr::Large(_))
    }
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Small { units, .. } => *units == 0,
            Repr::Large(decimal) => decimal.is_zero(),
            _ => false,
        }
    }
    /// Less than zero; false for NaN.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { units, .. } => *units < 0,
            Repr::Large(decimal) => decimal.negative,
            Repr::NegativeInfinity => true,
            Repr::NaN | Repr::Infinity => false,
        }
    }
    /// Finite and without a fraction.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Small { units, scale } => units % integer::POWERS_OF_10[*scale as usize] as i64 == 0,
            Repr::Large(decimal) => decimal.is_integer(),
            _ => false,
        }
    }
    /// Decimal digits displayed after the point: `scale()`. None unless finite.
    pub fn scale(&self) -> Option<i32> {
        match &self.0 {
            Repr::Small { scale, .. } => Some(*scale as i32),
            Repr::Large(decimal) => Some(decimal.dscale),
            _ => None,
        }
    }

    /// The finite number as a `Decimal`; zero for the others, which callers have dealt with before.
    fn decimal(&self) -> Decimal {
        match &self.0 {
            Repr::Small { units, scale } => Decimal::from_units(*units as i128, *scale as i32),
            Repr::Large(decimal) => (**decimal).clone(),
            _ => Decimal::zero(0),
        }
    }

    /// Checks the format's limits (22003) and chooses the representation.
    fn from_decimal(mut decimal: Decimal) -> Result<Numeric> {
        decimal.strip();
        if decimal.weight > MAX_WEIGHT || decimal.weight < -MAX_WEIGHT - 1 || decimal.dscale > MAX_SCALE {
            return Err(overflow());
        }
        Ok(match decimal.to_small() {
            Some((units, scale)) => Numeric(Repr::Small { units, scale }),
            None => Numeric(Repr::Large(Box::new(decimal))),
        })
    }

    /// units / 10^scale, displayed with `scale` digits; scale is 0 to [`MAX_SCALE`].
    pub fn from_units(units: i128, scale: i32) -> Numeric {
        let scale = scale.clamp(0, MAX_SCALE);
        match i64::try_from(units) {
            Ok(units) if scale <= SMALL_SCALE => Numeric(Repr::Small { units, scale: scale as u8 }),
            _ => Numeric(Repr::Large(Box::new(Decimal::from_units(units, scale)))),
        }
    }

    /// The i64 and the scale of a number that is held so.
    pub fn to_units(&self) -> Option<(i64, u8)> {
        match self.0 {
            Repr::Small { units, scale } => Some((units, scale)),
            _ => None,
        }
    }
}

/// 22003: beyond 131072 digits before or 16383 after the point.
fn overflow() -> crate::Error {
    crate::err!(NumericValueOutOfRange, "value overflows numeric format")
}

impl Default for Numeric {
    fn default() -> Numeric {
        Numeric::ZERO
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Numeric {}
impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// SQL's order: -Infinity, the finite numbers, Infinity, NaN.
impl Ord for Numeric {
    fn cmp(&self, other: &Numeric) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Small { units: a, scale: i }, Repr::Small { units: b, scale: j }) => {
                integer::compare((*a, *i), (*b, *j))
            }
            _ if self.is_finite() && other.is_finite() => self.decimal().compare(&other.decimal()),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

fn rank(repr: &Repr) -> u8 {
    match repr {
        Repr::NegativeInfinity => 0,
        Repr::Small { .. } | Repr::Large(_) => 1,
        Repr::Infinity => 2,
        Repr::NaN => 3,
    }
}

/// Agrees with `==`: the digits and the weight, not the display scale.
impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let small = match &self.0 {
            Repr::Small { units, scale } => Some((*units, *scale)),
            Repr::Large(decimal) => decimal.trimmed().to_small(),
            special => {
                state.write_u8(rank(special));
                None
            }
        };
        match (small, &self.0) {
            (Some(small), _) => {
                let (units, scale) = integer::trim(small);
                state.write_i64(units);
                state.write_u8(scale);
            }
            (None, Repr::Large(decimal)) => {
                decimal.negative.hash(state);
                decimal.weight.hash(state);
                decimal.digits.hash(state);
            }
            (None, _) => {}
        }
    }
}

impl std::fmt::Debug for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
