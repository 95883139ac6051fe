//! Sequences: reserved ranges in memory, reservations in the ledger.
//!
//! A value may be given out once a row of `sequences` says that it may have been. That row is a system transaction of
//! its own, ordered before the first commit that can use a value, and never rolled back: a crash leaves a gap, as in
//! PostgreSQL. A sequence that this transaction made (or restarted) is its own until commit.

use crate::database::{Shared, lock};
use crate::system_tables::{self, SEQUENCES, SequenceRow};
use crate::transaction::Transaction;
use foldhash::HashMap;
use kv::{At, Isolation, LockWait, Meta, TableMode};
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use types::schema::{Relation, Sequence};
use types::{Error, Oid, Result};

/// Where a sequence is: `value` was the last one given out (`called`), or is the next. `reserved`: how many more may be
/// given out without a reservation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SequenceState {
    pub value: i64,
    pub called: bool,
    pub reserved: u64,
    /// How many the next reservation takes: grows with use.
    pub batch: u64,
    /// What the row of the newest reservation says.
    pub row: SequenceRow,
    /// Unlike that of any other start of any sequence: a savepoint brings back what was restarted since, not values.
    pub epoch: u64,
}

const FIRST_BATCH: u64 = 32;
const LARGEST_BATCH: u64 = 8192;

impl SequenceState {
    pub fn new(row: SequenceRow, epoch: u64) -> SequenceState {
        SequenceState { value: row.value, called: row.called, reserved: 0, batch: FIRST_BATCH, row, epoch }
    }

    /// The next value; `reserve` is told how far to reserve when the range is used up.
    fn next(
        &mut self,
        relation: &Relation,
        sequence: &Sequence,
        reserve: &mut dyn FnMut(i64) -> Result<()>,
    ) -> Result<i64> {
        let next = after(self.value, self.called, relation, sequence)?;
        let mut state = *self;
        if state.reserved == 0 {
            // The last value of the batch, without going around a cycle.
            let mut last = next;
            let mut count = 1;
            while count < state.batch {
                match last.checked_add(sequence.increment) {
                    Some(more) if (sequence.minimum..=sequence.maximum).contains(&more) => last = more,
                    _ => break,
                }
                count += 1;
            }
            reserve(last)?;
            state.row = SequenceRow { oid: relation.oid, value: last, called: true };
            state.reserved = count;
            state.batch = (state.batch * 2).min(LARGEST_BATCH);
        }
        *self = SequenceState { value: next, called: true, reserved: state.reserved - 1, ..state };
        Ok(next)
    }
}

/// 2200H at the end of a sequence that does not cycle.
fn after(value: i64, called: bool, relation: &Relation, sequence: &Sequence) -> Result<i64> {
    if !called {
        return Ok(value);
    }
    let next = value.checked_add(sequence.increment);
    match next {
        Some(next) if (sequence.minimum..=sequence.maximum).contains(&next) => Ok(next),
        _ if sequence.cycle => Ok(if sequence.increment > 0 { sequence.minimum } else { sequence.maximum }),
        _ => {
            let (bound, limit) = match sequence.increment > 0 {
                true => ("maximum", sequence.maximum),
                false => ("minimum", sequence.minimum),
            };
            Err(types::err!(
                SequenceGeneratorLimitExceeded,
                "nextval: reached {bound} value of sequence \"{}\" ({limit})",
                relation.name
            ))
        }
    }
}

impl Transaction {
    // Sequences: not transactional.

    pub fn next_value(&mut self, sequence: Oid) -> Result<i64> {
        if self.is_read_only() {
            return Err(types::err!(
                ReadOnlySqlTransaction,
                "cannot execute nextval() in a read-only transaction"
            ));
        }
        let relation = self.sequence_relation(sequence)?;
        let Some(definition) = &relation.sequence else {
            return Err(Error::internal("a sequence without one"));
        };
        if let Some(mut state) = self.local_sequences.get(&sequence).copied() {
            let kv = &mut self.kv;
            let value = state.next(&relation, definition, &mut |value| {
                let cells =
                    system_tables::sequence_cells(&SequenceRow { oid: sequence, value, called: true })?;
                kv.put(SEQUENCES, &system_tables::oid_key(sequence), cells, 0, vec![])
            })?;
            self.local_sequences.insert(sequence, state);
            return Ok(value);
        }
        let shared = self.shared.clone();
        let state = shared.sequence(sequence, definition)?;
        if lock(&state).reserved == 0 {
            // Waits here, where a deadlock is seen, for whoever restarts the sequence.
            self.kv.lock_table(sequence, TableMode::RowExclusive, LockWait::Block)?;
        }
        let mut state = lock(&state);
        state.next(&relation, definition, &mut |value| shared.reserve(sequence, value, true))
    }

    pub fn set_value(&mut self, sequence: Oid, value: i64, called: bool) -> Result<()> {
        if self.is_read_only() {
            return Err(types::err!(
                ReadOnlySqlTransaction,
                "cannot execute setval() in a read-only transaction"
            ));
        }
        let relation = self.sequence_relation(sequence)?;
        let Some(definition) = &relation.sequence else {
            return Err(Error::internal("a sequence without one"));
        };
        let (minimum, maximum) = (definition.minimum, definition.maximum);
        if !(minimum..=maximum).contains(&value) {
            return Err(types::err!(
                NumericValueOutOfRange,
                "setval: value {value} is out of bounds for sequence \"{}\" ({minimum}..{maximum})",
                relation.name
            ));
        }
        if self.local_sequences.contains_key(&sequence) {
            return self.restart_sequence(sequence, value, called);
        }
        self.kv.lock_table(sequence, TableMode::RowExclusive, LockWait::Block)?;
        let state = self.shared.sequence(sequence, definition)?;
        let mut state = lock(&state);
        self.shared.reserve(sequence, value, called)?;
        *state = SequenceState::new(SequenceRow { oid: sequence, value, called }, self.shared.version());
        Ok(())
    }

    /// `last_value` and `is_called`, as `SELECT * FROM sequence` shows them.
    pub fn sequence_value(&self, sequence: Oid) -> Result<(i64, bool)> {
        let relation = self.sequence_relation(sequence)?;
        let Some(definition) = &relation.sequence else {
            return Err(Error::internal("a sequence without one"));
        };
        if let Some(past) = &self.past {
            let row =
                past.get(SEQUENCES, &system_tables::oid_key(sequence))?.and_then(|version| version.cells);
            return match row {
                Some(cells) => system_tables::sequence(&cells).map(|row| (row.value, row.called)),
                None => Ok((definition.start, false)),
            };
        }
        if let Some(state) = self.local_sequences.get(&sequence) {
            return Ok((state.value, state.called));
        }
        let state = self.shared.sequence(sequence, definition)?;
        let state = lock(&state);
        Ok((state.value, state.called))
    }

    /// Sets a sequence within this transaction: undone with it.
    pub(crate) fn restart_sequence(&mut self, sequence: Oid, value: i64, called: bool) -> Result<()> {
        self.kv.lock_table(sequence, TableMode::ShareRowExclusive, LockWait::Block)?;
        let row = SequenceRow { oid: sequence, value, called };
        self.put_sequence(&row)?;
        self.local_sequences.insert(sequence, SequenceState::new(row, self.shared.version()));
        Ok(())
    }

    fn put_sequence(&mut self, row: &SequenceRow) -> Result<()> {
        let cells = system_tables::sequence_cells(row)?;
        self.kv.put(SEQUENCES, &system_tables::oid_key(row.oid), cells, 0, vec![])
    }

    /// Before commit: a rollback to a savepoint has undone rows, but not the values that were given out.
    pub(crate) fn put_sequences(&mut self) -> Result<()> {
        let rows = self.local_sequences.values().map(|state| state.row).collect::<Vec<_>>();
        rows.iter().try_for_each(|row| self.put_sequence(row))
    }

    /// After a rollback to a savepoint: sequences as they were then, but with the values they have given out since.
    pub(crate) fn restore_sequences(&mut self, then: &HashMap<Oid, SequenceState>) {
        let now = std::mem::replace(&mut self.local_sequences, then.clone());
        for (oid, state) in &mut self.local_sequences {
            if let Some(newer) = now.get(oid).filter(|newer| newer.epoch == state.epoch) {
                *state = *newer;
            }
        }
    }

    fn sequence_relation(&self, sequence: Oid) -> Result<Arc<Relation>> {
        let Some(relation) = self.state.relations.get(&sequence) else {
            return Err(types::err!(UndefinedTable, "relation with OID {sequence} does not exist"));
        };
        if relation.sequence.is_none() {
            return Err(types::err!(WrongObjectType, "\"{}\" is not a sequence", relation.name));
        }
        Ok(relation.clone())
    }
}

impl Shared {
    fn sequence(&self, oid: Oid, definition: &Sequence) -> Result<Arc<Mutex<SequenceState>>> {
        let mut sequences = lock(&self.sequences);
        Ok(match sequences.entry(oid) {
            Entry::Occupied(found) => found.get().clone(),
            Entry::Vacant(vacant) => {
                let row = self.store.snapshot(At::Latest)?.get(SEQUENCES, &system_tables::oid_key(oid))?;
                let state = match row.and_then(|version| version.cells) {
                    Some(cells) => SequenceState::new(system_tables::sequence(&cells)?, self.version()),
                    None => {
                        let row = SequenceRow { oid, value: definition.start, called: false };
                        SequenceState::new(row, self.version())
                    }
                };
                vacant.insert(Arc::new(Mutex::new(state))).clone()
            }
        })
    }

    pub fn publish_sequence(&self, oid: Oid, state: SequenceState) {
        let shared = {
            let mut sequences = lock(&self.sequences);
            sequences.entry(oid).or_insert_with(|| Arc::new(Mutex::new(state))).clone()
        };
        *lock(&shared) = state;
    }

    /// A transaction of its own. Not waited for: the log's order puts it before every commit that uses a value.
    fn reserve(&self, sequence: Oid, value: i64, called: bool) -> Result<()> {
        let mut transaction = self.store.begin(Isolation::ReadCommitted);
        transaction.set_system(true);
        let cells = system_tables::sequence_cells(&SequenceRow { oid: sequence, value, called })?;
        transaction.put(SEQUENCES, &system_tables::oid_key(sequence), cells, 0, vec![])?;
        transaction.commit(Meta::default(), false)?;
        Ok(())
    }
}
