//! uuid: 32 hexadecimal digits, with a hyphen after any group of four, perhaps in braces.

use super::bytea::{hex_byte, push_hex};
use crate::{Result, bail};

pub(super) fn parse(text: &str) -> Result<[u8; 16]> {
    match decode(text.as_bytes()) {
        Some(uuid) => Ok(uuid),
        None => bail!(InvalidTextRepresentation, "invalid input syntax for type uuid: \"{text}\""),
    }
}

fn decode(text: &[u8]) -> Option<[u8; 16]> {
    let mut rest = match text {
        [b'{', inner @ .., b'}'] => inner,
        other => other,
    };
    let mut uuid = [0; 16];
    for (index, byte) in uuid.iter_mut().enumerate() {
        *byte = hex_byte(rest)?;
        rest = &rest[2..];
        if index % 2 == 1 && index < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    rest.is_empty().then_some(uuid)
}

pub(super) fn format(uuid: &[u8; 16], out: &mut String) {
    for (index, part) in
        [&uuid[..4], &uuid[4..6], &uuid[6..8], &uuid[8..10], &uuid[10..]].into_iter().enumerate()
    {
        if index > 0 {
            out.push('-');
        }
        push_hex(part, out);
    }
}
