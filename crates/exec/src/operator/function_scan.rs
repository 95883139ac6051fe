//! Set-returning functions in FROM, side by side: ROWS FROM pads shorter ones with NULL.

use super::slice;
use crate::context::Run;
use expr::{Expr, Function};
use plan::Plan;
use types::batch::BATCH_ROWS;
use types::{Batch, Error, Result, Value};

pub(super) struct FunctionScan {
    rows: Option<Batch>,
    position: usize,
    first_rows: usize,
}

impl FunctionScan {
    pub fn new(first_rows: usize) -> FunctionScan {
        FunctionScan { rows: None, position: 0, first_rows }
    }

    pub fn next(
        &mut self,
        calls: &[Expr],
        ordinality: bool,
        plan: &Plan,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.rows.is_none() {
            self.rows = Some(all_rows(calls, ordinality, plan, run)?);
        }
        let Some(rows) = &mut self.rows else { return Ok(false) };
        let wanted = if self.position == 0 { self.first_rows.min(BATCH_ROWS) } else { BATCH_ROWS };
        let end = rows.rows.min(self.position.saturating_add(wanted));
        let start = std::mem::replace(&mut self.position, end);
        if start >= end {
            return Ok(false);
        }
        *out = slice(rows, start, end);
        Ok(true)
    }
}

/// The function and its arguments, if `expr` is a call that returns a set.
pub(super) fn set_call(expr: &Expr) -> Option<(&'static Function, &[Expr])> {
    match expr {
        Expr::Call { function, args, .. } if function.returns_set() => Some((function, args)),
        _ => None,
    }
}

fn all_rows(calls: &[Expr], ordinality: bool, plan: &Plan, run: &Run<'_, '_>) -> Result<Batch> {
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        results.push(match set_call(call) {
            Some((function, args)) => {
                let args = args.iter().map(|arg| run.eval_constant(arg)).collect::<Result<Vec<Value>>>()?;
                (function.columns.len().max(1), expr::eval::eval_set(function, &args, &run.context())?)
            }
            // A plain function in FROM is a relation of one row.
            None => (1, vec![vec![run.eval_constant(call)?]]),
        });
    }
    let mut rows = Batch::new(plan.types.iter().map(|ty| ty.data_type));
    let width: usize = results.iter().map(|(width, _)| width).sum();
    if width + usize::from(ordinality) != rows.columns.len() {
        return Err(Error::internal("functions in FROM return other columns than planned"));
    }
    let count = results.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    for row in 0..count {
        let mut column = rows.columns.iter_mut();
        for (width, result) in &results {
            for (position, column) in column.by_ref().take(*width).enumerate() {
                column.push(result.get(row).and_then(|values| values.get(position)).unwrap_or(&Value::Null));
            }
        }
        if let Some(column) = column.next() {
            column.push(&Value::Int8(row as i64 + 1));
        }
    }
    rows.rows = count;
    Ok(rows)
}
