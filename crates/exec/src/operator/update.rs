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
        let (keys, rows) = self.targets.lock(&node.relation, &batch, strength, node.recheck.as_ref(), run)?;
        let width = node.relation.columns.len();
        let mut new = rows.clone();
        for (position, expr) in &node.set {
            let values = run.eval(expr, &rows)?;
            match new.columns[..width].get_mut(*position) {
                Some(column) => *column = values,
                None => return Err(Error::internal("SET of a column that the table has not")),
            }
        }
        let stored = Batch { columns: new.columns[..width].to_vec(), rows: new.rows };
        checks::enforce(&node.relation, &node.checks, &stored, run)?;
        for (row, key) in keys.iter().enumerate() {
            let old: Vec<Value> = rows.columns[..width].iter().map(|column| column.get(row)).collect();
            run.transaction()?.update(&node.relation, key, &old, &stored.row(row))?;
            self.affected += 1;
        }
        match &node.returning {
            Some(returning) => *out = Batch { columns: run.eval_all(returning, &new)?, rows: new.rows },
            None => out.clear(),
        }
        Ok(true)
    }
}
