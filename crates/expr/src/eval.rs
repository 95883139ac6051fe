//! The evaluator: an expression over a batch gives a column.

use crate::{Context, Expr};
use types::{Batch, Result, Value, Vector};

/// Evaluates `expr` for every row of `input`. Branches of CASE, COALESCE, AND and OR are evaluated only for the rows
/// that reach them, so that `CASE WHEN x <> 0 THEN 1/x END` never divides by zero.
pub fn eval(_expr: &Expr, _input: &Batch, _context: &Context<'_>) -> Result<Vector> {
    todo!()
}

/// Evaluates an expression that has no columns.
pub fn eval_constant(_expr: &Expr, _context: &Context<'_>) -> Result<Value> {
    todo!()
}

/// The rows of `input` for which `predicate` is true (not null), ascending.
pub fn eval_filter(_predicate: &Expr, _input: &Batch, _context: &Context<'_>) -> Result<Vec<usize>> {
    todo!()
}
