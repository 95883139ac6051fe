//! SQL text to an immutable plan.
//!
//! ```text
//!   text ─ split ─> statements ─ pre-pass ─> sqlparser ─┐
//!                       └── own parsers (sequences, VACUUM, GRANT, COPY, ...) ─┐
//!                                                       v                      v
//!   Schema (names, types) ───────────────────────────> bind ──> Plan ─ rules ─> Plan      Statement::{Query, Ddl, ...}
//!                                                                                └─ explain
//! ```
//! This is the only crate that names `sqlparser`. It never touches storage: it sees a [`types::schema::Schema`].

pub mod bind;
pub mod ddl;
pub mod explain;
pub mod node;
pub mod optimize;
pub mod parse;
mod rel;
pub mod stack;
pub mod statement;
pub mod utility;

pub use node::{Access, JoinKind, KeyRange, Node, Plan, Versions};
pub use parse::{Parsed, parse};
pub use statement::{Field, Query, QueryKind, Statement};

use std::sync::Arc;
use types::schema::Schema;
use types::{DataType, Result};

/// What binding may depend on beside the schema.
#[derive(Clone)]
pub struct Environment {
    pub schema: Arc<dyn Schema>,
    /// Types of `$1..` that the client gave; None = to be inferred.
    pub parameters: Vec<Option<DataType>>,
    /// Values of `$1..` where they are known: what AS OF needs to find the schema of then.
    pub values: Vec<types::Value>,
    pub settings: types::TextSettings,
    /// The session's, transaction's or connection's AS OF: the schema above is already of then.
    pub as_of: Option<types::Moment>,
    pub current_user: String,
    pub database: String,
}

/// Binds and optimises one parsed statement. Errors carry a position in the text that [`parse()`] was given.
pub fn plan(parsed: &Parsed, environment: &Environment) -> Result<Statement> {
    bind::statement(parsed, environment)
}
