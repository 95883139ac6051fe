//! WHERE and HAVING: the rows for which the predicate is true.

use super::Operator;
use crate::context::Run;
use expr::Expr;
use plan::Plan;
use types::{Batch, Result};

pub(super) struct Filter {
    input: Operator,
}

impl Filter {
    pub fn new(input: Operator) -> Filter {
        Filter { input }
    }

    pub fn next(
        &mut self,
        input: &Plan,
        predicate: &Expr,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if !self.input.next_rows(input, run, out)? {
            return Ok(false);
        }
        retain(predicate, run, out)?;
        Ok(true)
    }
}

/// Keeps the rows of `batch` for which `predicate` is true.
pub(super) fn retain(predicate: &Expr, run: &Run<'_, '_>, batch: &mut Batch) -> Result<()> {
    let kept = run.eval_filter(predicate, batch)?;
    if kept.len() < batch.rows {
        *batch = batch.take(&kept);
    }
    Ok(())
}
