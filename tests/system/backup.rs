//! Backup and restore from outside: of a running server, added to, damaged, up to a transaction or a time; and what a
//! verifier says of proofs and trust files from before.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use stele_tests::server::{Server, psql, run, said};
use tempfile::TempDir;

/// A data folder, its backup, what is restored of it, and files beside.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    fn serve(&self, data: &str) -> Server {
        Server::start(&self.at(data))
    }

    fn backup(&self, more: &[&str]) -> Output {
        run(
            "stele",
            &[&["backup", "--data", &self.path("data"), "--to", &self.path("backup")], more].concat(),
        )
    }

    fn restore(&self, to: &str, more: &[&str]) -> Output {
        run("stele", &[&["restore", "--from", &self.path("backup"), "--data", &self.path(to)], more].concat())
    }

    /// check and audit find nothing.
    fn is_sound(&self, data: &str) {
        for command in ["check", "audit"] {
            said(run("stele", &[command, "--data", &self.path(data)]));
        }
    }

    fn trust(&self, data: &str, file: &str) {
        fs::write(self.at(file), said(run("stele", &["trust", "--data", &self.path(data)]))).unwrap();
    }

    fn export(&self, server: &Server, sql: &str, file: &str) {
        fs::write(self.at(file), server.psql(sql) + "\n").unwrap();
    }

    fn verify(&self, proof: &str, trust: &str, more: &[&str]) -> Output {
        run("stele-verify", &[&[&self.path(proof), "--trust", &self.path(trust)][..], more].concat())
    }

    fn segment(&self, data: &str) -> PathBuf {
        self.at(data).join("databases/stele/log/00000000000000000001.seg")
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn refused(output: Output, code: i32, what: &str) {
    let text = text(&output);
    assert!(output.status.code() == Some(code) && text.contains(what), "{:?}: {text}", output.status.code());
}

/// A ledger of some transactions in `data`; the last one's number.
fn filled(place: &Place) -> u64 {
    let server = place.serve("data");
    for statement in [
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
        "UPDATE t SET v = 'uno' WHERE id = 1",
        "CREATE INDEX t_v ON t (v)",
        "DELETE FROM t WHERE id = 2",
        "ALTER TABLE t ADD COLUMN w int DEFAULT 7",
        "INSERT INTO t VALUES (2, 'again', 8)",
    ] {
        server.psql(statement);
    }
    let last = server.psql("SELECT max(tx_id) FROM ledger.transactions").parse().unwrap();
    server.stop();
    last
}

#[test]
fn a_server_is_backed_up_while_it_writes() {
    let place = Place::new();
    let server = place.serve("data");
    server.psql("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE ROLE app LOGIN PASSWORD 'p'");
    let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut least = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in 1.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                server.psql(&format!("INSERT INTO t VALUES ({id}, '{}')", "value ".repeat(50)));
                written.store(id, Ordering::Relaxed);
            }
        });
        for round in 0..4 {
            while written.load(Ordering::Relaxed) < least + 10 {
                std::thread::yield_now();
            }
            least = written.load(Ordering::Relaxed);
            // A backup has what is signed: now everything up to here is.
            server.psql("SELECT ledger.checkpoint()");
            let before = fs::read(place.segment("backup")).unwrap_or_default();
            said(place.backup(&["--with-key"]));
            let after = fs::read(place.segment("backup")).unwrap();
            assert!(after.starts_with(&before) && after.len() > before.len(), "round {round}");
            place.is_sound("backup");
        }
        stop.store(true, Ordering::Relaxed);
    });
    server.psql("SELECT ledger.checkpoint()");
    server.stop();

    said(place.restore("restored", &[]));
    place.is_sound("restored");
    let restored = place.serve("restored");
    let count: u64 = restored.psql("SELECT count(*) FROM t").parse().unwrap();
    assert!((least..=written.load(Ordering::Relaxed)).contains(&count), "{count} of at least {least}");
    assert_eq!(restored.psql("SELECT max(id) FROM t"), count.to_string());
    assert_eq!(restored.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'app'"), "1");
    restored.psql("INSERT INTO t VALUES (0, 'goes on')");
    restored.stop();
    place.is_sound("restored");
    // What there was not yet, then; and nothing once it is all there.
    said(place.backup(&[]));
    assert!(
        said(place.backup(&[])).contains("stele: ")
            && said(place.backup(&[])).contains(" 0 of them new (0 bytes)")
    );
}

/// The restored ledger's present is the past that `AS OF` showed then, whatever was in it.
#[test]
fn every_transaction_can_be_restored_to() {
    let place = Place::new();
    let last = filled(&place);
    said(place.backup(&["--with-key"]));
    let server = place.serve("data");
    for tx in 2..=last {
        let to = format!("restored-{tx}");
        said(place.restore(&to, &["--database", "stele", "--to-transaction", &tx.to_string()]));
        let restored = place.serve(&to);
        let ask = |server: &Server, sql: &str| {
            let output = psql(&server.connection(), sql).output().unwrap();
            // A table that is not there is said in the same words.
            String::from_utf8(if output.status.success() { output.stdout } else { output.stderr }).unwrap()
        };
        for (past, present) in [
            (format!("SELECT * FROM t AS OF TX {tx} ORDER BY id"), "SELECT * FROM t ORDER BY id"),
            (
                format!("SELECT * FROM ledger.transactions WHERE tx_id <= {tx} ORDER BY 1"),
                &format!("SELECT * FROM ledger.transactions WHERE tx_id <= {tx} ORDER BY 1"),
            ),
        ] {
            let (past, present) = (ask(&server, &past), ask(&restored, present));
            let words = |text: &str| text.lines().next().map(str::to_owned);
            assert!(
                past == present || (past.contains("ERROR") && words(&past) == words(&present)),
                "{tx}: {past} {present}"
            );
        }
        if tx < last {
            let origin =
                restored.psql("SELECT origin || ' ' || (size > 0) || ' ' || tx_id FROM ledger.origins");
            assert_eq!(origin, format!("stele.local/stele true {}", tx + 1));
            assert!(restored.psql("SELECT origin FROM ledger.keys").starts_with("stele.local/stele/2-"));
        } else {
            assert_eq!(restored.psql("SELECT count(*) FROM ledger.origins"), "0");
        }
        restored.psql("CREATE TABLE more (i int); INSERT INTO more VALUES (1)");
        restored.stop();
        place.is_sound(&to);
    }
    server.stop();
}

#[test]
fn a_time_is_restored_with_the_databases_of_then() {
    let place = Place::new();
    filled(&place);
    let server = place.serve("data");
    let other = server.connection().replace("dbname=stele", "dbname=other");
    server.psql("CREATE DATABASE other");
    said(psql(&other, "CREATE TABLE o (i int); INSERT INTO o VALUES (1)").output().unwrap());
    said(place.backup(&["--with-key"]));
    std::thread::sleep(std::time::Duration::from_millis(20));
    let then = server.psql("SELECT now()");
    std::thread::sleep(std::time::Duration::from_millis(20));
    said(psql(&other, "INSERT INTO o VALUES (2)").output().unwrap());
    server.psql("UPDATE t SET v = 'later'");
    server.psql("CREATE DATABASE young");
    for database in ["stele", "other", "young"] {
        let connection = server.connection().replace("dbname=stele", &format!("dbname={database}"));
        said(psql(&connection, "SELECT ledger.checkpoint()").output().unwrap());
    }
    said(place.backup(&["--with-key"]));
    server.psql("DROP DATABASE other");
    // The ledger of databases is signed within a second, or when the server ends.
    server.stop();
    said(place.backup(&["--with-key"]));

    said(place.restore("now", &[]));
    place.is_sound("now");
    let names = "SELECT datname FROM pg_database WHERE datname !~ '^template' ORDER BY 1";
    let restored = place.serve("now");
    assert_eq!(
        restored.psql(names).lines().filter(|name| *name != "postgres").collect::<Vec<_>>(),
        ["stele", "young"]
    );
    restored.stop();

    said(place.restore("then", &["--to-time", &then]));
    place.is_sound("then");
    let restored = place.serve("then");
    assert_eq!(
        restored.psql(names).lines().filter(|name| *name != "postgres").collect::<Vec<_>>(),
        ["other", "stele"]
    );
    assert_eq!(restored.psql("SELECT count(*) FROM t WHERE v = 'later'"), "0");
    let other = restored.connection().replace("dbname=stele", "dbname=other");
    assert_eq!(said(psql(&other, "SELECT max(i) FROM o").output().unwrap()).trim(), "1");
    restored.stop();

    refused(place.restore("no", &["--to-time", "2001-01-01"]), 2, "begins after that time");
    refused(place.restore("no2", &["--to-time", "yesterday week"]), 2, "--to-time");
    refused(place.restore("no3", &["--database", "stele", "--to-transaction", "9999"]), 2, "not 9999");
    refused(
        place.restore("no4", &["--database", "none", "--to-transaction", "3"]),
        2,
        "no database \"none\"",
    );
    refused(place.restore("now", &[]), 2, "is not empty");
    // What was begun and refused is not taken for a data folder.
    assert!(Server::try_start(&place.at("no4")).is_err());
}

#[test]
fn a_damaged_backup_is_found_and_not_restored() {
    let place = Place::new();
    filled(&place);
    said(place.backup(&["--with-key"]));
    place.is_sound("backup");
    let segment = place.segment("backup");
    let sound = fs::read(&segment).unwrap();
    for at in [130, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        fs::write(&segment, bytes).unwrap();
        for command in ["check", "audit"] {
            refused(run("stele", &[command, "--data", &place.path("backup")]), 1, segment.to_str().unwrap());
        }
        refused(place.backup(&[]), 1, segment.to_str().unwrap());
        refused(place.restore(&format!("restored-{at}"), &[]), 1, segment.to_str().unwrap());
    }
    fs::remove_file(&segment).unwrap();
    refused(run("stele", &["check", "--data", &place.path("backup")]), 1, "damaged");
    refused(place.restore("restored", &[]), 1, segment.to_str().unwrap());
    fs::write(&segment, &sound).unwrap();
    place.is_sound("backup");
    let checkpoint = place.at("backup/databases/stele/checkpoint");
    let note = fs::read_to_string(&checkpoint).unwrap();
    fs::remove_file(&checkpoint).unwrap();
    refused(run("stele", &["check", "--data", &place.path("backup")]), 1, "checkpoint");
    refused(place.restore("restored-2", &[]), 1, "checkpoint");
    fs::write(&checkpoint, note).unwrap();
    fs::remove_dir_all(place.at("backup/databases/stele")).unwrap();
    refused(run("stele", &["check", "--data", &place.path("backup")]), 1, "this database is missing");
}

/// A run that was cut short leaves the backup of before, with something behind it that no checkpoint covers.
#[test]
fn what_a_run_that_was_cut_short_left_is_no_harm() {
    let place = Place::new();
    filled(&place);
    said(place.backup(&["--with-key"]));
    let segment = place.segment("backup");
    let sound = fs::read(&segment).unwrap();
    let half = [&sound[..], &sound[..sound.len() / 3]].concat();
    fs::write(&segment, half).unwrap();
    fs::write(segment.with_file_name("00000000000000000099.seg"), &sound).unwrap();
    said(place.restore("restored", &[]));
    place.is_sound("restored");
    said(place.backup(&[]));
    assert!(fs::read(&segment).unwrap() == sound);
    place.is_sound("backup");
}

#[test]
fn a_backup_holds_the_key_only_if_asked_and_is_not_served() {
    let place = Place::new();
    filled(&place);
    let server = place.serve("data");
    server.psql("CREATE ROLE app LOGIN PASSWORD 'p'");
    server.stop();
    said(place.backup(&[]));
    let key = place.at("backup/databases/stele/key");
    assert!(!key.exists() && place.at("backup/databases/system/secrets").exists());
    refused(place.restore("restored", &[]), 2, "holds no key");
    assert!(Server::try_start(&place.at("backup")).err().unwrap().contains("is a backup"));
    place.is_sound("backup");
    place.trust("data", "trust");
    place.trust("backup", "trust-backup");
    assert_eq!(fs::read(place.at("trust")).unwrap(), fs::read(place.at("trust-backup")).unwrap());

    said(place.restore("keyless", &["--new-key"]));
    place.is_sound("keyless");
    let restored = place.serve("keyless");
    assert_eq!(restored.psql("SELECT count(*) FROM t"), "2");
    assert_eq!(restored.psql("SELECT origin FROM ledger.origins"), "stele.local/stele");
    restored.stop();

    said(place.backup(&["--with-key"]));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    said(place.restore("whole", &[]));
    // Of another ledger nothing is added to it.
    fs::rename(place.at("data"), place.at("data-before")).unwrap();
    filled(&place);
    refused(place.backup(&[]), 2, "backup of another ledger");
}

#[test]
fn proofs_and_trust_files_of_before_are_good_after_a_restore() {
    let place = Place::new();
    filled(&place);
    let server = place.serve("data");
    place.export(&server, "SELECT ledger.proof('t', 1)", "row.proof");
    place.trust("data", "trust");
    said(place.backup(&["--with-key"]));
    let size = server.psql("SELECT size FROM ledger.checkpoints");
    server.stop();
    said(place.restore("restored", &[]));
    let restored = place.serve("restored");
    restored.psql("INSERT INTO t VALUES (77, 'after')");
    place.export(&restored, "SELECT ledger.proof('t', 77)", "new.proof");
    place.export(&restored, &format!("SELECT ledger.consistency_proof({size})"), "growth");
    restored.stop();
    said(place.verify("row.proof", "trust", &[]));
    said(place.verify("growth", "trust", &[]));
    said(place.verify("new.proof", "trust", &["--consistency", &place.path("growth")]));

    // Restored to before it: the key is the same, the ledger says that it is another.
    said(place.restore("cut", &["--database", "stele", "--to-transaction", "4"]));
    let cut = place.serve("cut");
    place.export(&cut, "SELECT ledger.transaction_proof(4)", "cut.proof");
    place.trust("cut", "trust-cut");
    cut.stop();
    let output = place.verify("cut.proof", "trust", &[]);
    let verdict = text(&output);
    assert!(output.status.code() == Some(1) && verdict.contains("another log"), "{verdict}");
    assert!(!verdict.to_lowercase().contains("fork"), "{verdict}");
    said(place.verify("cut.proof", "trust-cut", &[]));
    assert!(fs::read_to_string(place.at("trust-cut")).unwrap().contains("origin stele.local/stele/2-"));
}

/// An old backup in the place of the ledger, going on under the same origin as if nothing had been after it.
#[test]
fn an_old_backup_put_back_is_found_by_a_newer_checkpoint() {
    let place = Place::new();
    filled(&place);
    said(place.backup(&["--with-key"]));
    let server = place.serve("data");
    server.psql("UPDATE t SET v = 'what nobody is to know'");
    server.psql("SELECT ledger.checkpoint()");
    place.trust("data", "trust");
    let size: u64 = server.psql("SELECT size FROM ledger.checkpoints").parse().unwrap();
    server.stop();
    said(place.restore("restored", &[]));
    let restored = place.serve("restored");
    // It cannot show how it came from what the client saw,
    let output =
        psql(&restored.connection(), &format!("SELECT ledger.consistency_proof({size})")).output().unwrap();
    assert!(!output.status.success());
    // nor can it when it has grown to that size and beyond.
    for id in 100..110 {
        restored.psql(&format!("INSERT INTO t VALUES ({id}, 'another history')"));
    }
    place.export(&restored, &format!("SELECT ledger.consistency_proof({size})"), "growth");
    let output = place.verify("growth", "trust", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    restored.stop();
    // Whoever restores it because the newer one is lost says so, by another origin.
    said(place.restore("anew", &["--new-origin"]));
    let anew = place.serve("anew");
    place.export(&anew, "SELECT ledger.proof('t', 1)", "anew.proof");
    assert_eq!(anew.psql("SELECT origin FROM ledger.origins"), "stele.local/stele");
    anew.stop();
    let verdict = text(&place.verify("anew.proof", "trust", &[]));
    assert!(verdict.contains("another log") && !verdict.to_lowercase().contains("fork"), "{verdict}");
    // The original is ahead of what is restored, and a backup of the one is not added to by the other.
    said(place.backup(&[]));
    fs::rename(place.at("data"), place.at("original")).unwrap();
    fs::rename(place.at("restored"), place.at("data")).unwrap();
    refused(place.backup(&[]), 1, "another");
}
