use super::*;
use crate::Cell;
use host::SeededRandom;
use proptest::prelude::*;

pub fn transaction_of(sealed: &Sealed, tx: u64) -> [u8; 112] {
    layout::Transaction {
        system: sealed.system,
        database_id: [9; 16],
        tx_id: tx,
        commit_time: 5,
        entry_count: sealed.entry_count,
        entries_root: sealed.entries_root,
        meta_commit: sealed.meta_commit,
    }
    .encode()
}

fn insert(object: u32, key: &[u8], text: &[u8]) -> Change {
    let cells =
        Cells::new([Cell { column: 1, code: 0x19, bytes: text }, Cell { column: 7, code: 0, bytes: &[] }]);
    Change {
        object,
        key: key.to_vec(),
        op: Op::Insert,
        prev_tx: 0,
        key_salt: [3; 16],
        schema_tx: 2,
        cells: Some(cells),
        moved_to: None,
    }
}

fn delete(object: u32, key: &[u8]) -> Change {
    Change { op: Op::Delete, prev_tx: 4, schema_tx: 0, cells: None, ..insert(object, key, b"") }
}

fn meta() -> Meta {
    Meta {
        user: Some("ada".into()),
        reason: Some("because".into()),
        statement_sha256: Some([1; 32]),
        ..Meta::default()
    }
}

#[test]
fn the_golden_transaction() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../proof/tests/vectors/golden.json")).unwrap();
    let hex = |name: &str| proof::text::hex_decode(golden[name].as_str().unwrap()).unwrap();
    let input = |name: &str| proof::text::hex_decode(golden["inputs"][name].as_str().unwrap()).unwrap();
    let cells = Cells::new([
        Cell { column: 1, code: 0x14, bytes: &42i64.to_be_bytes() },
        Cell { column: 2, code: 0x19, bytes: b"Ada" },
        Cell { column: 3, code: 0, bytes: &[] },
    ]);
    let row = Change {
        object: 16384,
        key: input("key"),
        op: Op::Insert,
        prev_tx: 0,
        key_salt: input("key_salt").try_into().unwrap(),
        schema_tx: 5,
        cells: Some(cells),
        moved_to: None,
    };
    let gone = Change {
        key: input("key2"),
        op: Op::Delete,
        prev_tx: 6,
        key_salt: input("key_salt2").try_into().unwrap(),
        schema_tx: 0,
        cells: None,
        ..row.clone()
    };
    let row_salt: [u8; 32] = input("row_salt").try_into().unwrap();
    let mut commits = Vec::new();
    assert_eq!(entry(&row, &row_salt, &mut commits).encode()[..], hex("entry0"));
    assert_eq!(entry(&gone, &row_salt, &mut commits).encode()[..], hex("entry1"));
    let meta = Meta { application_name: Some("app".into()), ..Meta::default() };
    assert_eq!(meta.encode(), input("meta"));
}

#[test]
fn changes_are_sorted_and_one_per_key() {
    let changes = vec![insert(2, b"a", b"x"), delete(1, b"b"), insert(1, b"a", b"y")];
    let sealed = seal(changes, meta(), false, &SeededRandom::new(1)).unwrap();
    let order: Vec<(u32, &[u8])> = sealed.changes.iter().map(|c| (c.object, &c.key[..])).collect();
    assert_eq!(order, [(1, &b"a"[..]), (1, b"b"), (2, b"a")]);

    let twice = vec![insert(1, b"a", b"x"), delete(1, b"a")];
    assert_eq!(seal(twice, meta(), false, &SeededRandom::new(1)).unwrap_err().state.code(), "XX000");
    assert_eq!(seal(vec![], meta(), false, &SeededRandom::new(1)).unwrap_err().state.code(), "XX000");
    let long = vec![insert(1, &[1; 2049], b"x")];
    assert_eq!(seal(long, meta(), false, &SeededRandom::new(1)).unwrap_err().state.code(), "54000");
}

#[test]
fn salts_differ_between_rows_and_transactions() {
    let random = SeededRandom::new(1);
    let once = || seal(vec![insert(1, b"a", b"x"), insert(1, b"b", b"x")], meta(), false, &random).unwrap();
    let (a, b) = (once(), once());
    let salts = |sealed: &Sealed| unseal(&transaction_of(sealed, 1), &sealed.payload).unwrap().row_salts;
    let mut all = [salts(&a), salts(&b)].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);
    assert_ne!(a.entries_root, b.entries_root);
}

/// No byte of a payload can be changed unseen, but for `moved_to`, which nothing commits to.
#[test]
fn every_changed_byte_is_found() {
    let sealed = seal(
        vec![insert(1, b"a", b"hello"), delete(1, b"b"), insert(3, b"", b"")],
        meta(),
        true,
        &SeededRandom::new(7),
    )
    .unwrap();
    let good = transaction_of(&sealed, 6);
    assert_eq!(unseal(&good, &sealed.payload).unwrap().changes, sealed.changes);
    for at in 0..sealed.payload.len() {
        let mut bad = sealed.payload.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(unseal(&good, &bad).is_err(), "byte {at}");
    }
    for length in 0..sealed.payload.len() {
        assert!(unseal(&good, &sealed.payload[..length]).is_err());
    }
    let longer = [&sealed.payload[..], &[0]].concat();
    assert_eq!(unseal(&good, &longer).unwrap_err(), "bytes after the last entry");
    let mut other = layout::Transaction::decode(&good).unwrap();
    other.entry_count = u32::MAX;
    assert!(unseal(&other.encode(), &sealed.payload).is_err());
}

fn arbitrary_change() -> impl Strategy<Value = Change> {
    let row = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..20), any::<bool>());
    let rest = (
        any::<u64>(),
        any::<[u8; 16]>(),
        any::<u64>(),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
    );
    (0u32..3, prop::collection::vec(any::<u8>(), 0..6), prop::option::of(row), rest).prop_map(
        |(object, key, row, (prev_tx, key_salt, schema_tx, moved_to))| match row {
            Some((code, bytes, update)) => {
                let bytes = if code == 0 { vec![] } else { bytes };
                let cells = Cells::new([Cell { column: 4, code, bytes: &bytes }]);
                let op = if update { Op::Update } else { Op::Insert };
                Change { object, key, op, prev_tx, key_salt, schema_tx, cells: Some(cells), moved_to: None }
            }
            None => {
                Change { object, key, op: Op::Delete, prev_tx, key_salt, schema_tx: 0, cells: None, moved_to }
            }
        },
    )
}

proptest! {
    #[test]
    fn sealed_and_unsealed(
        mut changes in prop::collection::vec(arbitrary_change(), 1..20),
        user in prop::option::of(".*"),
        reason in prop::option::of(".*"),
        statement_sha256 in any::<Option<[u8; 32]>>(),
        system: bool,
        seed: u64,
    ) {
        changes.sort_by(|a, b| (a.object, &a.key).cmp(&(b.object, &b.key)));
        changes.dedup_by(|a, b| same_key(a, b));
        let meta = Meta { user, reason, statement_sha256, ..Meta::default() };
        let sealed = seal(changes.clone(), meta.clone(), system, &SeededRandom::new(seed)).unwrap();
        let record = unseal(&transaction_of(&sealed, 8), &sealed.payload).unwrap();
        prop_assert_eq!(&record.changes, &changes);
        prop_assert_eq!(&record.meta, &meta);
        prop_assert_eq!((record.tx, record.system, record.committed_at), (8, system, 5));
        // However the bytes come, the transaction is the same; and none of them may be missing.
        for piece_bytes in [1, 7, 64] {
            let in_pieces = |bytes: &[u8]| {
                let pieces: Vec<Vec<u8>> = bytes.chunks(piece_bytes).map(<[u8]>::to_vec).collect();
                let mut pieces = pieces.into_iter();
                let more: Pieces = Box::new(move || Ok(pieces.next()));
                Unsealing::new(&transaction_of(&sealed, 8), Default::default(), (more, 0), reason_alone())
                    .and_then(Unsealing::into_record)
            };
            prop_assert_eq!(&in_pieces(&sealed.payload).unwrap().changes, &changes);
            prop_assert!(in_pieces(&sealed.payload[..sealed.payload.len() - 1]).is_err());
            prop_assert!(in_pieces(&[&sealed.payload[..], &[0]].concat()).is_err());
        }
        for (entry, change) in record.entries.iter().zip(&changes) {
            let read = Entry::decode(entry).unwrap();
            prop_assert_eq!((read.object, read.prev_tx), (change.object, change.prev_tx));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(transaction: [u8; 32], payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let sealed = seal(vec![insert(1, b"a", b"x")], meta(), false, &SeededRandom::new(1)).unwrap();
        let mut bytes = transaction_of(&sealed, 1);
        bytes[44..76].copy_from_slice(&transaction);
        prop_assert!(unseal(&bytes, &payload).is_err());
        Meta::decode(&payload).ok();
    }
}
