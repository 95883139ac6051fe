//! Messages from the client, cut out of the byte stream and decoded where they lie.
//!
//! ```text
//!   type u8 ‖ length i32 (itself included) ‖ body        (the startup packet has no type)
//! ```
//! PostgreSQL 15, 55.7. pgwire's own decoders copy each field, replace invalid UTF-8 and trust lengths: here every
//! count, length and string is inside its body, every string is UTF-8, and nothing is left over.

use types::{Error, Result, err};

/// Of messages that carry no text or data of the user (PostgreSQL: PQ_SMALL_MESSAGE_LIMIT).
const SMALL_LIMIT_BYTES: usize = 10_000;
/// Of queries, parameters and COPY data: 1 GB, as in PostgreSQL.
const LARGE_LIMIT_BYTES: usize = 0x3fff_ffff - 1;

/// One message: its type and its body.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub kind: u8,
    pub body: &'a [u8],
}

#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    Query(&'a str),
    /// `types`: OIDs; 0 leaves the type to the statement.
    Parse {
        name: &'a str,
        query: &'a str,
        types: Vec<u32>,
    },
    Bind(Bind<'a>),
    /// `kind`: S(tatement) or P(ortal).
    Describe {
        kind: u8,
        name: &'a str,
    },
    Execute {
        portal: &'a str,
        max_rows: i32,
    },
    Close {
        kind: u8,
        name: &'a str,
    },
    Flush,
    Sync,
    Terminate,
    CopyFail(&'a str),
}

#[derive(Debug, PartialEq)]
pub struct Bind<'a> {
    pub portal: &'a str,
    pub statement: &'a str,
    pub formats: Vec<i16>,
    /// None: NULL.
    pub parameters: Vec<Option<&'a [u8]>>,
    pub result_formats: Vec<i16>,
}

/// The first message and its size in bytes. None: it is not complete. An error ends the connection: nothing after it
/// can be understood.
pub fn first(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let Some((kind, end)) = head(input)? else { return Ok(None) };
    Ok(input.get(5..end).map(|body| (Frame { kind, body }, end)))
}

/// Whether [`first`] has something to say.
pub fn is_complete(input: &[u8]) -> bool {
    !matches!(first(input), Ok(None))
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

impl<'a> Frame<'a> {
    /// An error concerns this message only. Not for the types whose body has no form of its own (`p`, `F`, `d`) or
    /// that have none in their state (`c`).
    pub fn decode(self) -> Result<Message<'a>> {
        let mut body = Body(self.body);
        let message = match self.kind {
            b'Q' => Message::Query(body.string()?),
            b'P' => {
                let (name, query) = (body.string()?, body.string()?);
                let types = (0..body.u16()?).map(|_| body.i32().map(|oid| oid as u32));
                Message::Parse { name, query, types: types.collect::<Result<_>>()? }
            }
            b'B' => {
                let (portal, statement) = (body.string()?, body.string()?);
                let formats = body.formats()?;
                let parameters = (0..body.u16()?).map(|_| body.parameter()).collect::<Result<_>>()?;
                let result_formats = body.formats()?;
                Message::Bind(Bind { portal, statement, formats, parameters, result_formats })
            }
            b'D' => Message::Describe { kind: body.u8()?, name: body.string()? },
            b'C' => Message::Close { kind: body.u8()?, name: body.string()? },
            b'E' => Message::Execute { portal: body.string()?, max_rows: body.i32()? },
            b'H' => Message::Flush,
            b'S' => Message::Sync,
            b'X' => Message::Terminate,
            b'f' => Message::CopyFail(body.string()?),
            kind => return Err(err!(ProtocolViolation, "unexpected message type 0x{kind:02X}")),
        };
        match body.0 {
            [] => Ok(message),
            _ => Err(err!(ProtocolViolation, "invalid message format")),
        }
    }
}

struct Body<'a>(&'a [u8]);

fn short() -> Error {
    err!(ProtocolViolation, "insufficient data left in message")
}

impl<'a> Body<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(short)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn string(&mut self) -> Result<&'a str> {
        let Some(end) = self.0.iter().position(|&byte| byte == 0) else {
            return Err(err!(ProtocolViolation, "invalid string in message"));
        };
        let (string, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        utf8(string)
    }

    fn formats(&mut self) -> Result<Vec<i16>> {
        (0..self.u16()?).map(|_| self.array().map(i16::from_be_bytes)).collect()
    }

    fn parameter(&mut self) -> Result<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.bytes(usize::try_from(length).map_err(|_| short())?).map(Some),
        }
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

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as i32 + 4).to_be_bytes(), body].concat()
    }

    fn decode(kind: u8, body: &[u8]) -> Result<Message<'_>> {
        Frame { kind, body }.decode()
    }

    #[test]
    fn whole_messages_are_taken_one_by_one() {
        let input = [frame(b'Q', b"select 1\0"), frame(b'S', b"")].concat();
        assert!(!is_complete(&input[..7]) && first(&input[..7]).unwrap().is_none());
        let (query, size) = first(&input).unwrap().unwrap();
        assert_eq!((query.kind, query.body, size), (b'Q', &b"select 1\0"[..], 14));
        let (sync, size) = first(&input[14..]).unwrap().unwrap();
        assert_eq!((sync.kind, size), (b'S', 5));
        assert!(first(&input[19..]).unwrap().is_none());
    }

    #[test]
    fn lengths_and_types_that_cannot_be_are_refused() {
        for bytes in [&b"Q\0\0\0\x03"[..], b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"S\0\0\x27\x11", b"!"]
        {
            assert!(first(bytes).is_err() && is_complete(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn fields_are_what_was_sent() {
        let parse = decode(b'P', b"s\0select $1\0\0\x01\0\0\0\x17").unwrap();
        assert_eq!(parse, Message::Parse { name: "s", query: "select $1", types: vec![23] });
        let bind = decode(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x03abc\xff\xff\xff\xff\0\x02\0\0\0\x01");
        let expected = Bind {
            portal: "p",
            statement: "s",
            formats: vec![1],
            parameters: vec![Some(b"abc"), None],
            result_formats: vec![0, 1],
        };
        assert_eq!(bind.unwrap(), Message::Bind(expected));
        assert_eq!(decode(b'D', b"Sx\0").unwrap(), Message::Describe { kind: b'S', name: "x" });
        assert_eq!(decode(b'C', b"P\0").unwrap(), Message::Close { kind: b'P', name: "" });
        let execute = Message::Execute { portal: "", max_rows: 5 };
        assert_eq!(decode(b'E', b"\0\0\0\0\x05").unwrap(), execute);
        assert_eq!(decode(b'Q', "select 'ä'\0".as_bytes()).unwrap(), Message::Query("select 'ä'"));
    }

    #[test]
    fn text_is_never_altered() {
        let error = decode(b'Q', b"select 'a\xff\xfeb'\0").unwrap_err();
        assert_eq!(error.state.code(), "22021");
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xff");
        let error = decode(b'P', b"\0select '\xe2\x28\xa1'\0\0\0").unwrap_err();
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1");
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
    }

    proptest::proptest! {
        /// Whatever comes, there is an answer.
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), kind in 0usize..14) {
            let _ = decode(b"QPBEDCHSXdcfpF"[kind], &bytes);
            let mut input = &bytes[..];
            while let Ok(Some((frame, size))) = first(input) {
                let _ = frame.decode();
                input = &input[size..];
            }
        }
    }
}
