//! Backup and restore of one ledger, with groups of several transactions in a block, parts, and several segments.

use crate::cells;
use host::{FaultyDisk, Host, ManualClock, MemoryDisk, SeededRandom};
use kv::ledger::{Ledger, LedgerOptions};
use kv::record::{self, Change, Op};
use kv::restore::{Restore, Until};
use kv::{Meta, backup, restore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::Result;

const DATA: &str = "/data";
const BACKUP: &str = "/backup";

struct World {
    host: Host,
    clock: Arc<ManualClock>,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::new(1_760_000_000_000_000));
    let random = Arc::new(SeededRandom::new(11));
    World { host: Host { disk: Arc::new(MemoryDisk::new()), clock: clock.clone(), random }, clock }
}

fn options() -> LedgerOptions {
    LedgerOptions {
        origin: "test.example/shop".into(),
        create: true,
        accept_missing_checkpoint: false,
        accept_clock: false,
        segment_size_bytes: 3 << 10,
        progress: None,
    }
}

fn open(host: &Host, folder: &str) -> Ledger {
    Ledger::open(host.clone(), Path::new(folder), LedgerOptions { create: folder == DATA, ..options() })
        .unwrap()
}

/// One block with a transaction for each of these sizes.
fn append(world: &World, ledger: &Ledger, sizes: &[usize]) {
    let sealed = |bytes: &usize| {
        // Long ones cannot be compressed.
        let mut text = vec![7; *bytes];
        if *bytes > 1_000 {
            world.host.random.fill(&mut text);
        }
        let change = Change {
            object: 16_384,
            key: host::random::bytes::<8>(&*world.host.random).into(),
            op: Op::Insert,
            prev_tx: 0,
            key_salt: [1; 16],
            schema_tx: 1,
            cells: Some(cells(&text)),
            moved_to: None,
        };
        record::seal(vec![change], Meta::default(), false, &*world.host.random).unwrap()
    };
    world.clock.advance_us(1_000_000);
    ledger.append(&sizes.iter().map(sealed).collect::<Vec<_>>()).unwrap();
    ledger.sync().unwrap();
}

/// Groups of one and more, small ones and ones in parts.
const GROUPS: [&[usize]; 9] =
    [&[9], &[1, 2, 3], &[4000], &[5, 5000, 6], &[1], &[7, 8], &[2000, 2000], &[3; 7], &[1]];

fn filled(world: &World) -> Ledger {
    let ledger = open(&world.host, DATA);
    GROUPS.iter().for_each(|sizes| append(world, &ledger, sizes));
    ledger.publish().unwrap();
    ledger
}

fn back_up(host: &Host) -> Result<backup::BackedUp> {
    backup::backup(host, Path::new(DATA), Path::new(BACKUP), true, None)
}

fn restore_to(host: &Host, folder: &str, until: Until) -> Result<restore::Restored> {
    let what = Restore {
        until,
        new_origin: false,
        new_key: false,
        origin_row: &|origin, _| Ok((6, origin.into(), cells(origin.as_bytes()))),
        ledger: options(),
    };
    restore::restore(host, Path::new(BACKUP), Path::new(folder), what)
}

fn is_sound(host: &Host, folder: &str) {
    let report = kv::audit::audit(host, Path::new(folder), None).unwrap();
    assert!(report.findings.is_empty(), "{folder}: {report}");
}

#[test]
fn every_transaction_of_a_group_can_be_the_last() {
    let world = world();
    let ledger = filled(&world);
    let size = ledger.size();
    assert_eq!(back_up(&world.host).unwrap().transactions, size);
    is_sound(&world.host, BACKUP);
    assert!(world.host.disk.list(&Path::new(BACKUP).join("log")).unwrap().len() > 4);
    let mut untils: Vec<(u64, Until)> = (0..size).map(|tx| (tx, Until::Transaction(tx))).collect();
    untils.extend((0..size).map(|tx| {
        let at = ledger.committed_at(tx).unwrap();
        let last = (tx..size).take_while(|later| ledger.committed_at(*later).unwrap() == at).last().unwrap();
        (last, Until::Time(at))
    }));
    for (number, (last, until)) in untils.into_iter().enumerate() {
        let folder = format!("/restored-{number}");
        let restored = restore_to(&world.host, &folder, until).unwrap();
        assert_eq!((restored.transactions, restored.of_transactions), (last + 1, size), "{until:?}");
        let cut = last + 1 < size;
        assert_eq!(restored.new_origin.is_some(), cut);
        {
            let copy = open(&world.host, &folder);
            assert_eq!(copy.size(), last + 1 + u64::from(cut), "{until:?}");
            assert_eq!(copy.root(last + 1).unwrap(), ledger.root(last + 1).unwrap());
            assert_eq!(copy.database_id(), ledger.database_id());
            for tx in 0..=last {
                let (then, now) = (ledger.read(tx).unwrap(), copy.read(tx).unwrap());
                assert_eq!((then.transaction, then.changes), (now.transaction, now.changes));
            }
            append(&world, &copy, &[1, 5000]);
            copy.publish().unwrap();
        }
        is_sound(&world.host, &folder);
    }
    let before = Until::Time(ledger.committed_at(0).unwrap() - 1);
    assert_eq!(restore_to(&world.host, "/none", before).unwrap_err().state.code(), "22023");
    let beyond = restore_to(&world.host, "/none-2", Until::Transaction(size));
    assert_eq!(beyond.unwrap_err().state.code(), "22023");
}

#[test]
fn a_backup_grows_and_is_always_what_was_signed() {
    let world = world();
    let ledger = open(&world.host, DATA);
    let mut before = 0;
    for (round, sizes) in GROUPS.iter().cycle().take(40).enumerate() {
        append(&world, &ledger, sizes);
        // What is not signed is not in the backup.
        if round % 3 == 0 {
            ledger.publish().unwrap();
        }
        let signed = kv::ledger::trust(&world.host, Path::new(DATA)).unwrap().checkpoint.unwrap();
        let done = back_up(&world.host).unwrap();
        assert_eq!(done.transactions, signed.unverified().size);
        assert_eq!(done.new_transactions, done.transactions - before);
        assert_eq!(done.new_bytes == 0, done.new_transactions == 0);
        before = done.transactions;
    }
    is_sound(&world.host, BACKUP);
    let restored = restore_to(&world.host, "/restored", Until::End).unwrap();
    assert_eq!(restored.new_origin, None);
    let copy = open(&world.host, "/restored");
    assert_eq!(copy.root(before).unwrap(), ledger.root(before).unwrap());
    assert_eq!(copy.origin(), ledger.origin());
}

#[test]
fn a_backup_is_sound_beside_a_writer_that_makes_segments() {
    let world = world();
    let ledger = open(&world.host, DATA);
    let writing = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for sizes in GROUPS.iter().cycle().take(300) {
                append(&world, &ledger, sizes);
                ledger.publish().unwrap();
            }
            writing.store(false, std::sync::atomic::Ordering::Release);
        });
        while writing.load(std::sync::atomic::Ordering::Acquire) {
            let least = kv::ledger::trust(&world.host, Path::new(DATA)).unwrap().checkpoint.unwrap();
            let done = back_up(&world.host).unwrap();
            assert!(done.transactions >= least.unverified().size);
            is_sound(&world.host, BACKUP);
        }
    });
    assert_eq!(back_up(&world.host).unwrap().transactions, ledger.size());
    is_sound(&world.host, BACKUP);
}

/// Power loss at every call of a run that adds to a backup: what is there is the backup of before or of after, sound, and
/// the next run finishes it.
#[test]
fn a_backup_outlives_power_loss_at_every_call() {
    for nth in 1.. {
        let world = world();
        let disk = FaultyDisk::new(nth);
        let host = Host { disk: Arc::new(disk.clone()), ..world.host.clone() };
        let world = World { host: host.clone(), clock: world.clock };
        let ledger = open(&host, DATA);
        GROUPS[..4].iter().for_each(|sizes| append(&world, &ledger, sizes));
        ledger.publish().unwrap();
        back_up(&host).unwrap();
        let first = ledger.size();
        GROUPS[4..].iter().for_each(|sizes| append(&world, &ledger, sizes));
        ledger.publish().unwrap();
        let second = ledger.size();
        disk.fail_at(nth, host::faulty::Failure::Forever);
        let done = back_up(&host);
        disk.heal();
        disk.crash();
        if done.is_ok() {
            assert!(nth > 20, "the run made only {nth} calls");
            return;
        }
        let report = kv::check::check(&host, Path::new(BACKUP), None).unwrap();
        let signed = report.signed_size.unwrap();
        assert!([first, second].contains(&signed), "call {nth}: {report}");
        restore_to(&host, "/restored", Until::End).unwrap_or_else(|error| panic!("call {nth}: {error}"));
        is_sound(&host, "/restored");
        assert_eq!(back_up(&host).unwrap().transactions, second, "call {nth}");
        is_sound(&host, BACKUP);
    }
}

#[test]
fn a_source_that_is_not_what_was_backed_up_is_refused() {
    let world = world();
    drop(filled(&world));
    back_up(&world.host).unwrap();
    let log = Path::new(DATA).join("log");
    let flip = |path: &PathBuf, at: usize| {
        let mut bytes = world.host.disk.read(path).unwrap();
        bytes[at] ^= 1;
        world.host.disk.replace(path, &bytes, false).unwrap();
    };
    // A backup of a damaged log is none.
    let name = world.host.disk.list(&log).unwrap().into_iter().find(|name| name.ends_with(".seg")).unwrap();
    flip(&log.join(&name), 300);
    let other = Path::new("/other");
    let error = backup::backup(&world.host, Path::new(DATA), other, false, None).unwrap_err();
    assert_eq!(error.state.code(), "XX001");
    assert!(error.message.contains(&name), "{error}");
    assert!(!world.host.disk.exists(&other.join("checkpoint")));
    // An older copy of the ledger does not replace what the backup has.
    flip(&log.join(&name), 300);
    let checkpoint = Path::new(DATA).join("checkpoint");
    let note = world.host.disk.read(&checkpoint).unwrap();
    append(&world, &open(&world.host, DATA), &[1]);
    open(&world.host, DATA).publish().unwrap();
    back_up(&world.host).unwrap();
    world.host.disk.replace(&checkpoint, &note, false).unwrap();
    assert!(back_up(&world.host).unwrap_err().message.contains("is behind its backup"));
}
