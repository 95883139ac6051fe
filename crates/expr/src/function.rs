//! What a function is, and how one is found by name and argument types.

use crate::context::Context;
use crate::expr::Expr;
use std::fmt;
use types::{ColumnType, DataType, Oid, Result, Value, Vector};

/// `pg_proc.provolatile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// A polymorphic or a concrete argument type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    Is(DataType),
    /// anyelement: all such arguments agree.
    AnyElement,
    /// anyarray: the array of anyelement.
    AnyArray,
    /// "any": whatever comes.
    Any,
}

/// How a function computes.
pub enum Implementation {
    /// A row at a time; strictness has been taken care of.
    Row(fn(&Context<'_>, &[Value]) -> Result<Value>),
    /// A column at a time: `args` are equally long; NULLs are the function's business (a strict function's result is
    /// NULL wherever an argument is: the evaluator merges the null masks afterwards, and a function whose loop could
    /// fail on a null row's placeholder must skip it).
    Columns(fn(&Context<'_>, &[Vector], usize) -> Result<Vector>),
    /// Asked of the [`crate::Runtime`] by this name: sequences, catalog and session functions, the ledger's.
    Runtime,
    /// Returns rows: used in FROM, or expanded in a select list. Row by row for now.
    Set(SetFunction),
}

/// The rows of one call.
pub type SetFunction = fn(&Context<'_>, &[Value]) -> Result<Vec<Vec<Value>>>;

/// A function or an operator's implementation. Static: compared and hashed by address.
pub struct Function {
    pub name: &'static str,
    /// `pg_proc.oid` of PostgreSQL 15, 0 for our own.
    pub oid: Oid,
    pub args: &'static [Argument],
    /// The last argument may repeat (VARIADIC).
    pub variadic: bool,
    /// None: the type of anyelement, or of anyarray, as `result` says.
    pub returns: Argument,
    /// Columns of a set-returning function that returns records: name and type. Empty otherwise.
    pub columns: &'static [(&'static str, DataType)],
    pub strict: bool,
    pub volatility: Volatility,
    pub implementation: Implementation,
}

impl Function {
    pub fn returns_set(&self) -> bool {
        matches!(self.implementation, Implementation::Set(_)) || !self.columns.is_empty()
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        std::ptr::eq(self, other)
    }
}

/// A function chosen for some argument types: the casts to apply to each argument, and the result's type.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub function: &'static Function,
    /// One per argument given.
    pub arguments: Vec<DataType>,
    pub returns: DataType,
}

/// PostgreSQL 15, 10.3 "Functions", with unknown literals as [`DataType::Unknown`]. Err is 42883 or 42725 with
/// PostgreSQL's message and hint. `schema` is `pg_catalog`, `ledger`, `information_schema` or None.
pub fn resolve(_schema: Option<&str>, _name: &str, _args: &[DataType]) -> Result<Resolved> {
    todo!()
}

/// Turns stored SQL text into a bound expression over a relation's columns (`Column.index` = position among
/// `relation.columns`, dropped ones included). The planner implements it; the catalog is given one.
pub trait Binder: Send + Sync {
    fn bind(&self, sql: &str, relation: &types::schema::Relation, ty: Option<ColumnType>) -> Result<Expr>;
}
