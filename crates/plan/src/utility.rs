//! Statements that sqlparser does not know or gets wrong, by our own parsers (`pg-ecosystem` list): sequences, VACUUM,
//! GRANT, COPY, FETCH, SET CONSTRAINTS, COMMENT, AS OF at transaction level.

/// The syntax of one such statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Utility {}
