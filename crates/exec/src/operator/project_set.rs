//! Set-returning functions of a select list: each row is repeated as often as the longest set has rows, shorter sets
//! end in NULLs (PostgreSQL 10 and later).

use super::Operator;
use super::function_scan::set_call;
use crate::context::Run;
use expr::Expr;
use plan::Plan;
use types::{Batch, Record, Result, Value, Vector};

pub(super) struct ProjectSet {
    input: Operator,
    batch: Batch,
}

impl ProjectSet {
    pub fn new(input: Operator) -> ProjectSet {
        ProjectSet { input, batch: Batch::default() }
    }

    pub fn next(&mut self, input: &Plan, exprs: &[Expr], run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        if !self.input.next_rows(input, run, &mut self.batch)? {
            return Ok(false);
        }
        let batch = &self.batch;
        let mut sets: Vec<Option<Vec<Vec<Vec<Value>>>>> = Vec::with_capacity(exprs.len());
        for expr in exprs {
            sets.push(match set_call(expr) {
                Some((function, args)) => {
                    let args = run.eval_all(args, batch)?;
                    let rows = (0..batch.rows).map(|row| {
                        let args: Vec<Value> = args.iter().map(|arg| arg.get(row)).collect();
                        expr::eval::eval_set(function, &args, &run.context())
                    });
                    Some(rows.collect::<Result<_>>()?)
                }
                None => None,
            });
        }
        let length = |row: usize| sets.iter().flatten().map(|set| set[row].len()).max().unwrap_or(1);
        let repeated: Vec<usize> =
            (0..batch.rows).flat_map(|row| std::iter::repeat_n(row, length(row))).collect();
        let mut columns = Vec::with_capacity(exprs.len());
        for (expr, set) in exprs.iter().zip(&sets) {
            let Some(set) = set else {
                columns.push(run.eval(expr, batch)?.take(&repeated));
                continue;
            };
            let mut column = Vector::new(expr.data_type());
            for (row, results) in set.iter().enumerate() {
                for position in 0..length(row) {
                    match results.get(position) {
                        Some(result) => column.push(&as_value(expr, result)),
                        None => column.push_null(),
                    }
                }
            }
            columns.push(column);
        }
        *out = Batch { columns, rows: repeated.len() };
        Ok(true)
    }
}

/// One result row as one value: a record where the function returns several columns.
fn as_value(expr: &Expr, result: &[Value]) -> Value {
    match (set_call(expr), result) {
        (Some((function, _)), values) if !function.columns.is_empty() => {
            let fields = function.columns.iter().map(|(_, ty)| *ty).zip(values.iter().cloned()).collect();
            let names = function.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            Value::Record(Box::new(Record { fields, names: Some(names) }))
        }
        (_, [value, ..]) => value.clone(),
        (_, []) => Value::Null,
    }
}
