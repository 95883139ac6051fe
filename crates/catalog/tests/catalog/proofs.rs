//! Proofs exported from a database, verified by the crate that knows nothing of it.

use crate::support::*;
use catalog::Database;
use proof::bundle::{Bundle, Kind};
use proof::trust::Trust;
use types::Value;

/// As an auditor would: from the file's bytes.
fn verified(database: &Database, bundle: &Bundle) -> String {
    let ledger = database.store().ledger();
    let id = ledger.database_id().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let trust = Trust::parse(&format!(
        "stele-trust@v1\norigin {}\nkey {}\ndatabase {id}\n",
        ledger.origin(),
        ledger.verifier_key()
    ))
    .unwrap();
    for file in [bundle.to_text(), bundle.to_json()] {
        let read = Bundle::decode(file.as_bytes()).unwrap();
        let proven = read.verify(&trust).unwrap();
        assert_eq!(proven.kind(), bundle.kind());
        assert!(proven.links().iter().all(|link| link.transaction.tx_id < ledger.size()));
    }
    let mut broken = bundle.to_text().into_bytes();
    let at = broken.len() / 3;
    broken[at] ^= 1;
    assert!(Bundle::decode(&broken).is_err() || Bundle::decode(&broken).unwrap().verify(&trust).is_err());
    bundle.to_text()
}

#[test]
fn a_row_its_history_and_its_transaction() {
    let (_, database) = memory();
    ddl(&database, create("t", &["id int4", "a text"], &["primary key id"])).unwrap();
    let first = insert_all(&database, "t", &[&[int(1), text("x")], &[int(2), text("y")]]).unwrap();
    ddl(&database, add_column("t", "b int4 default 3")).unwrap();
    run(&database, |tx| update(tx, "t", &int(1), |row| row[1] = text("z"))).unwrap();
    run(&database, |tx| delete(tx, "t", &int(1))).unwrap();
    insert_all(&database, "t", &[&[int(1), text("w"), int(0)]]).unwrap();
    let transaction = begin(&database);
    let relation = table(&transaction, "t");
    let row = transaction.row_proof(&relation, &[int(2)], None).unwrap();
    verified(&database, &row);
    let old = transaction.row_proof(&relation, &[int(1)], Some(first)).unwrap();
    verified(&database, &old);
    let history = transaction.history_proof(&relation, &[int(1)]).unwrap();
    verified(&database, &history);
    assert_eq!(history.kind(), Kind::History);
    verified(&database, &transaction.transaction_proof(first).unwrap());
    assert_eq!(
        said(transaction.row_proof(&relation, &[int(7)], None)),
        "22023: table \"t\" has no row with the key (7)"
    );
    assert_eq!(said(transaction.row_proof(&relation, &[int(7), int(8)], None))[..5], *"22023");
    let size = database.store().ledger().size();
    assert!(transaction.consistency_proof(2).is_ok());
    assert_eq!(
        said(transaction.consistency_proof(size + 1)),
        format!("22023: checkpoint size {} is not between 0 and {size}", size + 1)
    );
}

#[test]
fn a_row_written_in_the_transaction_that_made_its_table() {
    let (_, database) = memory();
    let mut transaction = begin(&database);
    transaction.apply(&create("t", &["a int4"], &[]), USER).unwrap();
    insert(&mut transaction, "t", &[int(5)]).unwrap();
    transaction.apply(&add_column("t", "b int4"), USER).unwrap();
    commit(transaction).unwrap();
    let transaction = begin(&database);
    let relation = table(&transaction, "t");
    verified(&database, &transaction.row_proof(&relation, &[Value::Int8(1)], None).unwrap());
}
