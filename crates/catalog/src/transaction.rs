//! A transaction on tables.

use crate::scan::{Scan, ScanRequest};
use kv::{Committed, Isolation, LockStrength, LockWait, Meta, Savepoint, TableMode};
use std::sync::Arc;
use types::ddl::Ddl;
use types::schema::{Relation, Schema};
use types::{Moment, Oid, Result, TextSettings, Value};

/// How to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Begin {
    pub isolation: Isolation,
    pub read_only: bool,
    /// The past: implies read only.
    pub as_of: Option<Moment>,
}

/// Names a stored row: its encoded primary key (or hidden row id). Opaque above this crate.
pub type RowKey = Vec<u8>;

/// What INSERT met.
#[derive(Debug, Clone, PartialEq)]
pub enum Insert {
    Done(RowKey),
    /// With arbiters given: a live row is in the way, and its row.
    Conflict(RowKey, Vec<Value>),
}

/// A row after its lock was granted.
#[derive(Debug, Clone, PartialEq)]
pub enum LockedRow {
    /// As the snapshot saw it (or as this transaction wrote it).
    Same,
    /// A newer version (READ COMMITTED): its key (changed by a primary-key update) and values, by `relation.columns`.
    Changed(RowKey, Vec<Value>),
    /// Deleted since (READ COMMITTED).
    Gone,
    /// Not granted (SKIP LOCKED).
    Skipped,
}

/// An open transaction on tables. Dropped = rolled back.
pub struct Transaction {
    // ...
}

impl Transaction {
    /// Starts a statement: a new snapshot at READ COMMITTED. `now` and settings serve defaults and casts inside DDL.
    pub fn begin_statement(&mut self, _settings: &TextSettings) -> Result<()> {
        todo!()
    }
    /// Ends a statement: immediate constraints that wait for its end (NO ACTION foreign keys) are checked.
    pub fn end_statement(&mut self) -> Result<()> {
        todo!()
    }
    /// Forces deferred constraints now (SET CONSTRAINTS ... IMMEDIATE, and commit).
    pub fn set_constraints(&mut self, _deferred: bool, _names: &[types::ddl::Name]) -> Result<()> {
        todo!()
    }

    /// The schema that this transaction sees, its own DDL included.
    pub fn schema(&self, _search_path: &[String], _current_user: Oid) -> Arc<dyn Schema> {
        todo!()
    }
    /// The transaction number of its snapshot.
    pub fn snapshot_tx(&self) -> types::TxId {
        todo!()
    }
    pub fn is_read_only(&self) -> bool {
        todo!()
    }
    pub fn set_read_only(&mut self, _read_only: bool) {
        todo!()
    }
    pub fn set_interrupt(&mut self, _check: Arc<dyn Fn() -> Result<()> + Send + Sync>) {
        todo!()
    }
    pub fn set_lock_timeout(&mut self, _timeout_ms: u64) {
        todo!()
    }

    pub fn scan(&self, _request: &ScanRequest) -> Result<Scan> {
        todo!()
    }

    // Rows are whole: one value per `relation.columns`, dropped ones NULL. The caller has cast them to the column types
    // and checked CHECK constraints; NOT NULL, unique and foreign keys are checked here. 25006 when read only.

    /// `arbiters`: None = a conflict is 23505; Some(indexes) = report it instead (empty = any unique index).
    pub fn insert(&mut self, _relation: &Arc<Relation>, _row: &[Value], _arbiters: Option<&[Oid]>) -> Result<Insert> {
        todo!()
    }
    /// The caller holds the row's lock (see `lock_row`); `old` is what it read under it.
    pub fn update(&mut self, _relation: &Arc<Relation>, _key: &RowKey, _old: &[Value], _new: &[Value]) -> Result<RowKey> {
        todo!()
    }
    pub fn delete(&mut self, _relation: &Arc<Relation>, _key: &RowKey, _old: &[Value]) -> Result<()> {
        todo!()
    }
    /// 40001 above READ COMMITTED where the row has changed since the snapshot.
    pub fn lock_row(&mut self, _relation: &Arc<Relation>, _key: &RowKey, _strength: LockStrength, _wait: LockWait) -> Result<LockedRow> {
        todo!()
    }
    pub fn lock_table(&mut self, _relation: &Relation, _mode: TableMode, _wait: LockWait) -> Result<()> {
        todo!()
    }

    /// Carries out DDL; `user` becomes the owner of what is made. Returns notices ("table "x" does not exist,
    /// skipping"). Ownership has been checked by the caller through [`Transaction::may`].
    pub fn apply(&mut self, _ddl: &Ddl, _user: Oid) -> Result<Vec<types::Error>> {
        todo!()
    }

    /// Privileges by object_id, as of NOW whatever the transaction reads: owner, grants to the role, its
    /// memberships (`roles`: the role and all it is a member of) or PUBLIC.
    pub fn may(&self, _roles: &[Oid], _relation: &Relation, _privilege: types::ddl::Privilege) -> Result<bool> {
        todo!()
    }
    pub fn may_schema(&self, _roles: &[Oid], _schema: &str, _privilege: types::ddl::Privilege) -> Result<bool> {
        todo!()
    }

    // Sequences: not transactional.
    pub fn next_value(&mut self, _sequence: Oid) -> Result<i64> {
        todo!()
    }
    pub fn set_value(&mut self, _sequence: Oid, _value: i64, _called: bool) -> Result<()> {
        todo!()
    }

    pub fn savepoint(&mut self) -> Savepoint {
        todo!()
    }
    pub fn rollback_to(&mut self, _savepoint: Savepoint) {
        todo!()
    }
    pub fn has_writes(&self) -> bool {
        todo!()
    }
    /// Deferred constraints, then the store's commit.
    pub fn commit(self, _meta: Meta, _durable: bool) -> Result<Committed> {
        todo!()
    }
    pub fn rollback(self) {}
}
