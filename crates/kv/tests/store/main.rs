//! The store from outside: model, isolation, concurrency, the index's checkpoint, damage to what is derived.

extern crate stele_kv as kv;

mod backup;
mod concurrency;
mod isolation;
mod large;
mod model;
mod new_keys;
mod on_disk;
#[path = "../shared/one_index.rs"]
mod one_index;
mod prepared;
mod wrong_tile;

use host::Host;
use kv::ledger::LedgerOptions;
use kv::store::IndexEngine;
use kv::{Cells, Cursor, Derive, IndexChange, IndexId, Meta, ObjectId, Options, Span, Store, TxId};
pub use one_index::{OneIndex, cells, value_of};
use std::path::Path;
use std::sync::Arc;
use types::Result;

pub const TABLE: ObjectId = 16_384;
pub const INDEX: IndexId = 20_000;

pub fn options(index: IndexEngine) -> Options {
    Options {
        ledger: LedgerOptions {
            origin: "test.example/store".into(),
            create: true,
            accept_missing_checkpoint: false,
            accept_clock: false,
            segment_size_bytes: 1 << 20,
            progress: None,
        },
        index,
        index_cache_bytes: 16 << 20,
        transaction_memory_bytes: 1 << 20,
        derive: Arc::new(BY_VALUE),
    }
}

pub fn memory_store(host: &Host) -> Store {
    store_of(host, 1 << 20)
}

/// A store in memory whose transactions may hold so much before they go to files.
pub fn store_of(host: &Host, transaction_memory_bytes: usize) -> Store {
    let options = Options { transaction_memory_bytes, ..options(IndexEngine::Memory) };
    Store::open(host.clone(), Path::new("/db"), options).unwrap()
}

/// An index on the value of every row: entry = value ‖ key.
pub const BY_VALUE: OneIndex =
    OneIndex { index: INDEX, objects: TABLE..=TABLE, entry: |_, key, value| [value, key].concat() };

/// What a session would derive.
pub fn derived(key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) -> Vec<IndexChange> {
    let (old, new) = (old.map(cells), new.map(cells));
    let mut out = Vec::new();
    BY_VALUE.derive(0, TABLE, key, old.as_ref(), new.as_ref(), &mut out).unwrap();
    out
}

pub fn rows(mut cursor: Box<dyn Cursor + Send>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    while let Some((key, version)) = cursor.next().unwrap() {
        rows.push((key, value_of(version.cells.as_ref().unwrap())));
    }
    rows
}

pub fn put(store: &Store, key: &[u8], new: &[u8]) -> TxId {
    let mut transaction = store.begin(kv::Isolation::ReadCommitted);
    transaction.lock_row(TABLE, key, kv::LockStrength::Update, kv::LockWait::Block).unwrap();
    let old = transaction.newest(TABLE, key).unwrap().and_then(|old| old.cells);
    let changes = derived(key, old.as_ref().map(value_of).as_deref(), Some(new));
    transaction.put(TABLE, key, cells(new), 1, changes).unwrap();
    transaction.commit(Meta::default(), true).unwrap().tx.unwrap()
}

pub fn delete(store: &Store, key: &[u8]) -> Option<TxId> {
    let mut transaction = store.begin(kv::Isolation::ReadCommitted);
    transaction.lock_row(TABLE, key, kv::LockStrength::Update, kv::LockWait::Block).unwrap();
    let old = transaction.newest(TABLE, key).unwrap().and_then(|old| old.cells);
    let changes = derived(key, old.as_ref().map(value_of).as_deref(), None);
    transaction.delete(TABLE, key, None, changes).unwrap();
    transaction.commit(Meta::default(), true).unwrap().tx
}

pub fn all(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    rows(store.snapshot(kv::At::Latest).unwrap().scan(TABLE, &Span::all(), false))
}
