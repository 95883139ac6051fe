//! Drivers of other languages, each with the same small work: create, insert with parameters, query, roll back, AS OF,
//! a unique violation, many rows, many statements at once. Their scripts and what they print are in `drivers/`.
//!
//! The test command installs the drivers into `target/drivers`; what is not there is said and left out.

use std::path::{Path, PathBuf};
use std::process::Command;
use stele_tests::server::{Server, said};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers")
}

fn installed(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/drivers").join(path);
    if !path.exists() {
        eprintln!("{} is not installed: this test does nothing", path.display());
        return None;
    }
    Some(path)
}

fn runs(command: &mut Command, script: &str) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let output = command.arg(folder().join(script)).arg(server.connection()).output().unwrap();
    assert_eq!(said(output), std::fs::read_to_string(folder().join("expected.txt")).unwrap());
    server.stop();
}

#[test]
fn psycopg_3() {
    if let Some(python) = installed("python/bin/python") {
        runs(&mut Command::new(python), "psycopg3.py");
    }
}

#[test]
fn asyncpg() {
    if let Some(python) = installed("python/bin/python") {
        runs(&mut Command::new(python), "asyncpg_pool.py");
    }
}

#[test]
fn node_postgres() {
    if let Some(modules) = installed("node/node_modules") {
        runs(Command::new("node").env("NODE_PATH", modules), "node_postgres.cjs");
    }
}
