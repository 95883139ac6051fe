//! DISTINCT: the first of equal rows. DISTINCT ON: the first row of each run of equal expressions in a sorted input.

use super::Operator;
use crate::context::Run;
use crate::key::{self, KeySet};
use expr::Expr;
use plan::Plan;
use types::{Batch, Result};

pub(super) struct Distinct {
    input: Operator,
    seen: KeySet,
    last: Option<Vec<u8>>,
}

impl Distinct {
    pub fn new(input: Operator) -> Distinct {
        Distinct { input, seen: KeySet::default(), last: None }
    }

    pub fn next(
        &mut self,
        input: &Plan,
        on: Option<&[Expr]>,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if !self.input.next_rows(input, run, out)? {
            return Ok(false);
        }
        let kept = match on {
            None => key::unseen(&mut self.seen, out)?,
            Some(on) => self.first_of_runs(on, run, out)?,
        };
        if kept.len() < out.rows {
            *out = out.take(&kept);
        }
        Ok(true)
    }

    fn first_of_runs(&mut self, on: &[Expr], run: &Run<'_, '_>, batch: &Batch) -> Result<Vec<usize>> {
        let columns = run.eval_all(on, batch)?;
        let mut kept = Vec::new();
        for row in 0..batch.rows {
            let mut row_key = Vec::new();
            key::hash_key(&columns, row, &mut row_key)?;
            if self.last.as_ref() != Some(&row_key) {
                kept.push(row);
                self.last = Some(row_key);
            }
        }
        Ok(kept)
    }
}
