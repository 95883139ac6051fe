//! Messages from the client, cut out of the byte stream and checked before pgwire decodes them.
//!
//! ```text
//!   type u8 ‖ length i32 (itself included) ‖ body        (the startup packet has no type)
//! ```
//! pgwire's decoders trust what they read: they replace invalid UTF-8, read past the end of a body and panic on a
//! short one. So each body is walked here first, and pgwire sees whole, valid ones only.

use bytes::{Buf, BytesMut};
use pgwire::messages::{DecodeContext, PgWireFrontendMessage, ProtocolVersion};
use types::{Error, Result, err};

/// Of messages that carry no text or data of the user (PostgreSQL: PQ_SMALL_MESSAGE_LIMIT).
const SMALL_LIMIT_BYTES: usize = 10_000;
/// Of queries, parameters and COPY data: 1 GB, as in PostgreSQL.
const LARGE_LIMIT_BYTES: usize = 0x3fff_ffff - 1;

/// One message: its type and its whole bytes.
pub struct Frame {
    pub kind: u8,
    bytes: BytesMut,
}

/// Takes a message off the input. None: it is not complete. An error ends the connection: nothing after it can be
/// understood.
pub fn take(input: &mut BytesMut) -> Result<Option<Frame>> {
    let Some((kind, end)) = head(input)? else { return Ok(None) };
    Ok((input.len() >= end).then(|| Frame { kind, bytes: input.split_to(end) }))
}

/// Whether [`take`] has something to say.
pub fn is_complete(input: &BytesMut) -> bool {
    match head(input) {
        Ok(Some((_, end))) => input.len() >= end,
        Ok(None) => false,
        Err(_) => true,
    }
}

/// The type of the first message and where it ends.
fn head(input: &[u8]) -> Result<Option<(u8, usize)>> {
    let Some(&kind) = input.first() else { return Ok(None) };
    let limit = match kind {
        b'Q' | b'P' | b'B' | b'd' | b'F' => LARGE_LIMIT_BYTES,
        b'E' | b'D' | b'C' | b'H' | b'S' | b'X' | b'c' | b'f' | b'p' => SMALL_LIMIT_BYTES,
        other => return Err(err!(ProtocolViolation, "invalid frontend message type {other}")),
    };
    let Some(length) = input.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes) else {
        return Ok(None);
    };
    match usize::try_from(length) {
        Ok(length) if (4..=limit).contains(&length) => Ok(Some((kind, 1 + length))),
        _ => Err(err!(ProtocolViolation, "invalid message length")),
    }
}

impl Frame {
    pub fn body(&self) -> &[u8] {
        self.bytes.get(5..).unwrap_or_default()
    }

    /// Checks and decodes. An error concerns this message only. Not for `p` and `F`, which pgwire does not decode.
    pub fn decode(mut self) -> Result<PgWireFrontendMessage> {
        check(self.kind, self.body())?;
        let mut context = DecodeContext::new(ProtocolVersion::PROTOCOL3_0);
        context.awaiting_frontend_ssl = false;
        context.awaiting_frontend_startup = false;
        match PgWireFrontendMessage::decode(&mut self.bytes, &context) {
            Ok(Some(message)) if !self.bytes.has_remaining() => Ok(message),
            _ => Err(err!(ProtocolViolation, "invalid message format")),
        }
    }
}

/// Walks a body: every count, length and string is inside it, every string is UTF-8, nothing is left over.
fn check(kind: u8, body: &[u8]) -> Result<()> {
    let mut body = Body(body);
    match kind {
        b'Q' | b'f' => body.string()?,
        b'P' => {
            body.string()?;
            body.string()?;
            let types = body.u16()?;
            body.skip(types as usize * 4)?;
        }
        b'B' => {
            body.string()?;
            body.string()?;
            let formats = body.u16()?;
            body.skip(formats as usize * 2)?;
            for _ in 0..body.u16()? {
                match body.i32()? {
                    -1 => {}
                    length => body.skip(usize::try_from(length).map_err(|_| short())?)?,
                }
            }
            let formats = body.u16()?;
            body.skip(formats as usize * 2)?;
        }
        b'C' | b'D' => {
            body.skip(1)?;
            body.string()?;
        }
        b'E' => {
            body.string()?;
            body.skip(4)?;
        }
        b'd' => return Ok(()),
        _ => {}
    }
    match body.0 {
        [] => Ok(()),
        _ => Err(err!(ProtocolViolation, "invalid message format")),
    }
}

struct Body<'a>(&'a [u8]);

fn short() -> Error {
    err!(ProtocolViolation, "insufficient data left in message")
}

impl Body<'_> {
    fn skip(&mut self, count: usize) -> Result<()> {
        self.0 = self.0.get(count..).ok_or_else(short)?;
        Ok(())
    }

    fn u16(&mut self) -> Result<u16> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(short)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    fn i32(&mut self) -> Result<i32> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(short)?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*bytes))
    }

    fn string(&mut self) -> Result<()> {
        let Some(end) = self.0.iter().position(|&byte| byte == 0) else {
            return Err(err!(ProtocolViolation, "invalid string in message"));
        };
        let (string, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        utf8(string).map(drop)
    }
}

/// 22021 unless the bytes are UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let wrong = bytes.get(error.valid_up_to()..).unwrap_or_default();
        let length = match wrong.first() {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf7) => 4,
            _ => 1,
        };
        let shown: Vec<String> = wrong.iter().take(length).map(|byte| format!("0x{byte:02x}")).collect();
        err!(CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::from(&[kind][..]);
        bytes.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn decode(kind: u8, body: &[u8]) -> Result<PgWireFrontendMessage> {
        take(&mut frame(kind, body)).unwrap().unwrap().decode()
    }

    #[test]
    fn whole_messages_are_taken_one_by_one() {
        let mut input = frame(b'Q', b"select 1\0");
        input.extend_from_slice(&frame(b'S', b""));
        let half = input.split_off(7);
        assert!(!is_complete(&input) && take(&mut input).unwrap().is_none());
        input.extend_from_slice(&half);
        assert_eq!(take(&mut input).unwrap().map(|frame| frame.kind), Some(b'Q'));
        assert_eq!(take(&mut input).unwrap().map(|frame| frame.kind), Some(b'S'));
        assert!(take(&mut input).unwrap().is_none());
    }

    #[test]
    fn lengths_and_types_that_cannot_be_are_refused() {
        for bytes in [&b"Q\0\0\0\x03"[..], b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"S\0\0\x27\x11", b"!"]
        {
            assert!(take(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
            assert!(is_complete(&BytesMut::from(bytes)));
        }
    }

    #[test]
    fn text_is_never_altered() {
        let error = decode(b'Q', b"select 'a\xff\xfeb'\0").unwrap_err();
        assert_eq!(error.state.code(), "22021");
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xff");
        let error = decode(b'P', b"\0select '\xe2\x28\xa1'\0\0\0").unwrap_err();
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1");
        assert!(
            matches!(decode(b'Q', "select 'ä'\0".as_bytes()), Ok(PgWireFrontendMessage::Query(q)) if q.query == "select 'ä'")
        );
    }

    #[test]
    fn bodies_that_lie_are_refused() {
        for (kind, body) in [
            (b'Q', &b"no end"[..]),
            (b'Q', b"a\0b\0"),
            (b'P', b"\0select\0\0\x02\0\0\0\x17"),
            (b'B', b"\0\0\0\0\0\x01\0\0\0\x09abc\0\0"),
            (b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
            (b'B', b"\0\0\0\0\0\0\0\x05\0\0"),
            (b'B', b"\0\0\xff\xff"),
            (b'E', b"\0\0\0"),
            (b'D', b""),
            (b'D', b"S"),
            (b'S', b"x"),
        ] {
            assert_eq!(decode(kind, body).unwrap_err().state.code(), "08P01", "{} {body:?}", kind as char);
        }
        assert!(decode(b'B', b"\0\0\0\0\0\x01\0\0\0\x03abc\0\0").is_ok());
        assert!(decode(b'E', b"\0\0\0\0\0").is_ok());
    }

    proptest::proptest! {
        /// Whatever comes, there is an answer.
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), kind in 0usize..14) {
            let kind = b"QPBEDCHSXdcfpF"[kind];
            let _ = decode(kind, &bytes);
            let mut input = BytesMut::from(&bytes[..]);
            while let Ok(Some(frame)) = take(&mut input) {
                let _ = frame.decode();
            }
        }
    }
}
