//! Floats: the shortest digits that read back the same, laid out as PostgreSQL does; or `%g` when
//! `extra_float_digits` asks for fewer.

use super::is_space;
use crate::{Result, bail, err};

pub(super) fn parse_f64(text: &str) -> Result<f64> {
    let (number, value) = parse::<f64>(text, "double precision")?;
    if let Some(number) = number
        && (value.is_infinite() || value == 0.0 && has_nonzero_digit(number))
    {
        bail!(NumericValueOutOfRange, "\"{number}\" is out of range for type double precision");
    }
    Ok(value)
}

pub(super) fn parse_f32(text: &str) -> Result<f32> {
    let (number, value) = parse::<f32>(text, "real")?;
    if let Some(number) = number
        && (value.is_infinite() || value == 0.0 && has_nonzero_digit(number))
    {
        bail!(NumericValueOutOfRange, "\"{number}\" is out of range for type real");
    }
    Ok(value)
}

/// The digits, unless it is a word (NaN, Infinity); and the value.
fn parse<'a, T: std::str::FromStr>(text: &'a str, type_name: &str) -> Result<(Option<&'a str>, T)> {
    let invalid = || err!(InvalidTextRepresentation, "invalid input syntax for type {type_name}: \"{text}\"");
    let trimmed = text.trim_matches(is_space);
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    let is_word = ["nan", "inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    let looks_right = is_word
        || unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    if !looks_right {
        return Err(invalid());
    }
    let value = trimmed.parse().map_err(|_| invalid())?;
    Ok(((!is_word).then_some(trimmed), value))
}

fn has_nonzero_digit(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// `extra_digits` is the setting `extra_float_digits`.
pub fn format_f64(value: f64, extra_digits: i32, out: &mut String) {
    if push_special(value, out) {
        return;
    }
    if extra_digits > 0 {
        let mut buffer = zmij::Buffer::new();
        let shortest = Shortest::read(buffer.format_finite(value));
        if shortest.is_halfway(53)
            && let Some(longer) = inside((shortest.digits.len()..17).map(|n| format!("{value:.n$e}")), 53)
        {
            return Shortest::read(&longer).push(15, out);
        }
        shortest.push(15, out);
    } else {
        push_rounded(value, (15 + extra_digits).max(1), out);
    }
}

/// `extra_digits` is the setting `extra_float_digits`.
pub fn format_f32(value: f32, extra_digits: i32, out: &mut String) {
    if push_special(value as f64, out) {
        return;
    }
    if extra_digits > 0 {
        let mut buffer = zmij::Buffer::new();
        let shortest = Shortest::read(buffer.format_finite(value));
        if shortest.is_halfway(24)
            && let Some(longer) = inside((shortest.digits.len()..9).map(|n| format!("{value:.n$e}")), 24)
        {
            return Shortest::read(&longer).push(6, out);
        }
        shortest.push(6, out);
    } else {
        push_rounded(value as f64, (6 + extra_digits).max(1), out);
    }
}

/// The text of a float with the given `extra_float_digits`.
pub(crate) fn float_to_text(value: f64, extra_digits: i32) -> String {
    let mut out = String::new();
    format_f64(value, extra_digits, &mut out);
    out
}

fn push_special(value: f64, out: &mut String) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        return false;
    }
    true
}

/// The first of the longer forms that does not lie halfway between two floats.
fn inside(mut longer: impl Iterator<Item = String>, mantissa_bits: u32) -> Option<String> {
    longer.find(|text| !Shortest::read(text).is_halfway(mantissa_bits))
}

/// A printed float taken apart: 0.digits * 10^point.
struct Shortest {
    negative: bool,
    /// Without zeros at either end; none for zero.
    digits: String,
    point: i32,
}

impl Shortest {
    fn read(printed: &str) -> Shortest {
        let (negative, printed) = match printed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, printed),
        };
        let (mantissa, exponent) = match printed.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(0)),
            None => (printed, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = String::with_capacity(20);
        digits.push_str(whole);
        digits.push_str(fraction);
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let point = whole.len() as i32 + exponent - leading as i32;
        let digits = digits[leading..].trim_end_matches('0').to_owned();
        Shortest { negative, digits, point }
    }

    /// Whether the decimal lies exactly between two floats of so many bits. It reads back as the even one of them, but
    /// PostgreSQL does not rely on that and prints more digits: 9.999999999999999e+22, not 1e+23. Only multiples of a
    /// power of ten are at risk: below that a float of equal length is itself the shortest.
    fn is_halfway(&self, mantissa_bits: u32) -> bool {
        let zeros = self.point - self.digits.len() as i32;
        // 5^23 has 54 bits: nothing halfway has more zeros.
        if !(1..=23).contains(&zeros) || self.digits.len() > 17 {
            return false;
        }
        let digits: u128 = self.digits.parse().unwrap_or(0);
        let odd = digits * 5u128.pow(zeros as u32);
        let odd = odd >> odd.trailing_zeros().min(127);
        // One bit more than a float has.
        128 - odd.leading_zeros() == mantissa_bits + 1
    }

    /// `limit`: the first exponent written as one.
    fn push(&self, limit: i32, out: &mut String) {
        if self.negative {
            out.push('-');
        }
        if self.digits.is_empty() {
            return out.push('0');
        }
        push_digits(&self.digits, self.point - 1, limit, out);
    }
}

/// `digits[0].digits[1..] * 10^exponent`, with an exponent below 10^-4 and from 10^limit on.
fn push_digits(digits: &str, exponent: i32, limit: i32, out: &mut String) {
    let (first, rest) = digits.split_at(1);
    if exponent < -4 || exponent >= limit {
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        out.push_str(if exponent < 0 { "e-" } else { "e+" });
        if exponent.abs() < 10 {
            out.push('0');
        }
        super::push_integer(out, exponent.unsigned_abs() as i64);
    } else if exponent < 0 {
        out.push_str("0.");
        (1..-exponent).for_each(|_| out.push('0'));
        out.push_str(digits);
    } else {
        let whole = exponent as usize + 1;
        match digits.split_at_checked(whole) {
            Some((whole, "")) => out.push_str(whole),
            Some((whole, fraction)) => {
                out.push_str(whole);
                out.push('.');
                out.push_str(fraction);
            }
            None => {
                out.push_str(digits);
                (digits.len()..whole).for_each(|_| out.push('0'));
            }
        }
    }
}

/// C's `%.{precision}g`.
fn push_rounded(value: f64, precision: i32, out: &mut String) {
    let text = format!("{value:.*e}", precision as usize - 1);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits = mantissa.replace('.', "");
    let digits = digits.trim_end_matches('0');
    if negative {
        out.push('-');
    }
    if digits.is_empty() {
        return out.push('0');
    }
    push_digits(digits, exponent.parse().unwrap_or(0), precision, out);
}
