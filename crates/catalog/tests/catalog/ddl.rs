//! Tables made, changed and dropped; what is left after a reopen; what the past still sees.

use crate::support::*;
use catalog::{Access, Versions};
use types::ddl::{AlterTable, CommentTarget, Ddl, Grant, GrantTarget, ObjectKind, Privilege};
use types::{ColumnType, DataType, Moment, Value};

#[test]
fn a_database_starts_with_its_public_schema() {
    let (_, database) = memory();
    let transaction = begin(&database);
    assert_eq!(transaction.snapshot_tx(), 1);
    assert_eq!(schema(&transaction).namespace("public").unwrap(), Some(2200));
    assert_eq!(schema(&transaction).search_path(), ["pg_catalog", "public"]);
    assert!(transaction.may_schema(&[4711], "public", Privilege::Usage).unwrap());
    assert!(!transaction.may_schema(&[4711], "public", Privilege::Create).unwrap());
}

#[test]
fn a_table_survives_a_reopen_with_all_its_parts() {
    let (host, database) = memory();
    ddl(&database, create("p", &["id int4"], &["primary key id"])).unwrap();
    ddl(
        &database,
        create(
            "t",
            &["id serial", "a int4 default 5", "b text not null", "c varchar(3)", "pid int4"],
            &["primary key id", "unique a,b", "check a > 0", "pid references p on delete cascade"],
        ),
    )
    .unwrap();
    ddl(&database, create_index("", "t", false, &["b desc", "lower(c)"], Some("a > 3"))).unwrap();
    let on = CommentTarget::Column(name("t"), "b".into());
    ddl(&database, Ddl::Comment { on, text: Some("what it is".into()) }).unwrap();
    let before = table(&begin(&database), "t");
    let names = before.constraints.iter().map(|constraint| constraint.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["t_pkey", "t_a_b_key", "t_a_check", "t_pid_fkey"]);
    let names = before.indexes.iter().map(|index| index.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["t_pkey", "t_a_b_key", "t_b_lower_idx"]);
    assert_eq!(before.columns[0].default.as_deref(), Some("nextval('public.t_id_seq'::regclass)"));
    assert!(before.columns[0].not_null);
    assert_eq!(before.object_id, before.oid);
    assert!(before.oid >= 16384);
    assert!(before.descriptor_tx > 1);

    database.close().unwrap();
    std::mem::drop(database);
    let database = open(&host);
    let transaction = begin(&database);
    assert_eq!(*table(&transaction, "t"), *before);
    let sequence = table(&transaction, "t_id_seq");
    assert_eq!(sequence.sequence.as_ref().unwrap().owned_by, Some((before.oid, 1)));
    let parent = table(&transaction, "p");
    assert_eq!(parent.referenced_by, [(before.oid, before.constraints[3].oid)]);
}

#[test]
fn names_that_are_taken_or_not_there() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    assert_eq!(said(ddl(&database, create("t", &["a int4"], &[]))), "42P07: relation \"t\" already exists");
    assert_eq!(
        said(ddl(&database, create("u", &["a int4", "a text"], &[]))),
        "42701: column \"a\" specified more than once"
    );
    assert_eq!(
        said(ddl(&database, create("u", &["xmin int4"], &[]))),
        "42701: column name \"xmin\" conflicts with a system column name"
    );
    assert_eq!(
        said(ddl(&database, drop(ObjectKind::Table, &["no"], false))),
        "42P01: table \"no\" does not exist"
    );
    assert_eq!(
        said(ddl(&database, drop(ObjectKind::View, &["t"], false))),
        "42809: \"t\" is not a view | Use DROP TABLE to remove a table."
    );
    assert_eq!(said(ddl(&database, create("no.t", &["a int4"], &[]))), "3F000: schema \"no\" does not exist");
    assert_eq!(
        said(ddl(&database, add_column("t", "a int4"))),
        "42701: column \"a\" of relation \"t\" already exists"
    );
    assert_eq!(
        said(ddl(&database, drop_column("t", "b"))),
        "42703: column \"b\" of relation \"t\" does not exist"
    );
    let gentle =
        Ddl::Drop { kind: ObjectKind::Table, names: vec![name("no")], if_exists: true, cascade: false };
    assert_eq!(notices(&database, gentle), ["table \"no\" does not exist, skipping"]);
}

#[test]
fn columns_come_and_go_and_the_past_keeps_its_own() {
    let (host, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    let first = insert_all(&database, "t", &[&[int(1), text("one")], &[int(2), text("two")]]).unwrap();
    ddl(&database, add_column("t", "b int4 default 7")).unwrap();
    let second = insert_all(&database, "t", &[&[int(3), text("three"), Value::Null]]).unwrap();
    assert_eq!(
        all(&database, "t"),
        [
            vec![int(1), text("one"), int(7)],
            vec![int(2), text("two"), int(7)],
            vec![int(3), text("three"), Value::Null]
        ]
    );
    ddl(&database, drop_column("t", "a")).unwrap();
    let rename = AlterTable::RenameColumn { from: "b".into(), to: "c".into() };
    ddl(&database, alter("t", rename)).unwrap();
    insert_all(&database, "t", &[&[int(4), int(9)]]).unwrap();
    let check = |database: &catalog::Database| {
        let transaction = begin(database);
        assert_eq!(
            rows(&transaction, "t"),
            [vec![int(1), int(7)], vec![int(2), int(7)], vec![int(3), Value::Null], vec![int(4), int(9)]]
        );
        // As of then: the columns of then.
        let then = schema(&transaction).at(Moment::Transaction(first)).unwrap();
        let relation = then.relation(None, "t").unwrap().unwrap();
        assert_eq!(relation.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "a"]);
        let mut asked = request(&relation);
        asked.versions = Versions::At(Moment::Transaction(first));
        assert_eq!(
            scan(&transaction, &asked).unwrap().0,
            [vec![int(1), text("one")], vec![int(2), text("two")]]
        );
        let then = schema(&transaction).at(Moment::Transaction(second)).unwrap();
        let mut asked = request(&then.relation(None, "t").unwrap().unwrap());
        asked.versions = Versions::At(Moment::Transaction(second));
        assert_eq!(scan(&transaction, &asked).unwrap().0.len(), 3);
        assert_eq!(said(schema(&transaction).at(Moment::Transaction(9999)).map(|_| ()))[..5], *"22023");
    };
    check(&database);
    database.close().unwrap();
    std::mem::drop(database);
    check(&open(&host));
}

#[test]
fn rows_of_the_same_transaction_take_the_final_descriptor() {
    let (host, database) = memory();
    let mut transaction = begin(&database);
    transaction.apply(&create("t", &["id int4", "a text"], &["primary key id"]), USER).unwrap();
    insert(&mut transaction, "t", &[int(1), text("x")]).unwrap();
    transaction.apply(&add_column("t", "b int4 default 3"), USER).unwrap();
    insert(&mut transaction, "t", &[int(2), text("y"), int(4)]).unwrap();
    transaction.apply(&drop_column("t", "a"), USER).unwrap();
    let version = schema(&transaction).version();
    transaction.apply(&create_index("i", "t", false, &["b"], None), USER).unwrap();
    assert_ne!(version, schema(&transaction).version());
    let expected = [vec![int(1), int(3)], vec![int(2), int(4)]];
    assert_eq!(rows(&transaction, "t"), expected);
    let tx = commit(transaction).unwrap();
    assert_eq!(all(&database, "t"), expected);
    // Every row names the transaction's own descriptor and has exactly its columns.
    let relation = table(&begin(&database), "t");
    assert_eq!(relation.descriptor_tx, tx);
    let record = database.store().ledger().read(tx).unwrap();
    for change in record.changes.iter().filter(|change| change.object == relation.object_id) {
        assert_eq!(change.schema_tx, 0);
        let columns = change.cells.as_ref().unwrap().iter().map(|cell| cell.column).collect::<Vec<_>>();
        assert_eq!(columns, [1, 3]);
    }
    database.close().unwrap();
    std::mem::drop(database);
    assert_eq!(all(&open(&host), "t"), expected);
}

#[test]
fn rolled_back_ddl_leaves_nothing() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    let mut transaction = begin(&database);
    let savepoint = transaction.savepoint();
    transaction.apply(&add_column("t", "b int4"), USER).unwrap();
    assert_eq!(table(&transaction, "t").columns.len(), 2);
    transaction.rollback_to(savepoint);
    assert_eq!(table(&transaction, "t").columns.len(), 1);
    insert(&mut transaction, "t", &[int(1)]).unwrap();
    transaction.apply(&drop(ObjectKind::Table, &["t"], false), USER).unwrap();
    transaction.rollback();
    assert_eq!(all(&database, "t"), Vec::<Vec<Value>>::new());
}

#[test]
fn a_changed_type_rewrites_rows_or_only_the_descriptor() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a varchar(3)", "n int4"], &["primary key id", "unique n"]))
        .unwrap();
    let then = insert_all(&database, "t", &[&[int(1), text("abc"), int(5)]]).unwrap();
    let set = |column: &str, ty: ColumnType| {
        alter("t", AlterTable::SetType { column: column.into(), ty, using: None })
    };
    let before = database.store().ledger().size();
    ddl(&database, set("a", DataType::Text.into())).unwrap();
    let record = database.store().ledger().read(before).unwrap();
    assert_eq!(record.changes.len(), 1, "only the descriptor");
    ddl(&database, set("n", DataType::Int8.into())).unwrap();
    assert_eq!(all(&database, "t"), [vec![int(1), text("abc"), Value::Int8(5)]]);
    assert_eq!(said(insert_all(&database, "t", &[&[int(2), text("x"), Value::Int8(5)]]))[..5], *"23505");
    // The key too: a new storage generation, the same table.
    ddl(&database, set("id", DataType::Int8.into())).unwrap();
    assert_eq!(all(&database, "t"), [vec![Value::Int8(1), text("abc"), Value::Int8(5)]]);
    let relation = table(&begin(&database), "t");
    assert_ne!(relation.object_id, relation.oid);
    assert_eq!(relation.predecessor, relation.oid);
    let transaction = begin(&database);
    let past = schema(&transaction).at(Moment::Transaction(then)).unwrap();
    let mut asked = request(&past.relation(None, "t").unwrap().unwrap());
    asked.versions = Versions::At(Moment::Transaction(then));
    assert_eq!(scan(&transaction, &asked).unwrap().0, [vec![int(1), text("abc"), int(5)]]);
    assert_eq!(
        said(ddl(&database, set("a", DataType::Int4.into()))),
        "42804: column \"a\" cannot be cast automatically to type integer | \
         You might need to specify \"USING a::integer\"."
    );
}

#[test]
fn a_primary_key_comes_and_goes() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4", "b text"], &[])).unwrap();
    insert_all(&database, "t", &[&[int(2), text("y")], &[int(1), text("x")]]).unwrap();
    assert_eq!(all(&database, "t")[0][0], int(2), "in the order of insertion");
    ddl(&database, add_constraint("t", "primary key a")).unwrap();
    assert_eq!(all(&database, "t")[0][0], int(1), "in the order of the key");
    assert_eq!(
        said(ddl(&database, add_constraint("t", "primary key b"))),
        "42P16: multiple primary keys for table \"t\" are not allowed"
    );
    let gone = AlterTable::DropConstraint { name: "t_pkey".into(), if_exists: false, cascade: false };
    ddl(&database, alter("t", gone)).unwrap();
    insert_all(&database, "t", &[&[int(1), text("again")]]).unwrap();
    assert_eq!(all(&database, "t").len(), 3);
    assert_eq!(
        said(ddl(&database, add_constraint("t", "primary key a"))),
        "23505: could not create unique index \"t_pkey\" | Key (a)=(1) is duplicated."
    );
}

#[test]
fn truncate_ends_a_generation_and_the_past_keeps_it() {
    let (host, database) = memory();
    ddl(&database, create("t", &["id serial", "a text"], &["primary key id"])).unwrap();
    ddl(&database, create_index("i", "t", false, &["a"], None)).unwrap();
    let then = insert_all(&database, "t", &[&[int(1), text("x")], &[int(2), text("y")]]).unwrap();
    let truncate = Ddl::Truncate { names: vec![name("t")], restart_identity: true, cascade: false };
    let size = database.store().ledger().size();
    ddl(&database, truncate).unwrap();
    insert_all(&database, "t", &[&[int(1), text("z")]]).unwrap();
    let mut database = Some(database);
    for _ in 0..2 {
        let database = database.take().unwrap_or_else(|| open(&host));
        assert_eq!(all(&database, "t"), [vec![int(1), text("z")]]);
        let transaction = begin(&database);
        let relation = table(&transaction, "t");
        let mut asked = request(&relation);
        let key = catalog::KeyRange { equal: vec![text("x")], ..catalog::KeyRange::default() };
        asked.access = Access::Index(relation.indexes[1].oid, vec![key]);
        assert!(scan(&transaction, &asked).unwrap().0.is_empty(), "the old row's entry ended with it");
        let past = schema(&transaction).at(Moment::Transaction(then)).unwrap();
        let mut asked = request(&past.relation(None, "t").unwrap().unwrap());
        asked.versions = Versions::At(Moment::Transaction(then));
        assert_eq!(scan(&transaction, &asked).unwrap().0.len(), 2);
        let every = Versions::Range { from: None, to: None, closed: true };
        let mut asked = request(&relation);
        asked.versions = every;
        assert_eq!(scan(&transaction, &asked).unwrap().0.len(), 3, "every version of every generation");
        assert_eq!(database.store().ledger().read(size).unwrap().changes.len(), 2, "descriptor and sequence");
        database.close().unwrap();
    }
}

#[test]
fn what_stands_on_a_table_keeps_it() {
    let (_, database) = memory();
    ddl(&database, create("p", &["id int4", "x int4"], &["primary key id"])).unwrap();
    ddl(&database, create("c", &["pid int4"], &["pid references p"])).unwrap();
    let oid = table(&begin(&database), "p").oid;
    let view = |view: &str| Ddl::CreateView {
        name: name(view),
        or_replace: false,
        columns: vec![("x".into(), DataType::Int4.into())],
        query: "select x from p".into(),
        references: vec![(oid, 0), (oid, 2)],
    };
    ddl(&database, view("v")).unwrap();
    assert_eq!(
        said(ddl(&database, drop(ObjectKind::Table, &["p"], false))),
        "2BP01: cannot drop table p because other objects depend on it | \
         view v depends on table p\nconstraint c_pid_fkey on table c depends on table p | \
         Use DROP ... CASCADE to drop the dependent objects too."
    );
    assert_eq!(
        said(ddl(&database, drop_column("p", "x"))),
        "2BP01: cannot drop column x of table p because other objects depend on it | \
         view v depends on column x of table p | Use DROP ... CASCADE to drop the dependent objects too."
    );
    assert_eq!(
        said(ddl(&database, alter("p", AlterTable::RenameTo("q".into()))))[..5],
        *"0A000",
        "a view is kept as it was written"
    );
    assert_eq!(
        notices(&database, drop(ObjectKind::Table, &["p"], true)),
        ["drop cascades to 2 other objects"]
    );
    let transaction = begin(&database);
    assert!(schema(&transaction).relation(None, "v").unwrap().is_none());
    assert!(table(&transaction, "c").constraints.is_empty());
}

#[test]
fn schemas_hold_tables_and_go_with_them() {
    let (_, database) = memory();
    let make = Ddl::CreateSchema { name: "s".into(), if_not_exists: false, owner: None };
    ddl(&database, make.clone()).unwrap();
    assert_eq!(said(ddl(&database, make)), "42P06: schema \"s\" already exists");
    ddl(&database, create("s.t", &["id serial"], &["primary key id"])).unwrap();
    assert_eq!(
        said(ddl(&database, drop(ObjectKind::Schema, &["s"], false))),
        "2BP01: cannot drop schema s because other objects depend on it | table s.t depends on schema s | \
         Use DROP ... CASCADE to drop the dependent objects too."
    );
    let rename = Ddl::Rename { kind: ObjectKind::Schema, name: name("s"), if_exists: false, to: "r".into() };
    ddl(&database, rename).unwrap();
    let moved = table(&begin(&database), "r.t");
    assert_eq!(moved.columns[0].default.as_deref(), Some("nextval('r.t_id_seq'::regclass)"));
    assert_eq!(notices(&database, drop(ObjectKind::Schema, &["r"], true)), ["drop cascades to table r.t"]);
    assert!(begin(&database).state().relations.is_empty());
}

#[test]
fn privileges_are_granted_and_revoked() {
    let (_, database) = memory();
    database.set_role_oid(std::sync::Arc::new(|name| Ok((name == "ann").then_some(20000))));
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    let grant = |revoke: bool, role: &str| {
        Ddl::Grant(Grant {
            revoke,
            privileges: vec![Privilege::Select],
            on: GrantTarget::Tables(vec![name("t")]),
            roles: vec![role.into()],
            grant_option: false,
            cascade: false,
        })
    };
    let may = |role: u32, privilege| {
        let transaction = begin(&database);
        transaction.may(&[role], &table(&transaction, "t"), privilege).unwrap()
    };
    assert!(may(USER, Privilege::Delete), "the owner");
    assert!(!may(20000, Privilege::Select));
    ddl(&database, grant(false, "ann")).unwrap();
    assert!(may(20000, Privilege::Select));
    assert!(!may(20000, Privilege::Insert));
    ddl(&database, grant(true, "ann")).unwrap();
    assert!(!may(20000, Privilege::Select));
    ddl(&database, grant(false, "public")).unwrap();
    assert!(may(4711, Privilege::Select));
    assert_eq!(said(ddl(&database, grant(false, "bob"))), "42704: role \"bob\" does not exist");
}

/// Ten thousand with `cargo test --release`, in a second or two: none costs more than the first.
#[test]
fn as_many_tables_as_one_likes() {
    let count = if cfg!(debug_assertions) { 150 } else { 10_000 };
    let (host, database) = memory();
    ddl(&database, create("t0", &["id int4"], &["primary key id"])).unwrap();
    let mut transaction = begin(&database);
    for number in 1..count {
        let parent = format!("pid references t{} on delete cascade", number - 1);
        let table = create(&format!("t{number}"), &["id int4", "pid int4"], &["primary key id", &parent]);
        transaction.apply(&table, 10).unwrap();
        if number % 2 == 0 {
            transaction.commit(Default::default(), true).unwrap();
            transaction = begin(&database);
        }
    }
    transaction.commit(Default::default(), true).unwrap();
    database.close().unwrap();
    std::mem::drop(database);
    let database = open(&host);
    let transaction = begin(&database);
    assert_eq!(transaction.state().relations.len(), count);
    let child = table(&transaction, &format!("t{}", count - 1));
    let parent = table(&transaction, &format!("t{}", count - 2));
    assert_eq!(parent.referenced_by, [(child.oid, child.constraints[1].oid)]);
}
