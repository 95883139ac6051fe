//! Transactions that outgrow their memory.

use crate::*;
use host::{FaultyDisk, ManualClock, OpenMode, SeededRandom};
use kv::{At, Isolation, Transaction};
use std::collections::BTreeMap;
use types::SqlState;

/// Some hundred rows fit.
const MEMORY_BYTES: usize = 64 << 10;
const SPOOL: &str = "/db/spool";

fn key_of(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn write(transaction: &mut Transaction, state: &mut BTreeMap<Vec<u8>, Vec<u8>>, number: u32, new: &[u8]) {
    let key = key_of(number);
    let old = state.insert(key.clone(), new.to_vec());
    let changes = derived(&key, old.as_deref(), Some(new));
    transaction.put(TABLE, &key, cells(new), 1, changes).unwrap();
}

fn remove(transaction: &mut Transaction, state: &mut BTreeMap<Vec<u8>, Vec<u8>>, number: u32) {
    let key = key_of(number);
    let old = state.remove(&key);
    transaction.delete(TABLE, &key, None, derived(&key, old.as_deref(), None)).unwrap();
}

fn runs(host: &Host) -> usize {
    host.disk.list(Path::new(SPOOL)).map_or(0, |names| names.len())
}

fn sorted(state: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    state.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[test]
fn a_transaction_larger_than_its_memory_is_one_like_any_other() {
    let (host, random) = (Host::memory(1), SeededRandom::new(2));
    let store = store_of(&host, MEMORY_BYTES);
    let mut state = BTreeMap::new();
    let mut before = store.begin(Isolation::ReadCommitted);
    (0..50).for_each(|number| write(&mut before, &mut state, number * 100, b"before"));
    let first = before.commit(Meta::default(), true).unwrap().tx.unwrap();
    let then = sorted(&state);

    let mut transaction = store.begin(Isolation::ReadCommitted);
    (0..3_000).for_each(|number| write(&mut transaction, &mut state, number, b"ascending"));
    assert!(runs(&host) > 10, "{} runs", runs(&host));
    let savepoint = transaction.savepoint();
    let saved = state.clone();
    (0..2_000).for_each(|_| write(&mut transaction, &mut state, random.below(5_000) as u32, b"taken back"));
    (0..500).for_each(|number| remove(&mut transaction, &mut state, number));
    assert_eq!(rows(transaction.scan(TABLE, &Span::all(), false)), sorted(&state));
    transaction.rollback_to(savepoint);
    state = saved;
    assert_eq!(rows(transaction.scan(TABLE, &Span::all(), false)), sorted(&state));
    // A cursor keeps its moment while what it reads moves into runs.
    let (cursor, expected) = (transaction.scan(TABLE, &Span::all(), true), sorted(&state));
    for _ in 0..2_000 {
        write(&mut transaction, &mut state, random.below(5_000) as u32, b"at random");
    }
    (0..4_000).step_by(3).for_each(|number| remove(&mut transaction, &mut state, number));
    let mut found = rows(cursor);
    found.reverse();
    assert_eq!(found, expected);
    assert_eq!(rows(store.snapshot(At::Latest).unwrap().scan(TABLE, &Span::all(), false)), then);
    let tx = transaction.commit(Meta::default(), true).unwrap().tx.unwrap();

    let check = |store: &Store| {
        assert_eq!(all(store), sorted(&state));
        assert_eq!(
            rows(store.snapshot(At::Transaction(first)).unwrap().scan(TABLE, &Span::all(), false)),
            then
        );
        assert_eq!(kv::index::check_index(store, &BY_VALUE, None).unwrap(), []);
    };
    check(&store);
    let started = std::time::Instant::now();
    while runs(&host) > 0 {
        assert!(started.elapsed().as_secs() < 20, "what is in the index is in a run still");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    check(&store);
    let record = store.ledger().read(tx).unwrap();
    for change in record.changes.iter().step_by(97) {
        let proven = store.ledger().entry(tx, change.object, &change.key).unwrap().unwrap();
        let leaf = proof::hash::leaf::<proof::hash::Sha2>(&proven.unsealed.entry);
        let (number, count) = (u64::from(proven.unsealed.number), u64::from(proven.head.entry_count));
        let root = proof::layout::Transaction::decode(&proven.head.transaction).unwrap().entries_root;
        assert!(proof::tree::verify_inclusion::<proof::hash::Sha2>(
            &leaf,
            number,
            count,
            &proven.entries_path,
            &root
        ));
    }
    drop(store);
    let report = kv::audit::audit(&host, Path::new("/db"), None).unwrap();
    assert!(report.is_sound(), "{report}");
    // Made again from the log: in runs, and in memory.
    for memory_bytes in [MEMORY_BYTES, 64 << 20] {
        check(&store_of(&host, memory_bytes));
    }
}

#[test]
fn what_nobody_needs_is_removed() {
    let host = Host::memory(3);
    let store = store_of(&host, MEMORY_BYTES);
    let mut transaction = store.begin(Isolation::ReadCommitted);
    (0..2_000).for_each(|number| write(&mut transaction, &mut BTreeMap::new(), number, b"value"));
    assert!(runs(&host) > 0);
    transaction.rollback();
    assert_eq!(runs(&host), 0);
    drop(store);
    // As a killed process leaves it.
    host.disk.create_dir_all(Path::new(SPOOL)).unwrap();
    host.disk.open(&Path::new(SPOOL).join("1"), OpenMode::CreateNew { private: true }).unwrap();
    let store = store_of(&host, MEMORY_BYTES);
    assert_eq!(runs(&host), 0);
    assert_eq!(all(&store), []);
}

#[test]
fn a_full_disk_ends_the_statement_and_nothing_else() {
    let disk = FaultyDisk::new(5);
    let host = Host {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::new(1_760_000_000_000_000)),
        random: Arc::new(SeededRandom::new(5)),
    };
    let store = store_of(&host, MEMORY_BYTES);
    let mut state = BTreeMap::new();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    (0..500).for_each(|number| write(&mut transaction, &mut state, number, b"value"));
    let savepoint = transaction.savepoint();
    disk.set_capacity(Some(disk.used_bytes() + 1_000));
    let refused = (500..2_000u32)
        .find_map(|number| transaction.put(TABLE, &key_of(number), cells(b"too much"), 1, Vec::new()).err());
    assert_eq!(refused.unwrap().state, SqlState::DiskFull);
    disk.set_capacity(None);
    transaction.rollback_to(savepoint);
    write(&mut transaction, &mut state, 7, b"goes on");
    transaction.commit(Meta::default(), true).unwrap();
    assert_eq!(all(&store), sorted(&state));
}

/// What a transaction has put aside goes into the log: it must be what was put there.
#[test]
fn a_changed_bit_in_a_run_stops_the_commit() {
    let host = Host::memory(4);
    let store = store_of(&host, MEMORY_BYTES);
    let mut transaction = store.begin(Isolation::ReadCommitted);
    (0..2_000).for_each(|number| write(&mut transaction, &mut BTreeMap::new(), number, b"value"));
    let name = host.disk.list(Path::new(SPOOL)).unwrap().remove(0);
    let path = Path::new(SPOOL).join(name);
    let file = host.disk.open(&path, OpenMode::Write).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 5_000).unwrap();
    file.write_all_at(&[byte[0] ^ 4], 5_000).unwrap();
    let error = transaction.commit(Meta::default(), true).unwrap_err();
    assert!(error.message.contains("/db/spool/") && error.message.contains("offset"), "{error}");
    assert_eq!(all(&store), []);
    assert!(!store.ledger().is_stopped());
    put(&store, b"k", b"still here");
}

#[test]
fn a_serializable_reader_meets_a_large_write() {
    let host = Host::memory(6);
    let store = store_of(&host, MEMORY_BYTES);
    let read = |number: u32| {
        let mut reader = store.begin(Isolation::Serializable);
        reader.refresh();
        reader.get(TABLE, &key_of(number)).unwrap();
        rows(reader.scan(TABLE, &Span::prefix(&(number + 1).to_be_bytes()), false));
        reader
    };
    let (hit, spared) = (read(1_000), read(50_000));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    (0..2_000).for_each(|number| write(&mut transaction, &mut BTreeMap::new(), number, b"value"));
    transaction.commit(Meta::default(), true).unwrap();
    for (mut reader, code) in [(hit, Some("40001")), (spared, None)] {
        let put = reader.put(TABLE, b"own", cells(b"1"), 1, Vec::new());
        let outcome = put.and_then(|()| reader.commit(Meta::default(), true));
        assert_eq!(outcome.err().map(|error| error.state.code()), code);
    }
}
