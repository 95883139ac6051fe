//! Locks: what conflicts, who waits, who is told no.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

fn row(key: u8) -> Resource {
    Resource::Row(1, Box::new([key]))
}

const UPDATE: u8 = LockStrength::Update as u8;
const KEY_SHARE: u8 = LockStrength::KeyShare as u8;
const SHARE: u8 = LockStrength::Share as u8;

fn block(table: &LockTable, owner: Owner, held: &mut Held, resource: Resource, mode: u8) -> Result<()> {
    let patience = Patience { timeout: Some(Duration::from_secs(20)), ..Patience::default() };
    table.acquire(owner, held, resource, mode, LockWait::Block, &patience).map(|granted| assert!(granted))
}

fn skip(table: &LockTable, owner: Owner, held: &mut Held, resource: Resource, mode: u8) -> bool {
    table.acquire(owner, held, resource, mode, LockWait::SkipLocked, &Patience::default()).unwrap()
}

/// Whether a second transaction is refused `b` while a first holds `a`.
fn refused(resource: Resource, a: u8, b: u8) -> bool {
    let table = LockTable::new(1 << 16);
    let (mut one, mut two) = (Held::default(), Held::default());
    assert!(skip(&table, 1, &mut one, resource.clone(), a));
    !skip(&table, 2, &mut two, resource, b)
}

#[test]
fn row_strengths_conflict_as_in_postgres() {
    let refusals: Vec<String> =
        (0..4).map(|a| (0..4).map(|b| if refused(row(1), a, b) { 'X' } else { '.' }).collect()).collect();
    assert_eq!(refusals, ["...X", "..XX", ".XXX", "XXXX"]);
}

#[test]
fn table_modes_conflict_as_in_postgres() {
    let refusals: Vec<String> = (0..8)
        .map(|a| (0..8).map(|b| if refused(Resource::Table(7), a, b) { 'X' } else { '.' }).collect())
        .collect();
    assert_eq!(
        refusals,
        [
            ".......".to_owned() + "X",
            "......XX".into(),
            "....XXXX".into(),
            "...XXXXX".into(),
            "..XX.XXX".into(),
            "..XXXXXX".into(),
            ".XXXXXXX".into(),
            "XXXXXXXX".into()
        ]
    );
}

#[test]
fn what_is_held_covers_the_weaker() {
    let table = LockTable::new(1 << 16);
    let mut one = Held::default();
    assert!(skip(&table, 1, &mut one, row(1), UPDATE));
    assert!(skip(&table, 1, &mut one, row(1), KEY_SHARE));
    assert_eq!(one.len(), 1);
    // ShareUpdateExclusive is not stronger than Share, nor the other way round.
    assert!(skip(&table, 1, &mut one, Resource::Table(7), TableMode::ShareUpdateExclusive as u8));
    assert!(skip(&table, 1, &mut one, Resource::Table(7), TableMode::Share as u8));
    assert_eq!(one.len(), 3);
    table.release(1, &mut one, 0);
    assert!(table.list().is_empty());
}

#[test]
fn a_savepoint_frees_only_what_came_after() {
    let table = LockTable::new(1 << 16);
    let (mut one, mut two) = (Held::default(), Held::default());
    assert!(skip(&table, 1, &mut one, row(1), KEY_SHARE));
    let savepoint = one.len();
    assert!(skip(&table, 1, &mut one, row(1), UPDATE));
    assert!(skip(&table, 1, &mut one, row(2), UPDATE));
    assert!(!skip(&table, 2, &mut two, row(1), KEY_SHARE));
    table.release(1, &mut one, savepoint);
    assert!(skip(&table, 2, &mut two, row(1), KEY_SHARE));
    assert!(skip(&table, 2, &mut two, row(2), UPDATE));
    assert!(!skip(&table, 2, &mut two, row(1), UPDATE));
}

#[test]
fn nowait_timeout_and_interrupt_end_a_wait() {
    let table = LockTable::new(1 << 16);
    let (mut one, mut two) = (Held::default(), Held::default());
    assert!(skip(&table, 1, &mut one, row(1), UPDATE));
    let error =
        table.acquire(2, &mut two, row(1), SHARE, LockWait::Nowait, &Patience::default()).unwrap_err();
    assert_eq!(error.state, SqlState::LockNotAvailable);
    assert_eq!(error.message, "could not obtain lock on row in relation");

    let patience = Patience { timeout: Some(Duration::from_millis(15)), ..Patience::default() };
    let error = table.acquire(2, &mut two, row(1), SHARE, LockWait::Block, &patience).unwrap_err();
    assert_eq!(error.state, SqlState::LockNotAvailable);
    assert_eq!(error.message, "canceling statement due to lock timeout");

    let canceled = || Error::new(SqlState::QueryCanceled, "canceling statement due to user request");
    let patience = Patience { interrupt: Some(Arc::new(move || Err(canceled()))), ..Patience::default() };
    let error = table.acquire(2, &mut two, row(1), SHARE, LockWait::Block, &patience).unwrap_err();
    assert_eq!(error.state, SqlState::QueryCanceled);
    assert_eq!(table.list(), [(1, "row 01 of relation 1".to_owned(), "ForUpdate", true)]);
}

#[test]
fn of_two_in_a_cycle_one_fails_and_one_goes_on() {
    let table = LockTable::new(1 << 16);
    let failures = AtomicU64::new(0);
    let barrier = std::sync::Barrier::new(2);
    thread::scope(|scope| {
        for (owner, first, second) in [(1, 1, 2), (2, 2, 1)] {
            let (table, failures, barrier) = (&table, &failures, &barrier);
            scope.spawn(move || {
                let mut held = Held::default();
                block(table, owner, &mut held, row(first), UPDATE).unwrap();
                barrier.wait();
                if let Err(error) = block(table, owner, &mut held, row(second), UPDATE) {
                    assert_eq!(error.state, SqlState::DeadlockDetected);
                    assert_eq!(error.message, "deadlock detected");
                    let detail = error.detail.clone().unwrap();
                    assert_eq!(detail.lines().count(), 2, "{detail}");
                    failures.fetch_add(1, Ordering::Relaxed);
                }
                table.release(owner, &mut held, 0);
            });
        }
    });
    assert_eq!(failures.load(Ordering::Relaxed), 1);
    assert!(table.list().is_empty());
}

#[test]
fn two_upgrades_of_a_shared_lock_deadlock() {
    let table = LockTable::new(1 << 16);
    let failures = AtomicU64::new(0);
    let barrier = std::sync::Barrier::new(2);
    thread::scope(|scope| {
        for owner in [1, 2] {
            let (table, failures, barrier) = (&table, &failures, &barrier);
            scope.spawn(move || {
                let mut held = Held::default();
                block(table, owner, &mut held, row(1), SHARE).unwrap();
                barrier.wait();
                if block(table, owner, &mut held, row(1), UPDATE).is_err() {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
                table.release(owner, &mut held, 0);
            });
        }
    });
    assert_eq!(failures.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cycle_through_the_queue_alone_is_no_deadlock() {
    // 1 holds a share of r1, 2 waits for r1 exclusively, 3 holds r2 and asks a share of r1 (behind 2), 1 asks r2.
    let table = LockTable::new(1 << 16);
    let queued = |count| {
        while table.list().iter().filter(|lock| !lock.3).count() < count {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        let (mut one, mut three) = (Held::default(), Held::default());
        block(&table, 1, &mut one, row(1), SHARE).unwrap();
        block(&table, 3, &mut three, row(2), UPDATE).unwrap();
        scope.spawn(|| {
            let mut two = Held::default();
            block(&table, 2, &mut two, row(1), UPDATE).unwrap();
            table.release(2, &mut two, 0);
        });
        queued(1);
        let table = &table;
        scope.spawn(move || {
            block(table, 3, &mut three, row(1), SHARE).unwrap();
            table.release(3, &mut three, 0);
        });
        queued(2);
        block(table, 1, &mut one, row(2), UPDATE).unwrap();
        table.release(1, &mut one, 0);
    });
    assert!(table.list().is_empty());
}

#[test]
fn a_writer_is_not_starved_by_readers_that_came_later() {
    let table = LockTable::new(1 << 16);
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        let (mut one, mut three) = (Held::default(), Held::default());
        block(&table, 1, &mut one, row(1), SHARE).unwrap();
        scope.spawn(|| {
            let mut two = Held::default();
            block(&table, 2, &mut two, row(1), UPDATE).unwrap();
            written.store(true, Ordering::Relaxed);
            table.release(2, &mut two, 0);
        });
        while table.list().len() < 2 {
            thread::yield_now();
        }
        assert!(!skip(&table, 3, &mut three, row(1), SHARE));
        table.release(1, &mut one, 0);
        block(&table, 3, &mut three, row(1), SHARE).unwrap();
        assert!(written.load(Ordering::Relaxed));
        table.release(3, &mut three, 0);
    });
}

#[test]
fn the_lock_excludes() {
    let table = LockTable::new(1 << 16);
    let inside = AtomicU64::new(0);
    thread::scope(|scope| {
        for owner in 1..=8 {
            let (table, inside) = (&table, &inside);
            scope.spawn(move || {
                for _ in 0..200 {
                    let mut held = Held::default();
                    block(table, owner, &mut held, Resource::Value(1, Box::new([1])), 0).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    table.release(owner, &mut held, 0);
                }
            });
        }
    });
}

/// As a few full ones, then all the others.
fn many(table: &LockTable, owner: Owner, held: &mut Held, keys: std::ops::Range<u8>, mode: u8) {
    keys.for_each(|key| assert!(skip(table, owner, held, row(key), mode)));
}

#[test]
fn compact_locks_exclude_as_full_ones_do() {
    for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
        let table = LockTable::new(0);
        let (mut one, mut two) = (Held::default(), Held::default());
        many(&table, 1, &mut one, 0..9, a);
        assert!(one.is_compact() && one.len() == 1);
        assert_eq!(!skip(&table, 2, &mut two, row(3), b), refused(row(3), a, b), "{a} {b}");
        assert!(skip(&table, 2, &mut two, row(100), b));
        // Its own are no obstacle, whatever others have asked for.
        many(&table, 1, &mut one, 0..3, b.max(a));
    }
}

#[test]
fn compact_locks_end_with_their_savepoint() {
    let table = LockTable::new(2);
    let (mut one, mut two) = (Held::default(), Held::default());
    many(&table, 1, &mut one, 0..10, SHARE);
    let savepoint = one.mark();
    many(&table, 1, &mut one, 10..20, SHARE);
    many(&table, 1, &mut one, 5..8, UPDATE);
    for (key, mode) in [(3, UPDATE), (12, UPDATE), (6, SHARE)] {
        assert!(!skip(&table, 2, &mut two, row(key), mode), "{key}");
    }
    table.release(1, &mut one, savepoint);
    for (key, mode, free) in [(3, UPDATE, false), (12, UPDATE, true), (6, SHARE, true), (6, UPDATE, false)] {
        assert_eq!(skip(&table, 2, &mut two, row(key), mode), free, "{key}");
    }
    // What the savepoint has given back is taken again.
    many(&table, 1, &mut one, 13..15, UPDATE);
    assert!(!skip(&table, 2, &mut two, row(14), SHARE));
    table.release(1, &mut one, 0);
    table.release(2, &mut two, 0);
    assert!(table.list().is_empty() && !one.is_compact());
}

#[test]
fn who_waits_for_a_compact_lock_gets_it_and_deadlocks_are_found() {
    let table = LockTable::new(0);
    let (mut one, mut two) = (Held::default(), Held::default());
    many(&table, 1, &mut one, 0..10, UPDATE);
    many(&table, 2, &mut two, 10..20, UPDATE);
    let outcomes = thread::scope(|scope| {
        let table = &table;
        let waits = |owner: Owner, mut held: Held, key: u8| {
            scope.spawn(move || {
                let outcome = block(table, owner, &mut held, row(key), UPDATE);
                table.release(owner, &mut held, 0);
                outcome.map_err(|error| error.state)
            })
        };
        let waiters = [waits(1, one, 15), waits(2, two, 5)];
        waiters.map(|waiter| waiter.join().unwrap())
    });
    let refused = outcomes.iter().filter(|outcome| **outcome == Err(SqlState::DeadlockDetected)).count();
    assert_eq!((refused, outcomes.iter().filter(|outcome| outcome.is_ok()).count()), (1, 1));
    assert!(table.list().is_empty());
}

#[test]
fn a_million_locks_are_in_parts_and_all_there() {
    let table = LockTable::new(10);
    let mut one = Held::default();
    let key = |number: u32| Resource::Row(1, Box::new(number.to_be_bytes()));
    (0..100_000).for_each(|number| assert!(skip(&table, 1, &mut one, key(number), SHARE)));
    assert_eq!(one.len(), 11);
    let mut two = Held::default();
    for number in (0..100_000).step_by(999) {
        assert!(!skip(&table, 2, &mut two, key(number), UPDATE));
        assert!(skip(&table, 2, &mut two, key(number + 100_000), UPDATE));
    }
}
