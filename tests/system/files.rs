//! One byte changed in a file: found and named, or refused at the start.

use kv::check::{Report, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use stele::Database;

/// A closed data folder with some history, and its database's folder.
fn ledger() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path()).unwrap();
    db.run("CREATE TABLE t (id int PRIMARY KEY, v text)").unwrap();
    for round in 0..20 {
        db.run(&format!(
            "INSERT INTO t VALUES ({round}, 'value {round}'); UPDATE t SET v = 'new' WHERE id < {round} - 15"
        ))
        .unwrap();
    }
    db.close().unwrap();
    let ledger = folder.path().join("databases/stele");
    (folder, ledger)
}

fn check(ledger: &Path) -> Report {
    kv::check::check(&host::Host::real(), ledger, None).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && fs::metadata(path).unwrap().len() > 0);
    files.sort();
    files
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_ledger_is_sound() {
    let (_folder, ledger) = ledger();
    assert_eq!(check(&ledger).findings, []);
    assert!(kv::audit::audit(&host::Host::real(), &ledger, None).unwrap().is_sound());
}

#[test]
fn a_byte_of_the_log_is_named_with_its_file_and_offset() {
    let (folder, ledger) = ledger();
    let segment = files(&ledger.join("log"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "seg"))
        .unwrap();
    let middle = fs::read(&segment).unwrap().len() / 2;
    flip(&segment, middle);
    let report = check(&ledger);
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.verdict == Verdict::Damaged)
        .expect("the damage was not found");
    assert_eq!(finding.file, segment);
    assert!(finding.offset.unwrap() <= middle as u64 && finding.transaction.is_some(), "{finding:?}");
    let error = Database::open(folder.path()).err().expect("a damaged log was opened");
    assert_eq!(error.state, stele::SqlState::DataCorrupted);
}

#[test]
fn a_byte_of_a_tile_is_derived_data() {
    let (_folder, ledger) = ledger();
    let tile = files(&ledger.join("tiles")).remove(0);
    flip(&tile, 40);
    let report = check(&ledger);
    assert!(report.findings.iter().any(|f| f.verdict == Verdict::Derived && f.file == tile), "{report:?}");
    assert!(!report.findings.iter().any(|f| f.verdict == Verdict::Damaged));
}

#[test]
fn a_byte_of_the_checkpoint_is_damage_and_refused() {
    let (folder, ledger) = ledger();
    let checkpoint = ledger.join("checkpoint");
    flip(&checkpoint, 25);
    assert!(check(&ledger).findings.iter().any(|f| f.verdict == Verdict::Damaged && f.file == checkpoint));
    assert!(Database::open(folder.path()).is_err());
}

#[test]
fn a_log_cut_back_behind_its_checkpoint_is_refused() {
    let (folder, ledger) = ledger();
    let segment = files(&ledger.join("log"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "seg"))
        .unwrap();
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let error = Database::open(folder.path()).err().expect("a shortened log was opened");
    assert_eq!(error.state, stele::SqlState::DataCorrupted, "{error}");
    assert!(!check(&ledger).is_sound());
}

#[test]
fn a_damaged_index_is_found_and_made_again() {
    let (folder, ledger) = ledger();
    let file = ledger.join("index/index.checkpoint");
    flip(&file, 20);
    let found = session::cluster::check_index(host::Host::real(), &ledger, std::sync::Arc::new(|_, _, _| {}))
        .unwrap();
    assert!(found.iter().any(|finding| finding.verdict == Verdict::Derived), "{found:?}");
    let db = Database::open(folder.path()).unwrap();
    assert_eq!(db.query("SELECT count(*) AS n FROM t", &[]).unwrap().text(0, "n").as_deref(), Some("20"));
    assert_eq!(
        db.query("SELECT v FROM t AS OF TX 8 WHERE id = 1", &[]).unwrap().text(0, "v").as_deref(),
        Some("value 1")
    );
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..4 {
        let db = Database::open(folder.path()).unwrap();
        db.run("CREATE TABLE IF NOT EXISTS r (id serial PRIMARY KEY, at timestamptz DEFAULT now())").unwrap();
        db.run("INSERT INTO r DEFAULT VALUES").unwrap();
        let count = db.query("SELECT count(*) AS n FROM r", &[]).unwrap().text(0, "n");
        assert_eq!(count, Some(round.to_string()));
        // Dropped without closing: as a process that ends without a word.
        drop(db);
    }
}

/// Field 5 of the meta is signed for ever: exactly the statements that wrote.
#[test]
fn the_statement_hash_is_that_of_the_texts_that_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(folder.path()).unwrap();
    let mut expected: Vec<&str> = Vec::new();
    let mut run = |script: &str, texts: &'static str| {
        db.run(script).unwrap();
        expected.push(texts);
    };
    run("CREATE TABLE t (i int)", "CREATE TABLE t (i int)");
    // Neither comments around it nor the semicolon; not what only reads, nor what changes no row.
    run(
        "/* c */ INSERT INTO t\nVALUES (1) ; SELECT 1; UPDATE t SET i = 9 WHERE i = 7; UPDATE t SET i = 2;",
        "INSERT INTO t\nVALUES (1)\nUPDATE t SET i = 2",
    );
    // Not what a savepoint took back.
    run(
        "BEGIN; INSERT INTO t VALUES (3); SAVEPOINT s; INSERT INTO t VALUES (4); ROLLBACK TO s; \
         DELETE FROM t WHERE i = 2; COMMIT",
        "INSERT INTO t VALUES (3)\nDELETE FROM t WHERE i = 2",
    );
    // As the client sent it.
    run("PREPARE p AS INSERT INTO t VALUES ($1); EXECUTE p(5)", "EXECUTE p(5)");
    run(
        "EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM t WHERE i = 5",
        "EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM t WHERE i = 5",
    );
    run("CREATE TABLE u AS SELECT * FROM t", "CREATE TABLE u AS SELECT * FROM t");
    db.execute("INSERT INTO t VALUES ($1)", &[6.into()]).unwrap();
    expected.push("INSERT INTO t VALUES ($1)");

    let database = db.cluster().database("stele").unwrap();
    let mut found = Vec::new();
    database
        .store()
        .ledger()
        .replay(0, &mut |record| {
            if !record.system {
                found.push(record.meta.statement_sha256);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
    let hash = |text: &&str| Some(proof::hash::digest::<proof::hash::Sha2>(&[text.as_bytes()]));
    assert_eq!(found, expected.iter().map(hash).collect::<Vec<_>>());
}
