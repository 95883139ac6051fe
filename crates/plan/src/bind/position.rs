//! Where in the statement's text a piece of syntax stands: what psql points at.

use crate::Parsed;
use sqlparser::ast::{Expr, Ident, ObjectName, Spanned};
use sqlparser::tokenizer::Location;
use types::Error;

/// The text that is being bound; none for stored texts (views, defaults), whose errors have no position.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    parsed: Option<&'a Parsed>,
}

/// Something that starts somewhere.
pub(crate) trait Start {
    fn start(&self) -> Location;
}

impl Start for Expr {
    fn start(&self) -> Location {
        match self {
            Expr::Nested(inner) => inner.start(),
            Expr::BinaryOp { left, .. } => left.start(),
            _ => self.span().start,
        }
    }
}
impl Start for Ident {
    fn start(&self) -> Location {
        self.span.start
    }
}
impl Start for ObjectName {
    fn start(&self) -> Location {
        self.span().start
    }
}
impl Start for sqlparser::ast::Query {
    fn start(&self) -> Location {
        self.span().start
    }
}
impl Start for Location {
    fn start(&self) -> Location {
        *self
    }
}

impl<'a> Source<'a> {
    pub(crate) fn new(parsed: Option<&'a Parsed>) -> Source<'a> {
        Source { parsed }
    }

    /// In characters from 1, in the text that was given to the parser.
    pub(crate) fn position(&self, at: &impl Start) -> Option<usize> {
        let parsed = self.parsed?;
        character(&parsed.text, at.start()).map(|index| parsed.offset + index + 1)
    }

    pub(crate) fn locate(&self, mut error: Error, at: &impl Start) -> Error {
        if error.position.is_none() {
            error.position = self.position(at);
        }
        error
    }

    /// The parenthesis before a subquery.
    pub(crate) fn locate_parenthesis(&self, mut error: Error, query: &impl Start) -> Error {
        if error.position.is_some() {
            return error;
        }
        let Some(parsed) = self.parsed else { return error };
        let Some(start) = character(&parsed.text, query.start()) else { return error };
        let before: Vec<char> = parsed.text.chars().take(start).collect();
        let found = before.iter().rposition(|c| *c == '(');
        error.position = found.map(|found| parsed.offset + found + 1);
        error
    }

    /// Where the operator between two operands stands: the first character after `left` that is neither space nor
    /// closing parenthesis.
    pub(crate) fn locate_operator(&self, mut error: Error, left: &Expr, symbol: &str) -> Error {
        if error.position.is_some() {
            return error;
        }
        let Some(parsed) = self.parsed else { return error };
        let Some(end) = character(&parsed.text, left.span().end) else { return error };
        let rest: Vec<char> = parsed.text.chars().skip(end).collect();
        let symbol: Vec<char> = symbol.chars().collect();
        let found = rest
            .windows(symbol.len().max(1))
            .position(|window| window.iter().zip(&symbol).all(|(a, b)| a.eq_ignore_ascii_case(b)));
        error.position = found.map(|found| parsed.offset + end + found + 1);
        error
    }
}

/// The index of a line and column (both from 1) in a text, in characters.
fn character(text: &str, at: Location) -> Option<usize> {
    if at.line == 0 || at.column == 0 {
        return None;
    }
    let mut before = 0;
    for (number, line) in text.split('\n').enumerate() {
        if number as u64 + 1 == at.line {
            return Some(before + at.column as usize - 1);
        }
        before += line.chars().count() + 1;
    }
    None
}
