//! The transparency-dev/merkle vectors, where the corpora lie beside the repository: most of them are mutations that
//! must be refused.

use crate::hash::{Hash, Sha2};
use crate::tree;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[test]
fn inclusion_and_consistency_agree() {
    let corpus =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/transparency-dev-merkle");
    if !corpus.is_dir() {
        eprintln!("skipped: {} is not here", corpus.display());
        return;
    }
    let (mut agreed, mut disagreed) = (0, vec![]);
    for kind in ["inclusion", "consistency"] {
        for file in files(&corpus.join(kind)) {
            let vector: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let accepted = accepts(kind, &vector).unwrap_or(false);
            if accepted != vector["wantErr"].as_bool().unwrap_or(false) {
                agreed += 1;
            } else {
                disagreed.push(vector);
            }
        }
    }
    assert_eq!(agreed, 195);
    // The one that we refuse and they accept: a tree compared with itself, under a root that is no SHA-256 hash.
    let [vector] = &disagreed[..] else { panic!("{disagreed:?}") };
    assert_eq!((&vector["size1"], &vector["root1"]), (&vector["size2"], &vector["root2"]));
    assert_eq!(hash(&vector["root1"]), None);
}

/// None where a hash does not have 32 bytes: our types cannot say it, so it is refused.
fn accepts(kind: &str, vector: &Value) -> Option<bool> {
    let number = |name: &str| vector[name].as_u64().unwrap();
    let proof = match &vector["proof"] {
        Value::Array(hashes) => hashes.iter().map(hash).collect::<Option<Vec<Hash>>>()?,
        _ => Vec::new(),
    };
    Some(match kind {
        "inclusion" => {
            let (leaf, root) = (hash(&vector["leafHash"])?, hash(&vector["root"])?);
            tree::verify_inclusion::<Sha2>(&leaf, number("leafIdx"), number("treeSize"), &proof, &root)
        }
        _ => {
            let (old, new) = (hash(&vector["root1"])?, hash(&vector["root2"])?);
            tree::verify_consistency::<Sha2>(number("size1"), &old, number("size2"), &new, &proof)
        }
    })
}

fn hash(base64: &Value) -> Option<Hash> {
    crate::text::base64_decode(base64.as_str()?).ok()?.try_into().ok()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files
}
