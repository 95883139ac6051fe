//! UNION, INTERSECT and EXCEPT, with and without ALL.
//!
//! The left side's order is kept: a row comes out where its first (ALL: each) occurrence stands.

use super::Operator;
use crate::context::Run;
use crate::key::{self, KeyMap, KeySet};
use plan::Plan;
use plan::node::SetKind;
use types::{Batch, Result};

pub(super) struct SetOperation {
    left: Operator,
    right: Operator,
    left_done: bool,
    seen: KeySet,
    /// INTERSECT, EXCEPT: how often the right side has each row, less what was already used up.
    right_counts: Option<KeyMap<u64>>,
}

impl SetOperation {
    pub fn new(left: Operator, right: Operator) -> SetOperation {
        SetOperation { left, right, left_done: false, seen: KeySet::default(), right_counts: None }
    }

    pub fn next(
        &mut self,
        kind: SetKind,
        all: bool,
        left: &Plan,
        right: &Plan,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if kind == SetKind::Union {
            self.left_done = self.left_done || !self.left.next_rows(left, run, out)?;
            if self.left_done && !self.right.next_rows(right, run, out)? {
                return Ok(false);
            }
            if !all {
                *out = out.take(&key::unseen(&mut self.seen, out)?);
            }
            return Ok(true);
        }
        if self.right_counts.is_none() {
            self.right_counts = Some(count(&mut self.right, right, run)?);
        }
        let Some(counts) = &mut self.right_counts else { return Ok(false) };
        if !self.left.next_rows(left, run, out)? {
            return Ok(false);
        }
        let rows: Vec<usize> = if all { (0..out.rows).collect() } else { key::unseen(&mut self.seen, out)? };
        let mut kept = Vec::new();
        let mut row_key = Vec::new();
        for row in rows {
            row_key.clear();
            key::hash_key(&out.columns, row, &mut row_key)?;
            let matched = match counts.get_mut(row_key.as_slice()) {
                Some(count) if *count > 0 => {
                    // With ALL each right row stands against one left row.
                    *count -= u64::from(all);
                    true
                }
                _ => false,
            };
            if matched == (kind == SetKind::Intersect) {
                kept.push(row);
            }
        }
        *out = out.take(&kept);
        Ok(true)
    }
}

fn count(operator: &mut Operator, plan: &Plan, run: &Run<'_, '_>) -> Result<KeyMap<u64>> {
    let mut counts = KeyMap::default();
    let (mut batch, mut row_key) = (Batch::default(), Vec::new());
    while operator.next_rows(plan, run, &mut batch)? {
        for row in 0..batch.rows {
            row_key.clear();
            key::hash_key(&batch.columns, row, &mut row_key)?;
            match counts.get_mut(row_key.as_slice()) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(row_key.as_slice().into(), 1);
                }
            }
        }
    }
    Ok(counts)
}
