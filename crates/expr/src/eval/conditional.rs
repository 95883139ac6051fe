//! AND, OR, CASE, COALESCE: an operand is evaluated only for the rows that reach it.

use super::{booleans, evaluate, stretched};
use crate::columnwise::at;
use crate::context::Context;
use crate::expr::Expr;
use crate::operator::comparison_symbol;
use std::borrow::Cow;
use types::vector::Data;
use types::{Batch, ColumnType, DataType, Error, Result, Vector};

/// AND (`and`) or OR, with three truth values. A row that is decided (false for AND, true for OR) reaches no further
/// operand; a null one does, for it may still be decided.
pub(super) fn connective<'a>(
    args: &[Expr],
    and: bool,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let mut truths = vec![and; input.rows];
    let mut nulls = vec![false; input.rows];
    let mut undecided: Vec<usize> = (0..input.rows).collect();
    for arg in args {
        if undecided.is_empty() {
            break;
        }
        let gathered = gather(arg, input, &undecided);
        let result = evaluate(arg, gathered.as_ref().unwrap_or(input), context, depth)?;
        let answers = booleans(&result)?;
        let mut position = 0;
        undecided.retain(|&row| {
            let index = at(&result, if gathered.is_some() { position } else { row });
            position += 1;
            if result.is_null(index) {
                nulls[row] = true;
                return true;
            }
            if answers[index] != and {
                truths[row] = !and;
                nulls[row] = false;
                return false;
            }
            true
        });
    }
    let nulls = nulls.contains(&true).then_some(nulls);
    Ok(Cow::Owned(Vector { data_type: DataType::Bool, data: Data::Bool(truths), nulls }))
}

pub(super) fn case<'a>(
    branches: &[(Expr, Expr)],
    default: Option<&Expr>,
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let mut pieces = Pieces::new(ty.data_type, input.rows);
    let mut rest: Vec<usize> = (0..input.rows).collect();
    for (condition, result) in branches {
        if rest.is_empty() {
            break;
        }
        let gathered = gather(condition, input, &rest);
        let answers = evaluate(condition, gathered.as_ref().unwrap_or(input), context, depth)?;
        let truths = booleans(&answers)?;
        let mut matched = Vec::new();
        let mut position = 0;
        rest.retain(|&row| {
            let index = at(&answers, if gathered.is_some() { position } else { row });
            position += 1;
            let is_true = truths[index] && !answers.is_null(index);
            if is_true {
                matched.push(row);
            }
            !is_true
        });
        pieces.evaluate(result, matched, input, context, depth)?;
    }
    match default {
        Some(default) => pieces.evaluate(default, rest, input, context, depth)?,
        None => pieces.nulls(rest),
    }
    pieces.assemble()
}

pub(super) fn coalesce<'a>(
    args: &[Expr],
    ty: ColumnType,
    input: &'a Batch,
    context: &Context<'_>,
    depth: usize,
) -> Result<Cow<'a, Vector>> {
    let mut pieces = Pieces::new(ty.data_type, input.rows);
    let mut rest: Vec<usize> = (0..input.rows).collect();
    for arg in args {
        if rest.is_empty() {
            break;
        }
        let gathered = only_rows(arg, input, &rest);
        let result = evaluate(arg, gathered.as_ref().unwrap_or(input), context, depth)?;
        if result.nulls.is_none() && rest.len() == input.rows {
            // The usual case: nothing is null, and no other operand is needed.
            return Ok(Cow::Owned(result.into_owned()));
        }
        let result = stretched(result, rest.len());
        let found: Vec<usize> = (0..rest.len()).filter(|&position| !result.is_null(position)).collect();
        let rows = found.iter().map(|&position| rest[position]).collect();
        pieces.add(rows, result.take(&found))?;
        let mut position = 0;
        rest.retain(|_| {
            position += 1;
            result.is_null(position - 1)
        });
    }
    pieces.nulls(rest);
    pieces.assemble()
}

/// Results for some rows each, until they are put together.
struct Pieces {
    results: Vector,
    /// For each row of the input, where in `results` its result is.
    places: Vec<usize>,
}

impl Pieces {
    fn new(data_type: DataType, rows: usize) -> Pieces {
        Pieces { results: Vector::new(data_type), places: vec![0; rows] }
    }

    fn evaluate(
        &mut self,
        expr: &Expr,
        rows: Vec<usize>,
        input: &Batch,
        context: &Context<'_>,
        depth: usize,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let gathered = only_rows(expr, input, &rows);
        let result = evaluate(expr, gathered.as_ref().unwrap_or(input), context, depth)?;
        let result = stretched(result, rows.len()).into_owned();
        self.add(rows, result)
    }

    fn add(&mut self, rows: Vec<usize>, result: Vector) -> Result<()> {
        if std::mem::discriminant(&self.results.data) != std::mem::discriminant(&result.data) {
            return Err(Error::internal(format!(
                "a branch of type {} in an expression of type {}",
                result.data_type, self.results.data_type
            )));
        }
        let start = self.results.len();
        rows.iter().enumerate().for_each(|(position, &row)| self.places[row] = start + position);
        if start == 0 {
            let data_type = self.results.data_type;
            self.results = Vector { data_type, ..result };
        } else {
            self.results.append(&result);
        }
        Ok(())
    }

    fn nulls(&mut self, rows: Vec<usize>) {
        for row in rows {
            self.places[row] = self.results.len();
            self.results.push_null();
        }
    }

    fn assemble<'a>(self) -> Result<Cow<'a, Vector>> {
        let in_order = self.places.iter().enumerate().all(|(row, &place)| row == place);
        Ok(Cow::Owned(if in_order { self.results } else { self.results.take(&self.places) }))
    }
}

/// The rows that reach an operand, as a batch; None if the whole batch will do: when all rows reach it, or when it
/// cannot fail and most do, so that looking at too many rows is cheaper than copying.
fn gather(expr: &Expr, input: &Batch, rows: &[usize]) -> Option<Batch> {
    if rows.len() * 4 > input.rows && cannot_fail(expr) {
        return None;
    }
    only_rows(expr, input, rows)
}

/// The rows named, as a batch; None if these are all.
fn only_rows(expr: &Expr, input: &Batch, rows: &[usize]) -> Option<Batch> {
    if rows.len() == input.rows {
        return None;
    }
    let mut used = vec![false; input.columns.len()];
    mark_columns(expr, &mut used);
    let columns = input.columns.iter().zip(used).map(|(column, used)| {
        // A column that the operand does not look at needs no rows.
        if used { column.take(rows) } else { Vector::new(column.data_type) }
    });
    Some(Batch { columns: columns.collect(), rows: rows.len() })
}

fn mark_columns(expr: &Expr, used: &mut [bool]) {
    if let Expr::Column { index, .. } = expr
        && let Some(used) = used.get_mut(*index)
    {
        *used = true;
    }
    expr.for_each_child(&mut |child| mark_columns(child, used));
}

/// Comparisons of columns and constants, and what is made of them.
fn cannot_fail(expr: &Expr) -> bool {
    match expr {
        Expr::Column { .. } | Expr::Constant { .. } | Expr::Parameter { .. } | Expr::Outer { .. } => true,
        Expr::IsNull { input, .. } | Expr::Not(input) | Expr::BooleanTest { input, .. } => cannot_fail(input),
        Expr::And(args) | Expr::Or(args) => args.iter().all(cannot_fail),
        Expr::Call { function, args, .. } => {
            args.iter().all(cannot_fail) && comparison_symbol(function).is_some()
        }
        _ => false,
    }
}
