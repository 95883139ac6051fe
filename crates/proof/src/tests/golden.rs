//! One transaction hashed by a few lines of Python, independent of this crate.

use crate::hash::{self, Hash, Portable, Sha2, Sha256};
use crate::layout::{Entry, Op, Transaction};
use crate::tree;
use serde_json::Value;

#[test]
fn every_hash_rule_agrees_with_python() {
    check::<Sha2>();
    check::<Portable>();
}

fn check<S: Sha256>() {
    let golden: Value = serde_json::from_str(include_str!("../../tests/vectors/golden.json")).unwrap();
    let (inputs, expected) = (&golden["inputs"], &golden["expected"]);
    let object = inputs["object_id"].as_u64().unwrap() as u32;
    let row_salt: [u8; 32] = bytes(&inputs["row_salt"]).try_into().unwrap();
    let cells: Vec<(u32, Hash)> = inputs["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            let column = cell["col_id"].as_u64().unwrap() as u32;
            let code = u8::from_str_radix(&cell["type"].as_str().unwrap()[2..], 16).unwrap();
            let salt = hash::cell_salt::<S>(&row_salt, column);
            (column, hash::cell_commit::<S>(&salt, column, code, &bytes(&cell["value"])))
        })
        .collect();
    for ((_, commit), name) in cells.iter().zip(["cell1", "cell2", "cell3_null"]) {
        assert_eq!(commit[..], bytes(&expected[name]), "{name}");
    }
    let row_commit = hash::row_commit::<S>(inputs["schema_tx"].as_u64().unwrap(), object, cells.into_iter());
    assert_eq!(row_commit[..], bytes(&expected["row_commit"]));

    let key_commit = |salt: &str, key: &str| {
        hash::key_commit::<S>(&bytes(&inputs[salt]).try_into().unwrap(), object, &bytes(&inputs[key]))
    };
    let key_commits = [key_commit("key_salt", "key"), key_commit("key_salt2", "key2")];
    assert_eq!(key_commits[0][..], bytes(&expected["key_commit"]));
    assert_eq!(key_commits[1][..], bytes(&expected["key_commit2"]));

    let insert = Entry { op: Op::Insert, object, prev_tx: 0, key_commit: key_commits[0], row_commit };
    let delete =
        Entry { op: Op::Delete, object, prev_tx: 6, key_commit: key_commits[1], row_commit: hash::NO_ROW };
    assert_eq!(insert.encode()[..], bytes(&golden["entry0"]));
    assert_eq!(delete.encode()[..], bytes(&golden["entry1"]));
    assert_eq!(insert.leaf::<S>()[..], bytes(&expected["entry_leaf"]));

    let entries_root = tree::root::<S>([insert.leaf::<S>(), delete.leaf::<S>()]);
    assert_eq!(entries_root[..], bytes(&expected["entries_root"]));
    let meta_commit =
        hash::meta_commit::<S>(&bytes(&inputs["meta_salt"]).try_into().unwrap(), &bytes(&inputs["meta"]));
    assert_eq!(meta_commit[..], bytes(&expected["meta_commit"]));

    let transaction = Transaction {
        system: false,
        database_id: bytes(&inputs["db_id"]).try_into().unwrap(),
        tx_id: inputs["tx_id"].as_u64().unwrap(),
        commit_time: inputs["commit_time_us"].as_i64().unwrap(),
        entry_count: 2,
        entries_root,
        meta_commit,
    };
    assert_eq!(transaction.encode()[..], bytes(&golden["transaction"]));
    assert_eq!(transaction.leaf::<S>()[..], bytes(&expected["tx_leaf"]));
}

#[test]
fn roots_agree_with_rfc_6962() {
    let reference: Value =
        serde_json::from_str(include_str!("../../tests/vectors/rfc6962-roots.json")).unwrap();
    let leaves: Vec<Vec<u8>> = reference["leaves"].as_array().unwrap().iter().map(bytes).collect();
    for (size, expected) in reference["roots"].as_array().unwrap().iter().enumerate() {
        let hashes = leaves[..size].iter().map(|leaf| hash::leaf::<Portable>(leaf));
        assert_eq!(tree::root::<Portable>(hashes)[..], bytes(expected), "size {size}");
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
