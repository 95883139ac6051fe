//! Integers and OIDs.

use super::is_space;
use crate::{Oid, Result, bail, err};
use std::str::FromStr;

/// 22P02 for what is no integer, 22003 for one that does not fit.
pub(super) fn parse<T: FromStr>(text: &str, type_name: &str) -> Result<T> {
    let trimmed = text.trim_matches(is_space);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!(InvalidTextRepresentation, "invalid input syntax for type {type_name}: \"{text}\"");
    }
    trimmed
        .parse()
        .map_err(|_| err!(NumericValueOutOfRange, "value \"{text}\" is out of range for type {type_name}"))
}

/// As C's `strtoul`: a negative number counts down from 2^32.
pub(super) fn parse_oid(text: &str, type_name: &str) -> Result<Oid> {
    let trimmed = text.trim_matches(is_space);
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!(InvalidTextRepresentation, "invalid input syntax for type {type_name}: \"{text}\"");
    }
    match trimmed.parse::<i64>() {
        Ok(value) if value >= i32::MIN as i64 && value <= u32::MAX as i64 => Ok(value as u32),
        _ => bail!(NumericValueOutOfRange, "value \"{text}\" is out of range for type {type_name}"),
    }
}

/// Decimal digits, without the formatting machinery.
pub fn push_integer(out: &mut String, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}
