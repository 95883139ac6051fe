//! The rows that UPDATE and DELETE are about.

use super::Operator;
use crate::context::Run;
use catalog::{LockedRow, RowKey};
use expr::Expr;
use kv::{LockStrength, LockWait};
use plan::{Node, Plan};
use std::collections::HashSet;
use std::sync::Arc;
use types::schema::{ConstraintKind, IndexKey, Relation};
use types::{Batch, Error, Result, Value};

/// Each row once, locked, and still to be changed.
#[derive(Default)]
pub(super) struct Targets {
    /// Where the input may name a row twice.
    met: HashSet<RowKey>,
    names_each_once: bool,
    rows: Batch,
    position: usize,
}

impl Targets {
    /// The next rows of the input: `one_by_one` if a foreign key's action could change a row of the same batch.
    pub fn next(
        &mut self,
        input: &mut Operator,
        plan: &Plan,
        one_by_one: bool,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.position == self.rows.rows {
            self.position = 0;
            self.names_each_once = names_each_once(plan);
            if !input.next_rows(plan, run, &mut self.rows)? {
                return Ok(false);
            }
        }
        if one_by_one {
            *out = self.rows.take(&[self.position]);
            self.position += 1;
        } else {
            *out = std::mem::take(&mut self.rows);
            self.position = 0;
        }
        Ok(true)
    }

    /// Locks the rows whose keys are the last column. Returns the keys and rows that remain, with newest values.
    pub fn lock(
        &mut self,
        relation: &Arc<Relation>,
        rows: Batch,
        strength: LockStrength,
        recheck: Option<&Expr>,
        run: &Run<'_, '_>,
    ) -> Result<(Vec<RowKey>, Batch)> {
        let Some(key_column) = rows.columns.last() else {
            return Err(Error::internal("rows to be changed without their keys"));
        };
        let mut keys = Vec::with_capacity(rows.rows);
        let (mut kept, mut changed) = (Vec::with_capacity(rows.rows), Vec::new());
        for row in 0..rows.rows {
            expr::Runtime::check_interrupt(run)?;
            let Value::Bytea(key) = key_column.get(row) else {
                return Err(Error::internal("a row to be changed without its key"));
            };
            // A join may name a row more than once: the first wins.
            if !self.names_each_once && !self.met.insert(key.clone()) {
                continue;
            }
            let locked = run.transaction()?.lock_row(relation, &key, strength, LockWait::Block)?;
            match locked {
                LockedRow::Same => {}
                LockedRow::Changed(new_key, values) => {
                    let mut newest = rows.take(&[row]).row(0);
                    newest.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
                    if let Some(last) = newest.last_mut() {
                        *last = Value::Bytea(new_key.clone());
                    }
                    let mut one = Batch::new(rows.types());
                    one.push_row(&newest);
                    if let Some(recheck) = recheck
                        && run.eval_filter(recheck, &one)?.is_empty()
                    {
                        continue;
                    }
                    changed.push((kept.len(), one));
                    keys.push(new_key);
                    kept.push(row);
                    continue;
                }
                LockedRow::Gone => continue,
                LockedRow::Skipped => return Err(Error::internal("a lock that waits was not granted")),
            }
            keys.push(key);
            kept.push(row);
        }
        if changed.is_empty() {
            let rows = if kept.len() == rows.rows { rows } else { rows.take(&kept) };
            return Ok((keys, rows));
        }
        let mut newest = Batch::new(rows.types());
        let mut changed = changed.into_iter().peekable();
        for (position, &row) in kept.iter().enumerate() {
            match changed.next_if(|(at, _)| *at == position) {
                Some((_, one)) => newest.append(&one),
                None => newest.append(&rows.take(&[row])),
            }
        }
        Ok((keys, newest))
    }
}

/// Whether these are a table's own rows: then none is there twice, and millions need not be remembered.
fn names_each_once(plan: &Plan) -> bool {
    match &plan.node {
        Node::Scan(_) => true,
        Node::Filter { input, .. } | Node::Project { input, .. } => names_each_once(input),
        _ => false,
    }
}

/// FOR NO KEY UPDATE unless a column that a foreign key may point to is set.
pub(super) fn strength_of(relation: &Relation, mut set: impl Iterator<Item = usize>) -> LockStrength {
    let is_key = |position: usize| {
        let Some(id) = relation.columns.get(position).map(|column| column.id) else { return true };
        let unique = relation.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                columns.contains(&id)
            }
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey(_) => false,
        });
        let mut indexes = relation.indexes.iter().filter(|index| index.unique && index.predicate.is_none());
        relation.primary_key.contains(&id)
            || unique
            || indexes.any(|index| index.columns.iter().any(|column| column.key == IndexKey::Column(id)))
    };
    if set.any(is_key) { LockStrength::Update } else { LockStrength::NoKeyUpdate }
}
