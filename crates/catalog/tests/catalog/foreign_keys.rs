//! Foreign keys in both directions, with every action.

use crate::support::*;
use catalog::Database;
use types::Value;
use types::ddl::Ddl;

fn family(rule: &str) -> Database {
    let (_, database) = memory();
    ddl(&database, create("p", &["id int4", "x text"], &["primary key id"])).unwrap();
    let key = format!("pid references p {rule}");
    ddl(&database, create("c", &["id int4", "pid int4 default 9"], &["primary key id", &key])).unwrap();
    insert_all(&database, "p", &[&[int(1), text("one")], &[int(2), text("two")], &[int(9), text("nine")]])
        .unwrap();
    insert_all(&database, "c", &[&[int(10), int(1)], &[int(11), int(1)], &[int(12), int(2)]]).unwrap();
    database
}

fn delete_parent(database: &Database) -> types::Result<u64> {
    run(database, |tx| delete(tx, "p", &int(1)))
}

fn move_parent(database: &Database) -> types::Result<u64> {
    run(database, |tx| update(tx, "p", &int(1), |row| row[0] = int(5)))
}

#[test]
fn a_child_needs_its_parent() {
    let database = family("");
    insert_all(&database, "c", &[&[int(13), Value::Null]]).unwrap();
    let error = insert_all(&database, "c", &[&[int(14), int(7)]]).unwrap_err();
    assert_eq!((error.table.as_deref(), error.constraint.as_deref()), (Some("c"), Some("c_pid_fkey")));
    assert_eq!(
        said(Err::<(), _>(error)),
        "23503: insert or update on table \"c\" violates foreign key constraint \"c_pid_fkey\" | \
         Key (pid)=(7) is not present in table \"p\"."
    );
    assert_eq!(said(run(&database, |tx| update(tx, "c", &int(10), |row| row[1] = int(7))))[..5], *"23503");
    run(&database, |tx| update(tx, "c", &int(10), |row| row[1] = int(2))).unwrap();
}

#[test]
fn a_parent_is_kept_by_its_children() {
    for rule in ["", "on delete restrict on update restrict"] {
        let database = family(rule);
        assert_eq!(
            said(delete_parent(&database)),
            "23503: update or delete on table \"p\" violates foreign key constraint \"c_pid_fkey\" on table \"c\" | \
             Key (id)=(1) is still referenced from table \"c\"."
        );
        assert_eq!(said(move_parent(&database))[..5], *"23503");
        run(&database, |tx| update(tx, "p", &int(1), |row| row[1] = text("uno"))).unwrap();
        run(&database, |tx| delete(tx, "p", &int(9))).unwrap();
    }
}

#[test]
fn no_action_waits_for_the_end_of_the_statement() {
    let database = family("");
    // Parent and children in one statement, in the wrong order.
    run(&database, |tx| {
        delete(tx, "p", &int(1))?;
        delete(tx, "c", &int(10))?;
        delete(tx, "c", &int(11))
    })
    .unwrap();
    run(&database, |tx| {
        insert(tx, "c", &[int(20), int(3)])?;
        insert(tx, "p", &[int(3), text("three")])
    })
    .unwrap();
}

#[test]
fn cascade_deletes_and_moves() {
    let database = family("on delete cascade on update cascade");
    move_parent(&database).unwrap();
    assert_eq!(all(&database, "c"), [vec![int(10), int(5)], vec![int(11), int(5)], vec![int(12), int(2)]]);
    run(&database, |tx| delete(tx, "p", &int(5))).unwrap();
    assert_eq!(all(&database, "c"), [vec![int(12), int(2)]]);
}

#[test]
fn set_null_and_set_default() {
    let database = family("on delete set null on update set null");
    delete_parent(&database).unwrap();
    assert_eq!(all(&database, "c")[0], [int(10), Value::Null]);
    let database = family("on delete set default");
    delete_parent(&database).unwrap();
    assert_eq!(all(&database, "c")[0], [int(10), int(9)]);
    // A default without a parent is no better than any other value.
    run(&database, |tx| delete(tx, "p", &int(2))).unwrap();
    assert_eq!(said(run(&database, |tx| delete(tx, "p", &int(9))))[..5], *"23503");
}

#[test]
fn cascades_go_on_and_meet_themselves() {
    let (_, database) = memory();
    ddl(
        &database,
        create("t", &["id int4", "up int4"], &["primary key id", "up references t on delete cascade"]),
    )
    .unwrap();
    // One statement: each row may refer to one that comes later.
    insert_all(&database, "t", &[&[int(1), int(3)], &[int(2), int(1)], &[int(3), int(3)]]).unwrap();
    run(&database, |tx| delete(tx, "t", &int(3))).unwrap();
    assert!(all(&database, "t").is_empty());
}

#[test]
fn deferred_keys_are_checked_at_commit() {
    let database = family("deferred");
    let mut transaction = begin(&database);
    statement(&mut transaction, |tx| insert(tx, "c", &[int(20), int(3)])).unwrap();
    statement(&mut transaction, |tx| delete(tx, "p", &int(1))).unwrap();
    statement(&mut transaction, |tx| insert(tx, "p", &[int(1), text("again")])).unwrap();
    let said_now = said(transaction.set_constraints(false, &[]));
    assert!(said_now.contains("Key (pid)=(3) is not present"), "{said_now}");
    transaction.rollback();

    let mut transaction = begin(&database);
    statement(&mut transaction, |tx| insert(tx, "c", &[int(20), int(3)])).unwrap();
    assert_eq!(said(commit(transaction))[..5], *"23503");

    let mut transaction = begin(&database);
    transaction.set_constraints(false, &[name("c_pid_fkey")]).unwrap();
    assert_eq!(said(statement(&mut transaction, |tx| insert(tx, "c", &[int(20), int(3)])))[..5], *"23503");
}

#[test]
fn keys_that_cannot_be() {
    let database = family("");
    let add = |text: &str| said(ddl(&database, add_constraint("c", text)));
    assert_eq!(
        add("id references p(x)"),
        "42830: there is no unique constraint matching given keys for referenced table \"p\""
    );
    assert_eq!(
        add("id,pid references p"),
        "42830: number of referencing and referenced columns for foreign key disagree"
    );
    assert_eq!(add("id references no"), "42P01: relation \"no\" does not exist");
    assert_eq!(
        add("id references p"),
        "23503: insert or update on table \"c\" violates foreign key constraint \"c_id_fkey\" | \
         Key (id)=(10) is not present in table \"p\"."
    );
    ddl(&database, create("d", &["t text"], &[])).unwrap();
    assert_eq!(
        said(ddl(&database, add_constraint("d", "t references p"))),
        "42804: foreign key constraint \"d_t_fkey\" cannot be implemented | \
         Key columns \"t\" and \"id\" are of incompatible types: text and integer."
    );
    let truncate = |cascade| Ddl::Truncate { names: vec![name("p")], restart_identity: false, cascade };
    assert_eq!(
        said(ddl(&database, truncate(false))),
        "0A000: cannot truncate a table referenced in a foreign key constraint | \
         Table \"c\" references \"p\". | Truncate table \"c\" at the same time, or use TRUNCATE ... CASCADE."
    );
    assert_eq!(notices(&database, truncate(true)), ["truncate cascades to table \"c\""]);
    assert!(all(&database, "c").is_empty());
}
