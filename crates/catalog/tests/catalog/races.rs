//! Two transactions that want the same thing.

use crate::support::*;
use catalog::{Insert, LockedRow};
use kv::{Isolation, LockStrength, LockWait};
use std::sync::mpsc;
use std::time::Duration;
use types::ddl::ObjectKind;

#[test]
fn the_second_insert_of_a_key_waits_and_then_fails_or_succeeds() {
    for first_commits in [true, false] {
        let (_, database) = memory();
        ddl(&database, create("t", &["id int4", "a text"], &["primary key id", "unique a"])).unwrap();
        for row in [[int(1), text("x")], [int(2), text("x")]] {
            let mut first = begin(&database);
            insert(&mut first, "t", &[int(1), text("x")]).unwrap();
            let (tell, told) = mpsc::channel();
            let other = database.clone();
            let thread = std::thread::spawn(move || {
                let mut second = begin(&other);
                tell.send(()).unwrap();
                insert(&mut second, "t", &row)?;
                commit(second)
            });
            told.recv().unwrap();
            std::thread::sleep(Duration::from_millis(30));
            assert!(!thread.is_finished(), "it waits");
            if first_commits {
                commit(first).unwrap();
                assert_eq!(said(thread.join().unwrap())[..5], *"23505");
            } else {
                first.rollback();
                thread.join().unwrap().unwrap();
            }
            run(&database, |tx| delete(tx, "t", &int(1)).and(delete(tx, "t", &int(2)))).unwrap();
        }
    }
}

#[test]
fn an_insert_waits_for_the_delete_of_its_key() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4"], &["primary key id"])).unwrap();
    insert_all(&database, "t", &[&[int(1)]]).unwrap();
    let mut first = begin(&database);
    delete(&mut first, "t", &int(1)).unwrap();
    let other = database.clone();
    let thread = std::thread::spawn(move || insert_all(&other, "t", &[&[int(1)]]));
    std::thread::sleep(Duration::from_millis(30));
    assert!(!thread.is_finished());
    commit(first).unwrap();
    thread.join().unwrap().unwrap();
    assert_eq!(all(&database, "t").len(), 1);
}

#[test]
fn a_child_keeps_its_parent_until_it_commits() {
    let (_, database) = memory();
    ddl(&database, create("p", &["id int4"], &["primary key id"])).unwrap();
    ddl(&database, create("c", &["pid int4"], &["pid references p"])).unwrap();
    insert_all(&database, "p", &[&[int(1)]]).unwrap();
    let mut child = begin(&database);
    insert(&mut child, "c", &[int(1)]).unwrap();
    let other = database.clone();
    let thread = std::thread::spawn(move || run(&other, |tx| delete(tx, "p", &int(1))));
    std::thread::sleep(Duration::from_millis(30));
    assert!(!thread.is_finished());
    commit(child).unwrap();
    assert_eq!(said(thread.join().unwrap())[..5], *"23503");
}

#[test]
fn a_locked_row_is_read_again() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    insert_all(&database, "t", &[&[int(1), text("x")], &[int(2), text("y")], &[int(3), text("z")]]).unwrap();
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead] {
        let mut transaction = begin_at(&database, isolation);
        let relation = table(&transaction, "t");
        let (_, keys) = scan(&transaction, &request(&relation)).unwrap();
        let tag = format!("{isolation:?}");
        run(&database, |tx| update(tx, "t", &int(1), |row| row[1] = text(&tag))).unwrap();
        run(&database, |tx| update(tx, "t", &int(2), |row| row[0] = int(20))).unwrap();
        run(&database, |tx| delete(tx, "t", &int(3))).unwrap();
        let mut lock = |key| transaction.lock_row(&relation, key, LockStrength::Update, LockWait::Block);
        if isolation == Isolation::ReadCommitted {
            assert!(matches!(lock(&keys[0]).unwrap(), LockedRow::Changed(_, row) if row[1] == text(&tag)));
            assert!(matches!(lock(&keys[1]).unwrap(), LockedRow::Changed(_, row) if row[0] == int(20)));
            assert_eq!(lock(&keys[2]).unwrap(), LockedRow::Gone);
        } else {
            assert_eq!(said(lock(&keys[0])), "40001: could not serialize access due to concurrent update");
            assert_eq!(said(lock(&keys[2])), "40001: could not serialize access due to concurrent delete");
        }
        transaction.rollback();
        run(&database, |tx| {
            update(tx, "t", &int(20), |row| row[0] = int(2))?;
            insert(tx, "t", &[int(3), text("z")])
        })
        .unwrap();
    }
}

#[test]
fn a_conflict_that_the_snapshot_does_not_see() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead] {
        let mut transaction = begin_at(&database, isolation);
        let relation = table(&transaction, "t");
        insert_all(&database, "t", &[&[int(1), text("x")]]).unwrap();
        let met = transaction.insert(&relation, &[int(1), text("y")], Some(&[]));
        if isolation == Isolation::ReadCommitted {
            let Insert::Conflict(key, _) = met.unwrap() else { panic!("a conflict") };
            let locked =
                transaction.lock_row(&relation, &key, LockStrength::Update, LockWait::Block).unwrap();
            assert!(matches!(locked, LockedRow::Changed(_, row) if row[1] == text("x")));
        } else {
            assert_eq!(said(met)[..5], *"40001");
        }
        transaction.rollback();
        run(&database, |tx| delete(tx, "t", &int(1))).unwrap();
    }
}

#[test]
fn ddl_waits_for_writers_and_for_other_ddl() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    let mut writer = begin(&database);
    insert(&mut writer, "t", &[int(1)]).unwrap();
    let other = database.clone();
    let dropping = std::thread::spawn(move || ddl(&other, drop(ObjectKind::Table, &["t"], false)));
    std::thread::sleep(Duration::from_millis(30));
    assert!(!dropping.is_finished());
    commit(writer).unwrap();
    dropping.join().unwrap().unwrap();

    let names = (0..8).map(|n| format!("t{n}")).collect::<Vec<_>>();
    let threads = names.iter().map(|name| {
        let (database, name) = (database.clone(), name.clone());
        std::thread::spawn(move || ddl(&database, create(&name, &["a int4"], &["primary key a"])))
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap().unwrap();
    }
    let transaction = begin(&database);
    for name in &names {
        table(&transaction, name);
    }
}
