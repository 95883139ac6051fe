//! SELECT ... FOR UPDATE and friends.
//!
//! A row that another transaction changed while we waited for its lock (READ COMMITTED) is looked at again: the input
//! is run once more with the row's newest version in the place of its scan, and the other locked rows as they were.
//! What comes out replaces the row; nothing comes out if it no longer qualifies.

use super::{Numbers, Operator};
use crate::context::{Pin, Run};
use crate::shape;
use catalog::{LockedRow, RowKey};
use plan::Plan;
use plan::node::{self, LockRows as Lock, Scan};
use types::{Batch, Error, Result, Value};

pub(super) struct LockRows {
    input: Operator,
    /// Under a LIMIT, no row is locked before it is asked for.
    one_by_one: bool,
    rows: Batch,
    position: usize,
}

impl LockRows {
    pub fn new(input: Operator, first_rows: usize) -> LockRows {
        LockRows { input, one_by_one: first_rows != usize::MAX, rows: Batch::default(), position: 0 }
    }

    pub fn next(&mut self, input: &Plan, locks: &[Lock], run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        if self.position == self.rows.rows {
            if !self.input.next_rows(input, run, &mut self.rows)? {
                return Ok(false);
            }
            self.position = 0;
        }
        *out = Batch::new(self.rows.types());
        while self.position < self.rows.rows && !(self.one_by_one && out.rows > 0) {
            expr::Runtime::check_interrupt(run)?;
            let row = self.rows.take(&[self.position]);
            self.position += 1;
            if let Some(row) = lock(input, locks, run, row)? {
                out.append(&row);
            }
        }
        Ok(true)
    }
}

/// The row as it is under its locks; None if it is to be skipped.
fn lock(input: &Plan, locks: &[Lock], run: &Run<'_, '_>, row: Batch) -> Result<Option<Batch>> {
    let mut found: Vec<Option<(RowKey, Option<Vec<Value>>)>> = Vec::with_capacity(locks.len());
    for lock in locks {
        let key = match row.columns.get(lock.key).map(|column| column.get(0)) {
            Some(Value::Bytea(key)) => key,
            // The side of an outer join that has no row here.
            Some(Value::Null) => {
                found.push(None);
                continue;
            }
            _ => return Err(Error::internal("a row lock without a row key")),
        };
        let strength = lock_strength(lock.strength);
        let locked = run.transaction()?.lock_row(&lock.relation, &key, strength, lock_wait(lock.wait))?;
        match locked {
            LockedRow::Same => found.push(Some((key, None))),
            LockedRow::Changed(key, values) => found.push(Some((key, Some(values)))),
            LockedRow::Gone | LockedRow::Skipped => return Ok(None),
        }
    }
    let changed = |row: &Option<(RowKey, Option<Vec<Value>>)>| matches!(row, Some((_, Some(_))));
    if !found.iter().any(changed) {
        return Ok(Some(row));
    }
    let scans = shape::keyed_scans(input);
    let mut pins: Vec<Pin<'_>> = Vec::new();
    for (position, (lock, row)) in locks.iter().zip(found).enumerate() {
        let Some((key, values)) = row else { continue };
        let earlier =
            locks[..position].iter().filter(|other| other.relation.oid == lock.relation.oid).count();
        let same_table = |scan: &&&Scan| scan.relation.oid == lock.relation.oid;
        let Some(scan) = scans.iter().filter(same_table).nth(earlier) else {
            return Err(Error::internal("a row lock without a scan"));
        };
        pins.push(Pin { scan, key, values });
    }
    let run = Run { pins: &pins, ..*run };
    // Not counted: EXPLAIN ANALYZE shows the first run.
    let mut again = Operator::new(input, 1, &mut Numbers::starting_at(usize::MAX / 2, false));
    let mut row = Batch::default();
    // The first row: what is not locked may join it with more rows now, but this row stands for one.
    Ok(again.next_rows(input, &run, &mut row)?.then(|| row.take(&[0])))
}

fn lock_strength(strength: node::LockStrength) -> kv::LockStrength {
    match strength {
        node::LockStrength::KeyShare => kv::LockStrength::KeyShare,
        node::LockStrength::Share => kv::LockStrength::Share,
        node::LockStrength::NoKeyUpdate => kv::LockStrength::NoKeyUpdate,
        node::LockStrength::Update => kv::LockStrength::Update,
    }
}

fn lock_wait(wait: node::LockWait) -> kv::LockWait {
    match wait {
        node::LockWait::Block => kv::LockWait::Block,
        node::LockWait::Nowait => kv::LockWait::Nowait,
        node::LockWait::SkipLocked => kv::LockWait::SkipLocked,
    }
}
