//! The ledger on a disk that fails: groups of several transactions in a block, some of them in parts, which the lives of
//! a whole store (`tests/faults`) cannot make from a seed; and damage that is found while it runs.
//!
//! After every reopening the ledger holds exactly the groups that were acknowledged, or also those in flight, in order
//! and whole; every checkpoint ever signed is a prefix of it.

use super::tests::{noise, options, row};
use super::*;
use crate::audit::audit;
use crate::check::Verdict;
use crate::record::Change;
use host::faulty::Failure;
use host::{Disk, FaultyDisk, ManualClock, SeededRandom};

/// What must be true of a ledger.
struct Life {
    seed: u64,
    disk: FaultyDisk,
    host: Host,
    random: SeededRandom,
    /// The changes of each transaction that was ordered or in flight, genesis first.
    written: Vec<Vec<Change>>,
    /// Sizes at which a group ends.
    ends: Vec<u64>,
    acknowledged: u64,
    checkpoints: Vec<(u64, Hash)>,
    stops: u64,
}

type Hash = [u8; 32];

impl Life {
    fn new(seed: u64) -> Life {
        let disk = FaultyDisk::new(seed);
        let host = Host {
            disk: Arc::new(disk.clone()),
            clock: Arc::new(ManualClock::new(super::tests::START_US)),
            random: Arc::new(SeededRandom::new(!seed)),
        };
        let random = SeededRandom::new(seed.wrapping_mul(31));
        Life {
            seed,
            disk,
            host,
            random,
            written: vec![Vec::new()],
            ends: vec![1],
            acknowledged: 1,
            checkpoints: Vec::new(),
            stops: 0,
        }
    }

    fn open(&self) -> Result<Ledger> {
        let options = LedgerOptions { segment_size_bytes: 3000, ..options() };
        Ledger::open(self.host.clone(), Path::new("db"), options)
    }

    /// Opens what must open, and compares.
    fn reopen(&mut self) -> Ledger {
        let seed = self.seed;
        let ledger = self.open().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let size = ledger.size();
        assert!(size >= self.acknowledged, "seed {seed}: {size} of {} acknowledged", self.acknowledged);
        assert!(self.ends.contains(&size), "seed {seed}: a group in part: {size} of {:?}", self.ends);
        for (tx, changes) in (0..size).zip(&self.written) {
            let record = ledger.read(tx).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(record.changes, *changes, "seed {seed}: transaction {tx}");
        }
        for (signed, root) in &self.checkpoints {
            assert_eq!(ledger.root(*signed).unwrap(), *root, "seed {seed}: the checkpoint of {signed}");
        }
        self.written.truncate(size as usize);
        self.ends.retain(|end| *end <= size);
        self.acknowledged = size;
        ledger
    }

    fn group(&self) -> Vec<Sealed> {
        (0..1 + self.random.below(4))
            .map(|number| {
                let length = if self.random.chance(15) { 4000 } else { self.random.below(200) } as usize;
                // Compressed, or not.
                let text = if self.random.chance(50) { vec![5; length] } else { noise(length, &self.random) };
                row(&format!("{}.{number}", self.written.len()), &text, &self.random)
            })
            .collect()
    }

    fn append(&mut self, ledger: &Ledger) {
        let group = self.group();
        let before = ledger.size();
        let appended = ledger.append(&group);
        assert!(appended.is_ok() || ledger.size() == before, "seed {}", self.seed);
        if appended.is_ok() || ledger.is_stopped() {
            // Ordered, or perhaps on disk all the same. Nothing comes after what stopped it.
            self.written.truncate(before as usize);
            self.written.extend(group.iter().map(|sealed| sealed.changes.clone()));
            self.ends.push(self.written.len() as u64);
        }
    }

    fn work(&mut self, ledger: &Ledger) {
        for _ in 0..1 + self.random.below(12) {
            match self.random.below(10) {
                0..5 => self.append(ledger),
                5..8 => {
                    let ordered = ledger.size();
                    if ledger.sync().is_ok() {
                        self.acknowledged = ordered;
                    } else {
                        assert!(ledger.is_stopped(), "seed {}: a failed sync did not stop it", self.seed);
                    }
                }
                8 => {
                    if let Ok(note) = ledger.checkpoint() {
                        let signed = SignedCheckpoint::parse(&note).unwrap();
                        self.checkpoints.push((signed.unverified().size, signed.unverified().root));
                    }
                }
                _ => {
                    // Whatever has happened, what was written is read or an error of the disk.
                    let tx = self.random.below(ledger.size());
                    match ledger.read(tx) {
                        Ok(record) => {
                            assert_eq!(record.changes, self.written[tx as usize], "seed {}", self.seed)
                        }
                        Err(error) => assert_eq!(error.state.code(), "58030", "seed {}: {error}", self.seed),
                    }
                }
            }
            if ledger.is_stopped() {
                self.stops += 1;
                assert!(ledger.append(&self.group()).is_err());
                return;
            }
        }
    }

    fn fault(&self) {
        let nth = 1 + self.random.below(40);
        match self.random.below(5) {
            0 => self.disk.fail_at(nth, Failure::Once),
            1 => self.disk.fail_at(nth, Failure::Forever),
            2 => self.disk.fail_at(nth, Failure::ShortRead),
            3 => self.disk.set_capacity(Some(self.disk.used_bytes() + self.random.below(6000))),
            _ => {}
        }
    }
}

#[test]
fn every_life_keeps_what_it_acknowledged() {
    let (mut lives, mut stops, mut cut) = (0, 0, 0);
    for seed in 0..250 {
        let mut life = Life::new(seed);
        // It may be cut short in the making.
        while life.random.chance(50) {
            life.disk.fail_at(1 + life.random.below(30), Failure::Forever);
            let made = life.open().is_ok();
            life.disk.crash();
            if made {
                break;
            }
        }
        for _ in 0..1 + life.random.below(6) {
            let ledger = life.reopen();
            cut += ledger.notices().len();
            life.fault();
            life.work(&ledger);
            if life.random.chance(80) {
                life.disk.crash();
                drop(ledger);
            } else {
                // Killed, not powered off: the system's cache survives.
                drop(ledger);
                life.disk.heal();
            }
        }
        drop(life.reopen());
        let report = audit(&life.host, Path::new("db"), None).unwrap();
        assert!(
            report.findings.iter().all(|finding| finding.verdict != Verdict::Damaged),
            "seed {seed}: {report}"
        );
        lives += 1;
        stops += life.stops;
    }
    assert!(stops > lives / 10 && cut > 10, "{lives} lives, {stops} stops, {cut} cuts: too easy a test");
}

#[test]
fn a_failed_fsync_is_final() {
    let mut life = Life::new(1);
    let ledger = life.reopen();
    life.append(&ledger);
    life.disk.fail_at(1, Failure::Once);
    assert_eq!(ledger.sync().unwrap_err().state.code(), "58030");
    for refused in [ledger.sync(), ledger.append(&life.group()).map(drop)] {
        let error = refused.unwrap_err();
        assert!(error.message.starts_with("the ledger takes no more writes: could not fsync"), "{error}");
    }
    assert_eq!(ledger.durable_size(), 1);
    assert!(ledger.read(1).is_ok() && ledger.checkpoint().is_ok());
}

#[test]
fn a_damaged_block_stops_writes_and_leaves_the_other_reads() {
    let mut life = Life::new(2);
    let ledger = life.reopen();
    let groups: Vec<_> = (0..30).map(|_| ledger.append(&life.group()).unwrap()).collect();
    ledger.sync().unwrap();
    let file = "db/log/00000000000000000001.seg";
    life.disk.flip_bit(Path::new(file), 700, 3).unwrap();
    let hit: Vec<(u64, Error)> =
        (0..ledger.size()).filter_map(|tx| ledger.read(tx).err().map(|error| (tx, error))).collect();
    assert!(!hit.is_empty() && hit.len() < groups.len());
    for (tx, error) in &hit {
        assert_eq!(error.state.code(), "XX001", "transaction {tx}: {error}");
        assert!(error.message.contains(file) && error.message.contains("offset"), "{error}");
    }
    assert!(ledger.is_stopped());
    assert!(ledger.append(&life.group()).unwrap_err().message.starts_with("the ledger takes no more writes"));
}

/// What nobody signed is cut only if nothing says that it was durable.
#[test]
fn a_damaged_block_that_a_later_one_calls_durable_is_no_torn_end() {
    for (damage_last, opens) in [(true, true), (false, false)] {
        let mut life = Life::new(3);
        let ledger = life.reopen();
        let mut ends = vec![ledger_bytes(&life)];
        for _ in 0..2 {
            ledger.append(&[row("k", b"v", &life.random)]).unwrap();
            ledger.sync().unwrap();
            ends.push(ledger_bytes(&life));
        }
        drop(ledger);
        let at = if damage_last { ends[1] } else { ends[0] } + 150;
        life.disk.flip_bit(Path::new("db/log/00000000000000000001.seg"), at, 0).unwrap();
        match life.open() {
            Ok(ledger) => {
                assert!(opens);
                assert_eq!(ledger.size(), 2);
                assert!(ledger.notices()[0].contains("transaction 2"), "{:?}", ledger.notices());
            }
            Err(error) => {
                assert!(!opens, "{error}");
                assert!(
                    error.message.contains(&format!("offset {}, block 2, transaction 1", ends[0])),
                    "{error}"
                );
                let detail = error.detail.clone().unwrap();
                assert_eq!(
                    detail,
                    "This is no torn end of a write: block 3 after it says that it was durable."
                );
            }
        }
    }
}

fn ledger_bytes(life: &Life) -> u64 {
    life.disk.read(Path::new("db/log/00000000000000000001.seg")).unwrap().len() as u64
}

/// Whatever call of its making failed: a checkpoint that is lost later never looks like one that was not made yet.
#[test]
fn a_ledger_that_was_made_is_never_made_again() {
    for (nth, seed) in (1..45).flat_map(|nth| (0..6).map(move |seed| (nth, seed))) {
        let mut life = Life::new(seed);
        life.disk.fail_at(nth, Failure::Once);
        drop(life.open());
        life.disk.heal();
        let ledger = life.reopen();
        life.append(&ledger);
        ledger.sync().unwrap();
        life.disk.crash();
        drop(ledger);
        life.disk.overwrite(Path::new("db/checkpoint"), None);
        let refusal = life.open().err().unwrap_or_else(|| panic!("call {nth}: it was made again"));
        assert!(refusal.message.ends_with("\"db/checkpoint\" is missing beside a log"), "{refusal}");
    }
}

/// A large transaction that finds no room is undone over several segments, whatever cannot be read on the way.
#[test]
fn undoing_is_no_damage() {
    for nth in 1..60 {
        let mut life = Life::new(nth);
        let ledger = life.reopen();
        life.append(&ledger);
        let before = ledger.size();
        life.disk.set_capacity(Some(life.disk.used_bytes() + 9_000));
        life.disk.fail_at(nth, Failure::ShortRead);
        let error = ledger.append(&[row("large", &noise(20_000, &life.random), &life.random)]).unwrap_err();
        assert!(["53100", "58030"].contains(&error.state.code()), "call {nth}: {error}");
        assert_eq!((ledger.size(), ledger.is_stopped()), (before, error.state.code() == "58030"));
    }
}

/// Bytes of a write that found no room, cut off with an fsync that failed, must not come back behind the segment's end.
#[test]
fn a_cut_whose_fsync_failed_stays_a_cut() {
    for seed in 0..30 {
        let mut life = Life::new(seed);
        let ledger = life.reopen();
        let write = |life: &mut Life, ledger: &Ledger, length: usize| {
            let group = [row(&life.written.len().to_string(), &noise(length, &life.random), &life.random)];
            ledger.append(&group)?;
            life.written.push(group[0].changes.clone());
            life.ends.push(life.written.len() as u64);
            Ok::<(), Error>(())
        };
        while ledger_bytes(&life) < 2300 {
            write(&mut life, &ledger, 50).unwrap();
        }
        ledger.sync().unwrap();
        life.disk.set_capacity(Some(life.disk.used_bytes() + 1200));
        // The write, the truncation, its fsync.
        life.disk.fail_at(3, Failure::Once);
        assert!(write(&mut life, &ledger, 1300).is_err() && ledger.is_stopped());
        drop(ledger);
        life.disk.heal();
        let ledger = life.reopen();
        for _ in 0..6 {
            write(&mut life, &ledger, 50).unwrap();
        }
        ledger.sync().unwrap();
        life.acknowledged = ledger.size();
        life.disk.crash();
        drop(ledger);
        life.reopen();
    }
}

/// The system tells of a failed fsync once: whoever syncs the same file at the same time must not take the next one's
/// success for its own.
#[test]
fn a_failed_fsync_is_told_to_all_who_wait() {
    for seed in 0..10 {
        let mut life = Life::new(seed);
        let ledger = life.reopen();
        let group = |number: u64| [row(&number.to_string(), &[5; 100], &life.random)];
        while ledger_bytes(&life) < 3000 {
            ledger.append(&group(ledger.size())).unwrap();
        }
        life.disk.set_writes_take(std::time::Duration::from_millis(4));
        life.disk.fail_at(1, Failure::Once);
        let next = group(ledger.size());
        let (rolled, synced) = std::thread::scope(|scope| {
            // The segment is full: this syncs it before it makes the next one.
            let rolls = scope.spawn(|| ledger.append(&next).map(drop));
            let synced = ledger.sync();
            (rolls.join().unwrap(), synced)
        });
        assert!(rolled.is_err() && synced.is_err(), "seed {seed}: {rolled:?} {synced:?}");
    }
}
