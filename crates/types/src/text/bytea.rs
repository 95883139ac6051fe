//! bytea: `\x` and hexadecimal digits, or the older escapes.

use crate::{Error, Result, bail, err};

pub(super) fn parse(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(digits) => parse_hex(digits),
        None => parse_escape(text),
    }
}

fn parse_hex(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut digits = text.chars().peekable();
    while let Some(c) = digits.next() {
        // Blanks are allowed between bytes.
        if matches!(c, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let high = hex_digit(c)?;
        let Some(low) = digits.next() else {
            bail!(InvalidParameterValue, "invalid hexadecimal data: odd number of digits");
        };
        bytes.push(high << 4 | hex_digit(low)?);
    }
    Ok(bytes)
}

fn hex_digit(c: char) -> Result<u8> {
    match c.to_digit(16) {
        Some(digit) => Ok(digit as u8),
        None => bail!(InvalidParameterValue, "invalid hexadecimal digit: \"{c}\""),
    }
}

fn parse_escape(text: &str) -> Result<Vec<u8>> {
    let invalid = || -> Error { err!(InvalidTextRepresentation, "invalid input syntax for type bytea") };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            (b'\\', _) => return Err(invalid()),
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    Ok(bytes)
}

const HEX: &[u8; 16] = b"0123456789abcdef";

pub(super) fn format_hex(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len() * 2 + 2);
    out.push_str("\\x");
    push_hex(bytes, out);
}

pub(super) fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.push(HEX[(byte >> 4) as usize] as char);
        out.push(HEX[(byte & 15) as usize] as char);
    }
}

pub(super) fn format_escape(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            0x20..=0x7e => out.push(*byte as char),
            _ => {
                out.push('\\');
                [byte >> 6, byte >> 3 & 7, byte & 7]
                    .iter()
                    .for_each(|digit| out.push((b'0' + digit) as char));
            }
        }
    }
}

/// The two hexadecimal digits at the front of `text`, for uuid.
pub(super) fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
    Some(digit(text.first()?)? << 4 | digit(text.get(1)?)?)
}
