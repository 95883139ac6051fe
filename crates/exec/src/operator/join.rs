//! Joins that hold their right side: hash join and nested loop. [`apply`] runs its right side per left row.
//!
//! ```text
//!   left batch ──┐ candidates: (left row, right row) ..., end of left row     table: key -> right rows, or all
//!                ├──> emit: residual filter, outer rows, semi, anti ──> out
//!   right rows ──┘ matched flags (RIGHT, FULL): the rest comes out last, beside NULLs
//! ```
//! The left side's order is kept.

pub(super) mod apply;
mod emit;
mod table;

use super::Operator;
use crate::context::Run;
use emit::{Candidates, emit, null_columns};
use plan::JoinKind;
use plan::node;
use table::Table;
use types::batch::BATCH_ROWS;
use types::{Batch, Error, Result};

pub(super) struct Join {
    left: Operator,
    right: Operator,
    table: Option<Table>,
    left_rows: Batch,
    /// Where each left row's candidates begin; see [`Table::heads`].
    heads: Vec<usize>,
    left_matched: Vec<bool>,
    right_matched: Vec<bool>,
    /// The next left row to look at, and the next of its candidates (None: at its head).
    row: usize,
    candidate: Option<usize>,
    left_done: bool,
    /// RIGHT, FULL: the next right row to be checked for having had no match.
    right_row: usize,
}

impl Join {
    pub fn new(left: Operator, right: Operator) -> Join {
        Join {
            left,
            right,
            table: None,
            left_rows: Batch::default(),
            heads: vec![],
            left_matched: vec![],
            right_matched: vec![],
            row: 0,
            candidate: None,
            left_done: false,
            right_row: 0,
        }
    }

    pub fn next(&mut self, node: &node::Join, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        if self.table.is_none() {
            let table = Table::build(node, &mut self.right, run)?;
            // Without a right row there is nothing to find.
            self.left_done =
                table.count == 0 && matches!(node.kind, JoinKind::Inner | JoinKind::Semi | JoinKind::Right);
            self.right_matched = match node.kind {
                JoinKind::Right | JoinKind::Full => vec![false; table.count],
                _ => vec![],
            };
            self.table = Some(table);
        }
        loop {
            if self.left_done {
                return self.rest_of_right(node, out);
            }
            if self.row == self.left_rows.rows && !self.next_left_batch(node, run)? {
                self.left_done = true;
                continue;
            }
            let candidates = self.candidates(node)?;
            let Some(table) = &self.table else {
                return Err(Error::internal("a join without its right side"));
            };
            emit(
                node,
                &self.left_rows,
                &table.rows,
                table.count,
                &candidates,
                &mut self.left_matched,
                &mut self.right_matched,
                run,
                out,
            )?;
            if out.rows > 0 {
                return Ok(true);
            }
            expr::Runtime::check_interrupt(run)?;
        }
    }

    fn next_left_batch(&mut self, node: &node::Join, run: &Run<'_, '_>) -> Result<bool> {
        if !self.left.next_rows(&node.left, run, &mut self.left_rows)? {
            return Ok(false);
        }
        self.row = 0;
        self.candidate = None;
        self.left_matched = vec![false; self.left_rows.rows];
        if let Some(table) = &self.table {
            self.heads = table.heads(node, &self.left_rows, run)?;
        }
        Ok(true)
    }

    /// About a batch of candidates, from where the last call stopped.
    fn candidates(&mut self, node: &node::Join) -> Result<Candidates> {
        let Some(table) = &self.table else { return Err(Error::internal("a join without its right side")) };
        // The first match decides, if every candidate is one.
        let one_is_enough = matches!(node.kind, JoinKind::Semi | JoinKind::Anti) && node.filter.is_none();
        let mut candidates = Candidates::default();
        while self.row < self.left_rows.rows && candidates.len() < BATCH_ROWS {
            let mut next = self.candidate.take().unwrap_or_else(|| self.heads[self.row]);
            while next < table.count && candidates.len() < BATCH_ROWS {
                candidates.pair(self.row, next);
                next = if one_is_enough { table.count } else { table.after(next) };
            }
            if next < table.count {
                self.candidate = Some(next);
            } else {
                candidates.end(self.row);
                self.row += 1;
            }
        }
        Ok(candidates)
    }

    fn rest_of_right(&mut self, node: &node::Join, out: &mut Batch) -> Result<bool> {
        let Some(table) = &self.table else { return Ok(false) };
        let mut rows = Vec::new();
        while self.right_row < self.right_matched.len() && rows.len() < BATCH_ROWS {
            if !self.right_matched[self.right_row] {
                rows.push(self.right_row);
            }
            self.right_row += 1;
        }
        let mut columns = null_columns(&node.left.types, rows.len());
        columns.extend(table.rows.columns.iter().map(|column| column.take(&rows)));
        *out = Batch { columns, rows: rows.len() };
        Ok(out.rows > 0)
    }
}
