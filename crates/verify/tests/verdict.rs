//! `stele-verify` as its users meet it: files, exit codes, what is printed.

#[path = "../../proof/src/tests/sample.rs"]
#[allow(dead_code)]
mod sample;

use proof::bundle::Bundle;
use proof::consistency::{Consistency, Fork};
use sample::{ACCOUNT, Cells, Ledger, SIZE};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use stele_verify::{Verdict, verdict};
use types::schema::{Column, Relation, RelationKind};
use types::{ColumnType, DataType, Value};

/// As CREATE TABLE account (id bigint PRIMARY KEY, owner text, balance bigint, note date) would write it.
fn relation(object: u32) -> Relation {
    let column = |id, name: &str, data_type: DataType| Column {
        id,
        name: name.into(),
        ty: ColumnType::from(data_type),
        not_null: false,
        default: None,
        identity: None,
        missing: Value::Null,
        dropped: false,
        comment: None,
    };
    Relation {
        oid: object,
        object_id: object,
        predecessor: 0,
        kind: RelationKind::Table,
        schema_oid: 2200,
        schema: "public".into(),
        name: "account".into(),
        owner: 10,
        columns: vec![
            column(1, "id", DataType::Int8),
            column(2, "owner", DataType::Text),
            column(3, "balance", DataType::Int8),
            column(4, "note", DataType::Date),
        ],
        primary_key: vec![1],
        constraints: vec![],
        indexes: vec![],
        referenced_by: vec![],
        append_only: false,
        view: None,
        references: vec![],
        sequence: None,
        descriptor_tx: 0,
        comment: None,
    }
}

fn described(relation: &Relation) -> Cells {
    codec::descriptor::encode(relation).unwrap()
}

fn ledger_with(seed: u8, object: u32, descriptor: Cells) -> Ledger {
    Ledger::new(seed, (object, ACCOUNT.to_be_bytes().to_vec(), descriptor))
}

fn ledger(seed: u8) -> Ledger {
    ledger_with(seed, 2, described(&relation(ACCOUNT)))
}

fn verify(ledger: &Ledger, proof: &Bundle) -> Verdict {
    verdict(proof.to_text().as_bytes(), ledger.trust(SIZE).to_string().as_bytes(), None)
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Rejected(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_is_printed_by_its_descriptor() {
    let ledger = ledger(1);
    let proof = ledger.row_proof(SIZE);
    let root = proof::text::base64_encode(&ledger.root(SIZE));
    assert_eq!(
        verify(&ledger, &proof).to_string(),
        format!(
            "\
PROVEN: transaction 3 inserted a row of table account.
  committed 2025-10-09 08:53:20.000003+00 by the server's clock
  user ada
  application_name psql
  first entry of its key
  key (42)
    id      = 42
    owner   = Ada
    balance hidden
    note    is NULL
Later changes of the row are not excluded.
Checkpoint: host.example/shop, size 11, root {root}.
It is the trust file's own checkpoint.
"
        )
    );
}

#[test]
fn a_history_is_printed_newest_first() {
    let ledger = ledger(1);
    let text = verify(&ledger, &ledger.history_proof(SIZE)).to_string();
    let facts: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.contains("PROVEN")
                || line.starts_with("Transaction")
                || line.contains("balance")
                || line.contains("owner")
                || line.contains("follows")
                || line.contains("key (")
        })
        .map(str::trim)
        .collect();
    assert_eq!(
        facts,
        [
            "PROVEN: the history of a row, 4 versions back to its insert, up to transaction 7.",
            "Transaction 7 inserted a row of table account:",
            "follows transaction 6",
            "key (42)",
            "owner   = Ada \"L\"",
            "balance = 1",
            "Transaction 6 deleted a row of table account:",
            "follows transaction 5",
            "key (42)",
            "Transaction 5 updated a row of table account:",
            "follows transaction 3",
            "key (42)",
            "owner   = Ada",
            "balance = 75",
            "Transaction 3 inserted a row of table account:",
            "key (42)",
            "owner   = Ada",
            "balance = 100",
        ]
    );
}

#[test]
fn names_are_only_printed_if_they_are_proven() {
    let ledger = ledger(1);
    let link = ledger.change(3, 2, SIZE, true, &|_| true);
    let text = verify(&ledger, &Bundle::row(link, vec![], ledger.checkpoint(SIZE)).unwrap()).to_string();
    assert!(text.starts_with("PROVEN: transaction 3 inserted a row of object 16384.\n"), "{text}");
    assert!(text.contains("    #1 = 42\n    #2 = Ada\n    #3 = 100\n    #4 is NULL\n"), "{text}");
    assert!(text.contains("Columns are numbered"), "{text}");
    assert!(!text.contains("owner"));
}

#[test]
fn a_descriptor_that_does_not_fit_rejects() {
    let with = |object: u32, relation: Relation| {
        let ledger = ledger_with(1, object, described(&relation));
        reason(verify(&ledger, &ledger.row_proof(SIZE)))
    };
    assert_eq!(with(2, relation(16385)), "a descriptor of another table");
    assert_eq!(with(4, relation(ACCOUNT)), "a descriptor that is no row of the system table of relations");
    let mut swapped = relation(ACCOUNT);
    swapped.columns[0].ty = DataType::Text.into();
    swapped.columns[1].ty = DataType::Int8.into();
    assert_eq!(with(2, swapped), "column 1 has a value of another type than its descriptor says");
    let mut short = relation(ACCOUNT);
    short.columns.pop();
    assert_eq!(with(2, short), "column 4 is not in the table's descriptor");
    let mut other_key = relation(ACCOUNT);
    other_key.primary_key = vec![3];
    // The balance is hidden in a row proof and shown in a history.
    let ledger = ledger_with(1, 2, described(&other_key));
    assert_eq!(
        reason(verify(&ledger, &ledger.history_proof(SIZE))),
        "the row's key is not what its primary key columns say"
    );

    let ledger = self::ledger(1);
    let hidden = ledger.change(2, 0, SIZE, true, &|column| column != 8);
    let row = ledger.change(3, 2, SIZE, true, &|_| true);
    let proof = Bundle::row(row, vec![hidden], ledger.checkpoint(SIZE)).unwrap();
    assert_eq!(reason(verify(&ledger, &proof)), "a descriptor with hidden cells");

    let ledger = ledger_with(1, 2, vec![(1, 0x29, vec![0; 4])]);
    assert!(
        reason(verify(&ledger, &ledger.row_proof(SIZE))).starts_with("a descriptor that cannot be read: ")
    );
}

#[test]
fn transactions_extensions_and_forks() {
    let (one, other) = (ledger(1), ledger(2));
    let text = verify(&one, &one.transaction_proof(3, SIZE)).to_string();
    assert!(text.starts_with("PROVEN: transaction 3 is in the log.\n  committed 2025-10-09 08:53:20.000003+00 by the server's clock\n  5 row changes\n  user ada\n"), "{text}");

    let grown = Consistency { old_size: 7, path: one.consistency(7, SIZE), checkpoint: one.checkpoint(SIZE) };
    let text = verdict(grown.to_string().as_bytes(), one.trust(7).to_string().as_bytes(), None).to_string();
    assert!(text.starts_with("PROVEN: the log of 11 transactions extends the known one of 7.\n"), "{text}");

    let fork = Fork::of_equal_size(one.checkpoint(SIZE), other.checkpoint(SIZE)).unwrap();
    let text = verdict(fork.to_string().as_bytes(), one.trust(0).to_string().as_bytes(), None).to_string();
    assert!(text.starts_with("PROVEN: the log host.example/shop was forked."), "{text}");
}

#[test]
fn the_checkpoint_is_compared_with_the_trusted_one() {
    let (ledger, fork) = (ledger(1), ledger(2));
    let row = ledger.row_proof(9).to_text();
    let says = |trust: u64, consistency: Option<Consistency>| {
        let consistency = consistency.map(|proof| proof.to_string());
        let verdict = verdict(
            row.as_bytes(),
            ledger.trust(trust).to_string().as_bytes(),
            consistency.as_ref().map(|text| text.as_bytes()),
        );
        verdict.to_string().lines().last().unwrap().to_string()
    };
    let between = |ledger: &Ledger, from, to| Consistency {
        old_size: from,
        path: ledger.consistency(from, to),
        checkpoint: ledger.checkpoint(to),
    };
    assert_eq!(says(9, None), "It is the trust file's own checkpoint.");
    assert!(says(0, None).starts_with("NOT CHECKED: the trust file has no checkpoint"));
    assert!(says(8, None).starts_with("NOT CHECKED: it is newer than"));
    assert!(says(SIZE, None).starts_with("NOT CHECKED: it is older than"));
    assert_eq!(says(8, Some(between(&ledger, 8, 9))), "It is consistent with the trust file's checkpoint.");
    assert_eq!(
        says(SIZE, Some(between(&ledger, 9, SIZE))),
        "It is consistent with the trust file's checkpoint."
    );
    assert_eq!(
        says(SIZE, Some(between(&ledger, 8, SIZE))),
        "REJECTED: the consistency proof: the consistency proof starts at size 8, the known checkpoint has size 9"
    );
    assert!(
        says(8, Some(between(&fork, 8, 9))).starts_with(
            "REJECTED: the consistency proof: the consistency proof leads to another checkpoint"
        )
    );
    assert!(says(SIZE, Some(between(&fork, 9, SIZE))).starts_with("REJECTED"));
}

/// A value of a stranger cannot forge a line of the verdict.
#[test]
fn control_characters_are_quoted() {
    let mut relation = relation(ACCOUNT);
    relation.name = "x\nPROVEN: all is well\u{1b}[2J\u{202e}".into();
    let ledger = ledger_with(1, 2, described(&relation));
    let text = verify(&ledger, &ledger.row_proof(SIZE)).to_string();
    assert!(
        text.starts_with(
            "PROVEN: transaction 3 inserted a row of table \"x\\nPROVEN: all is well\\u{1b}[2J\\u{202e}\".\n"
        ),
        "{text}"
    );
}

#[test]
fn json_says_the_same() {
    let ledger = ledger(1);
    let json = verify(&ledger, &ledger.row_proof(SIZE)).to_json();
    assert_eq!((&json["verdict"], &json["kind"]), (&"proven".into(), &"row".into()));
    assert_eq!(json["trusted_checkpoint"], "same");
    let version = &json["versions"][0];
    assert_eq!((&version["table"], &version["prev_tx"]), (&"account".into(), &"0".into()));
    assert_eq!(version["key"]["text"], "(42)");
    assert_eq!(version["columns"][0], serde_json::json!({"id": 1, "name": "id", "value": "42"}));
    assert_eq!(version["columns"][2], serde_json::json!({"id": 3, "name": "balance", "hidden": true}));
    assert_eq!(version["columns"][3], serde_json::json!({"id": 4, "name": "note", "value": null}));
    assert_eq!(version["transaction"]["meta"]["user"], "ada");
}

/// Proofs with a real descriptor, as given out once, and what was said of them. `UPDATE_GOLDEN=1` writes them anew.
#[test]
fn golden_files_are_still_proven() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let ledger = ledger(1);
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    if update {
        std::fs::write(folder.join("trust.txt"), ledger.trust(SIZE).to_string()).unwrap();
    }
    for (name, proof) in [("row", ledger.row_proof(SIZE)), ("history", ledger.history_proof(SIZE))] {
        if update {
            std::fs::write(folder.join(format!("{name}.proof")), proof.to_text()).unwrap();
        }
        let said = verdict(&read(&format!("{name}.proof")), &read("trust.txt"), None);
        if update {
            std::fs::write(folder.join(format!("{name}.txt")), said.to_string()).unwrap();
        }
        assert_eq!(said.to_string().as_bytes(), read(&format!("{name}.txt")), "{name}");
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn run(arguments: &[&std::ffi::OsStr], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stele-verify"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn exit_codes() {
    let (ledger, fork) = (ledger(1), ledger(2));
    let folder = Folder(tempfile::tempdir().unwrap());
    let trust = folder.write("trust", ledger.trust(SIZE).to_string());
    let code =
        |proof: PathBuf| run(&[proof.as_os_str(), "--trust".as_ref(), trust.as_os_str()], b"").status.code();
    let text = ledger.row_proof(SIZE).to_text();
    assert_eq!(code(folder.write("good", &text)), Some(0));
    assert_eq!(code(folder.write("psql", format!("{text}\n"))), Some(0), "one newline more, as psql adds");
    assert_eq!(code(folder.write("two", format!("{text}\n\n"))), Some(2));
    assert_eq!(code(folder.write("json", ledger.row_proof(SIZE).to_json())), Some(0));
    assert_eq!(code(folder.write("fork", fork.row_proof(SIZE).to_text())), Some(1));
    assert_eq!(code(folder.write("cut", &text[..text.len() / 2])), Some(2));
    assert_eq!(code(folder.write("empty", "")), Some(2));
    assert_eq!(code(folder.0.path().join("missing")), Some(2));
    let dash =
        run(&["-".as_ref(), "--trust".as_ref(), trust.as_os_str(), "--json".as_ref()], text.as_bytes());
    assert_eq!(dash.status.code(), Some(0));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&dash.stdout).unwrap()["verdict"], "proven");
    let untrusting = run(&["-".as_ref()], text.as_bytes());
    assert_eq!(untrusting.status.code(), Some(2), "there is no verdict without trust");
}

#[test]
fn trust_advances_only_by_proof() {
    let ledger = ledger(1);
    let folder = Folder(tempfile::tempdir().unwrap());
    let trust = folder.write("trust", ledger.trust(7).to_string());
    let grown =
        Consistency { old_size: 7, path: ledger.consistency(7, SIZE), checkpoint: ledger.checkpoint(SIZE) };
    let advance = |proof: String, to: &str| {
        let (proof, to) = (folder.write("proof", proof), folder.0.path().join(to));
        let arguments = [
            proof.as_os_str(),
            "--trust".as_ref(),
            trust.as_os_str(),
            "--new-trust".as_ref(),
            to.as_os_str(),
        ];
        (run(&arguments, b"").status.code(), std::fs::read_to_string(to).ok())
    };
    assert_eq!(advance(grown.to_string(), "new"), (Some(0), Some(ledger.trust(SIZE).to_string())));
    let mut wrong = grown;
    wrong.path[0][0] ^= 1;
    assert_eq!(advance(wrong.to_string(), "none"), (Some(1), None));
    assert_eq!(advance(ledger.row_proof(SIZE).to_text(), "none"), (Some(2), None));
}

/// Not any bytes, but bytes that a lying server has hashed and signed: a verdict, never a panic.
mod signed_nonsense {
    use super::*;
    use proptest::prelude::*;

    fn cell() -> impl Strategy<Value = (u8, Vec<u8>)> {
        let codes = prop::sample::select(vec![
            0x10, 0x14, 0x16, 0x17, 0x19, 0x1a, 0x1b, 0x1c, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29,
            0x2a, 0x2c, 0x30, 0x40, 0x41, 0x42,
        ]);
        let bytes = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(prop::sample::select(vec![0u8, 1, 4, 8, 0x7f, 0x80, 0xff]), 0..40)
        ];
        (codes, bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn in_values(cells in prop::collection::vec(cell(), 0..6)) {
            let cells: Cells = (1..).zip(cells).map(|(column, (code, bytes))| (column, code, bytes)).collect();
            let ledger = ledger_with(1, 2, cells);
            let proof = Bundle::row(ledger.descriptor(SIZE), vec![], ledger.checkpoint(SIZE)).unwrap();
            let verdict = verify(&ledger, &proof);
            let _ = (verdict.to_string(), verdict.to_json().to_string());
            prop_assert!(verdict.exit_code() < 2);
        }

        #[test]
        fn in_descriptors(which: prop::sample::Index, at: prop::sample::Index, byte: u8, cut: bool) {
            let mut cells = described(&relation(ACCOUNT));
            let which = which.index(cells.len());
            let bytes = &mut cells[which].2;
            if cut {
                bytes.truncate(at.index(bytes.len() + 1));
            } else if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let ledger = ledger_with(1, 2, cells);
            let verdict = verify(&ledger, &ledger.history_proof(SIZE));
            let _ = (verdict.to_string(), verdict.to_json().to_string());
            prop_assert!(verdict.exit_code() < 2);
        }
    }
}
