//! Bytes and numbers as text, in the one form that is accepted back: base64, hex, decimal.

use crate::hash::Hash;
use crate::rejection::{Rejection, unreadable};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding (RFC 4648 4).
pub fn base64_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + 4);
    for chunk in bytes.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at) & 63) as usize;
            text.push(if at <= chunk.len() { BASE64[digit] as char } else { '=' });
        }
    }
    text
}

/// The inverse, on exactly what [`base64_encode`] writes: no whitespace, no missing padding, no stray bits.
pub fn base64_decode(text: &str) -> Result<Vec<u8>, Rejection> {
    let text = text.as_bytes();
    if text.len() % 4 != 0 {
        return unreadable("base64 of a length that is no multiple of four");
    }
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for digit in &text[..text.len() - padding] {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return unreadable("base64 with a character that is none of its"),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    if bits != 0 {
        return unreadable("base64 that is not in its canonical form");
    }
    Ok(bytes)
}

/// A hash as base64.
pub fn hash_decode(text: &str) -> Result<Hash, Rejection> {
    match base64_decode(text)?.try_into() {
        Ok(hash) => Ok(hash),
        Err(_) => unreadable("a hash that does not have 32 bytes"),
    }
}

/// Lowercase hex.
pub fn hex_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
    text
}

/// The inverse, on lowercase only.
pub fn hex_decode(text: &str) -> Result<Vec<u8>, Rejection> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => unreadable("hex with a character that is none of its"),
    };
    if text.len() % 2 != 0 {
        return unreadable("hex of an odd length");
    }
    text.as_bytes().chunks(2).map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// A decimal number without sign or leading zeros, below 2^63.
pub fn number_decode(text: &str) -> Result<u64, Rejection> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    match text.parse::<u64>() {
        Ok(number) if canonical && number <= i64::MAX as u64 => Ok(number),
        _ => unreadable(format!("not a number of the canonical form: {:?}", shorten(text))),
    }
}

/// The start of foreign text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Whether `name` can name a key or a log: not empty, no spaces, no plus, no control characters.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        assert_eq!(base64_encode(b"Ada!"), "QWRhIQ==");
        for wrong in [
            "QWRhIQ=",
            "QWRhIQ",
            "QWRhIR==",
            "QWRh IQ==",
            "QWRhIQ==\n",
            "====",
            "Q===",
            "QWRh-Q==",
            "QW==QW==",
        ] {
            assert!(base64_decode(wrong).is_err(), "{wrong}");
        }
        for wrong in
            ["", "00", "01", "-1", "+1", " 1", "1 ", "9223372036854775808", "18446744073709551616", "１"]
        {
            assert!(number_decode(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(number_decode("9223372036854775807"), Ok(i64::MAX as u64));
        for wrong in ["0", "0A", "0g", "é"] {
            assert!(hex_decode(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn decode_is_the_inverse_of_encode(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(base64_decode(&base64_encode(&bytes)).unwrap(), &bytes[..]);
            prop_assert_eq!(hex_decode(&hex_encode(&bytes)).unwrap(), &bytes[..]);
        }
        #[test]
        fn what_is_read_is_what_would_be_written(text in "[A-Da-d+/=]{0,12}") {
            if let Ok(bytes) = base64_decode(&text) {
                prop_assert_eq!(base64_encode(&bytes), text);
            }
        }
    }
}
