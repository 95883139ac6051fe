//! Two-phase commit: what is prepared survives, keeps its locks, and ends once.

use crate::*;
use host::{FaultyDisk, ManualClock, SeededRandom};
use kv::lock::AdvisoryKey;
use kv::prepared::RowPlace;
use kv::{At, Isolation, LockStrength, LockWait, Prepared};
use types::SqlState;

const PREPARED: ObjectId = 6;

fn place(name: &str) -> RowPlace {
    RowPlace { object: PREPARED, key: name.as_bytes().to_vec() }
}

fn prepare(transaction: kv::Transaction, name: &str) -> Result<Prepared> {
    let meta = Meta { user: Some("ann".into()), ..Meta::default() };
    transaction.prepare(meta, place(name), |state| Ok(cells(&state)))
}

fn put_derived(transaction: &mut kv::Transaction, key: &[u8], old: Option<&[u8]>, new: &[u8]) {
    transaction.put(TABLE, key, cells(new), 1, derived(key, old, Some(new))).unwrap();
}

/// What an owner of a new store does: every live row is a prepared transaction.
fn resume_all(store: &Store) -> Vec<Prepared> {
    let snapshot = store.snapshot(At::Latest).unwrap();
    let mut rows = snapshot.scan(PREPARED, &Span::all(), false);
    let mut all = Vec::new();
    while let Some((key, version)) = rows.next().unwrap() {
        let state = value_of(&version.cells.unwrap());
        all.push(store.resume(RowPlace { object: PREPARED, key }, &state).unwrap());
    }
    all
}

fn latest(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    let version = store.snapshot(At::Latest).unwrap().get(TABLE, key).unwrap();
    version.and_then(|version| version.cells).as_ref().map(value_of)
}

fn is_locked(store: &Store, key: &[u8]) -> bool {
    let mut other = store.begin(Isolation::ReadCommitted);
    !other.lock_row(TABLE, key, LockStrength::Share, LockWait::SkipLocked).unwrap()
}

#[test]
fn it_waits_with_its_locks_and_commits_as_one_transaction() {
    let store = memory_store(&Host::memory(1));
    put(&store, b"k", b"1");
    let mut transaction = store.begin(Isolation::ReadCommitted);
    put_derived(&mut transaction, b"new", None, b"2");
    transaction.delete(TABLE, b"k", None, derived(b"k", Some(b"1"), None)).unwrap();
    let mut prepared = prepare(transaction, "one").unwrap();
    assert_eq!((latest(&store, b"k"), latest(&store, b"new")), (Some(b"1".to_vec()), None));
    assert!(is_locked(&store, b"k") && is_locked(&store, b"new"));

    let tx = prepared.commit(true).unwrap().tx.unwrap();
    assert_eq!((latest(&store, b"k"), latest(&store, b"new")), (None, Some(b"2".to_vec())));
    assert!(!is_locked(&store, b"k"));
    let record = store.ledger().read(tx).unwrap();
    let objects: Vec<ObjectId> = record.changes.iter().map(|change| change.object).collect();
    assert_eq!(objects, [PREPARED, TABLE, TABLE]);
    assert_eq!((record.meta.user.as_deref(), record.system), (Some("ann"), false));
    assert!(resume_all(&store).is_empty());
}

#[test]
fn it_can_be_rolled_back() {
    let store = memory_store(&Host::memory(1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    put_derived(&mut transaction, b"k", None, b"1");
    let mut prepared = prepare(transaction, "one").unwrap();
    prepared.rollback(Meta::default()).unwrap();
    assert_eq!(latest(&store, b"k"), None);
    assert!(!is_locked(&store, b"k"));
    assert!(resume_all(&store).is_empty());
}

#[test]
fn it_survives_with_every_kind_of_lock() {
    let host = Host::memory(1);
    let store = memory_store(&host);
    put(&store, b"read", b"0");
    let mut transaction = store.begin(Isolation::ReadCommitted);
    put_derived(&mut transaction, b"k", None, b"1");
    transaction.lock_row(TABLE, b"read", LockStrength::Share, LockWait::Block).unwrap();
    transaction.lock_value(INDEX, b"unique").unwrap();
    transaction.lock_table(TABLE, kv::TableMode::RowExclusive, LockWait::Block).unwrap();
    transaction.lock_advisory(AdvisoryKey::Two(1, -2), false, LockWait::Block).unwrap();
    let before = locks(&store);
    assert_eq!(before.len(), 5);
    drop(prepare(transaction, "one").unwrap());
    drop(store);

    let store = memory_store(&host);
    let mut all = resume_all(&store);
    assert_eq!(locks(&store), before);
    assert!(is_locked(&store, b"k"));
    all[0].commit(true).unwrap();
    assert_eq!(latest(&store, b"k"), Some(b"1".to_vec()));
    assert!(locks(&store).is_empty());
    let mut entries = store.snapshot(At::Latest).unwrap().scan_index(INDEX, &Span::all(), false);
    let mut count = 0;
    while entries.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 2);
}

fn locks(store: &Store) -> Vec<(String, &'static str)> {
    let mut locks: Vec<_> = store.locks().into_iter().map(|(_, what, mode, _)| (what, mode)).collect();
    locks.sort();
    locks
}

#[test]
fn a_session_keeps_its_own_locks_and_cannot_prepare_beside_them() {
    let store = memory_store(&Host::memory(1));
    let session = store.session_locks(7);
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.set_session(&session);
    session.lock(&transaction, AdvisoryKey::One(1), false, LockWait::Block).unwrap();
    put_derived(&mut transaction, b"k", None, b"1");
    let mut prepared = prepare(transaction, "one").unwrap();

    // The session's next transaction is another one: it would wait for what is prepared.
    let mut next = store.begin(Isolation::ReadCommitted);
    next.set_session(&session);
    assert!(!next.lock_row(TABLE, b"k", LockStrength::Update, LockWait::SkipLocked).unwrap());
    next.lock_advisory(AdvisoryKey::One(1), false, LockWait::Block).unwrap();
    let error = prepare(next, "two").err().unwrap();
    assert_eq!(error.state, SqlState::FeatureNotSupported);
    assert!(error.message.starts_with("cannot PREPARE while holding both"), "{error}");
    prepared.rollback(Meta::default()).unwrap();
    assert!(session.unlock(AdvisoryKey::One(1), false));
    assert!(locks(&store).is_empty());
}

#[test]
fn serializable_is_decided_when_it_is_prepared() {
    let host = Host::memory(1);
    let store = memory_store(&host);
    put(&store, b"a", b"1");
    put(&store, b"b", b"1");
    let crossing = |read: &[u8], write: &[u8], isolation| {
        let mut transaction = store.begin(isolation);
        transaction.refresh();
        transaction.get(TABLE, read).unwrap();
        let written = transaction.put(TABLE, write, cells(b"2"), 1, derived(write, Some(b"1"), Some(b"2")));
        written.map(|()| transaction)
    };
    // What it has read was overwritten before: no.
    let late = crossing(b"a", b"c", Isolation::Serializable).unwrap();
    put(&store, b"a", b"9");
    let error = prepare(late, "late").err().unwrap();
    assert_eq!(error.state, SqlState::SerializationFailure);
    assert!(!is_locked(&store, b"c"));

    // The other half of a write skew is refused, before a restart and after it; who is not serializable may.
    let refuse_other = || {
        let other = crossing(b"b", b"a", Isolation::Serializable).unwrap();
        assert_eq!(other.commit(Meta::default(), true).unwrap_err().state, SqlState::SerializationFailure);
    };
    let prepared = prepare(crossing(b"a", b"b", Isolation::Serializable).unwrap(), "one").unwrap();
    refuse_other();
    drop(prepared);
    let mut prepared = resume_all(&store);
    refuse_other();
    crossing(b"b", b"a", Isolation::ReadCommitted).unwrap().commit(Meta::default(), true).unwrap();
    prepared[0].commit(true).unwrap();
    let after = crossing(b"b", b"a", Isolation::Serializable).unwrap();
    after.commit(Meta::default(), true).unwrap();
}

/// Power fails at every call of the disk in turn: prepared or not, committed or not, never both and never by half.
#[test]
fn it_is_prepared_committed_or_neither_wherever_power_fails() {
    let mut seen = std::collections::BTreeSet::new();
    for nth in 1.. {
        let disk = FaultyDisk::new(nth);
        let host = || Host {
            disk: Arc::new(disk.clone()),
            clock: Arc::new(ManualClock::new(1_760_000_000_000_000)),
            random: Arc::new(SeededRandom::new(nth)),
        };
        let store = memory_store(&host());
        put(&store, b"k", b"1");
        disk.fail_at(nth, host::faulty::Failure::Forever);
        let mut transaction = store.begin(Isolation::ReadCommitted);
        put_derived(&mut transaction, b"k", Some(b"1"), b"2");
        let prepared = prepare(transaction, "one");
        let said_prepared = prepared.is_ok();
        let said_committed = prepared.is_ok_and(|mut prepared| prepared.commit(true).is_ok());
        let done = said_committed && disk.calls() > 0;
        disk.crash();
        drop(store);

        let store = memory_store(&host());
        let found = resume_all(&store);
        let committed = latest(&store, b"k") == Some(b"2".to_vec());
        assert!(!committed || found.is_empty(), "call {nth}");
        assert!(!said_committed || committed, "call {nth}");
        assert!(!said_prepared || committed || found.len() == 1, "call {nth}");
        assert_eq!(is_locked(&store, b"k"), found.len() == 1, "call {nth}");
        seen.insert((found.len(), committed));
        if done {
            break;
        }
    }
    assert_eq!(seen, [(0, false), (0, true), (1, false)].into(), "not every outcome was met");
}

#[test]
fn a_full_disk_leaves_it_prepared() {
    let disk = FaultyDisk::new(1);
    let host = Host {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::new(1_760_000_000_000_000)),
        random: Arc::new(SeededRandom::new(1)),
    };
    let store = memory_store(&host);
    let mut transaction = store.begin(Isolation::ReadCommitted);
    put_derived(&mut transaction, b"k", None, &[7; 5_000]);
    let mut prepared = prepare(transaction, "one").unwrap();
    disk.set_capacity(Some(disk.used_bytes() + 100));
    assert_eq!(prepared.commit(true).unwrap_err().state, SqlState::DiskFull);
    assert_eq!(prepared.rollback(Meta::default()).unwrap_err().state, SqlState::DiskFull);
    assert!(is_locked(&store, b"k"));
    disk.set_capacity(None);
    prepared.commit(true).unwrap();
    assert_eq!(latest(&store, b"k"), Some(vec![7; 5_000]));
}
