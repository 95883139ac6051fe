//! A crate names only crates of a smaller rank (docs/ARCHITECTURE.md), and some names belong to one crate alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const RANKS: [(&str, u32); 13] = [
    ("stele-types", 0),
    ("stele-proof", 0),
    ("stele-host", 0),
    ("stele-codec", 1),
    ("stele-expr", 1),
    ("stele-kv", 2),
    ("stele-verify", 2),
    ("stele-catalog", 3),
    ("stele-plan", 3),
    ("stele-exec", 4),
    ("stele-session", 5),
    ("stele-pg", 6),
    ("stele", 7),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every crate's direct dependencies, development ones apart.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let names = package["dependencies"].as_array().unwrap().iter();
            let names = names.filter(|dependency| dependency["kind"].is_null());
            let names = names.map(|dependency| dependency["name"].as_str().unwrap().to_owned());
            (package["name"].as_str().unwrap().to_owned(), names.collect())
        })
        .collect()
}

#[test]
fn a_crate_names_only_crates_of_a_smaller_rank() {
    let ranks: BTreeMap<&str, u32> = RANKS.into();
    for (name, dependencies) in dependencies() {
        if name == "stele-tests" {
            continue;
        }
        let rank = ranks.get(name.as_str()).unwrap_or_else(|| panic!("crate {name} has no rank"));
        for dependency in &dependencies {
            if let Some(other) = ranks.get(dependency.as_str()) {
                assert!(other < rank, "{name} (rank {rank}) names {dependency} (rank {other})");
            }
        }
    }
}

#[test]
fn names_that_belong_to_one_crate() {
    let dependencies = dependencies();
    for (dependency, owners) in [
        ("sqlparser", &["stele-plan"][..]),
        ("pgwire", &["stele-pg"]),
        ("sled", &["stele-kv"]),
        ("ed25519-dalek", &["stele-proof", "stele-kv", "stele-verify"]),
        ("clap", &["stele", "stele-verify"]),
    ] {
        for (name, dependencies) in &dependencies {
            if name != "stele-tests" && dependencies.contains(dependency) {
                assert!(owners.contains(&name.as_str()), "{name} names {dependency}");
            }
        }
    }
}

/// `std::fs` and the wall clock are `host`'s (and the commands', for files that a user names).
#[test]
fn effects_stay_at_the_edge() {
    fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, visit) } else { visit(&path) }
        }
    }
    let allowed =
        ["crates/host/", "crates/stele/src/command/", "crates/verify/", "crates/kv/src/index/sled.rs"];
    walk(&root().join("crates"), &mut |path| {
        let name = path.to_string_lossy().replace('\\', "/");
        // Of the path within the crate: the workspace's own folder may be called anything.
        let inside = name.rsplit_once("/crates/").map_or(name.as_str(), |(_, inside)| inside);
        let is_test = inside.contains("/tests/") || inside.ends_with("tests.rs");
        let is_source = inside.contains("/src/") && inside.ends_with(".rs") && !is_test;
        if !is_source || allowed.iter().any(|place| name.contains(place)) {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap();
        // Unit tests may use files.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for effect in ["std::fs", "SystemTime::now"] {
            let used = code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(effect));
            assert!(!used, "{name} names {effect}");
        }
    });
}
