//! The tokens of JSON text, with PostgreSQL's errors.

use crate::{Error, Result, err};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Number,
    True,
    False,
    Null,
    End,
}

/// Reads tokens; `token` is the one at hand, `start..end` its bytes.
pub(super) struct Lexer<'a> {
    pub text: &'a str,
    pub token: Token,
    pub start: usize,
    pub end: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Lexer<'a> {
    /// At the first token.
    pub fn new(text: &'a str) -> Result<Lexer<'a>> {
        let mut lexer = Lexer { text, token: Token::End, start: 0, end: 0, line: 1, line_start: 0 };
        lexer.advance()?;
        Ok(lexer)
    }

    pub fn slice(&self) -> &'a str {
        &self.text[self.start..self.end]
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub fn advance(&mut self) -> Result<()> {
        let mut at = self.end;
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.byte(at) {
            at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_start = at;
            }
        }
        self.start = at;
        self.end = at + 1;
        self.token = match self.byte(at) {
            None => {
                self.end = at;
                Token::End
            }
            Some(b'{') => Token::ObjectStart,
            Some(b'}') => Token::ObjectEnd,
            Some(b'[') => Token::ArrayStart,
            Some(b']') => Token::ArrayEnd,
            Some(b',') => Token::Comma,
            Some(b':') => Token::Colon,
            Some(b'"') => return self.string(),
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(_) => {
                let word = self.word_end(at);
                if word == at {
                    return Err(self.invalid_token());
                }
                self.end = word;
                match self.slice() {
                    "true" => Token::True,
                    "false" => Token::False,
                    "null" => Token::Null,
                    _ => return Err(self.invalid_token()),
                }
            }
        };
        Ok(())
    }

    fn word_end(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80) {
            at += 1;
        }
        at
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
            at += 1;
        }
        at
    }

    fn number(&mut self) -> Result<()> {
        let mut at = self.start + usize::from(self.byte(self.start) == Some(b'-'));
        let whole = at;
        at = self.digits(at);
        let mut good = at > whole && (at == whole + 1 || self.byte(whole) != Some(b'0'));
        if self.byte(at) == Some(b'.') {
            let fraction = at + 1;
            at = self.digits(fraction);
            good &= at > fraction;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            let exponent = at + 1 + usize::from(matches!(self.byte(at + 1), Some(b'+' | b'-')));
            at = self.digits(exponent);
            good &= at > exponent;
        }
        // Letters right behind a number are part of a bad token.
        let word = self.word_end(at);
        self.end = word;
        if !good || word > at {
            return Err(self.invalid_token());
        }
        self.token = Token::Number;
        Ok(())
    }

    /// Checks a string's escapes without keeping them.
    fn string(&mut self) -> Result<()> {
        let mut at = self.start + 1;
        loop {
            match self.byte(at) {
                None => {
                    self.end = at;
                    return Err(self.invalid_token());
                }
                Some(b'"') => break,
                Some(byte @ 0..=31) => {
                    self.end = at;
                    return Err(self.syntax(format!("Character with value 0x{byte:02x} must be escaped.")));
                }
                Some(b'\\') => {
                    at += 1;
                    match self.byte(at) {
                        Some(b'u') => {
                            for _ in 0..4 {
                                at += 1;
                                if !self.byte(at).is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    self.end = self.char_end(at).min(self.text.len());
                                    return Err(self.syntax(
                                        "\"\\u\" must be followed by four hexadecimal digits.".into(),
                                    ));
                                }
                            }
                        }
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        None => {
                            self.end = at;
                            return Err(self.invalid_token());
                        }
                        Some(_) => {
                            self.end = self.char_end(at);
                            let escape = &self.text[at..self.end];
                            return Err(self.syntax(format!("Escape sequence \"\\{escape}\" is invalid.")));
                        }
                    }
                }
                Some(_) => {}
            }
            at += 1;
        }
        self.end = at + 1;
        self.token = Token::String;
        Ok(())
    }

    fn char_end(&self, at: usize) -> usize {
        at + self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
    }

    /// The text of the string at hand. 22P05 for U+0000, 22P02 for half a surrogate pair.
    pub fn unescape(&self) -> Result<Cow<'a, str>> {
        unescape(self.slice()).map_err(|detail| match detail {
            NUL => err!(UntranslatableCharacter, "unsupported Unicode escape sequence")
                .detail(detail)
                .context(self.context()),
            detail => self.syntax(detail.into()),
        })
    }

    pub fn invalid_token(&self) -> Error {
        let token = &self.text[self.start..self.end.min(self.text.len())];
        self.syntax(format!("Token \"{token}\" is invalid."))
    }

    /// `Expected x, but found "y".`, or the end.
    pub fn expected(&self, what: &str) -> Error {
        match self.token {
            Token::End => self.syntax("The input string ended unexpectedly.".into()),
            _ => self.syntax(format!("Expected {what}, but found \"{}\".", self.slice())),
        }
    }

    fn syntax(&self, detail: String) -> Error {
        err!(InvalidTextRepresentation, "invalid input syntax for type json")
            .detail(detail)
            .context(self.context())
    }

    /// `JSON data, line 1: {"a": x...`: at most 50 bytes before the error.
    fn context(&self) -> String {
        let end = (self.end..=self.text.len())
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(self.text.len());
        let line_start = self.line_start.min(end);
        let mut start = line_start;
        while end - start >= 50 {
            start = self.char_end(start).max(start + 1);
        }
        if start - line_start <= 3 {
            start = line_start;
        }
        let prefix = if start > line_start { "..." } else { "" };
        let more = self.token != Token::End || end > self.start;
        let suffix = match self.byte(end) {
            Some(b'\n' | b'\r') | None => "",
            Some(_) if more => "...",
            Some(_) => "",
        };
        format!("JSON data, line {}: {prefix}{}{suffix}", self.line, &self.text[start..end])
    }
}

const NUL: &str = "\\u0000 cannot be converted to text.";
const LOW: &str = "Unicode low surrogate must follow a high surrogate.";
const HIGH: &str = "Unicode high surrogate must not follow a high surrogate.";

/// A string token with its quotes, without them and its escapes. The lexer has checked it.
pub(super) fn unescape(token: &str) -> Result<Cow<'_, str>, &'static str> {
    let inner = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(token);
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut out = String::with_capacity(inner.len());
    let mut high = None;
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let mut c = c;
        let mut low = None;
        if c == '\\' {
            c = match chars.next().unwrap_or('\\') {
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let code = (0..4).fold(0, |code, _| {
                        code << 4 | chars.next().and_then(|digit| digit.to_digit(16)).unwrap_or(0)
                    });
                    match code {
                        0 => return Err(NUL),
                        0xd800..=0xdbff => {
                            if high.replace(code).is_some() {
                                return Err(HIGH);
                            }
                            continue;
                        }
                        0xdc00..=0xdfff => {
                            low = Some(code);
                            '\0'
                        }
                        code => char::from_u32(code).unwrap_or('\u{fffd}'),
                    }
                }
                other => other,
            };
        }
        match (high.take(), low) {
            (Some(high), Some(low)) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            (None, None) => out.push(c),
            _ => return Err(LOW),
        }
    }
    if high.is_some() {
        return Err(LOW);
    }
    Ok(Cow::Owned(out))
}
