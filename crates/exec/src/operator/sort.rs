//! ORDER BY; with a limit, top-n: no more than twice the rows that are wanted are held.

use super::{Operator, slice};
use crate::context::Run;
use crate::key::SortKeys;
use expr::{Expr, SortKey};
use plan::Plan;
use types::batch::BATCH_ROWS;
use types::{Batch, Result};

pub(super) struct Sort {
    input: Operator,
    sorted: Option<(Batch, Vec<usize>)>,
    position: usize,
}

impl Sort {
    pub fn new(input: Operator) -> Sort {
        Sort { input, sorted: None, position: 0 }
    }

    pub fn next(
        &mut self,
        input: &Plan,
        keys: &[SortKey],
        limit: Option<&Expr>,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.sorted.is_none() {
            self.sorted = Some(self.sort(input, keys, limit, run)?);
        }
        let Some((rows, order)) = &mut self.sorted else { return Ok(false) };
        let end = order.len().min(self.position + BATCH_ROWS);
        let start = std::mem::replace(&mut self.position, end);
        if start == end {
            return Ok(false);
        }
        *out = rows.take(&order[start..end]);
        if end == order.len() {
            self.sorted = Some((Batch::default(), vec![]));
            self.position = 0;
        }
        Ok(true)
    }

    fn sort(
        &mut self,
        input: &Plan,
        keys: &[SortKey],
        limit: Option<&Expr>,
        run: &Run<'_, '_>,
    ) -> Result<(Batch, Vec<usize>)> {
        let limit = match limit {
            Some(limit) => run.eval_constant(limit)?.as_i64(),
            None => None,
        };
        // A negative limit is the Limit's to refuse.
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(0));
        let mut rows = Batch::new(input.types.iter().map(|ty| ty.data_type));
        let mut sort_keys = SortKeys::new(keys);
        let mut batch = Batch::default();
        while self.input.next_rows(input, run, &mut batch)? {
            let columns = run.eval_all(keys.iter().map(|key| &key.expr), &batch)?;
            sort_keys.push(&columns, batch.rows)?;
            if rows.is_empty() {
                let all = batch.rows;
                rows = slice(&mut batch, 0, all);
            } else {
                rows.append(&batch);
            }
            if rows.rows / 2 >= limit.max(BATCH_ROWS / 2) {
                // What stays is in order, and so before what comes: equal keys keep their order.
                let mut order = sort_keys.order(rows.rows);
                order.truncate(limit);
                rows = rows.take(&order);
                sort_keys.keep(&order);
            }
        }
        let mut order = sort_keys.order(rows.rows);
        order.truncate(limit);
        Ok((rows, order))
    }
}
