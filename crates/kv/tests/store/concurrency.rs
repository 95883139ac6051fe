//! Many threads: nothing is lost, nothing is seen half.

use crate::*;
use host::{FaultyDisk, SeededRandom};
use kv::{At, Isolation, LockStrength, LockWait};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use types::SqlState;

#[test]
fn increments_under_a_row_lock_add_up() {
    let store = memory_store(&Host::memory(1));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let mut transaction = store.begin(Isolation::ReadCommitted);
                    transaction.lock_row(TABLE, b"n", LockStrength::Update, LockWait::Block).unwrap();
                    let newest = transaction.newest(TABLE, b"n").unwrap().and_then(|version| version.cells);
                    let number =
                        newest.map_or(0, |cells| u64::from_be_bytes(value_of(&cells).try_into().unwrap()));
                    transaction.put(TABLE, b"n", cells(&(number + 1).to_be_bytes()), 1, Vec::new()).unwrap();
                    transaction.commit(Meta::default(), true).unwrap();
                }
            });
        }
    });
    assert_eq!(all(&store), [(b"n".to_vec(), 400u64.to_be_bytes().to_vec())]);
    let history = store.history(TABLE, b"n").unwrap();
    let numbers: Vec<u64> = history
        .iter()
        .map(|version| u64::from_be_bytes(value_of(version.cells.as_ref().unwrap()).try_into().unwrap()))
        .collect();
    assert_eq!(numbers, (1..=400).collect::<Vec<u64>>());
    assert_eq!(kv::index::check_index(&store, &kv::NoDerive, None).unwrap(), []);
}

/// Transfers between accounts in any order, deadlocks included, while readers add everything up.
#[test]
fn money_moves_and_is_never_made() {
    const ACCOUNTS: u64 = 6;
    const START: i64 = 1_000;
    let amount = |cells: &Cells| i64::from_be_bytes(value_of(cells).try_into().unwrap());
    let store = memory_store(&Host::memory(7));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    for account in 0..ACCOUNTS {
        transaction.put(TABLE, &account.to_be_bytes(), cells(&START.to_be_bytes()), 1, Vec::new()).unwrap();
    }
    let first = transaction.commit(Meta::default(), true).unwrap().tx.unwrap();
    let (done, deadlocks, sums) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let sum = |tx| {
        let mut total = 0;
        for (_, value) in rows(store.snapshot(tx).unwrap().scan(TABLE, &Span::all(), false)) {
            total += i64::from_be_bytes(value.try_into().unwrap());
        }
        assert_eq!(total, START * ACCOUNTS as i64, "{tx:?}");
        sums.fetch_add(1, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    sum(At::Latest);
                }
            });
        }
        let writers: Vec<_> = (0..6)
            .map(|seed| {
                let (store, deadlocks) = (&store, &deadlocks);
                scope.spawn(move || {
                    let random = SeededRandom::new(seed);
                    let mut left = 60;
                    while left > 0 {
                        let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
                        let by = random.below(50) as i64;
                        let mut transaction = store.begin(Isolation::ReadCommitted);
                        let mut move_by = |account: u64, by: i64| -> Result<()> {
                            let key = account.to_be_bytes();
                            transaction.lock_row(TABLE, &key, LockStrength::Update, LockWait::Block)?;
                            let balance = transaction.newest(TABLE, &key)?.unwrap().cells.unwrap();
                            let new = cells(&(amount(&balance) + by).to_be_bytes());
                            transaction.put(TABLE, &key, new, 1, Vec::new())
                        };
                        match move_by(from, -by).and_then(|()| move_by(to, by)) {
                            Ok(()) => {
                                transaction.commit(Meta::default(), random.chance(70)).unwrap();
                                left -= 1;
                            }
                            Err(error) => {
                                assert_eq!(error.state, SqlState::DeadlockDetected);
                                deadlocks.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(store.locks().is_empty());
    store.wait_durable(store.ledger().size() - 1).unwrap();
    for tx in first..store.ledger().size() {
        sum(At::Transaction(tx));
    }
    assert_eq!(store.ledger().size() - first, 361);
    assert!(sums.load(Ordering::Relaxed) > 361);
}

/// Rows come and go under scans; each snapshot has all of a transaction or none.
#[test]
fn scans_of_the_present_and_the_past_are_whole_while_rows_come_and_go() {
    let store = memory_store(&Host::memory(3));
    generations(&store, 150);
    assert_eq!(kv::index::check_index(&store, &kv::NoDerive, None).unwrap(), []);
}

pub fn generations(store: &Store, count: u64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..2u64 {
            let done = &done;
            scope.spawn(move || {
                let random = SeededRandom::new(seed);
                while !done.load(Ordering::Relaxed) {
                    let newest = store.snapshot(At::Latest).unwrap().tx();
                    let tx = if random.chance(50) { newest } else { random.below(newest + 1) };
                    let snapshot = store.snapshot(At::Transaction(tx)).unwrap();
                    let found = rows(snapshot.scan(TABLE, &Span::all(), random.chance(50)));
                    // Transaction n leaves exactly the generation of n: 40 rows that say so.
                    let generations: std::collections::BTreeSet<&Vec<u8>> =
                        found.iter().map(|row| &row.1).collect();
                    assert!(generations.len() <= 1, "at {tx}: {generations:?}");
                    assert!(found.is_empty() || found.len() == 40, "at {tx}: {}", found.len());
                }
            });
        }
        for generation in 0..count {
            let mut transaction = store.begin(Isolation::ReadCommitted);
            transaction.refresh();
            for (key, _) in rows(transaction.scan(TABLE, &Span::all(), false)) {
                transaction.delete(TABLE, &key, None, Vec::new()).unwrap();
            }
            for row in 0..40u64 {
                let key = [(row * 7 + generation * 13) % 100, row].map(u64::to_be_bytes).concat();
                transaction.put(TABLE, &key, cells(&generation.to_be_bytes()), 1, Vec::new()).unwrap();
            }
            transaction.commit(Meta::default(), true).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_failed_fsync_ends_writing_and_not_reading() {
    let mut failed = 0;
    for nth in 1..12 {
        let disk = FaultyDisk::new(nth);
        let host = Host { disk: Arc::new(disk.clone()), ..Host::memory(nth) };
        let store = memory_store(&host);
        let told = Arc::new(AtomicU64::new(0));
        let count = told.clone();
        store.set_on_fatal(Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        put(&store, b"kept", b"1");
        disk.fail_at(nth, host::faulty::Failure::Forever);
        let mut acknowledged = 0;
        for number in 0..10u8 {
            let mut transaction = store.begin(Isolation::ReadCommitted);
            transaction.put(TABLE, &[number], cells(b"2"), 1, Vec::new()).unwrap();
            match transaction.commit(Meta::default(), true) {
                Ok(_) => acknowledged += 1,
                Err(_) => break,
            }
        }
        assert!(acknowledged < 10);
        if store.fatal().is_some() {
            failed += 1;
            assert_eq!(told.load(Ordering::Relaxed), 1);
            disk.heal();
            let mut transaction = store.begin(Isolation::ReadCommitted);
            transaction.put(TABLE, b"later", cells(b"3"), 1, Vec::new()).unwrap();
            let error = transaction.commit(Meta::default(), true).unwrap_err();
            assert_eq!(error.state, SqlState::IoError, "{error}");
        }
        assert_eq!(all(&store).len(), 1 + acknowledged);
        drop(store);
        disk.crash();
        let found = all(&memory_store(&host)).len();
        // What was acknowledged, and perhaps the one in flight.
        assert!(
            found == 1 + acknowledged || found == 2 + acknowledged,
            "call {nth}: {found}, {acknowledged}"
        );
    }
    assert!(failed > 0);
}

#[test]
fn checkpoints_follow_commits_by_themselves() {
    let host = Host::memory(1);
    let store = memory_store(&host);
    let signed = || host.disk.read(Path::new("/db/checkpoint")).unwrap();
    let before = signed();
    put(&store, b"k", b"1");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while signed() == before {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    put(&store, b"k", b"2");
    store.close().unwrap();
    let text = String::from_utf8(signed()).unwrap();
    assert_eq!(text.lines().nth(1), Some(store.ledger().size().to_string().as_str()));
}
