//! Others must agree: our trees, notes and proof files, checked by code that we did not write.
//!
//! Three Rust crates always; Go's `sumdb` and a Python verifier written from docs/proofs.md where those languages are.

#[path = "../../proof/src/tests/sample.rs"]
#[allow(dead_code)]
mod sample;

use proof::consistency::Consistency;
use proof::hash::{self, Hash, Sha2};
use proof::tree::{self, Compact};
use sample::{DATABASE, Ledger, SIZE};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const LARGEST: u64 = 66;

fn ledger() -> Ledger {
    Ledger::new(1, (2, b"account".to_vec(), vec![(1, 0x19, b"account".to_vec())]))
}

struct Log {
    leaves: Vec<Vec<u8>>,
    nodes: HashMap<(u32, u64), Hash>,
    roots: Vec<Hash>,
}

fn log() -> Log {
    let mut tree = Compact::<Sha2>::new();
    let mut log = Log { leaves: vec![], nodes: HashMap::new(), roots: vec![tree.root()] };
    for number in 0..LARGEST {
        let leaf = vec![number as u8; number as usize];
        tree.append(hash::leaf::<Sha2>(&leaf), |level, index, hash| {
            log.nodes.insert((level, index), *hash);
        });
        log.leaves.push(leaf);
        log.roots.push(tree.root());
    }
    log
}

impl Log {
    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        tree::inclusion_path::<Sha2, ()>(index, size, |level, at| Ok(self.nodes[&(level, at)]))
            .unwrap()
            .unwrap()
    }
    fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        tree::consistency_path::<Sha2, ()>(from, to, |level, at| Ok(self.nodes[&(level, at)]))
            .unwrap()
            .unwrap()
    }
}

#[test]
fn tlog_tiles_accepts_every_path() {
    use tlog_tiles::{Hash, check_record, check_tree, record_hash};
    let log = log();
    let theirs = |path: Vec<proof::hash::Hash>| path.into_iter().map(Hash).collect::<Vec<Hash>>();
    for size in 1..=LARGEST {
        let root = Hash(log.roots[size as usize]);
        for index in 0..size {
            let path = theirs(log.inclusion(index, size));
            let leaf = record_hash(&log.leaves[index as usize]);
            assert!(check_record(&path, size, root, index, leaf).is_ok(), "leaf {index} of {size}");
            let old_root = Hash(log.roots[index as usize + 1]);
            let path = theirs(log.consistency(index + 1, size));
            assert!(check_tree(&path, size, root, index + 1, old_root).is_ok(), "{} to {size}", index + 1);
        }
    }
}

#[test]
fn ct_merkle_makes_the_same_bytes() {
    let log = log();
    let mut theirs = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
    for size in 1..=LARGEST {
        theirs.push(log.leaves[size as usize - 1].clone());
        assert_eq!(theirs.root().as_bytes()[..], log.roots[size as usize], "size {size}");
        for index in 0..size {
            assert_eq!(
                theirs.prove_inclusion(index as usize).as_bytes(),
                log.inclusion(index, size).concat(),
                "leaf {index} of {size}"
            );
            let additions = (size - index - 1) as usize;
            assert_eq!(
                theirs.prove_consistency(additions).as_bytes(),
                log.consistency(index + 1, size).concat(),
                "{} to {size}",
                index + 1
            );
        }
    }
}

#[test]
fn signed_note_opens_our_checkpoints_and_only_those() {
    use signed_note::{Note, StandardVerifier, VerifierList};
    let ledger = ledger();
    let verifier = StandardVerifier::new(&ledger.signer.verifier_key().to_string()).unwrap();
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let text = ledger.checkpoint(SIZE).to_string();
    let (verified, others) = Note::from_bytes(text.as_bytes()).unwrap().verify(&known).unwrap();
    assert_eq!((verified.len(), others.len()), (1, 0));
    let body = text.split("\n\n").next().unwrap().to_string() + "\n";
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(body.as_bytes()).unwrap();
    assert_eq!(
        (checkpoint.origin(), checkpoint.size(), checkpoint.hash().0),
        (sample::ORIGIN, SIZE, ledger.root(SIZE))
    );
    let forged = text.replacen("\n11\n", "\n12\n", 1);
    assert!(Note::from_bytes(forged.as_bytes()).unwrap().verify(&known).is_err());
}

#[test]
fn go_accepts_exported_proofs() {
    let Some(go) = program("go", &["version"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&ledger(), folder.path());
    let mut command = Command::new(go);
    command.current_dir(interop().join("go"));
    // Debian has the package as source under a GOPATH; elsewhere go.mod fetches it.
    if Path::new("/usr/share/gocode/src/golang.org/x/mod").is_dir() || std::env::var_os("GOPATH").is_some() {
        command.env("GO111MODULE", "off");
        if std::env::var_os("GOPATH").is_none() {
            command.env("GOPATH", "/usr/share/gocode");
        }
        command.args(["run", "main.go"]);
    } else {
        command.args(["run", "-mod=mod", "."]);
    }
    let output = command.arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("checked {exported}\n"));
}

#[test]
fn a_verifier_written_from_the_specification_agrees() {
    let Some(python) = program("python3", &["--version"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    export(&ledger(), folder.path());
    let run = || Command::new(&python).arg(interop().join("verify.py")).arg(folder.path()).output().unwrap();
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &facts["row.proof"]["links"][0];
    assert_eq!((&row["tx_id"], &row["object"], &row["schema_tx"]), (&3.into(), &16384.into(), &2.into()));
    assert_eq!(row["key"], "01800000000000002a");
    assert_eq!(row["cells"]["2"], serde_json::json!([0x19, "416461"]));
    assert!(row["cells"].get("3").is_none(), "the balance is hidden");
    let history = facts["history.proof"]["links"].as_array().unwrap();
    assert_eq!(history.iter().map(|link| link["op"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3, 2, 1]);

    // And refuses what is not so: another log under the same signature.
    let path = folder.path().join("row.proof");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\n11\n", "\n12\n")).unwrap();
    assert!(!run().status.success());
}

#[test]
fn pymerkle_makes_the_same_roots_and_paths() {
    let Some(python) = program("python3", &["-c", "import pymerkle"]) else { return };
    let (log, folder) = (log(), tempfile::tempdir().unwrap());
    let hex = |hashes: &[Hash], between: &str| {
        hashes.iter().map(|hash| proof::text::hex_encode(hash)).collect::<Vec<_>>().join(between)
    };
    let lines = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    std::fs::write(
        folder.path().join("leaves"),
        lines(log.leaves.iter().map(|leaf| proof::text::hex_encode(leaf)).collect()),
    )
    .unwrap();
    std::fs::write(folder.path().join("roots"), hex(&log.roots[1..], "\n")).unwrap();
    let paths = (0..LARGEST).map(|index| hex(&log.inclusion(index, LARGEST), " ")).collect();
    std::fs::write(folder.path().join("paths"), lines(paths)).unwrap();
    let output =
        Command::new(python).arg(interop().join("pymerkle_roots.py")).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("checked {LARGEST}\n"));
}

/// Writes proofs of every kind, and how many.
fn export(ledger: &Ledger, folder: &Path) -> usize {
    let mut count = 0;
    let mut write = |name: &str, content: String| {
        count += usize::from(name.contains(".proof") || name.contains(".consistency"));
        std::fs::write(folder.join(name), content).unwrap();
    };
    write("key", ledger.signer.verifier_key().to_string());
    write("database", proof::text::hex_encode(&DATABASE));
    for tx in 0..SIZE {
        write(&format!("{tx}.proof"), ledger.transaction_proof(tx, SIZE).to_text());
    }
    write("row.proof", ledger.row_proof(SIZE).to_text());
    write("history.proof", ledger.history_proof(SIZE).to_text());
    for size in 1..=SIZE {
        write(&format!("{size}.checkpoint"), ledger.checkpoint(size).to_string());
        let proof = Consistency {
            old_size: size,
            path: ledger.consistency(size, SIZE),
            checkpoint: ledger.checkpoint(SIZE),
        };
        write(&format!("{size}-{SIZE}.consistency"), proof.to_string());
    }
    count
}

/// A program that is here and runs.
fn program(name: &str, question: &[&str]) -> Option<PathBuf> {
    let runs = Command::new(name).args(question).output().is_ok_and(|output| output.status.success());
    if !runs {
        eprintln!("skipped: {name} {question:?} does not run here");
    }
    runs.then(|| name.into())
}

fn interop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop")
}
