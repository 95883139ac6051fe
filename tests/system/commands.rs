//! The commands, as a person or a script meets them: exit codes, what they print, what they say of damage.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use stele_tests::server::{Server, program, run, said};
use tempfile::TempDir;

/// A data folder that a script made: 30 transactions.
fn filled() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let script = data.path().join("script.sql");
    let mut sql = String::from("CREATE TABLE t (id int PRIMARY KEY, v text);\n");
    for id in 0..30 {
        sql += &format!("INSERT INTO t VALUES ({id}, '{}');\n", "value ".repeat(20));
    }
    fs::write(&script, sql).unwrap();
    said(run("stele", &["sql", "--data", path(&folder(&data)), path(&script)]));
    data
}

/// Every file of a data folder with its bytes.
fn contents(data: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => walk(&entry, files),
                false => files.push((entry.clone(), fs::read(&entry).unwrap())),
            }
        }
    }
    let mut files = Vec::new();
    walk(&folder(data), &mut files);
    // A lock is no content.
    files.retain(|(file, _)| !path(file).ends_with("/lock"));
    files.sort();
    files
}

fn folder(data: &TempDir) -> PathBuf {
    data.path().join("data")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn check(data: &TempDir) -> Output {
    run("stele", &["check", "--data", path(&folder(data))])
}

/// The largest file of a ledger's folder whose name ends so.
fn largest(data: &TempDir, under: &str, ending: &str) -> PathBuf {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { walk(&entry, files) } else { files.push(entry) }
        }
    }
    let mut files = Vec::new();
    walk(&folder(data).join("databases/stele").join(under), &mut files);
    files.retain(|file| path(file).ends_with(ending));
    files.into_iter().max_by_key(|file| file.metadata().unwrap().len()).expect("no such file")
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x04;
    fs::write(file, bytes).unwrap();
}

/// What a fresh server says of the table; or why there is none.
fn served(data: &TempDir) -> Result<String, String> {
    let server = Server::try_start(&folder(data))?;
    let count = server.psql("SELECT count(*), sum(length(v)) FROM t");
    server.stop();
    Ok(count)
}

const ALL: &str = "30|3600";

#[test]
fn check_and_audit_of_a_sound_folder_exit_with_0() {
    let data = filled();
    assert!(said(check(&data)).contains("sound"));
    assert!(said(run("stele", &["audit", "--data", path(&folder(&data))])).contains("sound"));
    assert_eq!(served(&data).unwrap(), ALL);
}

#[test]
fn a_flipped_byte_in_the_log_is_damage_and_stops_the_server() {
    let data = filled();
    let segment = largest(&data, "log", ".seg");
    // The whole file may be longer than what is written.
    let used = fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    flip(&segment, used / 2);
    for command in ["check", "audit"] {
        let output = run("stele", &[command, "--data", path(&folder(&data))]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        for part in ["NOT SOUND", path(&segment), "offset", "transaction", "damaged"] {
            assert!(said.contains(part), "{command} does not say {part:?}: {said}");
        }
    }
    let error = served(&data).unwrap_err();
    assert!(error.contains(path(&segment)), "{error}");
}

#[test]
fn a_flipped_byte_in_a_tile_is_derived() {
    let data = filled();
    let tile = largest(&data, "tiles", "");
    flip(&tile, 70);
    let output = check(&data);
    let said = text(&output);
    assert!(
        output.status.code() == Some(1) && said.contains(path(&tile)) && said.contains("derived"),
        "{said}"
    );
    assert!(!said.contains("damaged"), "{said}");
    stele_tests::server::said(run("stele", &["check", "--rebuild-index", "--data", path(&folder(&data))]));
    stele_tests::server::said(check(&data));
    assert_eq!(served(&data).unwrap(), ALL);
}

/// A full tile, of which the root of the tree says nothing by itself.
#[test]
fn a_flipped_byte_in_a_full_tile_is_made_again_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let script = data.path().join("script.sql");
    let mut sql = String::from("CREATE TABLE t (id int PRIMARY KEY, v text);\n");
    for id in 0..30 {
        sql += &format!("INSERT INTO t VALUES ({id}, '{}');\n", "value ".repeat(20));
    }
    (0..300).for_each(|_| sql += "UPDATE t SET v = v WHERE id = 1;\n");
    fs::write(&script, sql).unwrap();
    said(run("stele", &["sql", "--data", path(&folder(&data)), path(&script)]));
    for hash in [0, 10, 128] {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&folder(&data), &folder(&copy));
        let tile = folder(&copy).join("databases/stele/tiles/L0");
        flip(&tile, hash * 32 + 7);
        let said = text(&check(&copy));
        assert!(said.contains(path(&tile)) && said.contains("derived"), "{said}");
        assert!(!said.contains("damaged"), "{said}");
        let script = data.path().join("count.sql");
        fs::write(&script, "SELECT count(*), sum(length(v)) FROM t;").unwrap();
        let output = run("stele", &["sql", "--data", path(&folder(&copy)), path(&script)]);
        let warned = text(&output);
        assert!(output.status.success() && warned.contains("WARNING"), "{warned}");
        assert!(warned.contains(path(&tile)) && warned.contains("made again from the log"), "{warned}");
        stele_tests::server::said(check(&copy));
        assert_eq!(served(&copy).unwrap(), ALL);
    }
}

#[test]
fn a_check_changes_nothing() {
    let data = filled();
    let before = contents(&data);
    said(check(&data));
    assert!(contents(&data) == before, "the check of a sound folder changed it");
    let engine = largest(&data, "index/lsm/tables", "");
    let middle = fs::read(&engine).unwrap().len() / 2;
    flip(&engine, middle);
    let before = contents(&data);
    let first = text(&check(&data));
    assert!(contents(&data) == before, "the check of a damaged index changed it: {first}");
    assert_eq!(text(&check(&data)), first);
}

#[test]
fn what_is_derived_is_removed_and_made_again_when_asked() {
    let data = filled();
    let output = run("stele", &["check", "--rebuild-index", "--data", path(&folder(&data))]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("removed") && !text(&output).contains("NOT SOUND"), "{}", text(&output));
    said(check(&data));
    // Not where the log cannot say what it should be.
    let segment = largest(&data, "log", ".seg");
    let used = fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    flip(&segment, used / 2);
    let output = run("stele", &["check", "--rebuild-index", "--data", path(&folder(&data))]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("nothing was removed"), "{}", text(&output));
    assert!(folder(&data).join("databases/stele/index").is_dir());
}

#[test]
fn a_missing_system_ledger_is_named() {
    let data = filled();
    fs::remove_dir_all(folder(&data).join("databases/system")).unwrap();
    for command in ["check", "audit"] {
        let output = run("stele", &[command, "--data", path(&folder(&data))]);
        assert_eq!(output.status.code(), Some(1), "{command}: {}", text(&output));
        assert!(text(&output).contains("databases/system"), "{}", text(&output));
    }
    let error = served(&data).unwrap_err();
    assert!(error.contains("system ledger") && error.contains("missing"), "{error}");
    let names = fs::read_dir(folder(&data).join("databases")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["stele"]);
}

#[test]
fn a_missing_database_is_named() {
    let data = filled();
    fs::remove_dir_all(folder(&data).join("databases/stele")).unwrap();
    let output = check(&data);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("databases/stele: this database is missing"), "{}", text(&output));
    let error = served(&data).unwrap_err();
    assert!(error.contains("databases/stele"), "{error}");
}

#[test]
fn a_missing_segment_is_damage() {
    let data = filled();
    fs::remove_file(largest(&data, "log", ".seg")).unwrap();
    for command in ["check", "audit"] {
        let output = run("stele", &[command, "--data", path(&folder(&data))]);
        assert_eq!(output.status.code(), Some(1), "{command}: {}", text(&output));
        assert!(text(&output).contains("log") && text(&output).contains("damaged"), "{}", text(&output));
    }
}

#[test]
fn a_flipped_byte_in_the_checkpoint_is_damage_and_stops_the_server() {
    let data = filled();
    let checkpoint = largest(&data, "", "/checkpoint");
    flip(&checkpoint, 30);
    let output = check(&data);
    let said = text(&output);
    assert!(output.status.code() == Some(1) && said.contains(path(&checkpoint)), "{said}");
    assert!(said.contains("damaged"), "{said}");
    assert!(served(&data).is_err());
}

/// The index is the engine's file, which is not ours to name places in: it is compared with the log, entry by entry.
#[test]
fn a_flipped_byte_in_the_index_never_changes_an_answer() {
    let data = filled();
    let engine = largest(&data, "index/lsm/tables", "");
    let sound = fs::read(&engine).unwrap();
    let (mut found, step) = (0, (sound.len() / 24).max(1));
    for at in (0..sound.len()).step_by(step) {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&folder(&data), &folder(&copy));
        flip(&largest(&copy, "index/lsm/tables", ""), at);
        let output = check(&copy);
        let said = text(&output);
        // A byte that the engine does not use may change without a trace.
        if output.status.code() != Some(0) {
            assert_eq!(output.status.code(), Some(1), "byte {at}: {said}");
            assert!(said.contains("index") && said.contains("derived"), "byte {at}: {said}");
            assert!(!said.contains("damaged") && !said.contains("panicked"), "byte {at}: {said}");
            found += 1;
        }
        assert_eq!(served(&copy).unwrap(), ALL, "byte {at}");
    }
    assert!(found > 0, "no flipped byte of {} was found", engine.display());
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let status = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_log_cut_behind_its_checkpoint_is_refused() {
    let data = filled();
    let segment = largest(&data, "log", ".seg");
    let bytes = fs::read(&segment).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&segment, &bytes[..used * 3 / 4]).unwrap();
    let error = served(&data).unwrap_err();
    assert!(error.contains("checkpoint"), "{error}");
    assert_eq!(check(&data).status.code(), Some(1));
}

#[test]
fn a_script_that_fails_says_where_and_exits_with_1() {
    let data = tempfile::tempdir().unwrap();
    let script = data.path().join("script.sql");
    fs::write(&script, "CREATE TABLE t (i int);\nINSERT INTO t VALUES (1);\nSELECT nothing FROM t;\n")
        .unwrap();
    let output = run("stele", &["sql", "--data", path(&folder(&data)), path(&script)]);
    assert!(!output.status.success());
    assert!(text(&output).contains("column \"nothing\" does not exist"), "{}", text(&output));
    assert!(text(&output).contains('3'), "no line: {}", text(&output));
}

#[test]
fn the_shell_answers_what_it_is_given() {
    let data = tempfile::tempdir().unwrap();
    let mut shell = Command::new(program("stele"))
        .args(["sql", "--data", path(&folder(&data))])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input =
        b"CREATE TABLE t (i int);\nINSERT INTO t\nVALUES (1), (2);\nSELECT sum(i) AS total\nFROM t;\n";
    shell.stdin.take().unwrap().write_all(input).unwrap();
    let output = said(shell.wait_with_output().unwrap());
    assert!(output.contains("total") && output.contains('3'), "{output}");
}

#[test]
fn what_cannot_be_done_exits_with_2() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("missing");
    for command in ["check", "audit", "trust"] {
        let output = run("stele", &[command, "--data", path(&missing)]);
        assert_eq!(output.status.code(), Some(2), "{command}: {}", text(&output));
        assert!(text(&output).contains(path(&missing)), "{command}: {}", text(&output));
        assert!(!missing.exists(), "{command} made a folder");
    }
    let output = run("stele-verify", &[path(&missing), "--trust", path(&missing)]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn a_folder_is_served_once() {
    let data = filled();
    let server = Server::start(&folder(&data));
    let error = Server::try_start(&folder(&data)).err().expect("a second server opened the same folder");
    assert!(error.contains("in use by another process"), "{error}");
    assert_eq!(error.matches(path(&folder(&data))).count(), 1, "{error}");
    assert_eq!(check(&data).status.code(), Some(2));
    server.stop();
}
