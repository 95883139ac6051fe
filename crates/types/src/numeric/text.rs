//! Numbers as text: what `numeric_in` accepts, what `numeric_out` prints.

use super::decimal::{DIGITS, Decimal};
use super::integer::POWERS_OF_10;
use super::{Numeric, Repr, SMALL_SCALE, overflow};
use crate::{Result, err};
use std::fmt;

impl Numeric {
    /// Appends the text.
    pub fn push_text(&self, out: &mut String) {
        if let Repr::Small { units, scale } = self.0 {
            if scale == 0 {
                return crate::text::push_integer(out, units);
            }
            // The digits, with zeros so that one stands before the point.
            let mut digits = [b'0'; 20];
            let mut at = digits.len();
            let mut rest = units.unsigned_abs();
            while rest > 0 {
                at -= 1;
                digits[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            let point = digits.len() - scale as usize;
            at = at.min(point - 1);
            if units < 0 {
                out.push('-');
            }
            out.extend(digits[at..point].iter().map(|digit| *digit as char));
            out.push('.');
            out.extend(digits[point..].iter().map(|digit| *digit as char));
            return;
        }
        // Writing to a String cannot fail.
        let _ = fmt::Write::write_fmt(out, format_args!("{self}"));
    }

    /// 22P02 for what is no number, 22003 beyond the format's limits.
    pub fn parse(text: &str) -> Result<Numeric> {
        let invalid = || err!(InvalidTextRepresentation, "invalid input syntax for type numeric: \"{text}\"");
        let trimmed = text.trim_matches(is_space);
        let (negative, unsigned) = match trimmed.as_bytes() {
            [b'-', ..] => (true, &trimmed[1..]),
            [b'+', ..] => (false, &trimmed[1..]),
            _ => (false, trimmed),
        };
        if unsigned.eq_ignore_ascii_case("nan") && unsigned.len() == trimmed.len() {
            return Ok(Numeric::NAN);
        }
        if unsigned.eq_ignore_ascii_case("infinity") || unsigned.eq_ignore_ascii_case("inf") {
            return Ok(Numeric::infinity(negative));
        }
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..]).ok_or_else(invalid)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if whole.len() + fraction.len() == 0 || !digits().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        // Such an exponent is beyond the format, whatever the digits are.
        if exponent.unsigned_abs() >= i32::MAX as u64 / 2 {
            return Err(overflow());
        }
        // value = digits * 10^-scale
        let scale = fraction.len() as i64 - exponent;
        if (0..=SMALL_SCALE as i64).contains(&scale) && whole.len() + fraction.len() <= 18 {
            let units = digits().fold(0i64, |units, digit| units * 10 + (digit - b'0') as i64);
            return Ok(Numeric(Repr::Small {
                units: if negative { -units } else { units },
                scale: scale as u8,
            }));
        }
        let significant: Vec<u8> =
            digits().skip_while(|digit| *digit == b'0').map(|digit| digit - b'0').collect();
        if scale - significant.len() as i64 > 200_000 || significant.len() as i64 - scale > 200_000 {
            return if significant.is_empty() && scale <= super::MAX_SCALE as i64 {
                Ok(Numeric::from_units(0, scale.max(0) as i32))
            } else {
                Err(overflow())
            };
        }
        Numeric::from_decimal(from_decimal_digits(&significant, scale as i32, negative))
    }
}

/// What C's `isspace` says of ASCII.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Saturates; None unless it is an optional sign and digits.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0i64, |value, digit| (value * 10 + (digit - b'0') as i64).min(i32::MAX as i64));
    Some(if negative { -value } else { value })
}

/// digits * 10^-scale, grouped by four around the point.
fn from_decimal_digits(digits: &[u8], scale: i32, negative: bool) -> Decimal {
    // Decimal exponent of the first digit; then the group it lies in, and how many places of it are before the digit.
    let exponent = digits.len() as i32 - 1 - scale;
    let weight = exponent.div_euclid(DIGITS);
    let mut place = DIGITS - 1 - exponent.rem_euclid(DIGITS);
    let mut groups = Vec::with_capacity(digits.len() / DIGITS as usize + 2);
    let mut group = 0i16;
    for digit in digits {
        group = group * 10 + *digit as i16;
        place += 1;
        if place == DIGITS {
            groups.push(group);
            (group, place) = (0, 0);
        }
    }
    if place > 0 {
        groups.push(group * POWERS_OF_10[(DIGITS - place) as usize] as i16);
    }
    let mut decimal = Decimal { negative, weight, dscale: scale.max(0), digits: groups };
    decimal.strip();
    decimal
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::NaN => f.write_str("NaN"),
            Repr::Infinity => f.write_str("Infinity"),
            Repr::NegativeInfinity => f.write_str("-Infinity"),
            Repr::Small { units, scale: 0 } => write!(f, "{units}"),
            Repr::Small { units, scale } => {
                let power = POWERS_OF_10[*scale as usize] as u64;
                let magnitude = units.unsigned_abs();
                let sign = if *units < 0 { "-" } else { "" };
                write!(
                    f,
                    "{sign}{}.{:0width$}",
                    magnitude / power,
                    magnitude % power,
                    width = *scale as usize
                )
            }
            Repr::Large(decimal) => decimal.fmt(f),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity((self.weight.max(0) as usize + 2) * 4 + self.dscale as usize);
        if self.negative {
            text.push('-');
        }
        let group = |text: &mut String, digit: i16| {
            for power in [1000, 100, 10, 1] {
                text.push((b'0' + (digit / power % 10) as u8) as char);
            }
        };
        if self.weight < 0 || self.is_zero() {
            text.push('0');
        } else {
            text.push_str(&self.digit_at(self.weight).to_string());
            (0..self.weight).rev().for_each(|position| group(&mut text, self.digit_at(position)));
        }
        if self.dscale > 0 {
            text.push('.');
            let end = text.len() + self.dscale as usize;
            let mut position = -1;
            while text.len() < end {
                group(&mut text, self.digit_at(position));
                position -= 1;
            }
            text.truncate(end);
        }
        f.write_str(&text)
    }
}
