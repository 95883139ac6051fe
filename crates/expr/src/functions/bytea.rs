//! Binary strings: PostgreSQL 15, 9.5, with hashes and text encodings.

use crate::context::Context;
use crate::functions::text::{check_joined, substring_bounds};
use crate::signature::functions;
use md5::{Digest, Md5};
use types::{Error, Result, Value, err};

#[rustfmt::skip]
functions! {
    2011 "byteacat" (Bytea, Bytea) -> Bytea = row(concatenate);
    2010 "length" (Bytea) -> Int4 = row(length);
    720 "octet_length" (Bytea) -> Int4 = row(length);
    1810 "bit_length" (Bytea) -> Int4 = row(bit_length);
    2086 "substr" (Bytea, Int4) -> Bytea = row(substring);
    2085 "substr" (Bytea, Int4, Int4) -> Bytea = row(substring);
    2013 "substring" (Bytea, Int4) -> Bytea = row(substring);
    2012 "substring" (Bytea, Int4, Int4) -> Bytea = row(substring);
    2014 "position" (Bytea, Bytea) -> Int4 = row(position);
    2015 "btrim" (Bytea, Bytea) -> Bytea = row(trim_both);
    6195 "ltrim" (Bytea, Bytea) -> Bytea = row(trim_left);
    6196 "rtrim" (Bytea, Bytea) -> Bytea = row(trim_right);
    749 "overlay" (Bytea, Bytea, Int4, Int4) -> Bytea = row(overlay);
    752 "overlay" (Bytea, Bytea, Int4) -> Bytea = row(overlay);
    721 "get_byte" (Bytea, Int4) -> Int4 = row(get_byte);
    722 "set_byte" (Bytea, Int4, Int4) -> Bytea = row(set_byte);
    723 "get_bit" (Bytea, Int8) -> Int4 = row(get_bit);
    724 "set_bit" (Bytea, Int8, Int4) -> Bytea = row(set_bit);
    6163 "bit_count" (Bytea) -> Int8 = row(bit_count);
    1946 "encode" (Bytea, Text) -> Text = row(encode);
    1947 "decode" (Text, Text) -> Bytea = row(decode);
    1714 "convert_from" (Bytea, Name) -> Text = row(convert_from) stable;
    1717 "convert_to" (Text, Name) -> Bytea = row(convert_to) stable;
    2311 "md5" (Text) -> Text = row(md5);
    2321 "md5" (Bytea) -> Text = row(md5);
    3419 "sha224" (Bytea) -> Bytea = row(sha224);
    3420 "sha256" (Bytea) -> Bytea = row(sha256);
    3421 "sha384" (Bytea) -> Bytea = row(sha384);
    3422 "sha512" (Bytea) -> Bytea = row(sha512);
}

fn unexpected(args: &[Value]) -> Error {
    Error::internal(format!("a bytea function was given {args:?}"))
}

fn one(args: &[Value]) -> Result<&[u8]> {
    match args {
        [Value::Bytea(bytes)] => Ok(bytes),
        _ => Err(unexpected(args)),
    }
}

pub(crate) fn concatenate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Bytea(a), Value::Bytea(b)] => {
            check_joined(a.len(), b.len())?;
            Ok(Value::Bytea([a.as_slice(), b].concat()))
        }
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(one(args)?.len() as i32))
}
pub(crate) fn bit_length(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Int4((one(args)?.len() * 8) as i32))
}
pub(crate) fn bit_count(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Int8(one(args)?.iter().map(|byte| byte.count_ones() as i64).sum()))
}

pub(crate) fn substring(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (bytes, start, length) = match args {
        [Value::Bytea(bytes), Value::Int4(start)] => (bytes, *start, None),
        [Value::Bytea(bytes), Value::Int4(start), Value::Int4(length)] => (bytes, *start, Some(*length)),
        _ => return Err(unexpected(args)),
    };
    let (first, end) = substring_bounds(start, length)?;
    let (first, end) = (first.min(bytes.len()), end.min(bytes.len()));
    Ok(Value::Bytea(bytes[first..end.max(first)].to_vec()))
}

pub(crate) fn position(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Bytea(part)] = args else { return Err(unexpected(args)) };
    if part.is_empty() {
        return Ok(Value::Int4(1));
    }
    let found = bytes.windows(part.len()).position(|window| window == part.as_slice());
    Ok(Value::Int4(found.map_or(0, |position| position as i32 + 1)))
}

fn trim(args: &[Value], left: bool, right: bool) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Bytea(set)] = args else { return Err(unexpected(args)) };
    let mut bytes = bytes.as_slice();
    while let ([first, rest @ ..], true) = (bytes, left) {
        if !set.contains(first) {
            break;
        }
        bytes = rest;
    }
    while let ([rest @ .., last], true) = (bytes, right) {
        if !set.contains(last) {
            break;
        }
        bytes = rest;
    }
    Ok(Value::Bytea(bytes.to_vec()))
}
pub(crate) fn trim_both(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    trim(args, true, true)
}
pub(crate) fn trim_left(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    trim(args, true, false)
}
pub(crate) fn trim_right(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    trim(args, false, true)
}

pub(crate) fn overlay(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (bytes, placed, start, length) = match args {
        [Value::Bytea(bytes), Value::Bytea(placed), Value::Int4(start)] => {
            (bytes, placed, *start, placed.len() as i32)
        }
        [Value::Bytea(bytes), Value::Bytea(placed), Value::Int4(start), Value::Int4(length)] => {
            (bytes, placed, *start, *length)
        }
        _ => return Err(unexpected(args)),
    };
    if start <= 0 {
        return Err(err!(SubstringError, "negative substring length not allowed"));
    }
    let resume =
        start.checked_add(length).ok_or_else(|| err!(NumericValueOutOfRange, "integer out of range"))?;
    let before = (start as usize - 1).min(bytes.len());
    let after = ((resume as i64 - 1).max(0) as usize).min(bytes.len());
    Ok(Value::Bytea([&bytes[..before], placed.as_slice(), &bytes[after..]].concat()))
}

fn in_range(index: i64, count: usize) -> Result<usize> {
    usize::try_from(index)
        .ok()
        .filter(|index| *index < count)
        .ok_or_else(|| err!(ArraySubscriptError, "index {index} out of valid range, 0..{}", count as i64 - 1))
}

pub(crate) fn get_byte(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Int4(index)] = args else { return Err(unexpected(args)) };
    Ok(Value::Int4(bytes[in_range(*index as i64, bytes.len())?] as i32))
}
pub(crate) fn set_byte(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Int4(index), Value::Int4(byte)] = args else {
        return Err(unexpected(args));
    };
    let index = in_range(*index as i64, bytes.len())?;
    let mut bytes = bytes.clone();
    bytes[index] = *byte as u8;
    Ok(Value::Bytea(bytes))
}
/// Bits count from the right of each byte.
pub(crate) fn get_bit(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Int8(index)] = args else { return Err(unexpected(args)) };
    let index = in_range(*index, bytes.len() * 8)?;
    Ok(Value::Int4((bytes[index / 8] >> (index % 8) & 1) as i32))
}
pub(crate) fn set_bit(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Int8(index), Value::Int4(bit)] = args else {
        return Err(unexpected(args));
    };
    let index = in_range(*index, bytes.len() * 8)?;
    if !matches!(bit, 0 | 1) {
        return Err(err!(InvalidParameterValue, "new bit must be 0 or 1"));
    }
    let mut bytes = bytes.clone();
    bytes[index / 8] = bytes[index / 8] & !(1 << (index % 8)) | (*bit as u8) << (index % 8);
    Ok(Value::Bytea(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(b"0123456789abcdef"[nibble as usize]))
        .collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A line has 76 characters.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() / 3 * 4 + 4);
    for (group, chunk) in bytes.chunks(3).enumerate() {
        if group > 0 && group % 19 == 0 {
            out.push('\n');
        }
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | *byte as u32) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            out.push(if position > chunk.len() {
                '='
            } else {
                char::from(BASE64[(bits >> (18 - 6 * position) & 63) as usize])
            });
        }
    }
    out
}

pub(crate) fn encode(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Text(encoding)] = args else { return Err(unexpected(args)) };
    Ok(Value::Text(match encoding.to_ascii_lowercase().as_str() {
        "hex" => hex(bytes),
        "base64" => base64(bytes),
        "escape" => {
            let mut out = String::new();
            for byte in bytes {
                match byte {
                    0 | 128.. => out.push_str(&format!("\\{byte:03o}")),
                    b'\\' => out.push_str("\\\\"),
                    byte => out.push(char::from(*byte)),
                }
            }
            out
        }
        _ => return Err(err!(InvalidParameterValue, "unrecognized encoding: \"{encoding}\"")),
    }))
}

pub(crate) fn decode(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(encoding)] = args else { return Err(unexpected(args)) };
    Ok(Value::Bytea(match encoding.to_ascii_lowercase().as_str() {
        "hex" => decode_hex(text)?,
        "base64" => decode_base64(text)?,
        "escape" => decode_escape(text)?,
        _ => return Err(err!(InvalidParameterValue, "unrecognized encoding: \"{encoding}\"")),
    }))
}

fn decode_hex(text: &str) -> Result<Vec<u8>> {
    let mut nibbles = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !matches!(c, ' ' | '\n' | '\t' | '\r')) {
        nibbles.push(
            c.to_digit(16).ok_or_else(|| err!(InvalidParameterValue, "invalid hexadecimal digit: \"{c}\""))?
                as u8,
        );
    }
    if nibbles.len() % 2 != 0 {
        return Err(err!(InvalidParameterValue, "invalid hexadecimal data: odd number of digits"));
    }
    Ok(nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn decode_base64(text: &str) -> Result<Vec<u8>> {
    let truncated = || {
        err!(InvalidParameterValue, "invalid base64 end sequence")
            .hint("Input data is missing padding, is truncated, or is otherwise corrupted.")
    };
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut position, mut padding) = (0u32, 0, 0);
    for c in text.chars().filter(|c| !matches!(c, ' ' | '\n' | '\t' | '\r')) {
        let value = match c {
            '=' => {
                if padding == 0 && position < 2 {
                    return Err(err!(
                        InvalidParameterValue,
                        "unexpected \"=\" while decoding base64 sequence"
                    ));
                }
                padding += 1;
                0
            }
            c => BASE64.iter().position(|known| char::from(*known) == c).ok_or_else(|| {
                err!(InvalidParameterValue, "invalid symbol \"{c}\" found while decoding base64 sequence")
            })? as u32,
        };
        bits = bits << 6 | value;
        position += 1;
        if position == 4 {
            out.extend(&bits.to_be_bytes()[1..4 - padding.min(2)]);
            (bits, position) = (0, 0);
        }
    }
    if position != 0 { Err(truncated()) } else { Ok(out) }
}

fn decode_escape(text: &str) -> Result<Vec<u8>> {
    let invalid = || err!(InvalidTextRepresentation, "invalid input syntax for type bytea");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        match after {
            [b'\\', after @ ..] => {
                out.push(b'\\');
                rest = after;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => return Err(invalid()),
        }
    }
    Ok(out)
}

/// UTF-8, and what its names are; other encodings are 0A000.
fn utf8_only(name: &str) -> Result<()> {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "utf8" | "unicode" => Ok(()),
        _ => Err(Error::unsupported(format!("encoding \"{name}\"")).hint("Only UTF8 is known.")),
    }
}
pub(crate) fn convert_from(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Bytea(bytes), Value::Text(encoding)] = args else { return Err(unexpected(args)) };
    utf8_only(encoding)?;
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Value::text(text)),
        Ok(_) => Err(err!(CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00")),
        Err(error) => {
            let start = error.valid_up_to();
            let length = error.error_len().unwrap_or(bytes.len() - start);
            let shown: Vec<String> =
                bytes[start..start + length].iter().map(|byte| format!("0x{byte:02x}")).collect();
            Err(err!(
                CharacterNotInRepertoire,
                "invalid byte sequence for encoding \"UTF8\": {}",
                shown.join(" ")
            ))
        }
    }
}
pub(crate) fn convert_to(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let [Value::Text(text), Value::Text(encoding)] = args else { return Err(unexpected(args)) };
    utf8_only(encoding)?;
    Ok(Value::Bytea(text.as_bytes().to_vec()))
}

pub(crate) fn md5(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Text(text)] => Ok(Value::Text(hex(&Md5::digest(text.as_bytes())))),
        [Value::Bytea(bytes)] => Ok(Value::Text(hex(&Md5::digest(bytes)))),
        _ => Err(unexpected(args)),
    }
}
pub(crate) fn sha224(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Bytea(sha2::Sha224::digest(one(args)?).to_vec()))
}
pub(crate) fn sha256(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Bytea(sha2::Sha256::digest(one(args)?).to_vec()))
}
pub(crate) fn sha384(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Bytea(sha2::Sha384::digest(one(args)?).to_vec()))
}
pub(crate) fn sha512(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Bytea(sha2::Sha512::digest(one(args)?).to_vec()))
}
