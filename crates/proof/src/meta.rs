//! Who and why: a transaction's meta bytes, (u8 field ‖ u32 length ‖ bytes)*, ascending, absent = omitted.

use crate::reader::Reader;
use crate::rejection::{Rejection, unreadable};
use alloc::format;

/// What the meta bytes of a transaction say. Everything is the server's claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta<'a> {
    pub user: Option<&'a str>,
    pub application_name: Option<&'a str>,
    pub client_address: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub statement_sha256: Option<&'a [u8; 32]>,
}

impl Meta<'_> {
    pub fn decode(bytes: &[u8]) -> Result<Meta<'_>, Rejection> {
        let mut meta = Meta::default();
        let mut reader = Reader::new(bytes);
        let mut last = 0;
        while !reader.is_empty() {
            let field = reader.u8()?;
            let content = reader.variable()?;
            if field <= last {
                return unreadable("meta fields that do not ascend");
            }
            last = field;
            if field == 5 {
                match content.try_into() {
                    Ok(hash) => meta.statement_sha256 = Some(hash),
                    Err(_) => return unreadable("a statement hash that does not have 32 bytes"),
                }
                continue;
            }
            let text = match core::str::from_utf8(content) {
                Ok(text) => Some(text),
                Err(_) => return unreadable("a meta field that is not UTF-8"),
            };
            match field {
                1 => meta.user = text,
                2 => meta.application_name = text,
                3 => meta.client_address = text,
                4 => meta.reason = text,
                _ => return unreadable(format!("unknown meta field {field}")),
            }
        }
        Ok(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fields_ascending() {
        let meta = Meta::decode(b"\x01\0\0\0\x03ada\x04\0\0\0\x02ok").unwrap();
        assert_eq!((meta.user, meta.application_name, meta.reason), (Some("ada"), None, Some("ok")));
        assert_eq!(Meta::decode(b"").unwrap(), Meta::default());
        for wrong in [
            &b"\x04\0\0\0\0\x01\0\0\0\0"[..],
            b"\x01\0\0\0\0\x01\0\0\0\0",
            b"\x00\0\0\0\0",
            b"\x06\0\0\0\0",
            b"\x05\0\0\0\x01a",
            b"\x01\0\0\0\x01\xff",
            b"\x01\0\0\0\x02a",
            b"\x01\xff\xff\xff\xffa",
        ] {
            assert!(Meta::decode(wrong).is_err(), "{wrong:?}");
        }
    }
}
