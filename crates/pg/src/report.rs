//! ErrorResponse and NoticeResponse.

use bytes::{BufMut, BytesMut};
use types::Error;

/// Appends `E` (errors) or `N` (notices) with all fields that the report has. `severity`: ERROR, FATAL, WARNING, ...
pub fn write(out: &mut BytesMut, kind: u8, severity: &str, error: &Error) {
    let start = crate::wire::open(out, kind);
    field(out, b'S', severity);
    field(out, b'V', severity);
    field(out, b'C', error.state.code());
    field(out, b'M', &error.message);
    let optional = [
        (b'D', &error.detail),
        (b'H', &error.hint),
        (b'W', &error.context),
        (b's', &error.schema),
        (b't', &error.table),
        (b'c', &error.column),
        (b'd', &error.data_type),
        (b'n', &error.constraint),
    ];
    for (code, text) in optional {
        if let Some(text) = text {
            field(out, code, text);
        }
    }
    if let Some(position) = error.position {
        field(out, b'P', &position.to_string());
    }
    out.put_u8(0);
    crate::wire::close(out, start);
}

fn field(out: &mut BytesMut, code: u8, text: &str) {
    out.put_u8(code);
    put_string(out, text);
}

/// A C string: nothing of it may end it early.
pub fn put_string(out: &mut BytesMut, text: &str) {
    out.extend(text.bytes().filter(|&byte| byte != 0));
    out.put_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::err;

    #[test]
    fn all_fields_are_sent() {
        let mut error = err!(UniqueViolation, "duplicate \0key")
            .detail("d")
            .hint("h")
            .context("w")
            .at(7)
            .on_table("public", "t")
            .on_column("c")
            .on_constraint("t_pkey");
        error.data_type = Some("int4".into());
        let mut out = BytesMut::new();
        write(&mut out, b'E', "ERROR", &error);
        let body =
            b"SERROR\0VERROR\0C23505\0Mduplicate key\0Dd\0Hh\0Ww\0spublic\0tt\0cc\0dint4\0nt_pkey\0P7\0\0";
        assert_eq!(out[0], b'E');
        assert_eq!(u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize, body.len() + 4);
        assert_eq!(&out[5..], &body[..]);
    }
}
