//! Text to syntax: splitting, the pre-pass, sqlparser, and our own parsers for what it does not know.

use types::Result;

/// One statement's syntax, with its text (views and prepared statements keep the text).
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The statement's own text, without the semicolon.
    pub text: String,
    /// Where it starts in the text that was parsed, in characters: added to error positions.
    pub offset: usize,
    pub syntax: Syntax,
}

/// What the parsers found.
#[derive(Debug, Clone, PartialEq)]
pub enum Syntax {
    /// sqlparser's tree.
    Sql(Box<sqlparser::ast::Statement>),
    /// One that we parse ourselves.
    Utility(Box<crate::utility::Utility>),
    Empty,
}

/// Splits and parses a script. A syntax error names the token and its position (42601); statements before it are not
/// returned (as in PostgreSQL, where the whole string is parsed first).
pub fn parse(_sql: &str) -> Result<Vec<Parsed>> {
    todo!()
}
