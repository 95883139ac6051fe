//! A select list.

use super::Operator;
use crate::context::Run;
use expr::Expr;
use plan::Plan;
use types::{Batch, Result, Vector};

pub(super) struct Project {
    input: Operator,
    batch: Batch,
}

impl Project {
    pub fn new(input: Operator) -> Project {
        Project { input, batch: Batch::default() }
    }

    pub fn next(&mut self, input: &Plan, exprs: &[Expr], run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        if !self.input.next_rows(input, run, &mut self.batch)? {
            return Ok(false);
        }
        *out = project(exprs, &mut self.batch, run)?;
        Ok(true)
    }
}

/// Evaluates `exprs`; plain columns are moved out of `batch`, not copied.
pub(super) fn project(exprs: &[Expr], batch: &mut Batch, run: &Run<'_, '_>) -> Result<Batch> {
    let mut columns: Vec<Option<Vector>> = Vec::with_capacity(exprs.len());
    for expr in exprs {
        columns.push(match expr {
            Expr::Column { .. } => None,
            _ => Some(run.eval(expr, batch)?),
        });
    }
    let mut done = Vec::with_capacity(exprs.len());
    for (position, (expr, column)) in exprs.iter().zip(columns).enumerate() {
        done.push(match (expr, column) {
            (_, Some(column)) => column,
            (Expr::Column { index, .. }, None) if *index < batch.columns.len() => {
                let again =
                    |later: &Expr| matches!(later, Expr::Column { index: other, .. } if other == index);
                if exprs[position + 1..].iter().any(again) {
                    batch.columns[*index].clone()
                } else {
                    let data_type = batch.columns[*index].data_type;
                    std::mem::replace(&mut batch.columns[*index], Vector::new(data_type))
                }
            }
            (_, None) => {
                return Err(types::Error::internal("a select list names a column that its input has not"));
            }
        });
    }
    Ok(Batch { columns: done, rows: batch.rows })
}
