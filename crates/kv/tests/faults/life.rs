//! One life of a store: opened, worked with, cut short, damaged, opened again, and compared with the model each time.

use crate::damage::{self, Damage, May};
use crate::model::{BY_LABEL, Found, Model, Verdict, ensure, unexpected};
use crate::planted::{Bug, BuggyDisk};
use crate::tally::Tally;
use crate::workload::{Met, Workload};
use host::faulty::Failure;
use host::{Disk, FaultyDisk, Host, ManualClock, SeededRandom};
use kv::audit::audit;
use kv::check::Verdict as Judgement;
use kv::ledger::LedgerOptions;
use kv::store::IndexEngine;
use kv::{At, Options, Store};
use std::path::Path;
use std::sync::Arc;
use types::Error;

pub struct Life {
    pub disk: FaultyDisk,
    bug: Option<Bug>,
    segment_size_bytes: u64,
    transaction_memory_bytes: usize,
    clock: Arc<ManualClock>,
    salts: Arc<SeededRandom>,
    pub random: SeededRandom,
    pub model: Model,
    pub tally: Tally,
    /// Tell what happens: for one seed that is looked at.
    aloud: bool,
}

pub const FOLDER: &str = "db";

/// A whole life. The error says what was wrong.
pub fn live(seed: u64, bug: Option<Bug>) -> Verdict<Tally> {
    let mut life = Life::new(seed, bug);
    life.begin()?;
    for _ in 0..1 + life.random.below(6) {
        let store = life.reopen()?;
        let faulty = life.arm();
        life.work(&store, faulty)?;
        life.end(store, faulty)?;
        if life.random.chance(40) {
            life.damage()?;
        }
    }
    life.rot_while_running()?;
    drop(life.reopen()?);
    life.audit()?;
    life.tally.lives = 1;
    life.tally.calls = life.disk.calls();
    Ok(life.tally)
}

impl Life {
    pub fn new(seed: u64, bug: Option<Bug>) -> Life {
        let random = SeededRandom::new(seed.wrapping_mul(31).wrapping_add(7));
        // From a block or two in a segment to all of them in one.
        let segment_size_bytes = [1_000, 3_000, 12_000, 1 << 20][random.below(4) as usize];
        Life {
            disk: FaultyDisk::new(seed),
            bug,
            segment_size_bytes,
            // In some lives a third write does not fit.
            transaction_memory_bytes: if seed.is_multiple_of(3) { 700 } else { 1 << 20 },
            clock: Arc::new(ManualClock::new(1_760_000_000_000_000)),
            salts: Arc::new(SeededRandom::new(!seed)),
            random,
            model: Model::new(),
            tally: Tally::default(),
            aloud: std::env::var_os("STELE_SEED").is_some(),
        }
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.aloud {
            println!("call {}: {}", self.disk.calls(), what());
        }
    }

    /// The world as the next process sees it.
    pub fn host(&self) -> Host {
        let disk = self.disk.for_process();
        let disk: Arc<dyn Disk> = match self.bug {
            Some(bug) => Arc::new(BuggyDisk::new(disk, bug)),
            None => Arc::new(disk),
        };
        Host { disk, clock: self.clock.clone(), random: self.salts.clone() }
    }

    /// Whether transactions outgrow their memory.
    pub fn spills(&self) -> bool {
        self.transaction_memory_bytes < 1_000
    }

    pub fn options(&self) -> Options {
        Options {
            ledger: LedgerOptions {
                origin: "test.example/faults".into(),
                create: true,
                accept_missing_checkpoint: false,
                accept_clock: false,
                segment_size_bytes: self.segment_size_bytes,
                progress: None,
            },
            index: IndexEngine::Memory,
            index_cache_bytes: 0,
            transaction_memory_bytes: self.transaction_memory_bytes,
            derive: Arc::new(BY_LABEL),
        }
    }

    pub fn open(&mut self) -> types::Result<Store> {
        self.tally.openings += 1;
        let opened = Store::open_still(self.host(), Path::new(FOLDER), self.options());
        self.say(|| match &opened {
            Ok(store) => {
                format!("opened: {} transactions {:?}", store.ledger().size(), store.ledger().notices())
            }
            Err(error) => format!("not opened: {error}"),
        });
        opened
    }

    /// The making of the store may be cut short.
    fn begin(&mut self) -> Verdict {
        while self.random.chance(40) {
            self.fail_within(40);
            match self.open() {
                Ok(store) => {
                    // A process that ended before the fault came: what it made is made.
                    self.model.signed(&published(&store)?)?;
                    self.power_off(store);
                    return Ok(());
                }
                Err(error) => self.disk_said_no(&error)?,
            }
            self.tally.cut_short += 1;
            self.interrupt();
        }
        Ok(())
    }

    fn fail_within(&self, calls: u64) {
        let nth = 1 + self.random.below(calls);
        let failure = match self.random.below(10) {
            0..5 => Failure::Forever,
            5..7 => Failure::Once,
            7 => Failure::Often(5 + self.random.below(60)),
            8 => Failure::ShortRead,
            _ => Failure::Full,
        };
        self.say(|| format!("{failure:?} in {nth} calls"));
        self.disk.fail_at(nth, failure);
    }

    /// Power loss, or the end of the process alone; then the disk works again.
    fn interrupt(&mut self) {
        if self.random.chance(70) {
            self.say(|| "power loss".into());
            self.disk.crash();
        } else {
            self.say(|| "the process ends".into());
            self.disk.kill();
            self.disk.heal();
        }
    }

    fn disk_said_no(&self, error: &Error) -> Verdict {
        let code = error.state.code();
        ensure!(["58030", "53100"].contains(&code), "a failing disk gives {code}: {error}");
        Ok(())
    }

    /// Opens what must open, perhaps only after several attempts that were cut short themselves.
    pub fn reopen(&mut self) -> Verdict<Store> {
        self.attempts_cut_short()?;
        self.disk.heal();
        let store = self.open().map_err(unexpected("reopening"))?;
        self.take_over(&store, self.model.durable)?;
        self.model.compare_all(&store, &self.random)?;
        Ok(store)
    }

    fn attempts_cut_short(&mut self) -> Verdict {
        let mut attempts = 0;
        while attempts < 3 && self.random.chance(30) {
            attempts += 1;
            self.fail_within(60);
            match self.open() {
                Ok(store) => {
                    self.disk.heal();
                    self.take_over(&store, self.model.durable)?;
                    self.power_off(store);
                }
                Err(error) => self.disk_said_no(&error)?,
            }
            self.tally.cut_short += 1;
            self.interrupt();
        }
        Ok(())
    }

    /// What a store that is open holds is from now on what must stay.
    fn take_over(&mut self, store: &Store, floor: u64) -> Verdict<Found> {
        self.tally.torn +=
            store.ledger().notices().iter().filter(|notice| notice.starts_with("cut ")).count() as u64;
        let found = self.model.settle(store, floor)?;
        self.model.signed(&published(store)?)?;
        self.tally.in_doubt_kept += found.in_doubt_kept;
        self.tally.unacknowledged_lost += found.unacknowledged_lost;
        Ok(found)
    }

    /// Sets a fault for the run. Whether there is one.
    fn arm(&mut self) -> bool {
        let nth = 1 + self.random.below(70);
        let failure = match self.random.below(12) {
            0 => Failure::Once,
            1 | 2 => Failure::Forever,
            3 => Failure::ShortRead,
            4 => Failure::Full,
            5 => Failure::Often(5 + self.random.below(60)),
            6 => {
                let room = self.random.below(9_000);
                self.say(|| format!("room for {room} bytes"));
                self.disk.set_capacity(Some(self.disk.used_bytes() + room));
                return true;
            }
            _ => return false,
        };
        self.say(|| format!("{failure:?} in {nth} calls"));
        self.disk.fail_at(nth, failure);
        true
    }

    fn work(&mut self, store: &Store, faulty: bool) -> Verdict {
        let steps = 20 + self.random.below(200);
        self.run(store, steps, faulty)?;
        // Room again, or a device that is back, within the same run.
        if faulty && self.random.chance(50) {
            self.disk.heal();
            let steps = self.random.below(60);
            self.run(store, steps, faulty)?;
        }
        if store.fatal().is_some() {
            self.tally.stops += 1;
        } else if !faulty && self.random.chance(50) {
            let findings = kv::index::check_index(store, &BY_LABEL, None).map_err(unexpected("check"))?;
            ensure!(findings.is_empty(), "index: {}", findings[0]);
            // It has settled what was not waited for.
            self.model.acknowledged(self.model.size());
        }
        Ok(())
    }

    pub fn run(&mut self, store: &Store, steps: u64, faulty: bool) -> Verdict {
        let spills = self.spills();
        let mut workload = Workload {
            store,
            model: &mut self.model,
            random: &self.random,
            clock: &self.clock,
            faulty,
            bug: self.bug,
            spills,
            met: Met::default(),
        };
        workload.run(steps)?;
        self.tally.add_met(&workload.met);
        let (durable, size, fatal) = (self.model.durable, self.model.size(), store.fatal());
        self.say(|| format!("{durable} of {size} acknowledged, fatal: {fatal:?}"));
        Ok(())
    }

    fn end(&mut self, store: Store, faulty: bool) -> Verdict {
        match self.random.below(10) {
            0..5 => {
                self.tally.crashes += 1;
                self.power_off(store);
            }
            5..8 => {
                self.tally.kills += 1;
                self.say(|| "the process ends".into());
                self.disk.kill();
                drop(store);
            }
            _ => match store.close() {
                Ok(()) => {
                    self.say(|| "closed".into());
                    self.model.acknowledged(self.model.size());
                    self.model.signed(&published(&store)?)?;
                }
                Err(error) => ensure!(faulty, "closing: {error}"),
            },
        }
        self.disk.heal();
        Ok(())
    }

    fn power_off(&self, store: Store) {
        self.say(|| "power loss".into());
        self.disk.crash();
        drop(store);
    }

    /// Nobody runs, the power is off: something that was synced changes. Then all is as it should be, or the place is
    /// named, or the end that nothing covers is gone.
    fn damage(&mut self) -> Verdict {
        self.disk.crash();
        let Some(damage) = Damage::inflict(&self.disk, Path::new(FOLDER), &self.random)? else {
            return Ok(());
        };
        let wrong = |what: String| format!("{:?} {}: {what}", damage.path, damage.what);
        if damage.may == May::Repair {
            self.attempts_cut_short()?;
        }
        self.tally.damages += 1;
        self.say(|| format!("{:?} {}: {:?}", damage.path, damage.what, damage.may));
        match self.open() {
            Ok(store) => self.accepted(store, &damage).map_err(wrong),
            Err(error) => {
                ensure!(damage.may != May::Repair, "{}", wrong(format!("refused: {error}")));
                ensure!(names_a_place(&error), "{}", wrong(format!("no place is named: {error}")));
                self.tally.refused += 1;
                self.disk.crash();
                damage.undo(&self.disk);
                Ok(())
            }
        }
    }

    fn accepted(&mut self, store: Store, damage: &Damage) -> Verdict {
        match damage.may {
            May::Refuse => return Err("it was opened as if nothing were wrong".into()),
            May::Repair => {
                self.take_over(&store, self.model.durable)?;
                self.tally.harmless += 1;
            }
            May::Cut { size, blocks, trace } => {
                let found = self.take_over(&store, self.model.durable.min(size))?;
                ensure!(store.ledger().size() == size, "{} transactions, not {size}", store.ledger().size());
                let cut = store.ledger().notices().iter().any(|notice| notice.starts_with("cut "));
                ensure!(cut || !trace, "it was cut and nobody was told");
                self.tally.cut(blocks, found.acknowledged_lost, trace);
            }
        }
        self.model.compare_all(&store, &self.random)?;
        self.power_off(store);
        Ok(())
    }

    /// A bit of the log flips under a running store: what is read is right or named as damaged; then nothing is written
    /// any more, and what does not need the log is read as before.
    fn rot_while_running(&mut self) -> Verdict {
        let store = self.reopen()?;
        let log = Path::new(FOLDER).join("log");
        let segments = kv::log::segments::list(&self.disk, &log).map_err(unexpected("listing"))?;
        let segment = segments[self.random.below(segments.len() as u64) as usize];
        let path = kv::log::segments::segment_path(&log, segment);
        let before = self.disk.read(&path).map_err(|error| error.to_string())?;
        if before.is_empty() {
            return Ok(());
        }
        let (at, bit) = (self.random.below(before.len() as u64), self.random.below(8) as u8);
        self.disk.flip_bit(&path, at, bit).map_err(|error| error.to_string())?;
        let mut named = 0;
        for tx in 0..store.ledger().size() {
            match store.ledger().read(tx) {
                Ok(record) => ensure!(self.model.holds(&record), "transaction {tx} is read as another"),
                Err(error) => {
                    ensure!(names_a_place(&error), "a flipped bit of {path:?}: {error}");
                    named += 1;
                }
            }
        }
        if named == 0 {
            // Parts of a transaction that was never finished are nobody's.
            let part = damage::is_in_part(&before, at);
            ensure!(part, "bit {bit} of byte {at} of {path:?} was not noticed");
            drop(store);
            return self.disk.flip_bit(&path, at, bit).map_err(|error| error.to_string());
        }
        self.tally.rotten += 1;
        // A time is looked up in the log; these are not.
        for at in [At::Latest, At::Transaction(self.random.below(self.model.size()))] {
            self.model.compare(&store.snapshot(at).map_err(unexpected("a snapshot"))?)?;
        }
        let mut transaction = store.begin(kv::Isolation::ReadCommitted);
        transaction
            .put(1 << 20, b"k", crate::model::cells(b"v"), 1, Vec::new())
            .map_err(unexpected("a write"))?;
        ensure!(transaction.commit(kv::Meta::default(), true).is_err(), "a commit to a damaged log");
        self.disk.kill();
        drop(store);
        self.disk.flip_bit(&path, at, bit).map_err(|error| error.to_string())
    }

    fn audit(&self) -> Verdict {
        let report = audit(&self.host(), Path::new(FOLDER), None).map_err(unexpected("auditing"))?;
        ensure!(report.findings.iter().all(|finding| finding.verdict != Judgement::Damaged), "{report}");
        Ok(())
    }
}

/// The newest signed checkpoint of a store that has just been opened or closed.
fn published(store: &Store) -> Verdict<String> {
    store.ledger().checkpoint().map_err(unexpected("the checkpoint"))
}

/// A refusal says which file, and where in it or which transaction, or that the file as a whole is not what it was.
fn names_a_place(error: &Error) -> bool {
    ["XX001", "58030", "F0000"].contains(&error.state.code()) && error.message.contains("\"db/")
}
