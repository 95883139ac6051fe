//! Rows written: insert, update, delete, and the row lock that comes before them.

use crate::constraint::{check_not_null, unique_violation};
use crate::row::{decode_row, encode_row};
use crate::table::{Table, TableIndex};
use crate::transaction::{Insert, LockedRow, RowKey, Transaction};
use kv::{Isolation, LockStrength, LockWait, Op, Span};
use std::sync::Arc;
use types::schema::Relation;
use types::{Error, Oid, Result, SqlState, Value};

impl Transaction {
    // Rows are whole: one value per `relation.columns`, dropped ones NULL. The caller has cast them to the column types
    // and checked CHECK constraints; NOT NULL, unique and foreign keys are checked here. 25006 when read only.

    /// `arbiters`: None = a conflict is 23505; Some(indexes) = report it instead (empty = any unique index).
    pub fn insert(
        &mut self,
        relation: &Arc<Relation>,
        row: &[Value],
        arbiters: Option<&[Oid]>,
    ) -> Result<Insert> {
        let table = self.writable(relation)?;
        check_not_null(relation, row, &self.settings)?;
        let key = match table.has_hidden_key() {
            true => self.shared.allocate_row_id(relation.object_id)?.to_be_bytes().to_vec(),
            false => table.row_key(row)?,
        };
        if let Some(arbiters) = arbiters {
            // Arbiters first: a conflict that is asked for must win over one that is an error.
            for index in table.indexes.iter().filter(|index| index.unique && arbitrates(index, arbiters)) {
                if let Some((key, old)) = self.conflict(&table, index, &key, None, row)? {
                    self.check_visible(&table, &key)?;
                    return Ok(Insert::Conflict(key, old));
                }
            }
        }
        // A row id was never given out before.
        let mut is_new = table.has_hidden_key();
        for index in table.indexes.iter().filter(|index| index.unique) {
            if arbiters.is_some_and(|arbiters| arbitrates(index, arbiters)) {
                continue;
            }
            let taken = match index.primary {
                true => {
                    let state = self.key_state(&table, index, &key)?;
                    is_new = matches!(state, KeyState::New);
                    matches!(state, KeyState::Live(_))
                }
                false => self.conflict(&table, index, &key, None, row)?.is_some(),
            };
            if taken {
                return Err(self.violation(&table, index, row));
            }
        }
        // The lock of a key's value holds until the end, and keeps a new key so.
        self.put_row(&table, &key, None, row, is_new)?;
        self.check_child_row(&table, &key, row, None)?;
        Ok(Insert::Done(key))
    }

    /// The caller holds the row's lock (see `lock_row`); `old` is what it read under it.
    pub fn update(
        &mut self,
        relation: &Arc<Relation>,
        key: &RowKey,
        old: &[Value],
        new: &[Value],
    ) -> Result<RowKey> {
        let table = self.writable(relation)?;
        self.refuse_append_only(relation, "UPDATE")?;
        check_not_null(relation, new, &self.settings)?;
        let new_key = if table.has_hidden_key() { key.clone() } else { table.row_key(new)? };
        let mut keys_change = new_key != *key;
        for index in table.indexes.iter().filter(|index| index.unique && !index.primary) {
            keys_change |= !index.same(&table, old, new)?;
        }
        if keys_change {
            // Whoever holds KEY SHARE counts on the old key.
            self.kv.lock_row(relation.object_id, key, LockStrength::Update, LockWait::Block)?;
            for index in table.indexes.iter().filter(|index| index.unique) {
                let unchanged = match index.primary {
                    true => new_key == *key,
                    false => index.same(&table, old, new)?,
                };
                if !unchanged && self.conflict(&table, index, &new_key, Some(key), new)?.is_some() {
                    return Err(self.violation(&table, index, new));
                }
            }
        }
        if new_key == *key {
            self.put_row(&table, key, Some(old), new, false)?;
        } else {
            let mut derived = vec![];
            table.derive(Some((key, old)), None, &mut derived)?;
            self.kv.delete(relation.object_id, key, Some(&new_key), derived)?;
            self.count_row(relation.object_id, -1);
            self.put_row(&table, &new_key, None, new, false)?;
        }
        self.check_child_row(&table, &new_key, new, Some(old))?;
        self.check_parent_row(&table, old, Some(new))?;
        Ok(new_key)
    }

    pub fn delete(&mut self, relation: &Arc<Relation>, key: &RowKey, old: &[Value]) -> Result<()> {
        let table = self.writable(relation)?;
        self.refuse_append_only(relation, "DELETE")?;
        let mut derived = vec![];
        table.derive(Some((key, old)), None, &mut derived)?;
        self.kv.delete(relation.object_id, key, None, derived)?;
        self.written.insert(relation.object_id);
        self.count_row(relation.object_id, -1);
        self.check_parent_row(&table, old, None)
    }

    /// 40001 above READ COMMITTED where the row has changed since the snapshot.
    pub fn lock_row(
        &mut self,
        relation: &Arc<Relation>,
        key: &RowKey,
        strength: LockStrength,
        wait: LockWait,
    ) -> Result<LockedRow> {
        if self.is_read_only() {
            return Err(types::err!(ReadOnlySqlTransaction, "cannot lock rows in a read-only transaction"));
        }
        let object = relation.object_id;
        let table = self.shared.table(relation)?;
        let seen = self.kv.snapshot().tx();
        let repeatable = self.kv.isolation() != Isolation::ReadCommitted;
        let mut key = key.clone();
        let mut moved = false;
        loop {
            let granted = self.kv.lock_row(object, &key, strength, wait);
            if !granted.map_err(|error| in_relation(error, strength, &relation.name))? {
                return Ok(LockedRow::Skipped);
            }
            let own = self.kv.wrote(object, &key)?;
            let newest = self.kv.newest(object, &key)?;
            let Some(newest) = newest else { return Ok(LockedRow::Gone) };
            let changed = !own && newest.tx > seen;
            if changed && repeatable {
                let what =
                    if newest.cells.is_some() && newest.op == Op::Update { "update" } else { "delete" };
                return Err(types::err!(
                    SerializationFailure,
                    "could not serialize access due to concurrent {what}"
                ));
            }
            match (newest.cells, newest.moved_to) {
                (Some(cells), _) if moved => return Ok(LockedRow::Changed(key, decode_row(&table, &cells)?)),
                (Some(cells), _) if self.kv.wrote_since_pin(object, &key)? => {
                    return Ok(LockedRow::Changed(key, decode_row(&table, &cells)?));
                }
                (Some(_), _) if !changed => return Ok(LockedRow::Same),
                // Deleted and made again by others: another row, which this statement does not see.
                (Some(_), _) if newest.op == Op::Insert && !self.in_way(&table, &key)? => {
                    return Ok(LockedRow::Gone);
                }
                (Some(cells), _) => return Ok(LockedRow::Changed(key, decode_row(&table, &cells)?)),
                (None, Some(next)) if !own => {
                    key = next;
                    moved = true;
                }
                (None, _) => return Ok(LockedRow::Gone),
            }
        }
    }

    /// A row that the snapshot does not know at all: ON CONFLICT met it and wants it.
    fn in_way(&self, table: &Table, key: &[u8]) -> Result<bool> {
        Ok(self.kv.snapshot().get(table.relation.object_id, key)?.is_none())
    }

    /// Writes a row whose constraints have been checked. `is_new`: its key was never used, and is locked.
    pub(crate) fn put_row(
        &mut self,
        table: &Table,
        key: &[u8],
        old: Option<&[Value]>,
        new: &[Value],
        is_new: bool,
    ) -> Result<()> {
        let object = table.relation.object_id;
        let mut derived = vec![];
        table.derive(old.map(|old| (key, old)), Some((key, new)), &mut derived)?;
        let (cells, schema_tx) = (encode_row(table, new)?, table.relation.descriptor_tx);
        match is_new {
            true => self.kv.put_new(object, key, cells, schema_tx, derived)?,
            false => self.kv.put(object, key, cells, schema_tx, derived)?,
        }
        self.written.insert(object);
        if old.is_none() {
            self.count_row(object, 1);
        }
        Ok(())
    }

    /// The live row, if any, that has the values of `row` in a unique index, once whoever is about to remove it has
    /// decided. `key` is the row's own key; `except` the key it had before.
    fn conflict(
        &mut self,
        table: &Table,
        index: &TableIndex,
        key: &[u8],
        except: Option<&[u8]>,
        row: &[Value],
    ) -> Result<Option<(RowKey, Vec<Value>)>> {
        if index.primary {
            return Ok(match self.key_state(table, index, key)? {
                KeyState::Live(row) => Some((key.to_vec(), row)),
                KeyState::Dead | KeyState::New => None,
            });
        }
        let Some(values) = index.values(table, row)? else { return Ok(None) };
        if values.iter().any(Value::is_null) {
            return Ok(None);
        }
        let prefix = index.prefix(table.relation.object_id, &values)?;
        self.kv.lock_value(index.oid, &prefix)?;
        for found in self.entries(index, &prefix)? {
            if except == Some(found.as_slice()) {
                continue;
            }
            if let Some((found, old)) = self.live_after_wait(table, &found)?
                && index.same(table, &old, row)?
            {
                return Ok(Some((found, old)));
            }
        }
        Ok(None)
    }

    /// What a primary key is, its value locked, once whoever is about to remove its row has decided.
    fn key_state(&mut self, table: &Table, index: &TableIndex, key: &[u8]) -> Result<KeyState> {
        self.kv.lock_value(index.oid, key)?;
        if self.kv.is_new(table.relation.object_id, key)? {
            return Ok(KeyState::New);
        }
        Ok(match self.live_after_wait(table, key)? {
            Some((_, row)) => KeyState::Live(row),
            None => KeyState::Dead,
        })
    }

    /// Keys of rows with index entries that start with `prefix`, in the newest state.
    pub(crate) fn entries(&self, index: &TableIndex, prefix: &[u8]) -> Result<Vec<RowKey>> {
        let mut cursor = self.kv.newest_scan_index(index.oid, &Span::prefix(prefix));
        let mut keys = vec![];
        while let Some((_, key)) = cursor.next()? {
            keys.push(key);
        }
        Ok(keys)
    }

    /// The newest version of a row, if it lives. A row of another transaction's that lives is waited for: its deletion
    /// may be under way.
    fn live_after_wait(&mut self, table: &Table, key: &[u8]) -> Result<Option<(RowKey, Vec<Value>)>> {
        let object = table.relation.object_id;
        let live = |transaction: &Transaction| -> Result<Option<Vec<Value>>> {
            let newest = transaction.kv.newest(object, key)?;
            newest.and_then(|version| version.cells).map(|cells| decode_row(table, &cells)).transpose()
        };
        let Some(row) = live(self)? else { return Ok(None) };
        if self.kv.wrote(object, key)? {
            return Ok(Some((key.to_vec(), row)));
        }
        self.kv.lock_row(object, key, LockStrength::KeyShare, LockWait::Block)?;
        Ok(live(self)?.map(|row| (key.to_vec(), row)))
    }

    /// ON CONFLICT above READ COMMITTED may not act on a row that the snapshot does not see.
    fn check_visible(&self, table: &Table, key: &[u8]) -> Result<()> {
        let object = table.relation.object_id;
        if self.kv.isolation() == Isolation::ReadCommitted || self.kv.wrote(object, key)? {
            return Ok(());
        }
        match self.kv.newest(object, key)? {
            Some(version) if version.tx > self.kv.snapshot().tx() => {
                Err(types::err!(SerializationFailure, "could not serialize access due to concurrent update"))
            }
            _ => Ok(()),
        }
    }

    fn violation(&self, table: &Table, index: &TableIndex, row: &[Value]) -> Error {
        match index.values(table, row) {
            Ok(values) => unique_violation(table, index, &values.unwrap_or_default(), &self.settings),
            Err(error) => error,
        }
    }

    pub(crate) fn refuse_append_only(&self, relation: &Relation, what: &str) -> Result<()> {
        if !relation.append_only {
            return Ok(());
        }
        Err(types::err!(
            ObjectNotInPrerequisiteState,
            "cannot {what} table \"{}\": it is append-only",
            relation.name
        )
        .hint("It was declared WITH (ledger = append_only). Insert a correcting row instead."))
    }
}

/// A primary key in the newest state.
enum KeyState {
    /// It never had a row.
    New,
    Dead,
    Live(Vec<Value>),
}

fn arbitrates(index: &TableIndex, arbiters: &[Oid]) -> bool {
    arbiters.is_empty() || arbiters.contains(&index.oid)
}

/// A lock that was not granted, told with the relation's name, which locks do not know.
fn in_relation(mut error: Error, strength: LockStrength, relation: &str) -> Error {
    if error.message == kv::lock::ROW_NOT_AVAILABLE {
        error.message = format!("{} \"{relation}\"", error.message);
    } else if error.context.is_none()
        && matches!(error.state, SqlState::DeadlockDetected | SqlState::LockNotAvailable)
    {
        let doing = if strength == LockStrength::NoKeyUpdate { "updating" } else { "locking" };
        error.context = Some(format!("while {doing} tuple in relation \"{relation}\""));
    }
    error
}
