//! Rows of expressions: VALUES.

use crate::context::Run;
use expr::Expr;
use plan::Plan;
use types::batch::BATCH_ROWS;
use types::{Batch, Result};

pub(super) struct Values {
    position: usize,
    first_rows: usize,
}

impl Values {
    pub fn new(first_rows: usize) -> Values {
        Values { position: 0, first_rows }
    }

    pub fn next(
        &mut self,
        rows: &[Vec<Expr>],
        plan: &Plan,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        let rows = rows.get(self.position..).unwrap_or_default();
        let count =
            rows.len().min(BATCH_ROWS).min(if self.position == 0 { self.first_rows } else { BATCH_ROWS });
        *out = Batch::new(plan.types.iter().map(|ty| ty.data_type));
        for row in &rows[..count] {
            for (column, expr) in out.columns.iter_mut().zip(row) {
                match expr {
                    Expr::Constant { value, .. } => column.push(value),
                    _ => column.push(&run.eval_constant(expr)?),
                }
            }
        }
        out.rows = count;
        self.position += count;
        Ok(count > 0)
    }
}
