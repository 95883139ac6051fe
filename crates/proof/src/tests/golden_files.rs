//! A file of every kind, byte for byte: what was once given out must verify for ever.
//!
//! `UPDATE_GOLDEN=1 cargo test -p stele-proof golden_files` writes them anew; a difference is a break of the format.

use super::sample::{Ledger, SIZE};
use crate::bundle::Bundle;
use crate::consistency::{Consistency, Fork};
use std::path::{Path, PathBuf};

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn ledger(seed: u8) -> Ledger {
    Ledger::new(seed, (2, b"account".to_vec(), vec![(1, 0x19, b"account".to_vec())]))
}

/// The worked example of docs/proofs.md: account 42 as first inserted, its balance hidden, names pinned by the reader.
fn example(ledger: &Ledger) -> Bundle {
    let mut link = ledger.change(3, 2, SIZE, true, &|column| column != 3);
    link.meta = ledger.link(3, SIZE, true).meta;
    Bundle::row(link, vec![], ledger.checkpoint(SIZE)).unwrap()
}

#[test]
fn files_are_as_they_always_were() {
    let (ledger, other) = (ledger(1), ledger(2));
    let grown =
        Consistency { old_size: 7, path: ledger.consistency(7, SIZE), checkpoint: ledger.checkpoint(SIZE) };
    let (root, path) = (other.root(9), other.consistency(9, SIZE));
    let files = [
        ("trust.txt", ledger.trust(SIZE).to_string()),
        ("transaction.proof", ledger.transaction_proof(4, SIZE).to_text()),
        ("row.proof", example(&ledger).to_text()),
        ("row.json", example(&ledger).to_json()),
        ("row-described.proof", ledger.row_proof(SIZE).to_text()),
        ("history.proof", ledger.history_proof(SIZE).to_text()),
        ("history.json", ledger.history_proof(SIZE).to_json()),
        ("grown.consistency", grown.to_string()),
        (
            "fork.evidence",
            Fork::of_prefix(ledger.checkpoint(9), other.checkpoint(SIZE), root, path).unwrap().to_string(),
        ),
    ];
    for (name, content) in files {
        let path = folder().join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &content).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "{name}");
    }
}

#[test]
fn the_specification_shows_the_golden_file() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proofs.md")).unwrap();
    for name in ["row.proof", "trust.txt", "grown.consistency"] {
        let file = std::fs::read_to_string(folder().join(name)).unwrap();
        assert!(page.contains(&file), "docs/proofs.md does not show {name} as it is");
    }
}
