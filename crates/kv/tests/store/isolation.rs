//! Who sees what, and who is told no.

use crate::*;
use kv::{At, Isolation, LockStrength, LockWait};
use types::SqlState;

fn get(transaction: &kv::Transaction, key: &[u8]) -> Option<Vec<u8>> {
    transaction.get(TABLE, key).unwrap().and_then(|version| version.cells).as_ref().map(value_of)
}

#[test]
fn a_snapshot_is_per_statement_or_per_transaction() {
    let store = memory_store(&Host::memory(1));
    put(&store, b"k", b"1");
    let mut committed = store.begin(Isolation::ReadCommitted);
    let mut repeatable = store.begin(Isolation::RepeatableRead);
    // The snapshot is taken by the first statement, not by BEGIN.
    put(&store, b"k", b"2");
    committed.refresh();
    repeatable.refresh();
    assert_eq!((get(&committed, b"k"), get(&repeatable, b"k")), (Some(b"2".to_vec()), Some(b"2".to_vec())));
    let third = put(&store, b"k", b"3");
    committed.refresh();
    repeatable.refresh();
    assert_eq!((get(&committed, b"k"), get(&repeatable, b"k")), (Some(b"3".to_vec()), Some(b"2".to_vec())));
    assert_eq!(repeatable.newest(TABLE, b"k").unwrap().unwrap().tx, third);
    assert!(repeatable.changed_since_snapshot(TABLE, b"k").unwrap());
    assert!(!committed.changed_since_snapshot(TABLE, b"k").unwrap());
}

#[test]
fn a_deleted_key_says_where_it_went() {
    let store = memory_store(&Host::memory(1));
    put(&store, b"old", b"1");
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.delete(TABLE, b"old", Some(b"new"), Vec::new()).unwrap();
    transaction.put(TABLE, b"new", cells(b"1"), 1, Vec::new()).unwrap();
    transaction.commit(Meta::default(), true).unwrap();
    let transaction = store.begin(Isolation::ReadCommitted);
    let version = transaction.newest(TABLE, b"old").unwrap().unwrap();
    assert_eq!((version.cells, version.moved_to), (None, Some(b"new".to_vec())));
    assert_eq!(transaction.get(TABLE, b"old").unwrap(), None);
    assert_eq!(transaction.newest(TABLE, b"never").unwrap(), None);
}

#[test]
fn no_net_effect_is_no_transaction() {
    let store = memory_store(&Host::memory(1));
    let before = store.ledger().size();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, b"k", cells(b"1"), 1, Vec::new()).unwrap();
    transaction.delete(TABLE, b"k", None, Vec::new()).unwrap();
    assert!(transaction.has_writes());
    assert_eq!(transaction.commit(Meta::default(), true).unwrap().tx, None);
    assert_eq!(store.ledger().size(), before);
}

#[test]
fn a_rollback_leaves_neither_rows_nor_locks() {
    let store = memory_store(&Host::memory(1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, b"k", cells(b"1"), 1, Vec::new()).unwrap();
    assert_eq!(store.locks().len(), 1);
    drop(transaction);
    assert!(store.locks().is_empty() && all(&store).is_empty());
}

#[test]
fn a_key_that_is_too_long_is_refused() {
    let store = memory_store(&Host::memory(1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, &[7; 2048], cells(b"1"), 1, Vec::new()).unwrap();
    let error = transaction.put(TABLE, &[7; 2049], cells(b"1"), 1, Vec::new()).unwrap_err();
    assert_eq!(error.state, SqlState::ProgramLimitExceeded);
}

fn write_skew(isolation: Isolation) -> Result<(), types::Error> {
    let store = memory_store(&Host::memory(1));
    put(&store, b"x", b"1");
    put(&store, b"y", b"1");
    let (mut one, mut two) = (store.begin(isolation), store.begin(isolation));
    for (transaction, read, write) in [(&mut one, b"x", b"y"), (&mut two, b"y", b"x")] {
        transaction.refresh();
        assert_eq!(get(transaction, read), Some(b"1".to_vec()));
        transaction.put(TABLE, write, cells(b"0"), 1, Vec::new()).unwrap();
    }
    one.commit(Meta::default(), true).unwrap();
    let outcome = two.commit(Meta::default(), true).map(|_| ());
    assert!(store.locks().is_empty());
    outcome
}

#[test]
fn write_skew_passes_repeatable_read_and_not_serializable() {
    write_skew(Isolation::RepeatableRead).unwrap();
    assert_eq!(write_skew(Isolation::Serializable).unwrap_err().state, SqlState::SerializationFailure);
}

#[test]
fn a_phantom_ends_a_serializable_writer_and_spares_a_reader() {
    let store = memory_store(&Host::memory(1));
    let mut writer = store.begin(Isolation::Serializable);
    let reader = store.begin(Isolation::Serializable);
    writer.refresh();
    for transaction in [&writer, &reader] {
        assert!(rows(transaction.scan(TABLE, &Span::prefix(b"a"), false)).is_empty());
    }
    writer.put(TABLE, b"z", cells(b"1"), 1, Vec::new()).unwrap();
    put(&store, b"ab", b"1");
    assert_eq!(writer.commit(Meta::default(), true).unwrap_err().state, SqlState::SerializationFailure);
    reader.commit(Meta::default(), true).unwrap();

    let mut writer = store.begin(Isolation::Serializable);
    writer.refresh();
    assert_eq!(rows(writer.scan(TABLE, &Span::prefix(b"a"), false)).len(), 1);
    writer.put(TABLE, b"z", cells(b"1"), 1, Vec::new()).unwrap();
    put(&store, b"b", b"1");
    writer.commit(Meta::default(), true).unwrap();
}

#[test]
fn a_serializable_index_scan_sees_entries_that_come_and_go() {
    let store = memory_store(&Host::memory(1));
    put(&store, b"k", b"5");
    let mut writer = store.begin(Isolation::Serializable);
    writer.refresh();
    assert!(writer.scan_index(INDEX, &Span::prefix(b"7"), false).next().unwrap().is_none());
    writer.put(TABLE, b"z", cells(b"1"), 1, Vec::new()).unwrap();
    put(&store, b"k", b"7");
    assert_eq!(writer.commit(Meta::default(), true).unwrap_err().state, SqlState::SerializationFailure);
}

#[test]
fn a_commit_that_did_not_wait_is_seen_by_its_session_and_by_newest() {
    let store = memory_store(&Host::memory(1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, b"k", cells(b"1"), 1, Vec::new()).unwrap();
    let tx = transaction.commit(Meta::default(), false).unwrap().tx.unwrap();
    let own = store.begin_at_least(Isolation::ReadCommitted, tx);
    assert_eq!(get(&own, b"k"), Some(b"1".to_vec()));
    let other = store.begin(Isolation::ReadCommitted);
    assert_eq!(other.newest(TABLE, b"k").unwrap().unwrap().tx, tx);
    other.settle().unwrap();
    assert!(store.ledger().durable_size() > tx);
    assert_eq!(store.snapshot(At::Latest).unwrap().tx(), tx);
}

#[test]
fn unwaited_commits_become_durable_by_themselves() {
    let store = memory_store(&Host::memory(1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, b"k", cells(b"1"), 1, Vec::new()).unwrap();
    let tx = transaction.commit(Meta::default(), false).unwrap().tx.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while store.snapshot(At::Latest).unwrap().tx() < tx {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn savepoints_free_what_was_locked_since() {
    let store = memory_store(&Host::memory(1));
    let mut one = store.begin(Isolation::ReadCommitted);
    one.put(TABLE, b"a", cells(b"1"), 1, Vec::new()).unwrap();
    let savepoint = one.savepoint();
    one.put(TABLE, b"b", cells(b"1"), 1, Vec::new()).unwrap();
    one.put(TABLE, b"a", cells(b"2"), 1, Vec::new()).unwrap();
    let mut two = store.begin(Isolation::ReadCommitted);
    assert!(!two.lock_row(TABLE, b"b", LockStrength::Update, LockWait::SkipLocked).unwrap());
    one.rollback_to(savepoint);
    assert!(two.lock_row(TABLE, b"b", LockStrength::Update, LockWait::SkipLocked).unwrap());
    assert!(!two.lock_row(TABLE, b"a", LockStrength::Update, LockWait::SkipLocked).unwrap());
    assert_eq!(get(&one, b"a"), Some(b"1".to_vec()));
    drop(two);
    one.commit(Meta::default(), true).unwrap();
    assert_eq!(all(&store), [(b"a".to_vec(), b"1".to_vec())]);
}

#[test]
fn a_closed_store_takes_no_commit() {
    let store = memory_store(&Host::memory(1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, b"k", cells(b"1"), 1, Vec::new()).unwrap();
    store.close().unwrap();
    store.close().unwrap();
    assert_eq!(transaction.commit(Meta::default(), true).unwrap_err().state, SqlState::AdminShutdown);
}

#[test]
fn a_swap_of_unique_values_keeps_both_owners() {
    let store = memory_store(&Host::memory(1));
    let change = |index_key: &[u8], key: &[u8], add| IndexChange {
        index: 30_000,
        key: index_key.to_vec(),
        primary_key: key.to_vec(),
        add,
    };
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.put(TABLE, b"p", cells(b"1"), 1, vec![change(b"1", b"p", true)]).unwrap();
    transaction.put(TABLE, b"q", cells(b"2"), 1, vec![change(b"2", b"q", true)]).unwrap();
    let before = transaction.commit(Meta::default(), true).unwrap().tx.unwrap();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    let moves = |from: &[u8], to: &[u8], key: &[u8]| vec![change(from, key, false), change(to, key, true)];
    transaction.put(TABLE, b"p", cells(b"2"), 1, moves(b"1", b"2", b"p")).unwrap();
    transaction.put(TABLE, b"q", cells(b"1"), 1, moves(b"2", b"1", b"q")).unwrap();
    transaction.commit(Meta::default(), true).unwrap();
    let read = |at| {
        let mut cursor = store.snapshot(at).unwrap().scan_index(30_000, &Span::all(), false);
        (cursor.next().unwrap().unwrap().1, cursor.next().unwrap().unwrap().1)
    };
    assert_eq!(read(At::Latest), (b"q".to_vec(), b"p".to_vec()));
    assert_eq!(read(At::Transaction(before)), (b"p".to_vec(), b"q".to_vec()));
}
