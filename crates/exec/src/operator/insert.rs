//! INSERT, with ON CONFLICT and RETURNING.

use super::project::project;
use super::targets::strength_of;
use super::{Operator, checks};
use crate::context::Run;
use catalog::{LockedRow, RowKey};
use expr::Expr;
use kv::LockWait;
use plan::node::{self, ConflictAction, OnConflict};
use std::collections::HashSet;
use types::{Batch, Error, Result, Value, err};

pub(super) struct Insert {
    input: Operator,
    pub affected: u64,
    /// ON CONFLICT DO UPDATE: the rows that this command has already made or changed.
    touched: HashSet<RowKey>,
}

impl Insert {
    pub fn new(input: Operator) -> Insert {
        Insert { input, affected: 0, touched: HashSet::new() }
    }

    pub fn next(&mut self, node: &node::Insert, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        let mut batch = Batch::default();
        if !self.input.next_rows(&node.input, run, &mut batch)? {
            return Ok(false);
        }
        // Whole rows of the table.
        let proposed = project(&node.row, &mut batch, run)?;
        let stored = match &node.on_conflict {
            None => {
                let violation = checks::first_violation(&node.relation, &node.checks, &proposed, run)?;
                // What the rows before it do wrong comes first.
                let sound = violation.as_ref().map_or(proposed.rows, |(row, _)| *row);
                for row in 0..sound {
                    self.insert(node, &proposed.row(row), None, run)?;
                }
                if let Some((_, error)) = violation {
                    return Err(error);
                }
                proposed
            }
            Some(on_conflict) => self.insert_or(node, on_conflict, proposed, run)?,
        };
        if let Some(returning) = &node.returning {
            let rows = stored.rows;
            *out = Batch { columns: run.eval_all(returning, &stored)?, rows };
        } else {
            out.clear();
        }
        Ok(true)
    }

    /// Inserts one row. With arbiters: the row in the way, if there is one.
    fn insert(
        &mut self,
        node: &node::Insert,
        row: &[Value],
        arbiters: Option<&[types::Oid]>,
        run: &Run<'_, '_>,
    ) -> Result<Option<(RowKey, Vec<Value>)>> {
        match run.transaction()?.insert(&node.relation, row, arbiters)? {
            catalog::Insert::Done(key) => {
                self.affected += 1;
                if matches!(&node.on_conflict, Some(OnConflict { action: ConflictAction::Update { .. }, .. }))
                {
                    self.touched.insert(key);
                }
                Ok(None)
            }
            catalog::Insert::Conflict(key, values) => Ok(Some((key, values))),
        }
    }

    /// The rows as they are now stored, without those that ON CONFLICT left alone.
    fn insert_or(
        &mut self,
        node: &node::Insert,
        on_conflict: &OnConflict,
        proposed: Batch,
        run: &Run<'_, '_>,
    ) -> Result<Batch> {
        let mut stored = Batch::new(proposed.types());
        for row in 0..proposed.rows {
            let proposed = proposed.take(&[row]);
            checks::enforce(&node.relation, &node.checks, &proposed, run)?;
            let values = proposed.row(0);
            let mut locked: Option<RowKey> = None;
            loop {
                expr::Runtime::check_interrupt(run)?;
                let Some((key, existing)) = self.insert(node, &values, Some(&on_conflict.arbiters), run)?
                else {
                    stored.push_row(&values);
                    break;
                };
                let ConflictAction::Update { set, filter } = &on_conflict.action else { break };
                if self.touched.contains(&key) {
                    return Err(second_time());
                }
                if locked.as_ref() != Some(&key) {
                    let strength = strength_of(&node.relation, set.iter().map(|(position, _)| *position));
                    let row = run.transaction()?.lock_row(&node.relation, &key, strength, LockWait::Block)?;
                    match row {
                        LockedRow::Same => {}
                        // Another transaction was faster: there may be no conflict any more, or another one. If it is
                        // this one, it now stays as it is.
                        LockedRow::Changed(key, _) => {
                            locked = Some(key);
                            continue;
                        }
                        LockedRow::Gone => continue,
                        LockedRow::Skipped => {
                            return Err(Error::internal("a lock that waits was not granted"));
                        }
                    }
                }
                if let Some(row) = self.update(node, set, filter.as_ref(), &key, &existing, &values, run)? {
                    stored.push_row(&row);
                }
                break;
            }
        }
        Ok(stored)
    }

    /// DO UPDATE of the existing row, which is locked. None: its WHERE was not true.
    #[allow(clippy::too_many_arguments)]
    fn update(
        &mut self,
        node: &node::Insert,
        set: &[(usize, Expr)],
        filter: Option<&Expr>,
        key: &RowKey,
        existing: &[Value],
        excluded: &[Value],
        run: &Run<'_, '_>,
    ) -> Result<Option<Vec<Value>>> {
        let types = node.relation.columns.iter().map(|column| column.ty.data_type);
        let mut both = Batch::new(types.clone().chain(types.clone()));
        both.push_row(&[existing, excluded].concat());
        if let Some(filter) = filter
            && run.eval_filter(filter, &both)?.is_empty()
        {
            return Ok(None);
        }
        let mut new = existing.to_vec();
        for (position, expr) in set {
            let value = run.eval(expr, &both)?.get(0);
            match new.get_mut(*position) {
                Some(slot) => *slot = value,
                None => return Err(Error::internal("SET of a column that the table has not")),
            }
        }
        let mut row = Batch::new(types);
        row.push_row(&new);
        checks::enforce(&node.relation, &node.checks, &row, run)?;
        let key = run.transaction()?.update(&node.relation, key, existing, &new)?;
        self.touched.insert(key);
        self.affected += 1;
        Ok(Some(new))
    }
}

fn second_time() -> Error {
    err!(CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").hint(
        "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
    )
}
