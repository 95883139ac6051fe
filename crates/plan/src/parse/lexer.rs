//! PostgreSQL's tokens (PostgreSQL 15, 4.1), for splitting a script and for our own parsers.
//!
//! It knows what a splitter must not get wrong: nested comments, `E''` and `U&''` strings, dollar quotes, quoted
//! identifiers, operators of many characters. It says where each token stands, so that text can be cut out whole.

use types::{Error, Result, err};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An unquoted word, folded to lower case.
    Word(String),
    /// A quoted identifier, unquoted.
    Quoted(String),
    /// A string constant, unescaped.
    Text(String),
    /// B'..' or X'..', with its letter.
    Bits(char, String),
    Number(String),
    /// `$1`
    Parameter(usize),
    /// Operators and punctuation: `(`, `::`, `<=`, `:=`.
    Symbol(String),
}

/// A token and where it stands in the text that was lexed: bytes `start..end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn is_symbol(&self, symbol: &str) -> bool {
        matches!(&self.kind, Kind::Symbol(s) if s == symbol)
    }
    /// An unquoted word.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(w) if w == word)
    }
}

/// Characters from 1 of a byte offset: what error positions count.
pub fn position(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte & 0xc0 != 0x80).count() + 1
}

/// `syntax error at or near "x"`, or `at end of input`.
pub fn syntax_error(text: &str, start: usize, end: usize) -> Error {
    let error = match text.get(start..end) {
        Some(near) if !near.is_empty() => err!(SyntaxError, "syntax error at or near \"{near}\""),
        _ => err!(SyntaxError, "syntax error at end of input"),
    };
    error.at(position(text, start))
}

/// All tokens of `text`.
pub fn lex(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, tokens: Vec::new() };
    while lexer.token()? {}
    Ok(lexer.tokens)
}

/// The statements of a script: byte ranges between semicolons, blank ones left out.
pub fn split(tokens: &[Token]) -> Vec<&[Token]> {
    // A semicolon inside parentheses (CREATE RULE) or a BEGIN ATOMIC body never ends a statement; neither is
    // supported, and both then fail as one statement.
    let mut depth = 0usize;
    let mut statements = Vec::new();
    let mut from = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if token.is_symbol(";") && depth == 0 {
            statements.push(&tokens[from..at]);
            from = at + 1;
        }
    }
    statements.push(&tokens[from..]);
    statements.retain(|statement| !statement.is_empty());
    statements
}

const OPERATOR: &[u8] = b"+-*/<>=~!@#%^&|`?";

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, start, end: self.at });
    }

    fn unterminated(&self, what: &str, start: usize) -> Error {
        let near = &self.text[start..];
        err!(SyntaxError, "unterminated {what} at or near \"{near}\"").at(position(self.text, start))
    }

    /// Reads one token. False at the end.
    fn token(&mut self) -> Result<bool> {
        self.blanks()?;
        let start = self.at;
        let Some(&byte) = self.bytes.get(start) else { return Ok(false) };
        let next = self.peek(1);
        match byte {
            b'\'' => self.string(start, false)?,
            b'e' | b'E' if next == b'\'' => {
                self.at += 1;
                self.string(start, true)?;
            }
            b'n' | b'N' if next == b'\'' => {
                self.at += 1;
                self.string(start, false)?;
            }
            b'b' | b'B' | b'x' | b'X' if next == b'\'' => {
                self.at += 1;
                let text = self.quoted(b'\'', "bit string literal", start)?;
                self.push(Kind::Bits((byte as char).to_ascii_lowercase(), text), start);
            }
            b'u' | b'U' if next == b'&' && matches!(self.peek(2), b'\'' | b'"') => self.unicode(start)?,
            b'"' => {
                let name = self.quoted(b'"', "quoted identifier", start)?;
                if name.is_empty() {
                    return Err(err!(SyntaxError, "zero-length delimited identifier at or near \"\"\"\"")
                        .at(position(self.text, start)));
                }
                self.push(Kind::Quoted(truncate(name)), start);
            }
            b'$' if next.is_ascii_digit() => {
                self.at += 1;
                let digits = self.take_while(|byte| byte.is_ascii_digit());
                let number = digits.parse().map_err(|_| syntax_error(self.text, start, self.at))?;
                self.push(Kind::Parameter(number), start);
            }
            b'$' => self.dollar_quote(start)?,
            b'0'..=b'9' => self.number(start)?,
            b'.' if next.is_ascii_digit() => self.number(start)?,
            _ if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                let word =
                    self.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || b >= 0x80);
                let word = truncate(word.to_ascii_lowercase());
                self.push(Kind::Word(word), start);
            }
            b':' => {
                self.at += if matches!(next, b':' | b'=') { 2 } else { 1 };
                self.push(Kind::Symbol(self.text[start..self.at].to_owned()), start);
            }
            b'.' if next == b'.' => {
                self.at += 2;
                self.push(Kind::Symbol("..".into()), start);
            }
            b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' => {
                self.at += 1;
                self.push(Kind::Symbol((byte as char).into()), start);
            }
            _ if OPERATOR.contains(&byte) => self.operator(start),
            _ => {
                let end = self.text[start..].chars().next().map_or(start + 1, |c| start + c.len_utf8());
                return Err(syntax_error(self.text, start, end));
            }
        }
        Ok(true)
    }

    /// Blanks and comments; `/* */` nests.
    fn blanks(&mut self) -> Result<()> {
        loop {
            let start = self.at;
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    self.take_while(|byte| byte != b'\n' && byte != b'\r');
                }
                b'/' if self.peek(1) == b'*' => {
                    let mut depth = 0;
                    loop {
                        match (self.peek(0), self.peek(1)) {
                            (b'/', b'*') => (depth, self.at) = (depth + 1, self.at + 2),
                            (b'*', b'/') => (depth, self.at) = (depth - 1, self.at + 2),
                            _ if self.at >= self.bytes.len() => {
                                return Err(self.unterminated("/* comment", start));
                            }
                            _ => self.at += 1,
                        }
                        if depth == 0 {
                            break;
                        }
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &str {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|&byte| keep(byte)) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// Up to the closing quote; a doubled quote is one.
    fn quoted(&mut self, quote: u8, what: &str, start: usize) -> Result<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let part = self.take_while(|byte| byte != quote).to_owned();
            out.push_str(&part);
            if self.at >= self.bytes.len() {
                return Err(self.unterminated(what, start));
            }
            self.at += 1;
            if self.peek(0) != quote {
                return Ok(out);
            }
            out.push(quote as char);
            self.at += 1;
        }
    }

    /// A string constant; constants on following lines continue it.
    fn string(&mut self, start: usize, escapes: bool) -> Result<()> {
        let mut out = String::new();
        loop {
            let part =
                if escapes { self.escaped(start)? } else { self.quoted(b'\'', "quoted string", start)? };
            out.push_str(&part);
            let end = self.at;
            self.blanks()?;
            let newline = self.text[end..self.at].contains(['\n', '\r']);
            if !(newline && self.peek(0) == b'\'') {
                self.at = end;
                break;
            }
        }
        self.push(Kind::Text(out), start);
        Ok(())
    }

    /// The inside of E'...' (PostgreSQL 15, 4.1.2.2).
    fn escaped(&mut self, start: usize) -> Result<String> {
        self.at += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let byte = self.peek(0);
            if self.at >= self.bytes.len() {
                return Err(self.unterminated("quoted string", start));
            }
            self.at += 1;
            match byte {
                b'\'' if self.peek(0) == b'\'' => {
                    out.push(b'\'');
                    self.at += 1;
                }
                b'\'' => break,
                b'\\' => self.escape(start, &mut out)?,
                _ => out.push(byte),
            }
        }
        String::from_utf8(out)
            .ok()
            .filter(|text| !text.contains('\0'))
            .ok_or_else(|| err!(CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\""))
    }

    fn escape(&mut self, start: usize, out: &mut Vec<u8>) -> Result<()> {
        let byte = self.peek(0);
        if byte == 0 {
            return Err(self.unterminated("quoted string", start));
        }
        self.at += 1;
        let numbered = |digits: &str, radix| u32::from_str_radix(digits, radix).unwrap_or(0);
        match byte {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let from = self.at - 1;
                while self.at < from + 3 && matches!(self.peek(0), b'0'..=b'7') {
                    self.at += 1;
                }
                out.push(numbered(&self.text[from..self.at], 8) as u8);
            }
            b'x' if self.peek(0).is_ascii_hexdigit() => {
                let from = self.at;
                while self.at < from + 2 && self.peek(0).is_ascii_hexdigit() {
                    self.at += 1;
                }
                out.push(numbered(&self.text[from..self.at], 16) as u8);
            }
            b'u' | b'U' => {
                let (from, length) = (self.at, if byte == b'u' { 4 } else { 8 });
                while self.at < from + length && self.peek(0).is_ascii_hexdigit() {
                    self.at += 1;
                }
                let code = numbered(&self.text[from..self.at], 16);
                let character =
                    char::from_u32(code).filter(|_| self.at == from + length).ok_or_else(|| {
                        err!(InvalidEscapeSequence, "invalid Unicode escape")
                            .hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.")
                            .at(position(self.text, from))
                    })?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.push(byte),
        }
        Ok(())
    }

    /// U&'..' and U&".." with the default escape character.
    fn unicode(&mut self, start: usize) -> Result<()> {
        self.at += 2;
        let quote = self.peek(0);
        let raw = self.quoted(quote, "quoted string", start)?;
        let mut out = String::new();
        let mut rest = raw.as_str();
        while let Some(at) = rest.find('\\') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(tail) = rest.strip_prefix('\\') {
                out.push('\\');
                rest = tail;
                continue;
            }
            let (digits, length) = match rest.strip_prefix('+') {
                Some(tail) => (tail.get(..6), 7),
                None => (rest.get(..4), 4),
            };
            let character = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
            match (character, rest.get(length..)) {
                (Some(character), Some(tail)) => {
                    out.push(character);
                    rest = tail;
                }
                _ => {
                    return Err(
                        err!(SyntaxError, "invalid Unicode escape value").at(position(self.text, start))
                    );
                }
            }
        }
        out.push_str(rest);
        self.push(if quote == b'"' { Kind::Quoted(out) } else { Kind::Text(out) }, start);
        Ok(())
    }

    fn dollar_quote(&mut self, start: usize) -> Result<()> {
        self.at += 1;
        self.take_while(|b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80);
        if self.peek(0) != b'$' {
            return Err(syntax_error(self.text, start, start + 1));
        }
        self.at += 1;
        let tag = &self.text[start..self.at];
        let Some(length) = self.text[self.at..].find(tag) else {
            return Err(self.unterminated("dollar-quoted string", start));
        };
        let body = self.text[self.at..self.at + length].to_owned();
        self.at += length + tag.len();
        self.push(Kind::Text(body), start);
        Ok(())
    }

    fn number(&mut self, start: usize) -> Result<()> {
        self.take_while(|byte| byte.is_ascii_digit());
        if self.peek(0) == b'.' && self.peek(1) != b'.' {
            self.at += 1;
            self.take_while(|byte| byte.is_ascii_digit());
        }
        let exponent = matches!(self.peek(0), b'e' | b'E')
            && (self.peek(1).is_ascii_digit()
                || (matches!(self.peek(1), b'+' | b'-') && self.peek(2).is_ascii_digit()));
        if exponent {
            self.at += 2;
            self.take_while(|byte| byte.is_ascii_digit());
        }
        if self.peek(0).is_ascii_alphabetic() || self.peek(0) == b'_' {
            self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let near = &self.text[start..self.at];
            return Err(err!(SyntaxError, "trailing junk after numeric literal at or near \"{near}\"")
                .at(position(self.text, start)));
        }
        self.push(Kind::Number(self.text[start..self.at].to_owned()), start);
        Ok(())
    }

    /// The longest operator, as PostgreSQL cuts it: comments end it, and a trailing + or - belongs to it only if it
    /// holds one of `~ ! @ # % ^ & | ` ?`.
    fn operator(&mut self, start: usize) {
        while OPERATOR.contains(&self.peek(0)) && self.at < self.bytes.len() {
            let comment = matches!((self.peek(0), self.peek(1)), (b'-', b'-') | (b'/', b'*'));
            if comment && self.at > start {
                break;
            }
            self.at += 1;
        }
        let free = |text: &str| text.bytes().any(|byte| b"~!@#%^&|`?".contains(&byte));
        while self.at > start + 1
            && self.text[start..self.at].ends_with(['+', '-'])
            && !free(&self.text[start..self.at])
        {
            self.at -= 1;
        }
        self.push(Kind::Symbol(self.text[start..self.at].to_owned()), start);
    }
}

/// Identifiers are cut to 63 bytes (PostgreSQL 15, 4.1.1).
fn truncate(mut name: String) -> String {
    if name.len() > 63 {
        let end = (0..=63).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        lex(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn strings_in_every_spelling() {
        let text = |s: &str| Kind::Text(s.into());
        assert_eq!(kinds("'a''b'"), [text("a'b")]);
        assert_eq!(kinds(r"E'\n\x41\u00e9\''"), [text("\nAé'")]);
        assert_eq!(kinds("$x$ ; 'q' $x$"), [text(" ; 'q' ")]);
        assert_eq!(kinds(r"U&'d\0061t\+000061'"), [text("data")]);
        assert_eq!(kinds("'a'\n 'b'"), [text("ab")]);
        assert_eq!(kinds("'a' 'b'"), [text("a"), text("b")]);
    }

    #[test]
    fn operators_are_cut_as_postgres_cuts_them() {
        let symbol = |s: &str| Kind::Symbol(s.into());
        let number = |s: &str| Kind::Number(s.into());
        assert_eq!(kinds("1*-2"), [number("1"), symbol("*"), symbol("-"), number("2")]);
        assert_eq!(kinds("1@-2"), [number("1"), symbol("@-"), number("2")]);
        assert_eq!(kinds("a::int"), [Kind::Word("a".into()), symbol("::"), Kind::Word("int".into())]);
    }

    #[test]
    fn splits_at_top_level_semicolons_only() {
        let tokens = lex("select ';'; /* ; /* ; */ */ select $$;$$ -- ;\n;;").unwrap();
        assert_eq!(split(&tokens).len(), 2);
    }

    #[test]
    fn refuses_what_never_ends() {
        for text in ["'a", "\"a", "/* a", "$$ a", "E'a\\", "1x", "\"\""] {
            assert!(lex(text).is_err(), "{text}");
        }
    }
}
