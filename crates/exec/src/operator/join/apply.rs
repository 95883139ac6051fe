//! Runs the right side anew for each left row, whose values it sees as outer slots: LATERAL and index nested loop.

use super::emit::{Candidates, emit, push_null_row};
use crate::context::Run;
use crate::operator::{Numbers, Operator};
use plan::JoinKind;
use plan::node::{Join, JoinMethod};
use types::batch::BATCH_ROWS;
use types::{Batch, Error, Result, Value, Vector};

pub(in crate::operator) struct Apply {
    left: Operator,
    /// For the row before `row`, while it has more.
    right: Option<Operator>,
    right_number: usize,
    left_rows: Batch,
    left_matched: Vec<bool>,
    args: Vec<Vector>,
    row: usize,
    slots: Vec<Value>,
}

impl Apply {
    pub fn new(left: Operator, right_number: usize) -> Apply {
        Apply {
            left,
            right: None,
            right_number,
            left_rows: Batch::default(),
            left_matched: vec![],
            args: vec![],
            row: 0,
            slots: vec![],
        }
    }

    pub fn next(&mut self, node: &Join, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        let JoinMethod::Apply { first_slot, args } = &node.method else {
            return Err(Error::internal("a join of another method"));
        };
        if matches!(node.kind, JoinKind::Right | JoinKind::Full) {
            return Err(Error::internal("an apply cannot keep right rows without a match"));
        }
        let mut batch = Batch::default();
        loop {
            if self.right.is_none() && self.row == self.left_rows.rows {
                if !self.left.next_rows(&node.left, run, &mut self.left_rows)? {
                    return Ok(false);
                }
                self.row = 0;
                self.left_matched = vec![false; self.left_rows.rows];
                self.args = run.eval_all(args, &self.left_rows)?;
            }
            let mut right_rows = Batch::new(node.right.types.iter().map(|ty| ty.data_type));
            let mut candidates = Candidates::default();
            while candidates.len() < BATCH_ROWS && (self.right.is_some() || self.row < self.left_rows.rows) {
                if self.right.is_none() {
                    self.start_right(node, *first_slot, run)?;
                }
                let Some(right) = &mut self.right else { break };
                let more = right.next_rows(&node.right, &Run { slots: &self.slots, ..*run }, &mut batch)?;
                let left = self.row - 1;
                if more {
                    (0..batch.rows).for_each(|row| candidates.pair(left, right_rows.rows + row));
                    right_rows.append(&batch);
                }
                let decided = matches!(node.kind, JoinKind::Semi | JoinKind::Anti) && node.filter.is_none();
                if !more || decided {
                    candidates.end(left);
                    self.right = None;
                }
            }
            let null_row = right_rows.rows;
            if node.kind == JoinKind::Left {
                push_null_row(&mut right_rows);
            }
            emit(
                node,
                &self.left_rows,
                &right_rows,
                null_row,
                &candidates,
                &mut self.left_matched,
                &mut [],
                run,
                out,
            )?;
            if out.rows > 0 {
                return Ok(true);
            }
            expr::Runtime::check_interrupt(run)?;
        }
    }

    fn start_right(&mut self, node: &Join, first_slot: usize, run: &Run<'_, '_>) -> Result<()> {
        self.slots.clear();
        self.slots.extend_from_slice(run.slots);
        if self.slots.len() < first_slot + self.args.len() {
            self.slots.resize(first_slot + self.args.len(), Value::Null);
        }
        for (slot, arg) in self.slots[first_slot..].iter_mut().zip(&self.args) {
            *slot = arg.get(self.row);
        }
        let first_rows = match node.kind {
            JoinKind::Semi | JoinKind::Anti => 1,
            _ => usize::MAX,
        };
        self.right =
            Some(Operator::new(&node.right, first_rows, &mut Numbers::resumed(self.right_number, run)));
        self.row += 1;
        Ok(())
    }
}
