//! A proof that a database made, checked without it.

use proof::bundle::Bundle;
use proof::trust::Trust;
use std::path::Path;
use stele::Database;

fn trust(folder: &Path) -> Trust {
    kv::ledger::trust(&host::Host::real(), &folder.join("databases/stele")).unwrap()
}

#[test]
fn a_real_proof_is_accepted_and_no_flipped_bit_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path()).unwrap();
    db.run("CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric(12,2))").unwrap();
    db.execute("INSERT INTO account VALUES (7, 'Ada', 100.50), (8, 'Bob', 1)", &[]).unwrap();
    db.execute("UPDATE account SET balance = 70.50 WHERE id = 7", &[]).unwrap();
    let proof = db.proof("account", &[7.into()]).unwrap();
    let of_transaction =
        db.query("SELECT ledger.transaction_proof(4) AS p", &[]).unwrap().text(0, "p").unwrap();
    db.close().unwrap();

    // From here on only the files that a verifier has.
    let trust = trust(folder.path());
    for text in [&proof, &of_transaction] {
        Bundle::decode(text.as_bytes()).unwrap().verify(&trust).unwrap();
    }
    let bytes = proof.as_bytes();
    for bit in (0..bytes.len() * 8).step_by(13) {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let accepted = Bundle::decode(&flipped).is_ok_and(|bundle| bundle.verify(&trust).is_ok());
        assert!(!accepted, "bit {bit} was flipped, and the proof accepted");
    }
    // Another ledger's trust file is none for this proof.
    let other = tempfile::tempdir().unwrap();
    Database::open(other.path()).unwrap().close().unwrap();
    assert!(Bundle::decode(bytes).unwrap().verify(&self::trust(other.path())).is_err());
}
