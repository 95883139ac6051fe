//! Tampering, each kind done with the means of a hex editor, and who finds it: the table "What finds what" of
//! docs/SECURITY.md. A test a row; each compares its line of the table with what it saw, so that the table cannot go stale.
//!
//! - **start**: `stele serve` refuses, or says what it made again; or starts, and its answers are right or wrong.
//! - **read**: a server that was running meanwhile is asked for rows, their past, transactions and a proof.
//! - **check**, **audit**: the commands' exit code.
//! - **client**: whoever has a checkpoint of before asks a server that started for the proof that it continues it.

use lsm_tree::{AbstractTree, Config, Guard};
use proof::checkpoint::Checkpoint;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use stele_tests::server::{Server, program, psql, run, said};
use tempfile::TempDir;

const BLOCK_HEADER_BYTES: usize = 120;
const QUESTIONS: [&str; 5] = [
    "SELECT * FROM account ORDER BY id",
    "SELECT * FROM account AS OF TX 4 ORDER BY id",
    "SELECT * FROM account FOR SYSTEM_TIME ALL ORDER BY id, _tx",
    "SELECT * FROM ledger.transactions ORDER BY tx_id",
    "SELECT length(ledger.history_proof('account', 1)) > 0",
];

/// The ledger that is tampered with, as it was at its middle and at its end, and a client's trust file of its end.
struct Template {
    folder: TempDir,
    size: u64,
    trust: String,
    answers: Vec<Result<String, String>>,
}

fn template() -> &'static Template {
    static MADE: OnceLock<Template> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        write(
            &data,
            "CREATE TABLE account (id int PRIMARY KEY, owner text, balance int);
            INSERT INTO account VALUES (1, 'Ada the first', 100), (2, 'Bea', 50);
            UPDATE account SET balance = 90 WHERE id = 1;
            UPDATE account SET balance = 60 WHERE id = 2;",
        );
        copy(&data, &folder.path().join("middle"));
        // More than the tile of the first transactions holds.
        write(&data, &"UPDATE account SET balance = balance + 1 WHERE id = 2;\n".repeat(256));
        // Enough for the first transactions to be in a segment that is no longer written to.
        for number in 0..24 {
            write(&data, &format!("UPDATE account SET owner = 'Bea {number:0300}' WHERE id = 2;"));
        }
        // And for the newest segment to end with two blocks that can change places.
        let ends_with_equals = || {
            let bytes = fs::read(segments(&data).pop().unwrap()).unwrap();
            matches!(blocks(&bytes)[..], [.., (_, a), (_, b)] if a == b)
        };
        for number in 24..60 {
            if ends_with_equals() {
                break;
            }
            write(&data, &format!("UPDATE account SET owner = 'Bea {number:0300}' WHERE id = 2;"));
        }
        assert!(ends_with_equals());
        let server = serve(&data).unwrap();
        let answers = ask(&server);
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        server.stop();
        let text = fs::read_to_string(data.join("databases/stele/checkpoint")).unwrap();
        let size = text.lines().nth(1).unwrap().parse().unwrap();
        assert!(segments(&data).len() > 2);
        let trust = said(run("stele", &["trust", "--data", data.to_str().unwrap()]));
        Template { folder, size, trust, answers }
    })
}

fn write(data: &Path, sql: &str) {
    let script = data.with_extension("sql");
    fs::write(&script, sql).unwrap();
    let mut stele = Command::new(program("stele"));
    stele.args(["sql", "--log-segment-kib", "4", "--data"]).arg(data).arg(script).stdin(Stdio::null());
    said(stele.output().unwrap());
}

fn serve(data: &Path) -> Result<Server, String> {
    Server::try_start(data)
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn ask(server: &Server) -> Vec<Result<String, String>> {
    let answer = |sql: &&str| {
        let output = psql(&server.connection(), sql).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    };
    QUESTIONS.iter().map(answer).collect()
}

/// A data folder to tamper with.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Case {
        let case = Case { folder: tempfile::tempdir().unwrap() };
        copy(&template().folder.path().join("data"), &case.data());
        case
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.data().join("databases/stele").join(name)
    }

    fn start(&self) -> &'static str {
        let started = start_and_listen(&self.data());
        match started {
            Err(_) => "refuses",
            Ok((answers, said)) => match (answers == template().answers, said.contains("WARNING")) {
                _ if answers.iter().any(Result::is_err) => "no; found when read",
                (true, true) => "warns; answers right",
                (true, false) => "no; answers right",
                (false, true) => "warns; other answers",
                (false, false) => "**no; other answers**",
            },
        }
    }

    fn command(&self, command: &str) -> &'static str {
        let output = run("stele", &[command, "--data", self.data().to_str().unwrap()]);
        match output.status.code() {
            Some(0) => "**no**",
            Some(1) => "found",
            other => panic!("{command} ended with {other:?}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Asks for the way from the checkpoint that the client has.
    fn client(&self) -> &'static str {
        let Ok(server) = serve(&self.data()) else { return "–" };
        let sql = format!("SELECT ledger.consistency_proof({})", template().size);
        let output = psql(&server.connection(), &sql).output().unwrap();
        server.stop();
        if !output.status.success() {
            return "found";
        }
        let (proof, trust) = (self.folder.path().join("proof"), self.folder.path().join("trust"));
        fs::write(&proof, output.stdout).unwrap();
        fs::write(&trust, &template().trust).unwrap();
        let verdict = run("stele-verify", &[proof.to_str().unwrap(), "--trust", trust.to_str().unwrap()]);
        if verdict.status.code() == Some(0) { "**no**" } else { "found" }
    }
}

/// What a fresh server answers, and what it says when it starts.
fn start_and_listen(data: &Path) -> Result<(Vec<Result<String, String>>, String), String> {
    let script = data.with_extension("start.sql");
    fs::write(&script, "SELECT 1;").unwrap();
    let output = run("stele", &["sql", "--data", data.to_str().unwrap(), script.to_str().unwrap()]);
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(warned);
    }
    let server = serve(data)?;
    let answers = ask(&server);
    server.stop();
    Ok((answers, warned))
}

/// What a server says that runs while its files are tampered with.
fn read(tamper: &dyn Fn(&Case)) -> &'static str {
    let case = Case::new();
    let server = serve(&case.data()).unwrap();
    tamper(&case);
    let answers = ask(&server);
    server.kill();
    if answers.iter().any(Result::is_err) {
        "found"
    } else if answers == template().answers {
        "no; answers right"
    } else {
        "**no; other answers**"
    }
}

/// Does it, sees who finds it, and compares that with the line of docs/SECURITY.md.
fn row(name: &str, tamper: impl Fn(&Case)) {
    let seen = read(&tamper);
    row_with(name, seen, tamper);
}

/// What takes a stopped server: there is nobody to read meanwhile.
fn row_of_a_stopped_server(name: &str, tamper: impl Fn(&Case)) {
    row_with(name, "–", tamper);
}

fn row_with(name: &str, seen: &str, tamper: impl Fn(&Case)) {
    let tampered = || {
        let case = Case::new();
        tamper(&case);
        case
    };
    let case = tampered();
    // Commands first: a start may make again what is derived.
    let (check, audit) = (case.command("check"), case.command("audit"));
    let (start, client) = (case.start(), tampered().client());
    let line = format!("| {name} | {start} | {seen} | {check} | {audit} | {client} |");
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SECURITY.md");
    let document = fs::read_to_string(document).unwrap();
    assert!(document.lines().any(|found| found == line), "docs/SECURITY.md does not say:\n{line}");
}

// The editor.

fn segments(data: &Path) -> Vec<PathBuf> {
    let log = data.join("databases/stele/log");
    let mut files: Vec<PathBuf> = fs::read_dir(log).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "seg"));
    files.sort();
    files
}

/// Offsets and lengths of the blocks.
fn blocks(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while bytes[at..].starts_with(b"steleblk") {
        let body = u32::from_be_bytes(bytes[at + 12..at + 16].try_into().unwrap()) as usize;
        blocks.push((at, BLOCK_HEADER_BYTES + body));
        at += BLOCK_HEADER_BYTES + body;
        if at == bytes.len() {
            break;
        }
    }
    blocks
}

fn make_crc_right(block: &mut [u8]) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&block[..116]), &block[120..]);
    block[116..120].copy_from_slice(&crc.to_be_bytes());
}

fn make_all_crcs_right(bytes: &mut [u8]) {
    for (at, length) in blocks(bytes) {
        make_crc_right(&mut bytes[at..at + length]);
    }
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// Replaces the first such bytes.
fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    let at = bytes.windows(old.len()).position(|window| window == old).expect("not there");
    bytes[at..at + new.len()].copy_from_slice(new);
}

fn old_segment(case: &Case) -> PathBuf {
    segments(&case.data())
        .into_iter()
        .find(|file| fs::read(file).unwrap().windows(13).any(|window| window == b"Ada the first"))
        .unwrap()
}

fn new_segment(case: &Case) -> PathBuf {
    segments(&case.data()).pop().unwrap()
}

fn remove_derived(case: &Case) {
    for name in ["index", "tiles"] {
        let _ = fs::remove_dir_all(case.at(name));
    }
}

/// Puts a part of the folder of the middle in the place of today's.
fn put_back(case: &Case, name: &str) {
    let old = template().folder.path().join("middle/databases/stele").join(name);
    let place = case.at(name);
    let removed = if place.is_dir() { fs::remove_dir_all(&place) } else { fs::remove_file(&place) };
    removed.unwrap();
    copy(&old, &place);
}

#[test]
fn an_edited_value() {
    row("a value changed in an older segment of the log", |case| {
        edit(&old_segment(case), |bytes| replace(bytes, b"Ada the first", b"Eve the first"));
    });
}

#[test]
fn an_edited_value_in_the_newest_segment() {
    row("a value changed in the newest segment", |case| {
        edit(&new_segment(case), |bytes| replace(bytes, b"Bea 0", b"Eve 0"));
    });
}

#[test]
fn an_edited_value_with_its_crc() {
    row("the same in an older segment, the CRC made right", |case| {
        edit(&old_segment(case), |bytes| {
            replace(bytes, b"Ada the first", b"Eve the first");
            make_all_crcs_right(bytes);
        });
    });
}

#[test]
fn an_edited_value_with_its_crc_and_no_index() {
    row("the same, and the index removed", |case| {
        edit(&old_segment(case), |bytes| {
            replace(bytes, b"Ada the first", b"Eve the first");
            make_all_crcs_right(bytes);
        });
        let _ = fs::remove_dir_all(case.at("index"));
    });
}

#[test]
fn an_edited_transaction_with_its_crc() {
    row("the commit time of the newest transaction changed, the CRC made right", |case| {
        edit(&new_segment(case), |bytes| {
            let (at, _) = *blocks(bytes).last().unwrap();
            // T begins after the transaction's length; its time is at 36 + 8.
            bytes[at + BLOCK_HEADER_BYTES + 4 + 36 + 7] ^= 1;
            make_all_crcs_right(bytes);
        });
    });
}

#[test]
fn deleted_blocks() {
    row("the newest blocks deleted", |case| {
        edit(&new_segment(case), |bytes| {
            let (at, _) = *blocks(bytes).last().unwrap();
            bytes.truncate(at);
        });
    });
}

#[test]
fn deleted_blocks_and_the_checkpoint_of_then() {
    row_of_a_stopped_server(
        "the newest blocks deleted, an old checkpoint put back, what is derived removed",
        |case| {
            put_back(case, "log");
            put_back(case, "checkpoint");
            remove_derived(case);
        },
    );
}

#[test]
fn swapped_transactions() {
    row("two transactions swapped, slots and CRCs made right", |case| {
        edit(&new_segment(case), |bytes| {
            let found = blocks(bytes);
            let [(a, long), (b, length)] = found[found.len() - 2..] else { panic!("one block") };
            assert_eq!(long, length, "blocks of another length");
            for at in 0..length {
                // All but what the header says of its place.
                if at >= BLOCK_HEADER_BYTES {
                    bytes.swap(a + at, b + at);
                }
            }
            make_all_crcs_right(bytes);
        });
    });
}

#[test]
fn an_older_index() {
    row("the index replaced by an older copy", |case| put_back(case, "index"));
}

#[test]
fn an_edited_index_entry() {
    row("an index entry changed", |case| {
        let tables = fs::read_dir(case.at("index/lsm/tables")).unwrap();
        let mut places = 0;
        for table in tables.map(|table| table.unwrap().path()) {
            edit(&table, |bytes| {
                // Wherever the engine has it.
                for at in 0..bytes.len().saturating_sub(5) {
                    if bytes[at..].starts_with(b"Ada t") {
                        bytes[at..at + 3].copy_from_slice(b"Eve");
                        places += 1;
                    }
                }
            });
        }
        assert!(places > 0);
    });
}

#[test]
fn an_edited_index_entry_with_its_checksum() {
    row("an index entry changed, its checksum made right", |case| {
        // By the engine's own means.
        let tree = Config::new(case.at("index/lsm"), Default::default(), Default::default()).open().unwrap();
        let number = tree.get_highest_persisted_seqno().unwrap() + 1;
        for entry in tree.iter(number, None) {
            let (key, value) = entry.into_inner().unwrap();
            let mut value = value.to_vec();
            if let Some(at) = value.windows(5).position(|window| window == b"Ada t") {
                value[at..at + 3].copy_from_slice(b"Eve");
                tree.insert(key, value, number);
            }
        }
        assert!(tree.active_memtable().len() > 1);
        tree.flush_active_memtable(0).unwrap();
    });
}

#[test]
fn an_edited_tile() {
    row("a tile changed", |case| edit(&case.at("tiles/L0"), |bytes| bytes[70] ^= 1));
}

#[test]
fn an_edited_tile_of_the_newest_transactions() {
    row("the tile of the newest transactions changed", |case| {
        edit(&case.at("tiles/L0"), |bytes| *bytes.last_mut().unwrap() ^= 1);
    });
}

#[test]
fn an_old_backup() {
    row_of_a_stopped_server("an old copy of the whole folder put back", |case| {
        for name in ["log", "checkpoint", "tiles", "index"] {
            put_back(case, name);
        }
    });
}

#[test]
fn a_rewritten_history() {
    row_of_a_stopped_server("history rewritten and signed again with the stolen key", |case| {
        for name in ["log", "checkpoint", "tiles", "index"] {
            put_back(case, name);
        }
        for number in 0..30 {
            write(&case.data(), &format!("UPDATE account SET balance = {number} WHERE id = 1;"));
        }
    });
}

/// A key of the same name.
fn other_key(case: &Case) -> proof::note::Signer {
    let seed = [9; 32];
    let signer = proof::note::Signer::new("stele.local/stele", &seed).unwrap();
    let seed = proof::text::base64_encode(&[&[1], &seed[..]].concat());
    fs::write(case.at("key"), format!("PRIVATE+KEY+{}+{seed}\n", signer.verifier_key().label())).unwrap();
    signer
}

#[test]
fn a_replaced_key() {
    row("the key file replaced", |case| drop(other_key(case)));
}

#[test]
fn a_replaced_key_and_checkpoint() {
    row("the key file replaced, the checkpoint signed again with it", |case| {
        let signer = other_key(case);
        let text = fs::read_to_string(case.at("checkpoint")).unwrap();
        let (body, _) = text.split_once("\n\n").unwrap();
        let signed = Checkpoint::parse(&format!("{body}\n")).unwrap().sign(&signer);
        fs::write(case.at("checkpoint"), signed.to_string()).unwrap();
    });
}
