//! Text into fields: `ParseDateTime`.

use super::Fault;
use crate::datetime::token::word;

/// What a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Date,
    Time,
    /// A sign and digits.
    Zone,
    String,
    /// A sign and letters: `-infinity`.
    Special,
}

/// A field, in lower case where it is a word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub text: String,
}

const MAX_FIELDS: usize = 25;
/// PostgreSQL's MAXDATELEN: no date is longer.
const MAX_LENGTH: usize = 128;

pub(crate) fn split(text: &str) -> Result<Vec<Token>, Fault> {
    if text.len() > MAX_LENGTH + MAX_FIELDS * 2 {
        return Err(Fault::Format);
    }
    let mut input = Input { bytes: text.as_bytes(), at: 0, field: String::new() };
    let mut tokens = vec![];
    while let Some(byte) = input.peek() {
        let kind = match byte {
            _ if byte.is_ascii_whitespace() || byte == 0x0b => {
                input.at += 1;
                continue;
            }
            b'0'..=b'9' => input.number(),
            b'.' => {
                input.append();
                input.append_while(|byte| byte.is_ascii_digit());
                Kind::Number
            }
            _ if byte.is_ascii_alphabetic() => input.word(),
            b'+' | b'-' => input.signed()?,
            _ if byte.is_ascii_punctuation() => {
                input.at += 1;
                continue;
            }
            _ => return Err(Fault::Format),
        };
        if tokens.len() == MAX_FIELDS {
            return Err(Fault::Format);
        }
        tokens.push(Token { kind, text: std::mem::take(&mut input.field) });
    }
    Ok(tokens)
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    field: String,
}

impl Input<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
    fn peek_is(&self, test: impl Fn(u8) -> bool) -> bool {
        self.peek().is_some_and(test)
    }
    fn append(&mut self) {
        if let Some(byte) = self.peek() {
            self.field.push(byte.to_ascii_lowercase() as char);
            self.at += 1;
        }
    }
    fn append_while(&mut self, test: impl Fn(u8) -> bool) {
        while self.peek_is(&test) {
            self.append();
        }
    }

    /// A date, a time or just a number.
    fn number(&mut self) -> Kind {
        let digit = |byte: u8| byte.is_ascii_digit();
        self.append_while(digit);
        match self.peek() {
            Some(b':') => {
                self.append_while(|byte| digit(byte) || byte == b':' || byte == b'.');
                Kind::Time
            }
            Some(delimiter @ (b'-' | b'/' | b'.')) => {
                self.append();
                if self.peek_is(digit) {
                    self.append_while(digit);
                    if self.peek() == Some(delimiter) {
                        self.append_while(|byte| digit(byte) || byte == delimiter);
                        return Kind::Date;
                    }
                    return if delimiter == b'.' { Kind::Number } else { Kind::Date };
                }
                // A month's name may follow.
                self.append_while(|byte| byte.is_ascii_alphanumeric() || byte == delimiter);
                Kind::Date
            }
            _ => Kind::Number,
        }
    }

    /// A word, or a zone's name with punctuation in it.
    fn word(&mut self) -> Kind {
        self.append_while(|byte| byte.is_ascii_alphabetic());
        let is_date = match self.peek() {
            Some(b'-' | b'/' | b'.') => true,
            Some(byte) if byte == b'+' || byte.is_ascii_digit() => word(&self.field).is_none(),
            _ => false,
        };
        if !is_date {
            return Kind::String;
        }
        self.append();
        self.append_while(|byte| b"+-/_.:".contains(&byte) || byte.is_ascii_alphanumeric());
        Kind::Date
    }

    fn signed(&mut self) -> Result<Kind, Fault> {
        self.append();
        while self.peek_is(|byte| byte.is_ascii_whitespace() || byte == 0x0b) {
            self.at += 1;
        }
        match self.peek() {
            Some(byte) if byte.is_ascii_digit() => {
                self.append_while(|byte| byte.is_ascii_digit() || b":.-".contains(&byte));
                Ok(Kind::Zone)
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.append_while(|byte| byte.is_ascii_alphabetic());
                Ok(Kind::Special)
            }
            _ => Err(Fault::Format),
        }
    }
}
