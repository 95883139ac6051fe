//! Proof files: what is proven, and everything near it that is not.

use super::sample::{ACCOUNT, KEY, Ledger, SIZE};
use crate::bundle::{Bundle, Cell, Content, Kind, Link};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::layout::{Entry, Op};
use crate::note::Signer;
use crate::rejection::Rejection;
use crate::trust::{Standing, Trust};
use proptest::prelude::*;
use std::sync::LazyLock;

fn ledger() -> &'static Ledger {
    static LEDGER: LazyLock<Ledger> =
        LazyLock::new(|| Ledger::new(1, (4, b"account".to_vec(), vec![(1, 0x19, b"account".to_vec())])));
    &LEDGER
}

/// Of every kind.
fn proofs(ledger: &Ledger) -> [Bundle; 3] {
    [ledger.transaction_proof(4, SIZE), ledger.row_proof(SIZE), ledger.history_proof(SIZE)]
}

#[test]
fn text_and_json_say_the_same_and_verify() {
    let ledger = ledger();
    for proof in proofs(ledger) {
        for file in [proof.to_text(), proof.to_json()] {
            let read = Bundle::decode(file.as_bytes()).unwrap();
            assert_eq!(read, proof);
            let trust = ledger.trust(SIZE);
            let verified = read.verify(&trust).unwrap();
            assert_eq!((verified.kind(), verified.standing()), (proof.kind(), Standing::Same));
        }
    }
}

#[test]
fn the_json_is_json() {
    for proof in proofs(ledger()) {
        let json: serde_json::Value = serde_json::from_str(&proof.to_json()).unwrap();
        let note = json["checkpoint"].as_str().unwrap();
        assert!(SignedCheckpoint::parse(note).is_ok());
        assert_eq!(json["links"][0]["transaction"]["database"], "000102030405060708090a0b0c0d0e0f");
    }
}

#[test]
fn a_row_proof_shows_the_disclosed_and_only_that() {
    let ledger = ledger();
    let proof = ledger.row_proof(SIZE);
    let trust = ledger.trust(0);
    let verified = proof.verify(&trust).unwrap();
    assert_eq!(verified.standing(), Standing::FirstContact);
    let [link] = verified.links() else { panic!("one link") };
    let change = link.change.as_ref().unwrap();
    assert_eq!((change.entry.op, change.entry.object, link.transaction.tx_id), (Op::Insert, ACCOUNT, 3));
    assert_eq!(change.key.as_ref().unwrap().key, KEY);
    let cells = &change.row.as_ref().unwrap().cells;
    assert!(matches!(&cells[1].content, Content::Disclosed { code: 0x19, value, .. } if value == b"Ada"));
    assert!(matches!(&cells[2].content, Content::Hidden(_)));
    let descriptor = verified.descriptor(link).unwrap();
    assert_eq!((descriptor.entry.object, descriptor.row.as_ref().unwrap().cells.len()), (4, 1));
    // The hidden balance is nowhere in the file.
    let balance = 100i64.to_be_bytes();
    let (_, extra) =
        proof.to_text().split_once("extra ").map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
    let bytes = crate::text::base64_decode(extra.lines().next().unwrap()).unwrap();
    assert!(!bytes.windows(8).any(|window| window == balance));
}

#[test]
fn every_single_bit_flip_of_a_text_proof_is_rejected() {
    let ledger = ledger();
    let trust = ledger.trust(SIZE);
    // A row's first version is a history too: the nearest that two proofs can be.
    let first = Bundle::row(ledger.change(8, 0, SIZE, true, &|_| true), vec![], ledger.checkpoint(SIZE));
    let two =
        vec![ledger.change(4, 0, SIZE, false, &|_| false), ledger.change(3, 1, SIZE, false, &|_| false)];
    let history = Bundle::history(two, vec![], ledger.checkpoint(SIZE));
    let [transaction, row, _] = proofs(ledger);
    for proof in [transaction, row, first.unwrap(), history.unwrap()] {
        let mut file = proof.to_text().into_bytes();
        for at in 0..file.len() {
            for bit in 0..8 {
                file[at] ^= 1 << bit;
                let accepted = Bundle::decode(&file).is_ok_and(|bundle| bundle.verify(&trust).is_ok());
                assert!(!accepted, "byte {at} bit {bit}: {}", String::from_utf8_lossy(&file));
                file[at] ^= 1 << bit;
            }
        }
        assert!(Bundle::decode(&file).unwrap().verify(&trust).is_ok());
    }
}

/// One bit of each byte.
#[test]
fn bit_flips_of_json_and_of_long_proofs_are_rejected() {
    let ledger = ledger();
    let trust = ledger.trust(SIZE);
    let [.., long] = proofs(ledger);
    let files = proofs(ledger).into_iter().map(|proof| proof.to_json()).chain([long.to_text()]);
    for (number, file) in files.enumerate() {
        let mut file = file.into_bytes();
        for at in 0..file.len() {
            let bit = (at + number) % 8;
            file[at] ^= 1 << bit;
            let accepted = Bundle::decode(&file).is_ok_and(|bundle| bundle.verify(&trust).is_ok());
            assert!(!accepted, "byte {at} bit {bit}: {}", String::from_utf8_lossy(&file));
            file[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_second_signature_changes_nothing() {
    let ledger = ledger();
    let witness = Signer::new("witness.example/w", &[9; 32]).unwrap();
    let text = ledger.row_proof(SIZE).to_text();
    let body = text.split("\n\n").nth(1).unwrap().to_string() + "\n";
    let cosigned = format!("{text}{}\n", witness.sign(&body));
    let trust = ledger.trust(SIZE);
    assert!(Bundle::decode(cosigned.as_bytes()).unwrap().verify(&trust).is_ok());
    let voided = cosigned.replace("witness.example/w", "witness.example/x");
    assert!(Bundle::decode(voided.as_bytes()).unwrap().verify(&trust).is_ok());
}

fn reject(bundle: &Bundle, trust: &Trust) -> String {
    match bundle.verify(trust).map(|_| ()) {
        Err(Rejection::Rejected(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_log_key_database_or_root_is_rejected() {
    let ledger = ledger();
    let proof = ledger.row_proof(SIZE);
    let mut trust = ledger.trust(SIZE);
    trust.database_id[0] ^= 1;
    assert_eq!(reject(&proof, &trust), "the transaction is of another database than the trusted one");

    let other_name = Signer::new("host.example/shop2", &[7; 32]).unwrap();
    trust = Trust { key: other_name.verifier_key().clone(), checkpoint: None, ..ledger.trust(0) };
    assert_eq!(reject(&proof, &trust), "the checkpoint is of another log than the trusted one");
    let other_key = Signer::new("host.example/shop", &[8; 32]).unwrap();
    trust.key = other_key.verifier_key().clone();
    assert!(reject(&proof, &trust).starts_with("not signed by the trusted key host.example/shop+"));

    // Same size, another history: the seed changes transactions 8 and later.
    let fork = Ledger::new(2, (4, b"account".to_vec(), vec![(1, 0x19, b"account".to_vec())]));
    assert!(
        reject(&fork.row_proof(SIZE), &ledger.trust(SIZE))
            .starts_with("FORK: the log signed two different roots of size 11")
    );
    assert_eq!(fork.row_proof(8).verify(&ledger.trust(SIZE)).unwrap().standing(), Standing::Older);
    assert_eq!(fork.row_proof(SIZE).verify(&ledger.trust(8)).unwrap().standing(), Standing::Newer);

    // A trust file whose checkpoint the key did not sign is not believed either.
    trust = ledger.trust(SIZE);
    let forged = Checkpoint { origin: "host.example/shop".into(), size: 5, root: [0; 32] }.sign(&other_key);
    trust.checkpoint = Some(forged);
    assert!(reject(&proof, &trust).starts_with("the trust file's own checkpoint: not signed"));
}

#[test]
fn lies_about_a_row_are_rejected() {
    let ledger = ledger();
    let trust = ledger.trust(SIZE);
    let good = ledger.change(3, 2, SIZE, true, &|_| true);
    let lie = |change: &dyn Fn(&mut Link)| {
        let mut link = good.clone();
        change(&mut link);
        reject(&Bundle::row(link, vec![], ledger.checkpoint(SIZE)).unwrap(), &trust)
    };
    let cells = |link: &mut Link, edit: &dyn Fn(&mut Vec<Cell>)| {
        edit(&mut link.change.as_mut().unwrap().row.as_mut().unwrap().cells);
    };
    let not_written = "the row's cells are not those that were written";
    assert_eq!(lie(&|link| cells(link, &|cells| cells.swap(0, 1))), not_written);
    assert_eq!(lie(&|link| cells(link, &|cells| cells.truncate(3))), not_written);
    assert_eq!(lie(&|link| cells(link, &|cells| cells[2].column = 9)), not_written);
    assert_eq!(
        lie(&|link| cells(link, &|cells| {
            if let Content::Disclosed { value, .. } = &mut cells[2].content {
                value[7] += 1;
            }
        })),
        not_written
    );
    // A value moved into another column: its commitment holds the column.
    assert_eq!(
        lie(&|link| cells(link, &|cells| {
            let content = cells[0].content.clone();
            cells[0].content = std::mem::replace(&mut cells[2].content, content);
        })),
        not_written
    );
    assert_eq!(lie(&|link| link.change.as_mut().unwrap().row.as_mut().unwrap().schema_tx = 1), not_written);
    assert_eq!(
        lie(&|link| link.change.as_mut().unwrap().key.as_mut().unwrap().key[8] = 43),
        "the change is of a row with another key"
    );
    let not_made = "transaction 3 did not make this change";
    assert_eq!(lie(&|link| link.change.as_mut().unwrap().entry_index = 3), not_made);
    assert_eq!(lie(&|link| link.change.as_mut().unwrap().entry.op = Op::Update), not_made);
    assert_eq!(lie(&|link| link.change.as_mut().unwrap().entry.object += 1), not_made);
    assert_eq!(lie(&|link| link.change.as_mut().unwrap().entries_path.push([0; 32])), not_made);
    let not_logged = "transaction 3 is not in the log under this checkpoint";
    assert_eq!(lie(&|link| link.transaction.commit_time += 1), not_logged);
    assert_eq!(lie(&|link| link.log_path.truncate(1)), not_logged);
    assert_eq!(
        lie(&|link| link.transaction.tx_id = 4),
        "transaction 4 is not in the log under this checkpoint"
    );
    assert_eq!(
        lie(&|link| link.meta =
            Some(crate::bundle::DisclosedMeta { salt: [3; 32], bytes: b"\x01\0\0\0\x03bob".to_vec() })),
        "the transaction was not made with this meta data"
    );
    assert_eq!(
        lie(&|link| link.transaction.database_id = [0; 16]),
        "the transaction is of another database than the trusted one"
    );
}

#[test]
fn descriptors_must_be_catalog_rows_that_are_named() {
    let ledger = ledger();
    let trust = ledger.trust(SIZE);
    let row = ledger.change(3, 2, SIZE, true, &|_| true);
    let with = |descriptor: Link| {
        reject(&Bundle::row(row.clone(), vec![descriptor], ledger.checkpoint(SIZE)).unwrap(), &trust)
    };
    assert_eq!(
        with(ledger.change(1, 0, SIZE, true, &|_| true)),
        "a descriptor of transaction 1, which no version names"
    );
    assert_eq!(
        with(ledger.change(5, 0, SIZE, true, &|_| true)),
        "a descriptor that is no row of a system table"
    );
    // A system table's row needs none and takes none.
    let system = ledger.descriptor(SIZE);
    let proof = Bundle::row(system.clone(), vec![], ledger.checkpoint(SIZE)).unwrap();
    assert!(proof.verify(&trust).is_ok());
    let proof = Bundle::row(system.clone(), vec![system], ledger.checkpoint(SIZE)).unwrap();
    assert_eq!(reject(&proof, &trust), "a descriptor of transaction 2, which no version names");
}

#[test]
fn a_history_is_whole_or_rejected() {
    let ledger = ledger();
    let trust = ledger.trust(SIZE);
    let links = ledger.history_links(SIZE);
    let prove = |links: Vec<Link>| Bundle::history(links, vec![], ledger.checkpoint(SIZE)).unwrap();
    assert!(prove(links.clone()).verify(&trust).is_ok());
    // Any newest part missing is still a history, of an older moment.
    assert!(prove(links[1..].to_vec()).verify(&trust).is_ok());
    assert_eq!(
        reject(&prove(links[..3].to_vec()), &trust),
        "the history does not go back to the row's insert"
    );
    let gap = [links[0].clone(), links[2].clone(), links[3].clone()].to_vec();
    assert_eq!(reject(&prove(gap), &trust), "the version before transaction 7 is missing");
    let mut reversed = links.clone();
    reversed.reverse();
    assert_eq!(reject(&prove(reversed), &trust), "the version before transaction 3 is missing");
    // The update of another row: transaction 4 follows 3 as well.
    let mixed = vec![ledger.change(4, 0, SIZE, true, &|_| true), links[3].clone()];
    assert_eq!(reject(&prove(mixed), &trust), "versions of different rows");
}

#[test]
fn parts_that_do_not_fit_the_kind_are_refused() {
    let ledger = ledger();
    let checkpoint = || ledger.checkpoint(SIZE);
    let (plain, row) = (ledger.link(3, SIZE, false), ledger.change(3, 2, SIZE, true, &|_| true));
    assert!(Bundle::transaction(row.clone(), checkpoint()).is_err());
    assert!(Bundle::row(plain.clone(), vec![], checkpoint()).is_err());
    assert!(Bundle::row(row.clone(), vec![plain], checkpoint()).is_err());
    assert!(Bundle::history(vec![], vec![], checkpoint()).is_err());
    let mut without_row = row;
    without_row.change.as_mut().unwrap().row = None;
    assert!(Bundle::row(without_row, vec![], checkpoint()).is_err());
}

#[test]
fn another_form_of_the_same_proof_is_refused() {
    let ledger = ledger();
    let proof = ledger.row_proof(SIZE);
    let (text, json) = (proof.to_text(), proof.to_json());
    for wrong in [
        text.replace("\nindex 3", "\nindex 03"),
        text.replace("\nindex 3", "\nindex 4"),
        text.replace("\nindex 3\n", "\n"),
        text.replace('\n', "\r\n"),
        format!("{text}\n"),
        format!("\u{feff}{text}"),
        text.replacen("@v1", "@v2", 1),
        text.lines().filter(|line| !line.starts_with("extra ")).map(|line| format!("{line}\n")).collect(),
        json.trim_end().into(),
        json.replace("\"tx_id\":\"3\"", "\"tx_id\":\"03\""),
        json.replace("\"tx_id\":\"3\"", "\"tx_id\":\"+3\""),
        json.replace("\"tx_id\":\"3\"", "\"tx_id\":3"),
        json.replace("\"entries\":5", "\"entries\":05"),
        json.replace(",\"kind\"", ", \"kind\""),
        json.replace("\"row\"", "\"r\\u006fw\""),
        json.replace("\"stele\":1", "\"stele\":2"),
        json.replace("\"kind\":\"row\"", "\"kind\":\"history\"")
            .replace("\"kind\":\"history\"", "\"kind\":\"transaction\""),
    ] {
        assert!(Bundle::decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert!(Bundle::decode(&[0xff; 10]).is_err());
    assert!(Bundle::decode(&vec![b'{'; crate::bundle::BUNDLE_MAX_BYTES + 1]).is_err());
}

#[test]
fn genesis_is_provable_as_a_transaction() {
    let ledger = ledger();
    let trust = ledger.trust(0);
    let proof = ledger.transaction_proof(0, 1);
    assert_eq!(proof.verify(&trust).unwrap().kind(), Kind::Transaction);
    assert_eq!(proof.verify(&trust).unwrap().links()[0].transaction.entry_count, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Bundle::decode(&bytes).is_err());
        prop_assert!(Entry::decode(&bytes).is_err());
    }

    /// The binary part behind a good frame.
    #[test]
    fn random_extras_are_refused_without_a_panic(kind in prop::sample::select(vec![&b"tp"[..], b"rp", b"hp", b"xp"]), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let text = ledger().row_proof(SIZE).to_text();
        let extra = crate::text::base64_encode(&[&b"stele1"[..], kind, &bytes].concat());
        let file: String = text.lines().map(|line| if line.starts_with("extra ") { format!("extra {extra}\n") } else { format!("{line}\n") }).collect();
        prop_assert!(Bundle::decode(file.as_bytes()).is_err());
    }

    /// A good extra, mutated: nothing that reads verifies, unless nothing was changed.
    #[test]
    fn mutated_extras_are_rejected(which in 0..3usize, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4)) {
        let ledger = ledger();
        let text = proofs(ledger)[which].to_text();
        let extra = text.lines().nth(1).unwrap().strip_prefix("extra ").unwrap();
        let mut bytes = crate::text::base64_decode(extra).unwrap();
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let mutated = text.replace(extra, &crate::text::base64_encode(&bytes));
        let accepted = Bundle::decode(mutated.as_bytes()).is_ok_and(|bundle| bundle.verify(&ledger.trust(SIZE)).is_ok());
        prop_assert_eq!(accepted, mutated == text);
    }

    /// Text and JSON, cut and spliced.
    #[test]
    fn mutated_files_are_rejected(which in 0..3usize, json: bool, from: prop::sample::Index, to: prop::sample::Index, insert in prop::collection::vec(any::<u8>(), 0..6)) {
        let ledger = ledger();
        let proof = &proofs(ledger)[which];
        let file = if json { proof.to_json() } else { proof.to_text() }.into_bytes();
        let (from, to) = (from.index(file.len()), to.index(file.len()));
        let mutated = [&file[..from.min(to)], &insert, &file[from.max(to)..]].concat();
        let accepted = Bundle::decode(&mutated).is_ok_and(|bundle| bundle.verify(&ledger.trust(SIZE)).is_ok());
        prop_assert_eq!(accepted, mutated == file);
    }
}
