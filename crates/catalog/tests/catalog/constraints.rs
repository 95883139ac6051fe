//! NOT NULL, unique, check: the row that fits beside the one that does not.

use crate::support::*;
use catalog::Insert;
use types::Value;
use types::ddl::{AlterTable, CreateTable, Ddl};

#[test]
fn not_null_names_the_column_and_shows_the_row() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4", "b text not null"], &[])).unwrap();
    insert_all(&database, "t", &[&[Value::Null, text("x")]]).unwrap();
    let error = insert_all(&database, "t", &[&[int(1), Value::Null]]).unwrap_err();
    assert_eq!(error.column.as_deref(), Some("b"));
    assert_eq!(error.table.as_deref(), Some("t"));
    assert_eq!(
        said(Err::<(), _>(error)),
        "23502: null value in column \"b\" of relation \"t\" violates not-null constraint | \
         Failing row contains (1, null)."
    );
    let set = |column: &str| alter("t", AlterTable::SetNotNull { column: column.into() });
    assert_eq!(said(ddl(&database, set("a"))), "23502: column \"a\" of relation \"t\" contains null values");
    run(&database, |transaction| delete(transaction, "t", &Value::Null)).unwrap();
    ddl(&database, set("a")).unwrap();
    assert_eq!(said(insert_all(&database, "t", &[&[Value::Null, text("x")]]))[..5], *"23502");
}

#[test]
fn a_primary_key_is_unique() {
    let (_, database) = memory();
    ddl(&database, create("item", &["id int4", "a text"], &["primary key id"])).unwrap();
    insert_all(&database, "item", &[&[int(1), text("x")]]).unwrap();
    let error = insert_all(&database, "item", &[&[int(1), text("y")]]).unwrap_err();
    assert_eq!(error.constraint.as_deref(), Some("item_pkey"));
    assert_eq!(
        said(Err::<(), _>(error)),
        "23505: duplicate key value violates unique constraint \"item_pkey\" | Key (id)=(1) already exists."
    );
    // Within one transaction, too; and free again after a delete.
    let mut transaction = begin(&database);
    delete(&mut transaction, "item", &int(1)).unwrap();
    insert(&mut transaction, "item", &[int(1), text("z")]).unwrap();
    assert_eq!(said(insert(&mut transaction, "item", &[int(1), text("z")]))[..5], *"23505");
    commit(transaction).unwrap();
    assert_eq!(all(&database, "item"), [vec![int(1), text("z")]]);
}

#[test]
fn a_key_that_changes_moves_the_row() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id", "unique a"])).unwrap();
    insert_all(&database, "t", &[&[int(1), text("x")], &[int(2), text("y")]]).unwrap();
    let change = |to: i32| run(&database, |tx| update(tx, "t", &int(1), |row| row[0] = int(to)));
    assert_eq!(said(change(2))[..5], *"23505");
    let tx = change(3).unwrap();
    assert_eq!(all(&database, "t"), [vec![int(2), text("y")], vec![int(3), text("x")]]);
    let record = database.store().ledger().read(tx).unwrap();
    assert!(record.changes.iter().any(|change| change.moved_to.is_some()));
    let clash = run(&database, |tx| update(tx, "t", &int(3), |row| row[1] = text("y")));
    assert_eq!(
        said(clash),
        "23505: duplicate key value violates unique constraint \"t_a_key\" | Key (a)=(y) already exists."
    );
}

#[test]
fn nulls_are_distinct_and_partial_indexes_partial() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text", "n int4"], &["primary key id", "unique a"])).unwrap();
    ddl(&database, create_index("low", "t", true, &["lower(a)"], Some("n > 0"))).unwrap();
    insert_all(&database, "t", &[&[int(1), Value::Null, int(0)], &[int(2), Value::Null, int(0)]]).unwrap();
    insert_all(&database, "t", &[&[int(3), text("X"), int(0)], &[int(4), text("x"), int(0)]]).unwrap();
    insert_all(&database, "t", &[&[int(5), text("Y"), int(1)]]).unwrap();
    assert_eq!(
        said(insert_all(&database, "t", &[&[int(6), text("y"), int(1)]])),
        "23505: duplicate key value violates unique constraint \"low\" | Key (lower(a))=(y) already exists."
    );
    insert_all(&database, "t", &[&[int(6), text("y"), int(-1)]]).unwrap();
    // An update into the index meets it as well.
    let into = run(&database, |tx| update(tx, "t", &int(6), |row| row[2] = int(1)));
    assert_eq!(said(into)[..5], *"23505");
}

#[test]
fn on_conflict_reports_the_row_in_the_way() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id", "unique a"])).unwrap();
    insert_all(&database, "t", &[&[int(1), text("x")]]).unwrap();
    let mut transaction = begin(&database);
    let relation = table(&transaction, "t");
    let [primary, unique] = [relation.indexes[0].oid, relation.indexes[1].oid];
    let mut try_insert =
        |id, a, arbiters: &[u32]| transaction.insert(&relation, &[int(id), text(a)], Some(arbiters));
    let conflict = try_insert(1, "y", &[primary]).unwrap();
    assert!(matches!(conflict, Insert::Conflict(_, row) if row == [int(1), text("x")]));
    assert_eq!(said(try_insert(2, "x", &[primary]))[..5], *"23505", "not the arbiter");
    assert!(matches!(try_insert(2, "x", &[unique]).unwrap(), Insert::Conflict(..)));
    assert!(matches!(try_insert(2, "x", &[]).unwrap(), Insert::Conflict(..)));
    assert!(matches!(try_insert(2, "y", &[]).unwrap(), Insert::Done(_)));
    commit(transaction).unwrap();
    assert_eq!(all(&database, "t").len(), 2);
}

#[test]
fn a_check_is_validated_when_it_is_added() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    insert_all(&database, "t", &[&[int(1)], &[int(-1)], &[Value::Null]]).unwrap();
    assert_eq!(
        said(ddl(&database, add_constraint("t", "check a > 0"))),
        "23514: check constraint \"t_a_check\" of relation \"t\" is violated by some row"
    );
    ddl(&database, add_constraint("t", "check a > 0 - 2")).unwrap();
}

#[test]
fn append_only_tables_take_inserts_only() {
    let (_, database) = memory();
    let Ddl::CreateTable(create) = create("t", &["a int4"], &[]) else { unreachable!() };
    ddl(&database, Ddl::CreateTable(CreateTable { append_only: true, ..create })).unwrap();
    insert_all(&database, "t", &[&[int(1)]]).unwrap();
    assert_eq!(
        said(run(&database, |tx| delete(tx, "t", &int(1)))),
        "55000: cannot DELETE table \"t\": it is append-only | \
         It was declared WITH (ledger = append_only). Insert a correcting row instead."
    );
    assert_eq!(said(run(&database, |tx| update(tx, "t", &int(1), |row| row[0] = int(2))))[..5], *"55000");
    let truncate = Ddl::Truncate { names: vec![name("t")], restart_identity: false, cascade: false };
    assert_eq!(said(ddl(&database, truncate))[..5], *"55000");
}

#[test]
fn a_stale_descriptor_is_refused() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    let stale = table(&begin(&database), "t");
    ddl(&database, add_column("t", "b int4 not null default 1")).unwrap();
    let mut transaction = begin(&database);
    assert!(!transaction.is_current(&stale));
    assert_eq!(said(transaction.insert(&stale, &[int(1)], None))[..5], *"40001");
    assert!(transaction.is_current(&table(&transaction, "t")));
}
