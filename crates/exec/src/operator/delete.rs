//! DELETE: lock a row, look at it again if it has changed meanwhile, delete it.

use super::Operator;
use super::targets::Targets;
use crate::context::Run;
use kv::LockStrength;
use plan::node;
use types::{Batch, Result, Value};

pub(super) struct Delete {
    input: Operator,
    pub affected: u64,
    targets: Targets,
}

impl Delete {
    pub fn new(input: Operator) -> Delete {
        Delete { input, affected: 0, targets: Targets::default() }
    }

    pub fn next(&mut self, node: &node::Delete, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        let one_by_one = !node.relation.referenced_by.is_empty();
        let mut batch = Batch::default();
        if !self.targets.next(&mut self.input, &node.input, one_by_one, run, &mut batch)? {
            return Ok(false);
        }
        let (keys, rows) =
            self.targets.lock(&node.relation, batch, LockStrength::Update, node.recheck.as_ref(), run)?;
        let width = node.relation.columns.len();
        for (row, key) in keys.iter().enumerate() {
            let old: Vec<Value> = rows.columns.iter().take(width).map(|column| column.get(row)).collect();
            run.transaction()?.delete(&node.relation, key, &old)?;
            self.affected += 1;
        }
        match &node.returning {
            Some(returning) => *out = Batch { columns: run.eval_all(returning, &rows)?, rows: rows.rows },
            None => out.clear(),
        }
        Ok(true)
    }
}
