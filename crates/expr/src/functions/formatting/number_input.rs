//! to_number: digits picked out of a text by a picture; a port of the other half of `NUM_processor`.

use super::number::{Key, LocalSign, Node, Picture};
use types::{Error, Numeric, Result};

pub(super) fn parse(text: &str, template: &str) -> Result<Numeric> {
    let picture = Picture::parse(template)?;
    if picture.exponent {
        return Err(Error::new(types::SqlState::FeatureNotSupported, "\"EEEE\" not supported for input"));
    }
    if picture.roman {
        return Err(Error::new(types::SqlState::FeatureNotSupported, "\"RN\" not supported for input"));
    }
    let mut reader = Reader {
        picture: &picture,
        input: text.chars().collect(),
        position: 0,
        sign: ' ',
        digits: String::new(),
        before: 0,
        after: 0,
        point: false,
    };
    reader.read();
    let mut number = format!("{}{}", reader.sign, reader.digits);
    if number.ends_with('.') {
        number.pop();
    }
    let scale = reader.after;
    let precision = picture.before + picture.shift + scale;
    let value = Numeric::parse(&number)?;
    // More digits than numeric(p, s) can declare are not checked.
    let value = match types::numeric::typmod(precision, scale) {
        Ok(typmod) => value.apply_typmod(typmod)?,
        Err(_) => value,
    };
    match picture.shift {
        0 => Ok(value),
        shift => value.mul(&Numeric::from(10).power(&Numeric::from(-(shift as i64)))?),
    }
}

struct Reader<'a> {
    picture: &'a Picture,
    input: Vec<char>,
    position: usize,
    sign: char,
    digits: String,
    before: i32,
    after: i32,
    point: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.input.get(self.position).copied()
    }

    /// Skips up to `count` characters that are no part of a number.
    fn skip_other(&mut self, count: usize) {
        for _ in 0..count {
            match self.peek() {
                Some(c) if !"0123456789.,+-".contains(c) => self.position += 1,
                _ => break,
            }
        }
    }

    fn read(&mut self) {
        let nodes = self.picture.nodes.clone();
        for node in nodes {
            if self.position >= self.input.len() {
                break;
            }
            let key = match node {
                Node::Text(_) => {
                    self.position += 1;
                    continue;
                }
                Node::Key(key) => key,
            };
            match key {
                Key::Nine | Key::Zero | Key::Point | Key::LocalPoint => {
                    self.digit(key);
                    self.position += 1;
                }
                // FM: before the first digit it stands for nothing.
                Key::Comma | Key::Group if self.picture.fill && self.digits.is_empty() => {}
                Key::Comma | Key::Group => self.position += usize::from(self.peek() == Some(',')),
                Key::Currency => self.skip_other(1),
                Key::Ordinal { .. } => self.skip_other(2),
                Key::Minus => match self.peek() {
                    Some('-') => {
                        self.sign = '-';
                        self.position += 1;
                    }
                    _ => self.skip_other(1),
                },
                Key::Plus => match self.peek() {
                    Some('+') => {
                        self.sign = '+';
                        self.position += 1;
                    }
                    _ => self.skip_other(1),
                },
                Key::Sign => match self.peek() {
                    Some(sign @ ('+' | '-')) => {
                        self.sign = sign;
                        self.position += 1;
                    }
                    _ => self.skip_other(1),
                },
                _ => {}
            }
        }
    }

    /// `NUM_numpart_from_char`; leaves the position on the last character that it took.
    fn digit(&mut self, key: Key) {
        if self.peek() == Some(' ') {
            self.position += 1;
        }
        let Some(mut c) = self.peek() else { return };
        let is_digit = matches!(key, Key::Nine | Key::Zero);
        if self.sign == ' ' && is_digit && self.before + self.after == 0 {
            let local = self.picture.has_sign && self.picture.sign == LocalSign::Before;
            match c {
                '-' | '+' => {
                    self.sign = c;
                    self.position += 1;
                }
                '<' if self.picture.brackets && !local => {
                    self.sign = '-';
                    self.position += 1;
                }
                _ => {}
            }
            match self.peek() {
                Some(next) => c = next,
                None => return,
            }
        }
        let mut read = false;
        if c.is_ascii_digit() {
            if self.point && self.after == self.picture.after {
                return;
            }
            self.digits.push(c);
            if self.point {
                self.after += 1;
            } else {
                self.before += 1;
            }
            read = true;
        } else if self.picture.has_point && !self.point && c == '.' {
            self.digits.push('.');
            self.point = true;
            read = true;
        }
        if self.sign == ' ' && self.before + self.after > 0 {
            let next = self.input.get(self.position + 1).copied();
            if self.picture.has_sign && read {
                if let Some(sign @ ('+' | '-')) = next {
                    self.position += 1;
                    self.sign = sign;
                }
            } else if !read
                && !self.picture.has_sign
                && (self.picture.plus || self.picture.minus)
                && matches!(c, '+' | '-')
            {
                self.sign = c;
            }
        }
    }
}
