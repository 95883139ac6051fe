//! The lengths of varchar(n), char(n) and name. Lengths count characters.

use crate::{Result, bail};

/// The longest name, in bytes.
const MAX_NAME: usize = 63;

/// varchar(n), n = typmod - 4: a string that is too long is cut if the cast was written, or if only blanks are lost;
/// else 22001.
pub fn fit_varchar(text: &str, typmod: i32, explicit: bool) -> Result<String> {
    match cut(text, typmod, explicit) {
        Some(kept) => Ok(kept.to_owned()),
        None => bail!(StringDataRightTruncation, "value too long for type character varying({})", typmod - 4),
    }
}

/// char(n): as [`fit_varchar`], and padded with blanks.
pub fn fit_bpchar(text: &str, typmod: i32, explicit: bool) -> Result<String> {
    let Some(kept) = cut(text, typmod, explicit) else {
        bail!(StringDataRightTruncation, "value too long for type character({})", typmod - 4);
    };
    let mut padded = kept.to_owned();
    if typmod >= 4 {
        let missing = (typmod as usize - 4).saturating_sub(kept.chars().count());
        padded.extend(std::iter::repeat_n(' ', missing));
    }
    Ok(padded)
}

/// The first n characters; None if more than blanks would be lost and may not be.
fn cut(text: &str, typmod: i32, explicit: bool) -> Option<&str> {
    let limit = usize::try_from(typmod.checked_sub(4)?).ok();
    // Bytes are at least as many as characters.
    let Some(limit) = limit.filter(|limit| text.len() > *limit) else { return Some(text) };
    match text.char_indices().nth(limit) {
        None => Some(text),
        Some((end, _)) => (explicit || text[end..].bytes().all(|byte| byte == b' ')).then(|| &text[..end]),
    }
}

/// A name is cut to 63 bytes, at a character's boundary.
pub fn cut_name(text: &str) -> &str {
    if text.len() <= MAX_NAME {
        return text;
    }
    let end = (0..=MAX_NAME).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// "char": one byte. Beyond ASCII it is kept as PostgreSQL prints it, `\303`; a zero byte is an empty string.
pub fn char_of_byte(byte: u8) -> String {
    match byte {
        0 => String::new(),
        1..=0x7f => (byte as char).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

/// The byte of a "char", and of text cast to it: its first, or the three octal digits after a backslash.
pub fn byte_of_char(text: &str) -> u8 {
    match text.as_bytes() {
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')
        }
        bytes => bytes.first().copied().unwrap_or(0),
    }
}
