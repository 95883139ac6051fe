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
    let (mut agreed, mut not_32_bytes) = (0, 0);
    for kind in ["inclusion", "consistency"] {
        for file in files(&corpus.join(kind)) {
            let vector: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            match accepts(kind, &vector) {
                Some(accepted) => {
                    assert_eq!(accepted, !vector["wantErr"].as_bool().unwrap_or(false), "{}", file.display());
                    agreed += 1;
                }
                None => not_32_bytes += 1,
            }
        }
    }
    assert_eq!((agreed, not_32_bytes), (195, 1));
}

/// None where a root does not have 32 bytes: our types cannot say it.
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
