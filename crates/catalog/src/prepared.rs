//! Prepared transactions of a database: PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED (PostgreSQL 15).
//!
//! Each is a row of the system table `prepared`, so that a restart finds it, and a `kv::Prepared` here, which holds its
//! locks and writes. Changes of the schema cannot be prepared: they are 0A000.

use crate::database::{Database, Shared, lock};
use crate::system_tables::{self, PREPARED, PreparedRow};
use crate::transaction::Transaction;
use foldhash::HashMap;
use kv::prepared::RowPlace;
use kv::{At, Committed, Meta, ObjectId, Span};
use std::collections::BTreeMap;
use std::sync::Mutex;
use types::{Error, Oid, Result, err};

/// What pg_prepared_xacts shows of one.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedTransaction {
    /// As [`kv::Store::locks`] names it.
    pub number: u64,
    pub gid: String,
    pub owner: Oid,
    /// Microseconds since 1970-01-01 UTC.
    pub prepared_at: i64,
}

/// By its global identifier. None: somebody is at work on it.
pub(crate) type Registry = Mutex<BTreeMap<String, Option<Waiting>>>;

pub(crate) struct Waiting {
    listed: PreparedTransaction,
    prepared: kv::Prepared,
    row_counts: HashMap<ObjectId, i64>,
}

/// `max_prepared_transactions`.
const PREPARED_LIMIT: usize = 1_000;

impl Transaction {
    /// Deferred constraints, then the transaction is set aside under `gid`; an error rolls it back.
    pub fn prepare(mut self, gid: &str, owner: Oid, prepared_at: i64, meta: Meta) -> Result<()> {
        self.run_last_checks()?;
        if self.changes_catalog || !self.local_sequences.is_empty() {
            return Err(Error::unsupported("PREPARE TRANSACTION after a change of the schema")
                .hint("Commit changes of the schema in a transaction of their own."));
        }
        let shared = self.shared.clone();
        let reserved = Claim::new(&shared, gid)?;
        let row = RowPlace { object: PREPARED, key: system_tables::prepared_key(gid)? };
        let prepared = self.kv.prepare(meta, row, |state| {
            system_tables::prepared_cells(&PreparedRow { gid: gid.to_owned(), owner, prepared_at, state })
        })?;
        let gid = gid.to_owned();
        let listed = PreparedTransaction { number: prepared.number(), gid, owner, prepared_at };
        reserved.put(Waiting { listed, prepared, row_counts: self.row_counts });
        Ok(())
    }
}

/// An identifier that only its owner works with. Dropped without anything to put, it is free.
struct Claim<'a> {
    shared: &'a Shared,
    gid: String,
    waiting: Option<Waiting>,
}

impl<'a> Claim<'a> {
    fn new(shared: &'a Shared, gid: &str) -> Result<Claim<'a>> {
        let mut registry = lock(&shared.prepared);
        if registry.contains_key(gid) {
            return Err(err!(DuplicateObject, "transaction identifier \"{gid}\" is already in use"));
        }
        if registry.len() >= PREPARED_LIMIT {
            return Err(err!(OutOfMemory, "maximum number of prepared transactions reached")
                .hint("Finish some: pg_prepared_xacts lists them."));
        }
        registry.insert(gid.to_owned(), None);
        Ok(Claim { shared, gid: gid.to_owned(), waiting: None })
    }

    fn put(mut self, waiting: Waiting) {
        self.waiting = Some(waiting);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut registry = lock(&self.shared.prepared);
        match self.waiting.take() {
            Some(waiting) => registry.insert(std::mem::take(&mut self.gid), Some(waiting)),
            None => registry.remove(&self.gid),
        };
    }
}

impl Database {
    /// Those that wait for their end, by identifier.
    pub fn prepared(&self) -> Vec<PreparedTransaction> {
        self.shared.prepared()
    }

    /// Its writes and its rows' locks are an ordinary transaction from here on. 42704, 42501, 55000; after another error
    /// (53100) it waits still. `may_finish`: whether the transaction of that owner is the user's to finish.
    pub fn commit_prepared(
        &self,
        gid: &str,
        may_finish: impl FnOnce(Oid) -> bool,
        durable: bool,
    ) -> Result<Committed> {
        let mut claim = self.take_prepared(gid, may_finish)?;
        let Some(waiting) = &mut claim.waiting else { return Err(busy(gid)) };
        self.shared.note_rows(&waiting.row_counts);
        let committed = waiting.prepared.commit(durable)?;
        for (object, change) in waiting.row_counts.drain() {
            self.shared.count_rows(object, change);
        }
        claim.waiting = None;
        Ok(committed)
    }

    /// As [`Database::commit_prepared`]. `meta` is of who rolls it back.
    pub fn rollback_prepared(
        &self,
        gid: &str,
        may_finish: impl FnOnce(Oid) -> bool,
        meta: Meta,
    ) -> Result<()> {
        let mut claim = self.take_prepared(gid, may_finish)?;
        let Some(waiting) = &mut claim.waiting else { return Err(busy(gid)) };
        waiting.prepared.rollback(meta)?;
        claim.waiting = None;
        Ok(())
    }

    fn take_prepared(&self, gid: &str, may_finish: impl FnOnce(Oid) -> bool) -> Result<Claim<'_>> {
        let mut registry = lock(&self.shared.prepared);
        let Some(place) = registry.get_mut(gid) else {
            return Err(err!(
                UndefinedObject,
                "prepared transaction with identifier \"{gid}\" does not exist"
            ));
        };
        let Some(waiting) = place else { return Err(busy(gid)) };
        if !may_finish(waiting.listed.owner) {
            return Err(err!(InsufficientPrivilege, "permission denied to finish prepared transaction")
                .hint("Must be superuser or the user that prepared the transaction."));
        }
        Ok(Claim { shared: &self.shared, gid: gid.to_owned(), waiting: place.take() })
    }

    /// When the database is opened, before anybody else locks: what was prepared is prepared again.
    pub(crate) fn resume_prepared(&self) -> Result<()> {
        let snapshot = self.store().snapshot(At::Latest)?;
        let mut rows = snapshot.scan(PREPARED, &Span::all(), false);
        while let Some((key, version)) = rows.next()? {
            let Some(cells) = version.cells else { continue };
            let PreparedRow { gid, owner, prepared_at, state } = system_tables::prepared(&cells)?;
            let prepared = self.store().resume(RowPlace { object: PREPARED, key }, &state)?;
            let number = prepared.number();
            let mut row_ids = lock(&self.shared.prepared_row_ids);
            for (object, key) in prepared.last_keys() {
                // Keys of this length that are no row ids do no harm: nobody asks for those.
                let id = key.try_into().map_or(0, u64::from_be_bytes);
                let highest = row_ids.entry(object).or_default();
                *highest = id.max(*highest);
            }
            drop(row_ids);
            let listed = PreparedTransaction { number, gid: gid.clone(), owner, prepared_at };
            let waiting = Waiting { listed, prepared, row_counts: HashMap::default() };
            lock(&self.shared.prepared).insert(gid, Some(waiting));
        }
        Ok(())
    }
}

impl Shared {
    pub fn prepared(&self) -> Vec<PreparedTransaction> {
        let registry = lock(&self.prepared);
        registry.values().flatten().map(|waiting| waiting.listed.clone()).collect()
    }
}

fn busy(gid: &str) -> Error {
    err!(ObjectNotInPrerequisiteState, "prepared transaction with identifier \"{gid}\" is busy")
}
