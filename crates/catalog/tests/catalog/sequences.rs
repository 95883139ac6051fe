//! Sequences: values, reservations, what survives.

use crate::support::*;
use types::ddl::{Ddl, SequenceOptions};

fn sequence(options: SequenceOptions) -> Ddl {
    Ddl::CreateSequence { name: name("s"), if_not_exists: false, options }
}

fn next(database: &catalog::Database) -> types::Result<i64> {
    let mut transaction = begin(database);
    let oid = table(&transaction, "s").oid;
    transaction.next_value(oid)
}

#[test]
fn values_are_reserved_in_the_ledger_and_never_given_twice() {
    let (host, database) = memory();
    ddl(&database, sequence(SequenceOptions::default())).unwrap();
    let size = database.store().ledger().size();
    for expected in 1..=32 {
        assert_eq!(next(&database).unwrap(), expected);
    }
    assert_eq!(database.store().ledger().size(), size + 1, "one reservation for 32 values");
    assert!(database.store().ledger().read(size).unwrap().system);
    assert_eq!(next(&database).unwrap(), 33);
    database.close().unwrap();
    std::mem::drop(database);
    let database = open(&host);
    let after = next(&database).unwrap();
    assert_eq!(after, 97, "a gap: 33 to 96 were reserved");
}

#[test]
fn bounds_cycles_and_setval() {
    let (_, database) = memory();
    let options = SequenceOptions { maximum: Some(Some(3)), ..SequenceOptions::default() };
    ddl(&database, sequence(options)).unwrap();
    for expected in 1..=3 {
        assert_eq!(next(&database).unwrap(), expected);
    }
    assert_eq!(said(next(&database)), "2200H: nextval: reached maximum value of sequence \"s\" (3)");
    let set = |value, called| {
        let mut transaction = begin(&database);
        let oid = table(&transaction, "s").oid;
        transaction.set_value(oid, value, called)
    };
    assert_eq!(said(set(4, true)), "22003: setval: value 4 is out of bounds for sequence \"s\" (1..3)");
    set(2, false).unwrap();
    assert_eq!(next(&database).unwrap(), 2);
    set(1, true).unwrap();
    assert_eq!(next(&database).unwrap(), 2);
    let cycle = SequenceOptions { cycle: Some(true), ..SequenceOptions::default() };
    ddl(&database, Ddl::AlterSequence { name: name("s"), if_exists: false, options: cycle }).unwrap();
    assert_eq!((next(&database).unwrap(), next(&database).unwrap()), (3, 1));
    let bad = SequenceOptions { increment: Some(0), ..SequenceOptions::default() };
    assert_eq!(
        said(ddl(&database, Ddl::AlterSequence { name: name("s"), if_exists: false, options: bad })),
        "22023: INCREMENT must not be zero"
    );
}

#[test]
fn a_sequence_of_the_open_transaction_is_its_own() {
    let (host, database) = memory();
    let mut transaction = begin(&database);
    transaction.apply(&create("t", &["id serial", "a text"], &["primary key id"]), USER).unwrap();
    let oid = table(&transaction, "t_id_seq").oid;
    assert_eq!(transaction.next_value(oid).unwrap(), 1);
    let savepoint = transaction.savepoint();
    assert_eq!(transaction.next_value(oid).unwrap(), 2);
    let restart = SequenceOptions { restart: Some(Some(50)), ..SequenceOptions::default() };
    let restart = Ddl::AlterSequence { name: name("t_id_seq"), if_exists: false, options: restart };
    let inner = transaction.savepoint();
    transaction.apply(&restart, USER).unwrap();
    assert_eq!(transaction.next_value(oid).unwrap(), 50);
    transaction.rollback_to(inner);
    transaction.rollback_to(savepoint);
    commit(transaction).unwrap();
    let mut transaction = begin(&database);
    assert_eq!(transaction.next_value(oid).unwrap(), 3, "a savepoint does not give values back");
    assert_eq!(transaction.sequence_value(oid).unwrap(), (3, true));
    transaction.rollback();
    assert_eq!(begin(&database).next_value(oid).unwrap(), 4, "nor does a rollback");
    database.close().unwrap();
    std::mem::drop(database);
    assert!(begin(&open(&host)).next_value(oid).unwrap() > 4, "nor does a reopen");
}

#[test]
fn a_serial_column_added_later_numbers_the_rows() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a text"], &[])).unwrap();
    insert_all(&database, "t", &[&[text("x")], &[text("y")]]).unwrap();
    ddl(&database, add_column("t", "n serial")).unwrap();
    assert_eq!(all(&database, "t"), [vec![text("x"), int(1)], vec![text("y"), int(2)]]);
    ddl(&database, drop_column("t", "n")).unwrap();
    let transaction = begin(&database);
    assert!(schema(&transaction).relation(None, "t_n_seq").unwrap().is_none(), "owned: gone with its column");
}
