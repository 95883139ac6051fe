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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
    let table = LockTable::default();
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
