//! Proofs exported over psql from a running server, checked where no database is: by `stele-verify`, by Go's checksum
//! database (`golang.org/x/mod/sumdb`), and by a verifier written from docs/proofs.md. No flipped bit is accepted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use stele_tests::full_load;
use stele_tests::server::{self, Server, said};
use tempfile::TempDir;

/// A server with some history.
fn served() -> (TempDir, Server) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    server.psql("CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric(12,2))");
    for id in 1..12 {
        server.psql(&format!("INSERT INTO account VALUES ({id}, 'owner {id}', {id}.50)"));
    }
    server.psql("UPDATE account SET balance = 70.50 WHERE id = 7");
    server.psql("DELETE FROM account WHERE id = 9");
    (data, server)
}

/// What psql prints, as the shell's `>` would keep it: psql ends the value with a line feed of its own, which
/// `stele-verify` takes for what it is.
fn export(server: &Server, sql: &str, file: &Path) {
    let output =
        Command::new("psql").args(["-X", "-A", "-t", "-c", sql, &server.connection()]).output().unwrap();
    fs::write(file, said(output)).unwrap();
}

/// The value itself, which other verifiers want to the letter.
fn export_value(server: &Server, sql: &str, file: &Path) {
    fs::write(file, server.psql(sql) + "\n").unwrap();
}

fn trust(data: &TempDir, file: &Path) {
    fs::write(file, said(server::run("stele", &["trust", "--data", data.path().to_str().unwrap()]))).unwrap();
}

fn verify(proof: &Path, trust: &Path) -> Output {
    server::run("stele-verify", &[proof.to_str().unwrap(), "--trust", trust.to_str().unwrap()])
}

#[test]
fn the_verifier_prints_the_row_and_rejects_every_flipped_bit() {
    let (data, server) = served();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    trust(&data, &at("trust"));
    export(&server, "SELECT ledger.proof('account', 7)", &at("row"));
    export(&server, "SELECT ledger.proof('account', 9)", &at("deleted"));
    export(&server, "SELECT ledger.history_proof('account', 7)", &at("history"));
    export(&server, "SELECT ledger.transaction_proof(5)", &at("transaction"));
    export(&server, "SELECT ledger.consistency_proof(6)", &at("consistency"));
    server.stop();
    drop(data);

    let row = said(verify(&at("row"), &at("trust")));
    assert!(row.contains("70.50") && row.contains("owner 7"), "{row}");
    let deleted = said(verify(&at("deleted"), &at("trust")));
    assert!(deleted.contains("delete"), "{deleted}");
    let history = said(verify(&at("history"), &at("trust")));
    assert!(history.contains("70.50") && history.contains("7.50"), "{history}");
    said(verify(&at("transaction"), &at("trust")));

    // Another ledger's trust file is none for this proof.
    let other = tempfile::tempdir().unwrap();
    said(server::run("stele", &["sql", "--data", other.path().to_str().unwrap()]));
    trust(&other, &at("other"));
    assert_eq!(verify(&at("row"), &at("other")).status.code(), Some(1));

    // The program, for some; its function, for every bit.
    let trusted = fs::read(at("trust")).unwrap();
    for name in ["row", "history", "transaction"] {
        let bytes = fs::read(at(name)).unwrap();
        for bit in [9, 400, bytes.len() * 8 - 3] {
            fs::write(at("flipped"), flipped(&bytes, bit)).unwrap();
            let output = verify(&at("flipped"), &at("trust"));
            assert!(matches!(output.status.code(), Some(1 | 2)), "{name}, bit {bit}: {output:?}");
            assert!(!output.stderr.is_empty() || !output.stdout.is_empty(), "no reason for bit {bit}");
        }
        // Every bit of the row's proof; of the others too under full load.
        let step = if name == "row" || full_load() { 1 } else { 11 };
        let accepted: Vec<usize> = (0..bytes.len() * 8)
            .step_by(step)
            .filter(|&bit| {
                let verdict = stele_verify::verdict(&flipped(&bytes, bit), &trusted, None);
                matches!(verdict, stele_verify::Verdict::Proven(_))
            })
            .collect();
        assert_eq!(accepted, Vec::<usize>::new(), "{name}: these flipped bits were accepted");
    }
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn others_accept_the_proofs() {
    let (data, server) = served();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    trust(&data, &at("trust".into()));
    let trusted = fs::read_to_string(at("trust".into())).unwrap();
    let line =
        |name: &str| trusted.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    fs::write(at("key".into()), line("key ")).unwrap();
    fs::write(at("database".into()), line("database ")).unwrap();
    let mut exported = 0;
    for id in [1, 7, 9, 11] {
        let sql = format!("SELECT ledger.proof('account', {id})");
        export_value(&server, &sql, &at(format!("{id}.proof")));
        exported += 1;
    }
    let size = server.psql("SELECT max(size) FROM ledger.checkpoints");
    export_value(&server, "SELECT ledger.checkpoint()", &at(format!("{size}.checkpoint")));
    server.psql("INSERT INTO account VALUES (100, 'new', 1)");
    let sql = format!("SELECT ledger.consistency_proof({size})");
    export_value(&server, &sql, &at(format!("{size}-later.consistency")));
    exported += 1;
    server.stop();

    python(folder.path());
    if let Some(mut go) = go() {
        assert_eq!(said(go.arg(folder.path()).output().unwrap()), format!("checked {exported}\n"));
    }
}

fn interop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

/// The verifier written from the specification alone.
fn python(folder: &Path) {
    if server::installed("python3") {
        let facts =
            said(Command::new("python3").arg(interop().join("verify.py")).arg(folder).output().unwrap());
        assert!(facts.contains("7.proof"), "{facts}");
    }
}

/// Go's checksum database: Debian has it as source under a GOPATH, elsewhere go.mod fetches it.
fn go() -> Option<Command> {
    if Command::new("go").arg("version").output().is_err() {
        eprintln!("go is not installed: its verifier is left out");
        return None;
    }
    let mut go = Command::new("go");
    go.current_dir(interop().join("go"));
    if Path::new("/usr/share/gocode/src/golang.org/x/mod").is_dir() {
        go.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").args(["run", "main.go"]);
    } else {
        go.args(["run", "-mod=mod", "."]);
    }
    Some(go)
}
