//! A transaction on tables.

use crate::database::Shared;
use crate::ddl::FollowingView;
use crate::foreign_key::Checks;
use crate::row::{decode_row, encode_row};
use crate::schema::{SchemaView, at};
use crate::sequence::SequenceState;
use crate::state::State;
use crate::table::Table;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use kv::lock::AdvisoryKey;
use kv::{
    Cells, Committed, Isolation, LockWait, Meta, ObjectId, Savepoint, SessionLocks, Snapshot, TableMode, TxId,
};
use std::sync::{Arc, LazyLock};
use types::schema::{Relation, Schema};
use types::{Error, Moment, Oid, Result, TextSettings, Value};

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
    /// A newer version (READ COMMITTED, or since [`Transaction::pin_reads`]): its key (changed by a primary-key update)
    /// and values, by `relation.columns`.
    Changed(RowKey, Vec<Value>),
    /// Deleted since (READ COMMITTED).
    Gone,
    /// Not granted (SKIP LOCKED).
    Skipped,
}

/// Asked in every wait and long loop: an error ends the statement.
pub type Interrupt = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// An open transaction on tables. Dropped = rolled back.
pub struct Transaction {
    pub(crate) shared: Arc<Shared>,
    pub(crate) kv: kv::Transaction,
    /// Reads go here, if the transaction is of the past.
    pub(crate) past: Option<Snapshot>,
    /// Said so; a past is read only in any case.
    read_only: bool,
    /// The catalog of the present, own DDL included, while the past is read.
    present: Option<Arc<State>>,
    pub(crate) settings: TextSettings,
    /// The catalog as this transaction sees it, its own DDL included.
    pub(crate) state: Arc<State>,
    /// `state` has own changes.
    pub(crate) changes_catalog: bool,
    pub(crate) search_path: Arc<[String]>,
    /// While a renaming runs: views that go with it.
    pub(crate) following: Vec<FollowingView>,
    pub(crate) checks: Checks,
    /// Sequences that this transaction made or restarted: their values are its own until it commits.
    pub(crate) local_sequences: HashMap<Oid, SequenceState>,
    /// Storage generations with own rows (perhaps undone since).
    pub(crate) written: HashSet<ObjectId>,
    /// Of these, the ones whose rows were written before a DDL.
    pub(crate) reencode: HashSet<ObjectId>,
    pub(crate) row_counts: HashMap<ObjectId, i64>,
    /// Tables whose descriptors are known to be current and locked, by the descriptor's address, which is theirs while
    /// they are kept here.
    current: HashMap<usize, Arc<Table>>,
    pub(crate) indexes: OwnIndexes,
    savepoints: Vec<(Savepoint, Saved)>,
    interrupt: Option<Interrupt>,
}

/// Indexes that exist only if the transaction commits, and only if it does not.
pub(crate) struct OwnIndexes {
    shared: Arc<Shared>,
    pub made: Vec<kv::IndexId>,
    pub dropped: Vec<kv::IndexId>,
}

impl Drop for OwnIndexes {
    fn drop(&mut self) {
        // After a commit this is what the commit dropped. A failure leaves unreachable entries: a rebuild frees them.
        for index in self.made.drain(..) {
            let _ = self.shared.store.drop_index(index);
        }
    }
}

/// What a savepoint brings back.
struct Saved {
    state: Arc<State>,
    changes_catalog: bool,
    checks: Checks,
    local_sequences: HashMap<Oid, SequenceState>,
    row_counts: HashMap<ObjectId, i64>,
    dropped: usize,
    made: usize,
}

static PUBLIC: LazyLock<Arc<[String]>> = LazyLock::new(|| Arc::from(["public".to_owned()]));

impl Transaction {
    pub(crate) fn begin(shared: Arc<Shared>, begin: Begin, at_least: TxId) -> Result<Box<Transaction>> {
        let kv = shared.store.begin_at_least(begin.isolation, at_least);
        let past = begin.as_of.map(|moment| shared.store.snapshot(at(moment))).transpose()?;
        let now = shared.state_at(kv.snapshot().tx())?;
        let (state, present) = match &past {
            Some(past) => (shared.past_state(past.tx())?, Some(now)),
            None => (now, None),
        };
        Ok(Box::new(Transaction {
            read_only: begin.read_only,
            present,
            indexes: OwnIndexes { shared: shared.clone(), made: vec![], dropped: vec![] },
            shared,
            kv,
            past,
            settings: TextSettings::default(),
            state,
            changes_catalog: false,
            search_path: PUBLIC.clone(),
            following: vec![],
            checks: Checks::default(),
            local_sequences: HashMap::new(),
            written: HashSet::new(),
            reencode: HashSet::new(),
            row_counts: HashMap::new(),
            current: HashMap::new(),
            savepoints: vec![],
            interrupt: None,
        }))
    }

    /// The session that this is a transaction of: to be said before anything is locked.
    pub fn set_session(&mut self, session: &SessionLocks) {
        self.kv.set_session(session);
    }

    /// To the end of the transaction. False only with [`LockWait::SkipLocked`].
    pub fn lock_advisory(&mut self, key: AdvisoryKey, shared: bool, wait: LockWait) -> Result<bool> {
        self.kv.lock_advisory(key, shared, wait)
    }

    /// To the end of the session, or until it is freed. False only with [`LockWait::SkipLocked`].
    pub fn lock_for_session(
        &self,
        session: &SessionLocks,
        key: AdvisoryKey,
        shared: bool,
        wait: LockWait,
    ) -> Result<bool> {
        session.lock(&self.kv, key, shared, wait)
    }

    /// What follows reads another moment, or the present again with this transaction's own writes.
    pub fn read_at(&mut self, moment: Option<Moment>) -> Result<()> {
        match moment {
            Some(moment) => {
                let past = self.shared.store.snapshot(at(moment))?;
                let now = std::mem::replace(&mut self.state, self.shared.past_state(past.tx())?);
                self.present.get_or_insert(now);
                self.past = Some(past);
            }
            None => {
                if let Some(now) = self.present.take() {
                    self.state = now;
                }
                self.past = None;
            }
        }
        self.current.clear();
        Ok(())
    }

    /// The transaction whose state is read, if it is not the present.
    pub fn past_tx(&self) -> Option<TxId> {
        self.past.as_ref().map(Snapshot::tx)
    }

    /// The catalog of the present, own DDL included.
    pub(crate) fn present_state(&self) -> &Arc<State> {
        self.present.as_ref().unwrap_or(&self.state)
    }

    /// Starts a statement: a new snapshot at READ COMMITTED. `now` and settings serve defaults and casts inside DDL.
    pub fn begin_statement(&mut self, settings: &TextSettings) -> Result<()> {
        self.settings = settings.clone();
        if self.past.is_some() {
            return Ok(());
        }
        self.kv.refresh();
        self.see_catalog()
    }

    /// The schema is that of now from here on, whatever the snapshot of rows: a table is what it is, as in PostgreSQL.
    pub fn see_catalog(&mut self) -> Result<()> {
        if self.past.is_none()
            && !self.changes_catalog
            && self.shared.settled_version() != Some(self.state.version)
        {
            let tx = self.shared.store.snapshot(kv::At::Latest)?.tx();
            self.state = self.shared.state_at(tx.max(self.kv.snapshot().tx()))?;
        }
        Ok(())
    }

    /// Locks a relation for a statement that was planned with its descriptor. False: that has changed meanwhile, and the
    /// statement is to be planned again after another [`Transaction::begin_statement`], which sees the change. The past
    /// needs no lock.
    pub fn lock_planned(&mut self, oid: Oid, mode: TableMode, wait: LockWait) -> Result<bool> {
        if self.past.is_some() {
            return Ok(true);
        }
        let Some(planned) = self.state.relations.get(&oid).cloned() else { return Ok(true) };
        self.lock_table(&planned, mode, wait)?;
        if self.is_current(&planned) {
            return Ok(true);
        }
        // Its lock was released when the change was ordered. It is seen once it is durable.
        self.shared.store.wait_durable(self.shared.settled().from_tx)?;
        Ok(false)
    }

    /// Ends a statement: immediate constraints that wait for its end (NO ACTION foreign keys) are checked.
    pub fn end_statement(&mut self) -> Result<()> {
        if self.checks.is_empty() {
            return Ok(());
        }
        self.run_checks()
    }

    /// A command that writes begins: until [`Transaction::unpin_reads`], scans see this transaction's writes so far and
    /// none that follow. Checks see all.
    pub fn pin_reads(&mut self) {
        self.kv.pin_reads();
    }
    pub fn unpin_reads(&mut self) {
        self.kv.unpin_reads();
    }

    /// The schema that this transaction sees, its own DDL included.
    pub fn schema(&self, search_path: &[String], _current_user: Oid) -> Arc<dyn Schema> {
        Arc::new(SchemaView {
            shared: self.shared.clone(),
            state: self.state.clone(),
            search_path: search_path.to_vec(),
        })
    }

    /// Where names without a schema are made and found by [`Transaction::apply`]. `public` until it is set.
    pub fn set_search_path(&mut self, search_path: &[String]) {
        self.search_path = search_path.into();
    }

    /// The catalog of this transaction: all descriptors, schemas and grants.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Changes when tables have grown or shrunk so much that plans should.
    pub fn statistics_version(&self) -> u64 {
        self.shared.statistics_version()
    }

    /// The transaction number of its snapshot.
    pub fn snapshot_tx(&self) -> types::TxId {
        self.snapshot().tx()
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.past.as_ref().unwrap_or_else(|| self.kv.snapshot())
    }

    pub fn store(&self) -> &kv::Store {
        &self.shared.store
    }

    pub fn is_read_only(&self) -> bool {
        self.read_only || self.past.is_some()
    }

    /// While it reads the past a transaction is read only all the same.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    pub fn set_interrupt(&mut self, check: Interrupt) {
        self.kv.set_interrupt(check.clone());
        self.interrupt = Some(check);
    }

    pub fn set_lock_timeout(&mut self, timeout_ms: u64) {
        self.kv.set_lock_timeout(timeout_ms);
    }

    pub(crate) fn interrupt(&self) -> Option<Interrupt> {
        self.interrupt.clone()
    }

    pub(crate) fn check_interrupt(&self) -> Result<()> {
        self.interrupt.as_ref().map_or(Ok(()), |check| check())
    }

    /// False only with [`LockWait::SkipLocked`] would be an answer; here it is 55P03.
    pub fn lock_table(&mut self, relation: &Relation, mode: TableMode, wait: LockWait) -> Result<()> {
        let granted = self.kv.lock_table(relation.oid, mode, wait).map_err(|mut error| {
            if error.message == kv::lock::RELATION_NOT_AVAILABLE {
                error.message = format!("{} \"{}\"", error.message, relation.name);
            }
            error
        });
        match granted? {
            true => Ok(()),
            false => Err(Error::internal("a table lock was skipped")),
        }
    }

    /// Whether a descriptor is the newest of its relation. To be asked after [`Transaction::lock_table`]: if it is not,
    /// the statement must be planned again (after another `begin_statement`).
    pub fn is_current(&self, relation: &Relation) -> bool {
        let same = |state: &State| {
            let found = state.relations.get(&relation.oid);
            found.is_some_and(|found| std::ptr::eq(&**found, relation) || **found == *relation)
        };
        if self.changes_catalog || self.shared.settled_version() == Some(self.state.version) {
            return same(&self.state);
        }
        same(&self.shared.settled())
    }

    /// Before the first write under a descriptor: read-only transactions and append-only tables say no, the table is
    /// locked, and the descriptor must be the newest.
    pub(crate) fn writable(&mut self, relation: &Arc<Relation>) -> Result<Arc<Table>> {
        if self.is_read_only() {
            return Err(types::err!(ReadOnlySqlTransaction, "cannot write in a read-only transaction"));
        }
        let address = Arc::as_ptr(relation) as usize;
        if let Some(table) = self.current.get(&address) {
            return Ok(table.clone());
        }
        self.kv.lock_table(relation.oid, TableMode::RowExclusive, LockWait::Block)?;
        if !self.is_current(relation) {
            return Err(types::err!(
                SerializationFailure,
                "could not serialize access due to concurrent change of table \"{}\"",
                relation.name
            )
            .hint("Repeat the statement: it was planned before the table's definition changed."));
        }
        let table = self.shared.table(relation)?;
        self.current.insert(address, table.clone());
        Ok(table)
    }

    /// After own DDL: every descriptor is to be looked at again.
    pub(crate) fn forget_current(&mut self) {
        self.current.clear();
    }

    pub(crate) fn count_row(&mut self, object: ObjectId, change: i64) {
        *self.row_counts.entry(object).or_default() += change;
    }

    pub fn savepoint(&mut self) -> Savepoint {
        let savepoint = self.kv.savepoint();
        let saved = Saved {
            state: self.present_state().clone(),
            changes_catalog: self.changes_catalog,
            checks: self.checks.clone(),
            local_sequences: self.local_sequences.clone(),
            row_counts: self.row_counts.clone(),
            dropped: self.indexes.dropped.len(),
            made: self.indexes.made.len(),
        };
        self.savepoints.retain(|(earlier, _)| earlier.0 < savepoint.0);
        self.savepoints.push((savepoint, saved));
        savepoint
    }

    /// The savepoint stays.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.kv.rollback_to(savepoint);
        self.savepoints.retain(|(earlier, _)| earlier.0 <= savepoint.0);
        let then = self
            .savepoints
            .iter()
            .find(|(at, _)| *at == savepoint)
            .map(|(_, saved)| saved.local_sequences.clone());
        if let Some(then) = then {
            self.restore_sequences(&then);
        }
        if let Some((_, saved)) = self.savepoints.iter().find(|(at, _)| *at == savepoint) {
            match &mut self.present {
                Some(present) => *present = saved.state.clone(),
                None => self.state = saved.state.clone(),
            }
            self.changes_catalog = saved.changes_catalog;
            self.checks = saved.checks.clone();
            self.row_counts = saved.row_counts.clone();
            self.indexes.dropped.truncate(saved.dropped);
            for index in self.indexes.made.split_off(saved.made.min(self.indexes.made.len())) {
                // Nobody can name it any more: what stays is freed by a rebuild.
                let _ = self.shared.store.drop_index(index);
            }
        }
        self.current.clear();
    }

    /// Waits until what this transaction has read beyond its snapshot is durable: before a reply, errors included, that
    /// tells of it. A commit does it itself.
    pub fn settle(&self) -> Result<()> {
        self.kv.settle()
    }

    pub fn has_writes(&self) -> bool {
        self.kv.has_writes()
    }

    /// How often rows (of tables or of the catalog) were written: it only grows, also by what is undone later.
    pub fn rows_put(&self) -> u64 {
        self.kv.rows_put()
    }

    /// It has written nothing, and has nothing to write at its commit.
    pub fn is_idle(&self) -> bool {
        !self.kv.has_writes()
            && !self.changes_catalog
            && self.local_sequences.is_empty()
            && self.row_counts.is_empty()
            && self.indexes.dropped.is_empty()
            && self.checks.are_done()
    }

    /// Deferred constraints, then the store's commit.
    pub fn commit(mut self: Box<Self>, meta: Meta, durable: bool) -> Result<Committed> {
        if self.is_idle() {
            return self.kv.commit(meta, durable);
        }
        self.run_last_checks()?;
        self.reencode_rows()?;
        self.put_sequences()?;
        self.shared.note_rows(&self.row_counts);
        let announced = self.changes_catalog.then(|| self.shared.announce());
        let committed = self.kv.commit(meta, durable)?;
        if let (Some(announced), Some(tx)) = (announced, committed.tx) {
            let mut state = State::clone(&self.state);
            state.from_tx = tx;
            state.version = self.shared.version();
            // What this transaction wrote differs from what was there before.
            let written = state.written_since(&self.shared.latest());
            for oid in written {
                if let Some(relation) = state.relations.get_mut(&oid) {
                    Arc::make_mut(relation).descriptor_tx = tx;
                }
            }
            announced.publish(state);
        }
        for (oid, sequence) in self.local_sequences {
            self.shared.publish_sequence(oid, sequence);
        }
        for (object, change) in self.row_counts {
            self.shared.count_rows(object, change);
        }
        self.indexes.made = std::mem::take(&mut self.indexes.dropped);
        Ok(committed)
    }

    /// All constraints that have waited, in the present.
    pub(crate) fn run_last_checks(&mut self) -> Result<()> {
        self.read_at(None)?;
        self.run_checks()?;
        self.run_deferred_checks()
    }

    pub fn rollback(self: Box<Self>) {}

    /// Rows written before a DDL of this transaction get the cells of the final descriptor (`ledger.md` 1).
    fn reencode_rows(&mut self) -> Result<()> {
        if self.reencode.is_empty() {
            return Ok(());
        }
        let mut tables: HashMap<ObjectId, (Arc<Table>, TxId)> = HashMap::new();
        for object in &self.reencode {
            if let Some(relation) = self.state.relation_of_object(*object) {
                tables.insert(*object, (self.shared.table(relation)?, relation.descriptor_tx));
            }
        }
        for (object, (table, schema_tx)) in tables {
            self.each_written(object, |transaction, key, cells| {
                let Some(cells) = cells else { return Ok(()) };
                let row = decode_row(&table, &cells)?;
                transaction.kv.put(object, &key, encode_row(&table, &row)?, schema_tx, vec![])
            })?;
        }
        Ok(())
    }

    /// Each key of an object that this transaction has written, with its new cells. `visit` may write them again.
    pub(crate) fn each_written(
        &mut self,
        object: ObjectId,
        mut visit: impl FnMut(&mut Transaction, Vec<u8>, Option<Cells>) -> Result<()>,
    ) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            self.check_interrupt()?;
            let page = self.kv.written(object, after.as_deref())?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for (key, cells) in page {
                visit(self, key, cells)?;
            }
        }
    }

    /// Brings the planner's number of a table's rows up to date.
    pub fn analyze(&self, relation: &Relation) {
        self.shared.analyze(relation.object_id)
    }

    /// The number of a table's rows, about, if it is known without counting.
    pub fn known_rows(&self, relation: &Relation) -> Option<f64> {
        self.shared.known_rows(relation.object_id)
    }

    /// The descriptor that this transaction sees. XX000 if there is none: only for OIDs taken from descriptors.
    pub(crate) fn relation(&self, oid: Oid) -> Result<Arc<Relation>> {
        let relation = self.state.relations.get(&oid).cloned();
        relation.ok_or_else(|| Error::internal(format!("relation {oid} is not in the catalog")))
    }
}
