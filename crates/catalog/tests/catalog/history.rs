//! ledger.history, diff, changes, transactions, and the hidden columns.

use crate::support::*;
use catalog::Versions;
use types::schema::HiddenColumn;
use types::{Moment, TextSettings, Value};

fn shown(rows: &[Vec<Value>], columns: &[(String, types::ColumnType)]) -> Vec<String> {
    let show = |row: &Vec<Value>| {
        let cells = row.iter().zip(columns).map(|(value, (_, ty))| {
            let mut out = String::new();
            match value {
                Value::Null => out.push('-'),
                value => types::text::format(value, ty.data_type, &TextSettings::default(), &mut out),
            }
            out
        });
        cells.collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(show).collect()
}

fn story() -> (catalog::Database, u64) {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    let first = insert_all(&database, "t", &[&[int(1), text("x")], &[int(2), text("y")]]).unwrap();
    run(&database, |tx| update(tx, "t", &int(1), |row| row[1] = text("z"))).unwrap();
    run(&database, |tx| delete(tx, "t", &int(2))).unwrap();
    insert_all(&database, "t", &[&[int(3), text("w")]]).unwrap();
    (database, first)
}

#[test]
fn history_tells_every_version() {
    let (database, first) = story();
    let transaction = begin(&database);
    let relation = table(&transaction, "t");
    let history = transaction.history(&relation, &[]).unwrap();
    let brief = history.rows.iter().map(|row| {
        let tx = |at: usize| row[at].as_i64().map_or("-".into(), |tx| (tx as u64 - first).to_string());
        let (op, a) = (row[3].as_str().unwrap(), row[6].as_str().unwrap());
        format!("{} {} {op} {} {a}", tx(0), tx(1), row[5].as_i64().unwrap())
    });
    assert_eq!(
        brief.collect::<Vec<_>>(),
        ["0 1 insert 1 x", "0 2 insert 2 y", "1 - update 1 z", "2 - delete 2 y", "3 - insert 3 w"]
    );
    assert_eq!(transaction.history(&relation, &[int(1)]).unwrap().rows.len(), 2);
    assert_eq!(transaction.history(&relation, &[int(8)]).unwrap().rows.len(), 0);
}

#[test]
fn diff_is_net_and_changes_are_all() {
    let (database, first) = story();
    let transaction = begin(&database);
    let relation = table(&transaction, "t");
    let diff = transaction.diff(&relation, first, first + 3).unwrap();
    let lines = shown(&diff.rows, &diff.columns);
    let start = |line: &str| line.split(" 20").next().unwrap().to_owned();
    assert_eq!(
        lines.iter().map(|line| start(line)).collect::<Vec<_>>(),
        [
            format!("update 1 {{\"a\": \"x\", \"id\": 1}} {{\"a\": \"z\", \"id\": 1}} {{a}} {}", first + 1),
            format!("delete 2 {{\"a\": \"y\", \"id\": 2}} - - {}", first + 2),
            format!("insert 3 - {{\"a\": \"w\", \"id\": 3}} - {}", first + 3),
        ]
    );
    assert!(transaction.diff(&relation, first, first).unwrap().rows.is_empty());
    assert_eq!(said(transaction.diff(&relation, first + 1, first).map(|_| ()))[..5], *"22023");
    let changes = transaction.changes(first - 1, first + 3, &|_| Ok(true)).unwrap();
    assert_eq!(changes.rows.len(), 5);
    assert_eq!(changes.rows[2][3..5], [text("t"), text("update")]);
    assert_eq!(transaction.transactions(first, first + 3).unwrap().rows.len(), 4);
}

#[test]
fn hidden_columns_say_when_and_how() {
    let (database, first) = story();
    let mut transaction = begin(&database);
    insert(&mut transaction, "t", &[int(4), text("own")]).unwrap();
    let relation = table(&transaction, "t");
    let mut asked = request(&relation);
    asked.columns = vec![
        1,
        HiddenColumn::Tx.id(),
        HiddenColumn::TxEnd.id(),
        HiddenColumn::Op.id(),
        HiddenColumn::TableOid.id(),
        HiddenColumn::Row.id(),
    ];
    let oid = Value::Oid(relation.oid);
    let number = |tx: u64| Value::Int8(tx as i64);
    assert_eq!(
        scan(&transaction, &asked).unwrap().0,
        [
            vec![int(1), number(first + 1), Value::Null, text("update"), oid.clone(), Value::Null],
            vec![int(3), number(first + 3), Value::Null, text("insert"), oid.clone(), Value::Null],
            vec![int(4), Value::Null, Value::Null, Value::Null, oid, Value::Null],
        ]
    );
    asked.columns = vec![1, HiddenColumn::Tx.id(), HiddenColumn::TxEnd.id()];
    let versions = |from: u64, to: u64, closed| Versions::Range {
        from: Some(Moment::Transaction(from)),
        to: Some(Moment::Transaction(to)),
        closed,
    };
    asked.versions = versions(first, first + 1, true);
    assert_eq!(scan(&transaction, &asked).unwrap().0.len(), 3, "1 twice, 2");
    asked.versions = versions(first, first + 1, false);
    assert_eq!(scan(&transaction, &asked).unwrap().0.len(), 2);
    asked.versions = versions(first + 2, first + 2, true);
    assert_eq!(scan(&transaction, &asked).unwrap().0, [vec![int(1), number(first + 1), Value::Null]]);
}

#[test]
fn rows_without_a_key_keep_their_numbers() {
    let (host, database) = memory();
    ddl(&database, create("t", &["a int4"], &[])).unwrap();
    insert_all(&database, "t", &[&[int(7)], &[int(7)], &[int(8)]]).unwrap();
    run(&database, |tx| delete(tx, "t", &int(8))).unwrap();
    database.close().unwrap();
    std::mem::drop(database);
    let database = open(&host);
    insert_all(&database, "t", &[&[int(9)]]).unwrap();
    let transaction = begin(&database);
    let mut asked = request(&table(&transaction, "t"));
    asked.columns = vec![1, HiddenColumn::Row.id()];
    assert_eq!(
        scan(&transaction, &asked).unwrap().0,
        [vec![int(7), Value::Int8(1)], vec![int(7), Value::Int8(2)], vec![int(9), Value::Int8(4)]],
        "the deleted row's number is not used again"
    );
}
