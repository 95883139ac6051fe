//! UPDATE: lock a row, look at it again if it has changed meanwhile, compute, check, write.
//!
//! A batch of rows is locked first and then computed, so that what SET computes is computed once, on the newest values.

use super::targets::{Targets, strength_of};
use super::{Operator, checks};
use crate::context::Run;
use kv::LockStrength;
use plan::node;
use types::{Batch, Error, Result, Value};

pub(super) struct Update {
    input: Operator,
    pub affected: u64,
    targets: Targets,
}

impl Update {
    pub fn new(input: Operator) -> Update {
        Update { input, affected: 0, targets: Targets::default() }
    }

    pub fn next(&mut self, node: &node::Update, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        let strength = strength_of(&node.relation, node.set.iter().map(|(position, _)| *position));
        let one_by_one = strength == LockStrength::Update && !node.relation.referenced_by.is_empty();
        let mut batch = Batch::default();
        if !self.targets.next(&mut self.input, &node.input, one_by_one, run, &mut batch)? {
            return Ok(false);
        }
        let (keys, mut rows) =
            self.targets.lock(&node.relation, batch, strength, node.recheck.as_ref(), run)?;
        let width = node.relation.columns.len();
        let old = |row| rows.columns[..width].iter().map(|column| column.get(row)).collect();
        let old: Vec<Vec<Value>> = (0..rows.rows).map(old).collect();
        let set = run.eval_all(node.set.iter().map(|(_, expr)| expr), &rows)?;
        for ((position, _), values) in node.set.iter().zip(set) {
            match rows.columns[..width].get_mut(*position) {
                Some(column) => *column = values,
                None => return Err(Error::internal("SET of a column that the table has not")),
            }
        }
        // What is not the table's comes back for RETURNING.
        let mut rest = rows.columns.split_off(width);
        checks::enforce(&node.relation, &node.checks, &rows, run)?;
        for (row, (key, old)) in keys.iter().zip(&old).enumerate() {
            run.transaction()?.update(&node.relation, key, old, &rows.row(row))?;
            self.affected += 1;
        }
        match &node.returning {
            Some(returning) => {
                rows.columns.append(&mut rest);
                *out = Batch { columns: run.eval_all(returning, &rows)?, rows: rows.rows };
            }
            None => out.clear(),
        }
        Ok(true)
    }
}
