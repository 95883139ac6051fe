//! The ledger on a disk that works: order, times, proofs, and what reads find.

use super::*;
use crate::record::{Change, Meta, Op, Record, seal};
use crate::{At, Cell, Cells};
use host::{ManualClock, MemoryDisk, OpenMode, Random, SeededRandom};
use proof::tree::{verify_consistency, verify_inclusion};
use std::ops::ControlFlow;

pub(crate) const START_US: i64 = 1_760_000_000_000_000;

pub(crate) fn options() -> LedgerOptions {
    LedgerOptions {
        origin: "host.example/shop".into(),
        create: true,
        accept_missing_checkpoint: false,
        accept_clock: false,
        segment_size_bytes: 4000,
        progress: None,
    }
}

/// A transaction of one row.
pub(crate) fn row(key: &str, text: &[u8], random: &dyn Random) -> Sealed {
    rows(&[key], text, random)
}

pub(crate) fn rows(keys: &[&str], text: &[u8], random: &dyn Random) -> Sealed {
    let change = |key: &&str| Change {
        object: 16384,
        key: key.as_bytes().to_vec(),
        op: Op::Insert,
        prev_tx: 0,
        key_salt: [1; 16],
        schema_tx: 1,
        cells: Some(Cells::new([Cell { column: 1, code: 0x19, bytes: text }])),
        moved_to: None,
    };
    let meta = Meta { user: Some("ada".into()), ..Meta::default() };
    seal(keys.iter().map(change).collect(), meta, false, random).unwrap()
}

/// Bytes that no compression makes shorter.
pub(crate) fn noise(length: usize, random: &dyn Random) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}

pub(crate) fn replayed(ledger: &Ledger, from: u64) -> Vec<Record> {
    let mut records = Vec::new();
    ledger
        .replay(from, &mut |record| {
            records.push(record);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    records
}

struct World {
    host: Host,
    clock: Arc<ManualClock>,
    disk: MemoryDisk,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::new(START_US));
    let disk = MemoryDisk::new();
    let host =
        Host { disk: Arc::new(disk.clone()), clock: clock.clone(), random: Arc::new(SeededRandom::new(11)) };
    World { host, clock, disk }
}

impl World {
    fn open(&self) -> Ledger {
        self.try_open(options()).unwrap()
    }
    fn try_open(&self, options: LedgerOptions) -> Result<Ledger> {
        Ledger::open(self.host.clone(), Path::new("db"), options)
    }
    fn row(&self, key: &str) -> Sealed {
        row(key, b"some text", &*self.host.random)
    }
}

#[test]
fn groups_get_numbers_and_times_and_come_back() {
    let world = world();
    let ledger = world.open();
    assert_eq!((ledger.size(), ledger.durable_size()), (1, 1));
    world.clock.advance_us(100);
    let given = ledger.append(&[world.row("a"), world.row("b")]).unwrap();
    assert_eq!(given, [(1, START_US + 100), (2, START_US + 100)]);
    assert_eq!((ledger.size(), ledger.durable_size()), (3, 1));
    assert_eq!(ledger.resolve(At::Latest), Ok(0));
    ledger.sync().unwrap();
    assert_eq!(ledger.durable_size(), 3);
    world.clock.set_now_us(START_US + 50);
    assert_eq!(ledger.append(&[world.row("c")]).unwrap(), [(3, START_US + 100)]);
    assert_eq!(ledger.append(&[]).unwrap(), []);

    let read = ledger.read(2).unwrap();
    assert_eq!((read.tx, read.changes[0].key.as_slice()), (2, b"b".as_slice()));
    assert_eq!(read.meta.user.as_deref(), Some("ada"));
    assert!(ledger.read(0).unwrap().changes.is_empty());
    let error = ledger.read(4).unwrap_err();
    assert_eq!((error.state.code(), error.message.as_str()), ("22023", "transaction 4 does not exist"));
    assert_eq!(error.detail.as_deref(), Some("The ledger holds transactions 0 to 3."));
    assert_eq!(replayed(&ledger, 1).iter().map(|record| record.tx).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(ledger.origin(), "host.example/shop");
}

#[test]
fn one_ledger_at_a_time() {
    let world = world();
    let ledger = world.open();
    assert_eq!(world.try_open(options()).err().unwrap().state.code(), "55006");
    drop(ledger);
    world.open();
    let none =
        Ledger::open(world.host.clone(), Path::new("other"), LedgerOptions { create: false, ..options() });
    assert_eq!(none.err().unwrap().message, "there is no ledger in \"other\"");
}

/// Hundreds of transactions in groups of many sizes over many segments, some in parts, with reopenings.
#[test]
fn everything_is_found_again_after_reopening() {
    let world = world();
    let random = SeededRandom::new(3);
    let mut ledger = world.open();
    let mut written = vec![(Vec::new(), START_US)];
    let mut checkpoints = Vec::new();
    for round in 0..120 {
        world.clock.advance_us(random.below(3) * 1000);
        let group: Vec<Sealed> = (0..1 + random.below(5))
            .map(|number| {
                let length = if random.chance(10) { 9000 } else { random.below(300) } as usize;
                row(&format!("{round}.{number}"), &vec![7; length], &*world.host.random)
            })
            .collect();
        for (sealed, (tx, time)) in group.iter().zip(ledger.append(&group).unwrap()) {
            assert_eq!(tx, written.len() as u64);
            written.push((sealed.changes.clone(), time));
        }
        if random.chance(50) {
            ledger.sync().unwrap();
            checkpoints.push(ledger.checkpoint().unwrap());
        }
        if random.chance(10) {
            drop(ledger);
            ledger = world.open();
            assert!(ledger.notices().is_empty(), "{:?}", ledger.notices());
            assert_eq!(ledger.durable_size(), written.len() as u64);
        }
    }
    ledger.sync().unwrap();
    checkpoints.push(ledger.checkpoint().unwrap());
    let segments = world.disk.list(Path::new("db/log")).unwrap();
    assert!(segments.iter().filter(|name| name.ends_with(".seg")).count() > 20, "{segments:?}");

    let records = replayed(&ledger, 0);
    assert_eq!(records.len(), written.len());
    let size = ledger.size();
    let root = ledger.root(size).unwrap();
    for (tx, (changes, time)) in (0u64..).zip(&written) {
        let record = ledger.read(tx).unwrap();
        assert_eq!((&record.changes, record.committed_at), (changes, *time));
        assert_eq!(record.transaction, records[tx as usize].transaction);
        assert_eq!(ledger.committed_at(tx), Ok(*time));
        let path = ledger.inclusion(tx, size).unwrap();
        assert!(verify_inclusion::<Sha2>(&hash::leaf::<Sha2>(&record.transaction), tx, size, &path, &root));
        let expected = written.iter().rposition(|(_, other)| other <= time).unwrap() as u64;
        assert_eq!(ledger.resolve(At::Time(*time)), Ok(expected), "time of {tx}");
        assert_eq!(
            ledger.resolve(At::Time(*time - 1)).ok(),
            written.iter().rposition(|w| w.1 < *time).map(|at| at as u64)
        );
    }
    let error = ledger.resolve(At::Time(START_US - 1)).unwrap_err();
    assert_eq!(
        (error.state.code(), error.message.as_str()),
        ("22023", "the ledger holds no transaction of that time or before")
    );
    assert_eq!(
        error.detail.as_deref(),
        Some("Its first transaction was committed at 2025-10-09 08:53:20+00.")
    );
    assert_eq!(ledger.resolve(At::Time(i64::MAX)), Ok(size - 1));
    assert_eq!(ledger.resolve(At::Transaction(size)).unwrap_err().state.code(), "22023");

    let key = proof::note::VerifierKey::parse(&ledger.verifier_key()).unwrap();
    for note in &checkpoints {
        let signed = SignedCheckpoint::parse(note).unwrap();
        let old = signed.verify(&key, &proof::note::verify_ed25519).unwrap();
        let path = ledger.consistency(old.size, size).unwrap();
        assert!(verify_consistency::<Sha2>(old.size, &old.root, size, &root, &path));
        assert_eq!(ledger.root(old.size).unwrap(), old.root);
    }
    assert!(ledger.consistency(5, 4).is_err());
    assert!(ledger.inclusion(4, 4).is_err());
    assert!(ledger.root(size + 1).is_err());
}

#[test]
fn derived_files_are_made_again() {
    let world = world();
    let ledger = world.open();
    for number in 0..60 {
        ledger.append(&[world.row(&number.to_string())]).unwrap();
    }
    ledger.sync().unwrap();
    let checkpoint = ledger.checkpoint().unwrap();
    drop(ledger);
    let log = Path::new("db/log");
    for name in world.disk.list(log).unwrap().iter().filter(|name| name.ends_with(".dir")) {
        let path = log.join(name);
        let file = world.disk.open(&path, OpenMode::Write).unwrap();
        // The first half lost, or lies in the middle.
        if name.ends_with("1.dir") {
            file.set_len(20).unwrap()
        } else {
            file.write_all_at(&[9; 8], 16).unwrap()
        };
    }
    world.disk.remove_file(Path::new("db/tiles/L0")).unwrap();
    let ledger = world.open();
    assert_eq!(ledger.notices().len(), 1, "{:?}", ledger.notices());
    assert_eq!(ledger.checkpoint().unwrap(), checkpoint);
    assert_eq!(replayed(&ledger, 0).len(), 61);
    for tx in 0..61 {
        assert_eq!(ledger.read(tx).map(|record| record.tx), Ok(tx));
    }
    drop(ledger);
    assert!(world.open().notices().is_empty());
}

fn flip_bit(disk: &MemoryDisk, path: &str, at: usize) {
    let path = Path::new(path);
    let mut bytes = disk.read(path).unwrap();
    bytes[at] ^= 1;
    disk.replace(path, &bytes, false).unwrap();
}

/// A tile of old transactions: nothing reads it at a start, whoever reads it names it, and never the log.
#[test]
fn a_wrong_tile_is_named_when_it_is_read_and_made_again_at_the_next_start() {
    let world = world();
    let ledger = world.open();
    for group in 0..100 {
        let rows: Vec<Sealed> = (0..9).map(|number| world.row(&format!("{group}.{number}"))).collect();
        ledger.append(&rows).unwrap();
    }
    ledger.sync().unwrap();
    let (size, checkpoint) = (ledger.size(), ledger.checkpoint().unwrap());
    let proofs =
        |ledger: &Ledger| (ledger.inclusion(300, 700), ledger.consistency(300, size), ledger.root(300));
    let right = proofs(&ledger);
    drop(ledger);
    flip_bit(&world.disk, "db/tiles/L0", 270 * 32);
    let ledger = world.open();
    assert_eq!(ledger.notices(), [""; 0]);
    for tx in (0..size).rev() {
        match ledger.read(tx) {
            Ok(record) => assert!(record.tx == tx && !(256..512).contains(&tx)),
            Err(error) => {
                assert!((256..512).contains(&tx), "{tx}: {error}");
                let expected = "tile file \"db/tiles/L0\", offset 8192, transactions 256 to 511: ";
                assert!(error.state.code() == "XX001" && error.message.starts_with(expected), "{error}");
            }
        }
    }
    let (inclusion, consistency, root) = proofs(&ledger);
    assert!(inclusion.is_err() && consistency.is_err() && root.is_err());
    // Nothing that is written depends on it.
    assert!(!ledger.is_stopped());
    ledger.append(&[world.row("after")]).unwrap();
    ledger.sync().unwrap();
    ledger.publish().unwrap();
    drop(ledger);

    // The segment at the end is read at each start, with its leaves.
    for notices in [1, 0] {
        let ledger = world.open();
        assert_eq!(ledger.notices().len(), notices, "{:?}", ledger.notices());
        assert!(
            ledger.notices().iter().all(|notice| notice.contains("offset 8192, transactions 256 to 511"))
        );
        assert_eq!(proofs(&ledger), right);
        assert_eq!(ledger.read(270).map(|record| record.tx), Ok(270));
        let old = SignedCheckpoint::parse(&checkpoint).unwrap();
        assert_eq!(ledger.root(size), Ok(old.unverified().root));
    }
}

#[test]
fn a_wrong_tile_of_the_tail_is_no_damage_to_the_log() {
    let world = world();
    let open = || world.try_open(LedgerOptions { segment_size_bytes: 1 << 20, ..options() }).unwrap();
    let ledger = open();
    let rows: Vec<Sealed> = (0..300).map(|number| world.row(&number.to_string())).collect();
    ledger.append(&rows).unwrap();
    ledger.sync().unwrap();
    ledger.publish().unwrap();
    drop(ledger);
    flip_bit(&world.disk, "db/tiles/L0", 100 * 32);
    let ledger = open();
    assert_eq!(ledger.notices().len(), 1, "{:?}", ledger.notices());
    assert!(ledger.notices()[0].contains("offset 0, transactions 0 to 255"), "{:?}", ledger.notices());
    assert_eq!(replayed(&ledger, 0).len(), 301);
    drop(ledger);
    assert_eq!(open().notices(), [""; 0]);
}

#[test]
fn without_a_checkpoint_it_asks() {
    let world = world();
    let ledger = world.open();
    ledger.append(&[world.row("a")]).unwrap();
    ledger.sync().unwrap();
    let note = ledger.checkpoint().unwrap();
    drop(ledger);
    let path = Path::new("db/checkpoint");
    let accept = || LedgerOptions { accept_missing_checkpoint: true, ..options() };
    for damage in [None, Some(note.replace("shop\n2\n", "shop\n3\n")), Some(String::new())] {
        match &damage {
            None => world.disk.remove_file(path).unwrap(),
            Some(text) => world.disk.replace(path, text.as_bytes(), false).unwrap(),
        }
        let error = world.try_open(options()).err().unwrap();
        assert_eq!(error.state.code(), "XX001");
        assert!(error.hint.as_ref().unwrap().contains("--accept-missing-checkpoint"), "{error}");
        let ledger = world.try_open(accept()).unwrap();
        assert!(ledger.notices()[0].contains("taken as it is"), "{:?}", ledger.notices());
        assert_eq!(ledger.checkpoint().unwrap(), note);
    }
    world.open();
}

#[test]
fn a_clock_that_is_wrong_stops_commits_but_not_reads() {
    let world = world();
    let ledger = world.open();
    world.clock.advance_us(5_000_000);
    ledger.append(&[world.row("a")]).unwrap();
    ledger.sync().unwrap();
    drop(ledger);
    world.clock.set_now_us(START_US);
    let ledger = world.open();
    let error = ledger.append(&[world.row("b")]).unwrap_err();
    assert_eq!(error.state.code(), "55000");
    assert_eq!(error.message, "cannot commit: the clock is 5.000000 seconds behind the last commit");
    assert!(ledger.read(1).is_ok() && !ledger.is_stopped());
    drop(ledger);
    let ledger = world.try_open(LedgerOptions { accept_clock: true, ..options() }).unwrap();
    assert_eq!(ledger.append(&[world.row("b")]).unwrap(), [(2, START_US + 5_000_000)]);
}

#[test]
fn reads_go_on_while_groups_are_appended() {
    let world = world();
    let ledger = world.open();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|number| {
                let ledger = &ledger;
                scope.spawn(move || {
                    let random = SeededRandom::new(number);
                    let mut reads = 0;
                    while ledger.durable_size() < 300 || reads < 50 {
                        let size = ledger.size();
                        let tx = random.below(size);
                        assert_eq!(ledger.read(tx).unwrap().tx, tx);
                        ledger.inclusion(tx, size).unwrap();
                        ledger.resolve(At::Time(START_US)).unwrap();
                        reads += 1;
                    }
                })
            })
            .collect();
        let publisher = scope.spawn(|| {
            while ledger.durable_size() < 300 {
                ledger.publish().unwrap();
            }
        });
        while ledger.size() < 300 {
            ledger.append(&[world.row("a"), world.row("b")]).unwrap();
            ledger.sync().unwrap();
        }
        publisher.join().unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(replayed(&ledger, 0).len() as u64, ledger.size());
}

#[test]
fn on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("databases/shop");
    let open = || Ledger::open(Host::real(), &dir, options());
    let ledger = open().unwrap();
    let random = SeededRandom::new(1);
    for number in 0..40 {
        ledger.append(&[row(&number.to_string(), &[1; 200], &random)]).unwrap();
        ledger.sync().unwrap();
    }
    assert_eq!(open().err().unwrap().state.code(), "55006");
    let checkpoint = ledger.checkpoint().unwrap();
    drop(ledger);
    let ledger = open().unwrap();
    assert_eq!(ledger.checkpoint().unwrap(), checkpoint);
    assert_eq!(replayed(&ledger, 0).len(), 41);
    assert_eq!(crate::audit::audit(&Host::real(), &dir, None).unwrap().findings, []);
}

/// The bytes of a small ledger, all chance and time seeded: a change of any format shows here.
#[test]
fn the_bytes_of_a_ledger() {
    let disk = MemoryDisk::new();
    let host = Host { disk: Arc::new(disk.clone()), ..Host::memory(1) };
    let ledger = Ledger::open(host, Path::new("db"), options()).unwrap();
    let random = SeededRandom::new(2);
    ledger.append(&[row("k", b"Ada", &random)]).unwrap();
    ledger.append(&[row("large", &[0x2e; 2100], &random)]).unwrap();
    ledger.sync().unwrap();
    ledger.publish().unwrap();
    drop(ledger);
    let mut text = String::new();
    text += &String::from_utf8(disk.read(Path::new("db/checkpoint")).unwrap()).unwrap();
    text += "\n";
    for name in ["log/00000000000000000001.seg", "tiles/L0"] {
        text += &format!("{name}\n");
        let bytes = disk.read(&Path::new("db").join(name)).unwrap();
        for (at, line) in bytes.chunks(32).enumerate() {
            text += &format!("{:6}  {}\n", at * 32, proof::text::hex_encode(line));
        }
        text += "\n";
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger/golden.txt");
    let real = host::RealDisk;
    if std::env::var_os("STELE_BLESS").is_some() {
        real.replace(&golden, text.as_bytes(), false).unwrap();
    }
    assert_eq!(text, String::from_utf8(real.read(&golden).unwrap()).unwrap());
}
