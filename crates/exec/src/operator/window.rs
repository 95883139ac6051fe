//! Window functions: rows gathered, sorted once per window, a column added per call.
//!
//! ```text
//!   rows ─ sort by (partition, order) ─> partitions of peers ─ frames ─> functions, aggregates
//! ```
//! Each further window sorts what the one before left, so rows come out in the order of the last.

mod aggregates;
mod frame;
mod functions;
mod partition;

use super::{Operator, slice};
use crate::context::Run;
use expr::window::WindowTarget;
use expr::{Expr, SortKey, WindowCall};
use partition::Partitions;
use plan::Plan;
use types::batch::BATCH_ROWS;
use types::{Batch, Result, Vector};

pub(super) struct Window {
    input: Operator,
    result: Option<Batch>,
    position: usize,
}

impl Window {
    pub fn new(input: Operator) -> Window {
        Window { input, result: None, position: 0 }
    }

    pub fn next(
        &mut self,
        input: &Plan,
        calls: &[WindowCall],
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.result.is_none() {
            let mut rows = Batch::new(input.types.iter().map(|ty| ty.data_type));
            let mut batch = Batch::default();
            while self.input.next_rows(input, run, &mut batch)? {
                rows.append(&batch);
            }
            self.result = Some(add_calls(rows, calls, run)?);
        }
        let Some(result) = &mut self.result else { return Ok(false) };
        let end = result.rows.min(self.position + BATCH_ROWS);
        let start = std::mem::replace(&mut self.position, end);
        if start >= end {
            return Ok(false);
        }
        *out = slice(result, start, end);
        Ok(true)
    }
}

/// The rows with one more column per call, sorted by the last window.
fn add_calls(mut rows: Batch, calls: &[WindowCall], run: &Run<'_, '_>) -> Result<Batch> {
    let mut results: Vec<Option<Vector>> = vec![None; calls.len()];
    while let Some(first) = results.iter().position(Option::is_none) {
        let window = window_of(&calls[first]);
        let same: Vec<usize> = (first..calls.len())
            .filter(|&position| results[position].is_none() && window_of(&calls[position]) == window)
            .collect();
        let partitions = Partitions::sort(&mut rows, window.0, window.1, run)?;
        // What earlier windows gave moves with its rows.
        for result in results.iter_mut().flatten() {
            *result = result.take(&partitions.order);
        }
        for position in same {
            let call = &calls[position];
            let mut result = match &call.function {
                WindowTarget::Function(function, args) => {
                    functions::evaluate(*function, args, call, &rows, &partitions, run)?
                }
                WindowTarget::Aggregate(aggregate) => {
                    aggregates::evaluate(aggregate, call, &rows, &partitions, run)?
                }
            };
            result.data_type = call.ty.data_type;
            results[position] = Some(result);
        }
    }
    rows.columns.extend(results.into_iter().flatten());
    Ok(rows)
}

fn window_of(call: &WindowCall) -> (&[Expr], &[SortKey]) {
    (&call.partition_by, &call.order_by)
}
