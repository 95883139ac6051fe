//! Index scans: ranges, order, own writes, the past; entries after a reopen.

use crate::support::*;
use catalog::{Access, Database, KeyRange, Versions};
use types::{Moment, Value};

fn by_index(transaction: &catalog::Transaction, range: KeyRange, backward: bool) -> Vec<i32> {
    let relation = table(transaction, "t");
    let index = relation.indexes.iter().find(|index| !index.primary).expect("an index");
    let mut asked = request(&relation);
    asked.access = Access::Index(index.oid, vec![range]);
    asked.backward = backward;
    let ids = scan(transaction, &asked).unwrap().0.into_iter().map(|row| row[0].as_i64().unwrap() as i32);
    ids.collect()
}

fn equal(value: &str) -> KeyRange {
    KeyRange { equal: vec![text(value)], ..KeyRange::default() }
}

fn between(lower: Option<(&str, bool)>, upper: Option<(&str, bool)>) -> KeyRange {
    let bound = |side: Option<(&str, bool)>| side.map(|(value, inclusive)| (text(value), inclusive));
    KeyRange { equal: vec![], lower: bound(lower), upper: bound(upper) }
}

fn check(database: &Database) {
    let transaction = begin(database);
    let ids = |range| by_index(&transaction, range, false);
    assert_eq!(ids(equal("b")), [2, 4]);
    assert_eq!(ids(equal("x")), [] as [i32; 0]);
    assert_eq!(ids(between(Some(("b", true)), None)), [2, 4, 3], "NULL is in no range");
    assert_eq!(ids(between(Some(("b", false)), None)), [3]);
    assert_eq!(ids(between(None, Some(("b", false)))), [1]);
    assert_eq!(ids(between(Some(("a", true)), Some(("b", true)))), [1, 2, 4]);
    assert_eq!(ids(between(Some(("c", true)), Some(("a", true)))), [] as [i32; 0]);
    assert_eq!(ids(KeyRange::default()), [1, 2, 4, 3, 5]);
    assert_eq!(by_index(&transaction, KeyRange::default(), true), [5, 3, 4, 2, 1]);
}

const ROWS: [(i32, Option<&str>); 5] =
    [(1, Some("a")), (2, Some("b")), (3, Some("c")), (4, Some("b")), (5, None)];

fn fill(database: &Database) -> u64 {
    run(database, |transaction| {
        ROWS.iter().try_for_each(|(id, value)| {
            insert(transaction, "t", &[int(*id), value.map_or(Value::Null, text)])
        })
    })
    .unwrap()
}

#[test]
fn an_index_made_before_and_after_its_rows() {
    for before in [true, false] {
        let (host, database) = memory();
        ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
        let make = create_index("i", "t", false, &["a"], None);
        if before {
            ddl(&database, make).unwrap();
            fill(&database);
        } else {
            fill(&database);
            ddl(&database, make).unwrap();
        }
        check(&database);
        database.close().unwrap();
        std::mem::drop(database);
        check(&open(&host));
    }
}

#[test]
fn made_and_filled_in_one_transaction() {
    let (host, database) = memory();
    let mut transaction = begin(&database);
    transaction.apply(&create("t", &["id int4", "a text"], &["primary key id"]), USER).unwrap();
    for (id, value) in &ROWS[..3] {
        insert(&mut transaction, "t", &[int(*id), value.map_or(Value::Null, text)]).unwrap();
    }
    transaction.apply(&create_index("i", "t", false, &["a"], None), USER).unwrap();
    for (id, value) in &ROWS[3..] {
        insert(&mut transaction, "t", &[int(*id), value.map_or(Value::Null, text)]).unwrap();
    }
    assert_eq!(by_index(&transaction, equal("b"), false), [2, 4]);
    commit(transaction).unwrap();
    check(&database);
    database.close().unwrap();
    std::mem::drop(database);
    check(&open(&host));
}

#[test]
fn the_past_is_found_by_an_index_of_now() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    let then = fill(&database);
    run(&database, |tx| update(tx, "t", &int(2), |row| row[1] = text("z"))).unwrap();
    run(&database, |tx| delete(tx, "t", &int(4))).unwrap();
    ddl(&database, create_index("i", "t", false, &["a"], None)).unwrap();
    run(&database, |tx| delete(tx, "t", &int(1))).unwrap();
    let transaction = begin(&database);
    assert_eq!(by_index(&transaction, equal("b"), false), [] as [i32; 0]);
    assert_eq!(by_index(&transaction, KeyRange::default(), false), [3, 2, 5]);
    let relation =
        schema(&transaction).at(Moment::Transaction(then)).unwrap().relation(None, "t").unwrap().unwrap();
    assert_eq!(relation.indexes.len(), 2, "the primary key and the index of now");
    let mut asked = request(&relation);
    asked.versions = Versions::At(Moment::Transaction(then));
    for (range, expected) in [(equal("b"), vec![2, 4]), (equal("a"), vec![1]), (equal("z"), vec![])] {
        asked.access = Access::Index(relation.indexes[1].oid, vec![range]);
        let found = scan(&transaction, &asked).unwrap().0;
        assert_eq!(found.iter().map(|row| row[0].as_i64().unwrap()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn descending_columns_and_bounds() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    ddl(&database, create_index("i", "t", false, &["a desc"], None)).unwrap();
    fill(&database);
    let transaction = begin(&database);
    assert_eq!(by_index(&transaction, KeyRange::default(), false), [5, 3, 2, 4, 1]);
    assert_eq!(by_index(&transaction, between(Some(("b", true)), None), false), [3, 2, 4]);
    assert_eq!(by_index(&transaction, between(Some(("b", false)), None), false), [3]);
    assert_eq!(by_index(&transaction, between(None, Some(("b", false))), false), [1]);
}

#[test]
fn primary_key_ranges() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4", "b int4"], &["primary key a,b"])).unwrap();
    run(&database, |tx| (0..3).try_for_each(|a| (0..3).try_for_each(|b| insert(tx, "t", &[int(a), int(b)]))))
        .unwrap();
    let transaction = begin(&database);
    let find = |ranges: Vec<KeyRange>, backward: bool| {
        let mut asked = request(&table(&transaction, "t"));
        asked.access = Access::Primary(ranges);
        asked.backward = backward;
        let rows = scan(&transaction, &asked).unwrap().0;
        rows.into_iter()
            .map(|row| row[0].as_i64().unwrap() * 10 + row[1].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let range = |equal: &[i32], lower: Option<i32>, upper: Option<i32>| KeyRange {
        equal: equal.iter().map(|value| int(*value)).collect(),
        lower: lower.map(|value| (int(value), true)),
        upper: upper.map(|value| (int(value), false)),
    };
    assert_eq!(find(vec![range(&[1, 2], None, None)], false), [12]);
    assert_eq!(find(vec![range(&[1], None, None)], false), [10, 11, 12]);
    assert_eq!(find(vec![range(&[1], Some(1), None)], true), [12, 11]);
    assert_eq!(find(vec![range(&[], Some(1), Some(2))], false), [10, 11, 12]);
    assert_eq!(find(vec![range(&[0, 0], None, None), range(&[2, 1], None, None)], false), [0, 21]);
    assert_eq!(find(vec![range(&[0, 0], None, None), range(&[2], None, None)], true), [22, 21, 20, 0]);
    assert_eq!(find(vec![range(&[7, 0], None, None)], false), [] as [i64; 0]);
}

#[test]
fn on_disk_an_index_is_whole_after_every_reopen() {
    let host = host::Host::real();
    let folder = tempfile::tempdir().unwrap();
    let reopen = || open_in(&host, folder.path(), kv::store::IndexEngine::Sled);
    let database = reopen();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    ddl(&database, create_index("i", "t", false, &["a"], None)).unwrap();
    fill(&database);
    check(&database);
    database.close().unwrap();
    std::mem::drop(database);
    for round in 0..3 {
        let database = reopen();
        check(&database);
        run(&database, |tx| update(tx, "t", &int(2), |row| row[1] = text("q"))).unwrap();
        run(&database, |tx| update(tx, "t", &int(2), |row| row[1] = text("b"))).unwrap();
        if round < 2 {
            database.close().unwrap();
        }
        // The last round ends without a word.
    }
    let database = reopen();
    check(&database);
    assert!(database.store().is_index_built(table(&begin(&database), "t").indexes[1].oid).unwrap());
}

#[test]
fn an_index_tells_about_how_many_values_its_first_column_has() {
    let (_, database) = memory();
    let columns = ["a int4", "few int4", "many int4", "none int4"];
    ddl(&database, create("t", &columns, &["primary key a,few"])).unwrap();
    ddl(&database, create_index("f", "t", false, &["few", "none"], None)).unwrap();
    ddl(&database, create_index("m", "t", false, &["many desc"], None)).unwrap();
    run(&database, |transaction| {
        let row = |a: i32| [int(a), int(a % 25), int(a / 4), Value::Null];
        (0..2_000).try_for_each(|a| insert(transaction, "t", &row(a)))
    })
    .unwrap();
    let transaction = begin(&database);
    let relation = table(&transaction, "t");
    let values = |column: usize| {
        schema(&transaction).distinct_values(&relation, relation.columns[column].id).map(f64::round)
    };
    assert_eq!(values(0), Some(2_000.0));
    assert_eq!(values(1), Some(25.0));
    assert_eq!(values(2), Some(500.0));
    assert_eq!(values(3), None);
}
