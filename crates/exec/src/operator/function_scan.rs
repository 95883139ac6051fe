//! Set-returning functions in FROM, side by side: ROWS FROM pads shorter ones with NULL.

use super::slice;
use crate::context::Run;
use expr::{Expr, Function, Integers};
use plan::Plan;
use types::batch::BATCH_ROWS;
use types::{Batch, DataType, Error, Result, Value};

pub(super) struct FunctionScan {
    source: Option<Source>,
    first_rows: usize,
}

enum Source {
    Rows {
        rows: Batch,
        position: usize,
    },
    /// A series alone, made as it is read: it may be longer than memory.
    Series {
        series: Integers,
        count: i64,
    },
}

impl FunctionScan {
    pub fn new(first_rows: usize) -> FunctionScan {
        FunctionScan { source: None, first_rows }
    }

    pub fn next(
        &mut self,
        calls: &[Expr],
        ordinality: bool,
        plan: &Plan,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        let is_first = self.source.is_none();
        let wanted = if is_first { self.first_rows.min(BATCH_ROWS) } else { BATCH_ROWS };
        let source = match &mut self.source {
            Some(source) => source,
            none => none.insert(open(calls, ordinality, plan, run)?),
        };
        match source {
            Source::Rows { rows, position } => {
                let end = rows.rows.min(position.saturating_add(wanted));
                let start = std::mem::replace(position, end);
                if start >= end {
                    return Ok(false);
                }
                *out = slice(rows, start, end);
            }
            Source::Series { series, count } => {
                let mut rows = Batch::new(plan.types.iter().map(|ty| ty.data_type));
                for value in series.take(wanted) {
                    *count += 1;
                    rows.push_row(&[value, Value::Int8(*count)][..1 + usize::from(ordinality)]);
                }
                if rows.rows == 0 {
                    return Ok(false);
                }
                *out = rows;
            }
        }
        Ok(true)
    }
}

fn open(calls: &[Expr], ordinality: bool, plan: &Plan, run: &Run<'_, '_>) -> Result<Source> {
    if let [call] = calls
        && let Some((function, args)) = set_call(call)
        && function.name == "generate_series"
        && args.iter().all(|arg| matches!(arg.data_type(), DataType::Int4 | DataType::Int8))
        && plan.types.len() == 1 + usize::from(ordinality)
    {
        let args = args.iter().map(|arg| run.eval_constant(arg)).collect::<Result<Vec<Value>>>()?;
        return Ok(if args.iter().any(Value::is_null) {
            Source::Rows { rows: Batch::default(), position: 0 }
        } else {
            Source::Series { series: Integers::new(&args)?, count: 0 }
        });
    }
    Ok(Source::Rows { rows: all_rows(calls, ordinality, plan, run)?, position: 0 })
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
