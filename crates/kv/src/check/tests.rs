//! Damage, made on purpose: found, named, and told from what is merely derived.

use super::*;
use crate::audit::audit;
use crate::ledger::Ledger;
use crate::ledger::LedgerOptions;
use crate::ledger::tests::{noise, row, rows};
use crate::log::block::{HEADER_BYTES, Header, close};
use host::{Disk, MemoryDisk, OpenMode, SeededRandom};
use std::sync::Arc;

fn options() -> LedgerOptions {
    LedgerOptions { segment_size_bytes: 1500, ..crate::ledger::tests::options() }
}

/// A small ledger over three segments, one transaction in parts, signed at its end.
fn ledger() -> (Host, MemoryDisk) {
    let disk = MemoryDisk::new();
    let host = Host { disk: Arc::new(disk.clone()), ..Host::memory(4) };
    let ledger = Ledger::open(host.clone(), Path::new("db"), options()).unwrap();
    let random = SeededRandom::new(8);
    for number in 0..4 {
        ledger.append(&[row(&number.to_string(), b"x", &random), rows(&["a", "b"], b"y", &random)]).unwrap();
        if number == 1 {
            ledger.append(&[row("large", &noise(1500, &random), &random)]).unwrap();
        }
    }
    ledger.sync().unwrap();
    ledger.publish().unwrap();
    (host, disk)
}

fn copy(disk: &MemoryDisk) -> (Host, MemoryDisk) {
    let copied = MemoryDisk::new();
    for folder in ["db", "db/log", "db/tiles"].map(Path::new) {
        copied.create_dir_all(folder).unwrap();
        for name in disk.list(folder).unwrap() {
            let path = folder.join(name);
            if !disk.is_dir(&path) {
                copied.replace(&path, &disk.read(&path).unwrap(), false).unwrap();
            }
        }
    }
    (Host { disk: Arc::new(copied.clone()), ..Host::memory(4) }, copied)
}

fn flip(disk: &MemoryDisk, path: &Path, at: u64) {
    let file = disk.open(path, OpenMode::Write).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    byte[0] ^= 1 << (at % 8);
    file.write_all_at(&byte, at).unwrap();
}

#[test]
fn a_sound_ledger_is_sound() {
    let (host, _) = ledger();
    let report = check(&host, Path::new("db"), None).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.transactions, report.signed_size), (10, Some(10)));
    assert!(report.segments >= 3, "{report:?}");
    assert_eq!(audit(&host, Path::new("db"), None).unwrap(), report);
    assert!(report.to_string().ends_with("; signed checkpoint over 10 transactions\n"), "{report}");
    assert_eq!(check(&host, Path::new("no"), None).unwrap_err().state.code(), "42704");
}

/// One bit of each byte of every file, in turn: what was hit is named, with its file and a place at or before it.
#[test]
fn every_flipped_byte_is_found_and_named() {
    let (_, disk) = ledger();
    let (host, copied) = copy(&disk);
    for folder in ["db", "db/log", "db/tiles"].map(Path::new) {
        for name in disk.list(folder).unwrap() {
            let path = folder.join(&name);
            if disk.is_dir(&path) || name == "key" {
                continue;
            }
            let good = disk.read(&path).unwrap();
            for at in 0..good.len() as u64 {
                flip(&copied, &path, at);
                let report = check(&host, Path::new("db"), None).unwrap();
                let named = report.findings.iter().find(|finding| finding.file == path);
                let named = named.unwrap_or_else(|| panic!("{}, byte {at}: {report}", path.display()));
                assert!(named.offset.unwrap() <= at, "{}, byte {at}: {report}", path.display());
                if name.ends_with(".seg") {
                    assert!(named.transaction.is_some() && named.verdict == Verdict::Damaged, "{report}");
                    assert!(report.findings.len() == 1, "{}, byte {at}: {report}", path.display());
                } else if name != "checkpoint" {
                    assert_eq!(named.verdict, Verdict::Derived, "{report}");
                    assert_eq!(named.offset, Some(if folder.ends_with("tiles") { at / 32 * 32 } else { 0 }));
                    assert_eq!(report.findings.len(), 1, "{report}");
                }
                flip(&copied, &path, at);
            }
        }
    }
    assert_eq!(check(&host, Path::new("db"), None).unwrap().findings, []);
}

/// Who edits a block can mend its checksum, but not the tree.
#[test]
fn an_edit_with_a_mended_checksum_is_found() {
    let (_, disk) = ledger();
    let (host, copied) = copy(&disk);
    let path = segment_path(Path::new("db/log"), 1);
    let file = copied.open(&path, OpenMode::Write).unwrap();
    // The second block: transactions 1 and 2.
    let mut head = vec![0; HEADER_BYTES];
    file.read_exact_at(&mut head, 0).unwrap();
    let start = Header::decode(&head).unwrap().block_bytes();
    file.read_exact_at(&mut head, start).unwrap();
    let header = Header::decode(&head).unwrap();
    let mut good = vec![0; header.block_bytes() as usize];
    file.read_exact_at(&mut good, start).unwrap();
    for at in (HEADER_BYTES..good.len()).step_by(2) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        assert!(close(&header, &mut bad));
        file.write_all_at(&bad, start).unwrap();
        let report = audit(&host, Path::new("db"), None).unwrap();
        let named: Vec<&Finding> = report.findings.iter().filter(|finding| finding.file == path).collect();
        assert!(!named.is_empty(), "byte {at}: {report}");
        assert!(named.iter().all(|finding| finding.offset >= Some(start)), "byte {at}: {report}");
        assert!(named.iter().any(|f| matches!(f.transaction, Some(1 | 2))), "byte {at}: {report}");
    }
}

#[test]
fn a_lost_segment_is_missed() {
    let (_, disk) = ledger();
    let slots = crate::log::segments::list(&disk, Path::new("db/log")).unwrap();
    for slot in slots {
        let (host, copied) = copy(&disk);
        copied.remove_file(&segment_path(Path::new("db/log"), slot)).unwrap();
        let report = check(&host, Path::new("db"), None).unwrap();
        assert!(report.findings.iter().any(|finding| finding.verdict == Verdict::Damaged), "{report}");
        let error = Ledger::open(host, Path::new("db"), options()).err().unwrap();
        assert_eq!(error.state.code(), "XX001", "{error}");
    }
}

/// Cut at any length, the log is either refused (a checkpoint covers what is gone) or as it was.
#[test]
fn a_log_cut_behind_its_checkpoint_does_not_open() {
    let (_, disk) = ledger();
    let last = *crate::log::segments::list(&disk, Path::new("db/log")).unwrap().last().unwrap();
    let path = segment_path(Path::new("db/log"), last);
    let length = disk.read(&path).unwrap().len() as u64;
    for cut in (0..length).step_by(7) {
        let (host, copied) = copy(&disk);
        copied.open(&path, OpenMode::Write).unwrap().set_len(cut).unwrap();
        let report = check(&host, Path::new("db"), None).unwrap();
        assert!(!report.is_sound(), "{cut}: {report}");
        let error = Ledger::open(host, Path::new("db"), options()).err().unwrap();
        assert_eq!(error.state.code(), "XX001");
        let said = format!("{error}");
        assert!(said.contains(&path.display().to_string()) || cut == 0, "{said}");
        assert!(said.contains("transactions 0 to 9") && said.contains("backup"), "{said}");
        assert_eq!(copied.read(&path).unwrap().len() as u64, cut, "refusing must change nothing");
    }
}

/// A torn end that nothing covers is no damage: it is set aside, reported, and the ledger goes on.
#[test]
fn a_torn_end_is_set_aside() {
    let (host, disk) = ledger();
    let db = Path::new("db");
    let random = SeededRandom::new(9);
    let before = disk.read(&db.join("checkpoint")).unwrap();
    let opened = Ledger::open(host.clone(), db, options()).unwrap();
    opened.append(&[row("torn", b"z", &random)]).unwrap();
    drop(opened);
    let last = *crate::log::segments::list(&disk, &db.join("log")).unwrap().last().unwrap();
    let path = segment_path(&db.join("log"), last);
    let length = disk.read(&path).unwrap().len() as u64;
    disk.open(&path, OpenMode::Write).unwrap().set_len(length - 1).unwrap();

    let report = check(&host, db, None).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].verdict, Verdict::Unfinished, "{report}");
    assert!(report.is_sound());
    let ledger = Ledger::open(host.clone(), db, options()).unwrap();
    assert_eq!(ledger.size(), 10);
    assert!(ledger.notices()[0].contains("unfinished write"), "{:?}", ledger.notices());
    let kept =
        disk.list(&db.join("log")).unwrap().into_iter().find(|name| name.starts_with("torn-")).unwrap();
    assert!(disk.read(&db.join("log").join(kept)).unwrap().len() > HEADER_BYTES);
    assert_eq!(disk.read(&db.join("checkpoint")).unwrap(), before);
    assert_eq!(ledger.append(&[row("next", b"z", &random)]).unwrap()[0].0, 10);
    ledger.sync().unwrap();
    drop(ledger);
    assert_eq!(audit(&host, db, None).unwrap().findings, []);
}

/// Two writes that no fsync covers: the second may be there without the first. Neither is damage.
#[test]
fn a_block_behind_a_torn_one_is_no_damage() {
    let (host, disk) = ledger();
    let db = Path::new("db");
    let ledger =
        Ledger::open(host.clone(), db, LedgerOptions { segment_size_bytes: 1 << 20, ..options() }).unwrap();
    let random = SeededRandom::new(9);
    let path = crate::log::segments::segment_path(
        &db.join("log"),
        *crate::log::segments::list(&disk, &db.join("log")).unwrap().last().unwrap(),
    );
    let torn = disk.read(&path).unwrap().len() as u64;
    for text in ["first", "second"] {
        ledger.append(&[row(text, b"z", &random)]).unwrap();
    }
    drop(ledger);
    flip(&disk, &path, torn + HEADER_BYTES as u64 + 9);
    let report = check(&host, db, None).unwrap();
    let verdicts: Vec<_> = report.findings.iter().map(|finding| finding.verdict).collect();
    assert_eq!(verdicts, [Verdict::Unfinished], "{report}");
    let ledger = Ledger::open(host.clone(), db, options()).unwrap();
    assert_eq!(ledger.size(), 10);
    drop(ledger);
    assert_eq!(check(&host, db, None).unwrap().findings, []);
}
