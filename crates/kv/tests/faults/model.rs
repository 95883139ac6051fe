//! What must be true of the store: every attempt to commit, what its client was told, and every state that follows.
//!
//! Each attempt carries its number as the transaction's reason, so that a reopened log says by itself which attempts it
//! holds and in which order. It must hold each of them whole, at the number that was given, and none that was refused
//! or that an earlier reopening had found to be lost.

use crate::one_index::OneIndex;
pub use crate::one_index::{cells, value_of};
use kv::record::Record;
use kv::{At, Cursor, IndexId, ObjectId, Op, Snapshot, Span, Store, TxId};
use proof::checkpoint::SignedCheckpoint;
use proof::tree::verify_consistency;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;
use types::Error;

pub type Verdict<T = ()> = Result<T, String>;

/// Ends a life with what is wrong.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use ensure;

/// An error where there should be none.
pub fn unexpected(doing: &str) -> impl Fn(Error) -> String {
    move |error| format!("{doing}: {}: {error}", error.state.code())
}

/// Two objects with an index over both, and one without.
pub const OBJECTS: [ObjectId; 3] = [16_384, 16_385, 16_390];
/// Where the rows of prepared transactions are.
pub const PREPARED: ObjectId = 6;
const INDEX: IndexId = 20_000;
const INDEXED: RangeInclusive<ObjectId> = 16_384..=16_385;
pub const BY_LABEL: OneIndex = OneIndex { index: INDEX, objects: INDEXED, entry };

pub type Key = (ObjectId, Vec<u8>);
pub type Value = Arc<[u8]>;
pub type State = BTreeMap<Key, Value>;
/// What a transaction has written: None = deleted.
pub type Writes = BTreeMap<Key, Option<Value>>;
type Hash = [u8; 32];

/// What became of an attempt, as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Given(TxId),
    /// An error after which it may be there all the same.
    InDoubt,
    /// Refused, or lost unacknowledged: it must never be seen again.
    Nowhere,
}

struct Attempt {
    writes: Writes,
    fate: Fate,
    /// It prepares: what, and how that was last told to commit. Both carry one number in the log.
    aside: Option<Aside>,
}

/// A prepared transaction.
pub struct Aside {
    pub writes: Writes,
    pub locked: BTreeSet<Key>,
    commit: Option<usize>,
}

pub struct Model {
    attempts: Vec<Attempt>,
    order: BTreeMap<TxId, usize>,
    /// After each transaction, genesis first.
    pub states: Vec<State>,
    /// When each was committed.
    times: Vec<i64>,
    /// Transactions below it have been acknowledged.
    pub durable: u64,
    pub checkpoints: Vec<(u64, Hash)>,
}

/// What a reopening has found.
#[derive(Debug, Default, Clone, Copy)]
pub struct Found {
    pub acknowledged_lost: u64,
    pub unacknowledged_lost: u64,
    pub in_doubt_kept: u64,
}

impl Model {
    pub fn new() -> Model {
        Model {
            attempts: Vec::new(),
            order: BTreeMap::new(),
            states: vec![State::new()],
            times: vec![0],
            durable: 1,
            checkpoints: Vec::new(),
        }
    }

    pub fn newest(&self) -> &State {
        &self.states[self.states.len() - 1]
    }

    pub fn size(&self) -> u64 {
        self.states.len() as u64
    }

    /// A commit is about to be tried: its number.
    pub fn attempt(&mut self, writes: Writes) -> usize {
        self.attempts.push(Attempt { writes, fate: Fate::InDoubt, aside: None });
        self.attempts.len() - 1
    }

    /// The number that the next attempt gets.
    pub fn next_attempt(&self) -> usize {
        self.attempts.len()
    }

    /// A transaction is about to be prepared, in this row.
    pub fn prepares(&mut self, row: Key, writes: Writes, locked: BTreeSet<Key>) -> usize {
        // Its value is known once it is asked for.
        let attempt = self.attempt(Writes::from([(row, None)]));
        self.attempts[attempt].aside = Some(Aside { writes, locked, commit: None });
        attempt
    }

    /// What the row of a prepared transaction holds.
    pub fn prepared_as(&mut self, attempt: usize, value: Value) {
        self.attempts[attempt].writes.values_mut().for_each(|row| *row = Some(value.clone()));
    }

    /// A prepared transaction is about to be told to commit.
    pub fn commits_prepared(&mut self, row: Key, number: usize) -> usize {
        let mut writes =
            self.attempts[number].aside.as_ref().map_or(Writes::new(), |aside| aside.writes.clone());
        writes.insert(row, None);
        let attempt = self.attempt(writes);
        if let Some(aside) = &mut self.attempts[number].aside {
            aside.commit = Some(attempt);
        }
        attempt
    }

    /// What is prepared as of the last transaction: rows, what they hold, and the attempts that prepared them.
    pub fn prepared(&self) -> Verdict<Vec<(Key, Value, usize)>> {
        let rows = self.newest().iter().filter(|(key, _)| key.0 == PREPARED);
        rows.map(|(row, value)| {
            let wrote = |attempt: &Attempt| {
                attempt.writes.get(row).is_some_and(|wrote| wrote.as_ref() == Some(value))
            };
            let number = self.attempts.iter().position(wrote).ok_or("a prepared row that nobody wrote")?;
            Ok((row.clone(), value.clone(), number))
        })
        .collect()
    }

    pub fn aside(&self, number: usize) -> Option<&Aside> {
        self.attempts.get(number)?.aside.as_ref()
    }

    /// When a transaction is committed that is ordered now.
    pub fn commit_time(&self, now_us: i64) -> i64 {
        self.times.last().map_or(now_us, |last| now_us.max(*last))
    }

    pub fn refused(&mut self, attempt: usize) {
        self.attempts[attempt].fate = Fate::Nowhere;
    }

    /// Its client was told the number.
    pub fn given(&mut self, attempt: usize, tx: TxId) -> Verdict {
        self.attempts[attempt].fate = Fate::Given(tx);
        let other = self.order.insert(tx, attempt);
        ensure!(other.is_none(), "transaction {tx} was given to attempts {other:?} and {attempt}");
        Ok(())
    }

    /// The next transaction's state.
    pub fn follows(&mut self, attempt: usize, committed_at: i64) {
        let mut state = self.newest().clone();
        for (key, value) in &self.attempts[attempt].writes {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
        self.states.push(state);
        self.times.push(committed_at);
    }

    pub fn acknowledged(&mut self, size: u64) {
        self.durable = self.durable.max(size);
    }

    pub fn signed(&mut self, note: &str) -> Verdict {
        let signed = SignedCheckpoint::parse(note).map_err(|rejection| rejection.to_string())?;
        let (size, root) = (signed.unverified().size, signed.unverified().root);
        ensure!(size <= self.size(), "{size} transactions signed of {}", self.size());
        self.acknowledged(size);
        if self.checkpoints.last() != Some(&(size, root)) {
            self.checkpoints.push((size, root));
        }
        Ok(())
    }

    /// Takes the log of a reopened store as what is, after it was found to be what it must be. `floor`: how much of what
    /// was acknowledged has to be there.
    pub fn settle(&mut self, store: &Store, floor: u64) -> Verdict<Found> {
        let ledger = store.ledger();
        let size = ledger.size();
        ensure!(size >= floor, "{size} transactions, where {floor} were acknowledged");
        let mut found = Found { acknowledged_lost: self.durable.saturating_sub(size), ..Found::default() };
        self.states.truncate(1);
        self.times.truncate(1);
        let mut chains = Chains::default();
        let mut wrong = None;
        let replayed = ledger.replay(0, &mut |record| {
            Ok(match self.record(&record, &mut chains, &mut found) {
                Ok(()) => ControlFlow::Continue(()),
                Err(what) => {
                    wrong = Some(format!("transaction {}: {what}", record.tx));
                    ControlFlow::Break(())
                }
            })
        });
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        replayed.map_err(unexpected("reading the log"))?;
        ensure!(self.size() == size, "a log of {size} transactions, of which {} were read", self.size());
        for attempt in &mut self.attempts {
            match attempt.fate {
                Fate::Given(tx) if tx >= size => {
                    found.unacknowledged_lost += u64::from(tx >= self.durable);
                    attempt.fate = Fate::Nowhere;
                }
                Fate::InDoubt => attempt.fate = Fate::Nowhere,
                Fate::Given(_) | Fate::Nowhere => {}
            }
        }
        self.order.split_off(&size);
        self.durable = size;
        self.check_checkpoints(store)?;
        Ok(found)
    }

    fn record(&mut self, record: &Record, chains: &mut Chains, found: &mut Found) -> Verdict {
        let tx = record.tx;
        if tx == 0 {
            ensure!(record.changes.is_empty(), "genesis has changes");
            self.times[0] = record.committed_at;
            return Ok(());
        }
        let reason = record.meta.reason.as_deref().and_then(|reason| reason.parse::<usize>().ok());
        let mut number = reason.filter(|number| *number < self.attempts.len()).ok_or("nobody wrote it")?;
        let ends = record.changes.iter().any(|change| change.object == PREPARED && change.cells.is_none());
        if let (Some(aside), true) = (&self.attempts[number].aside, ends) {
            number = aside.commit.ok_or("nobody told it to commit")?;
        }
        match self.attempts[number].fate {
            Fate::Given(given) => ensure!(given == tx, "it was given the number {given}"),
            Fate::InDoubt => {
                found.in_doubt_kept += 1;
                self.given(number, tx)?;
            }
            Fate::Nowhere => return Err(format!("attempt {number} was refused, or lost before")),
        }
        let writes = &self.attempts[number].writes;
        ensure!(
            are(writes, record),
            "attempt {number} by half: {} changes of {}",
            record.changes.len(),
            writes.len()
        );
        for change in &record.changes {
            chains.follows(tx, change)?;
        }
        self.follows(number, record.committed_at);
        Ok(())
    }

    /// Whether a record is what the model has in its place.
    pub fn holds(&self, record: &Record) -> bool {
        match self.order.get(&record.tx) {
            Some(number) => are(&self.attempts[*number].writes, record),
            None => record.tx == 0 && record.changes.is_empty(),
        }
    }

    fn check_checkpoints(&self, store: &Store) -> Verdict {
        let ledger = store.ledger();
        for (size, root) in &self.checkpoints {
            let now = ledger.root(*size).map_err(unexpected("an old checkpoint"))?;
            ensure!(now == *root, "the root of {size} transactions is not the one that was signed");
        }
        if let Some((first, root)) = self.checkpoints.first() {
            let path = ledger.consistency(*first, self.size()).map_err(unexpected("consistency"))?;
            let now = ledger.root(self.size()).map_err(unexpected("the root"))?;
            let proven = verify_consistency::<proof::hash::Sha2>(*first, root, self.size(), &now, &path);
            ensure!(proven, "no proof that checkpoint {first} is a prefix of {}", self.size());
        }
        Ok(())
    }

    /// Every row and entry of a snapshot, both ways.
    pub fn compare(&self, snapshot: &Snapshot) -> Verdict {
        let tx = snapshot.tx();
        let state = self.states.get(tx as usize).ok_or(format!("a snapshot of transaction {tx}"))?;
        for object in OBJECTS.into_iter().chain([PREPARED]) {
            for backward in [false, true] {
                let mut cursor = snapshot.scan(object, &Span::all(), backward);
                let mut expected: Vec<(&Vec<u8>, &Value)> =
                    state.iter().filter(|(key, _)| key.0 == object).map(|(key, v)| (&key.1, v)).collect();
                if backward {
                    expected.reverse();
                }
                for (key, value) in expected {
                    let next = next(&mut *cursor)?;
                    let same = next.as_ref().is_some_and(|(k, v)| (k, &v[..]) == (key, &value[..]));
                    ensure!(same, "object {object} at {tx}: {next:?} where {key:?} should be");
                }
                let more = next(&mut *cursor)?;
                ensure!(more.is_none(), "object {object} at {tx}: {more:?} at the end");
            }
        }
        let mut expected: Vec<(Vec<u8>, Vec<u8>)> = state
            .iter()
            .filter(|(key, _)| INDEXED.contains(&key.0))
            .map(|(key, value)| (entry(key.0, &key.1, value), key.1.clone()))
            .collect();
        expected.sort();
        let mut cursor = snapshot.scan_index(INDEX, &Span::all(), false);
        for entry in expected {
            let next = cursor.next().map_err(unexpected("an index scan"))?;
            ensure!(next.as_ref() == Some(&entry), "index at {tx}: {next:?} where {entry:?} should be");
        }
        let more = cursor.next().map_err(unexpected("an index scan"))?;
        ensure!(more.is_none(), "index at {tx}: {more:?} at the end");
        Ok(())
    }

    /// All versions of a key.
    pub fn compare_history(&self, store: &Store, key: &Key) -> Verdict {
        let mut expected: Vec<(TxId, Option<&Value>)> = Vec::new();
        for (&tx, &number) in &self.order {
            if let Some(value) = self.attempts[number].writes.get(key) {
                expected.push((tx, value.as_ref()));
            }
        }
        let found = store.history(key.0, &key.1).map_err(unexpected("a history"))?;
        let found: Vec<(TxId, Option<Vec<u8>>)> =
            found.iter().map(|version| (version.tx, version.cells.as_ref().map(value_of))).collect();
        let same = found.iter().map(|(tx, value)| (*tx, value.as_deref()));
        ensure!(
            same.eq(expected.iter().map(|(tx, value)| (*tx, value.map(|value| &value[..])))),
            "history of {key:?}: {:?} where {:?} should be",
            found.iter().map(|version| version.0).collect::<Vec<_>>(),
            expected.iter().map(|version| version.0).collect::<Vec<_>>()
        );
        Ok(())
    }

    /// Latest, some moments of the past, some histories.
    pub fn compare_all(&self, store: &Store, random: &host::SeededRandom) -> Verdict {
        let mut moments = vec![At::Latest, At::Transaction(0), At::Transaction(self.size() - 1)];
        moments.extend((0..3).map(|_| At::Transaction(random.below(self.size()))));
        moments.push(At::Time(self.times[random.below(self.size()) as usize] + random.below(2) as i64));
        for at in moments {
            let snapshot = store.snapshot(at).map_err(unexpected("a snapshot"))?;
            let expected = match at {
                At::Latest => self.size() - 1,
                At::Transaction(tx) => tx,
                At::Time(time) => self.times.partition_point(|committed_at| *committed_at <= time) as u64 - 1,
            };
            ensure!(snapshot.tx() == expected, "{at:?} is transaction {}, not {expected}", snapshot.tx());
            self.compare(&snapshot)?;
        }
        for _ in 0..2 {
            self.compare_history(store, &crate::workload::key(random))?;
        }
        Ok(())
    }
}

/// Whether a record holds exactly these writes.
fn are(writes: &Writes, record: &Record) -> bool {
    let read = record.changes.iter().map(|change| (change.object, &change.key, change.cells.clone()));
    read.eq(writes.iter().map(|(key, value)| (key.0, &key.1, value.as_ref().map(|value| cells(value)))))
}

/// The last change of each key: transaction, salt, what it did.
#[derive(Default)]
struct Chains(BTreeMap<Key, (TxId, [u8; 16], Op)>);

impl Chains {
    /// A key's entries name each other, share a salt, and say what the state before makes of them.
    fn follows(&mut self, tx: TxId, change: &kv::Change) -> Verdict {
        let key = (change.object, change.key.clone());
        let (before, live) = match self.0.get(&key) {
            Some((before, salt, op)) => {
                ensure!(*salt == change.key_salt, "{key:?} has another salt");
                (*before, *op != Op::Delete)
            }
            None => (0, false),
        };
        ensure!(change.prev_tx == before, "{key:?} follows {}, not {before}", change.prev_tx);
        let op = match (live, change.cells.is_some()) {
            (true, true) => Op::Update,
            (_, false) => Op::Delete,
            (false, true) => Op::Insert,
        };
        ensure!(change.op == op, "{key:?}: {:?} where it is {op:?}", change.op);
        self.0.insert(key, (tx, change.key_salt, op));
        Ok(())
    }
}

fn next(cursor: &mut (dyn Cursor + Send)) -> Verdict<Option<(Vec<u8>, Vec<u8>)>> {
    let next = cursor.next().map_err(unexpected("a scan"))?;
    Ok(next.map(|(key, version)| (key, version.cells.as_ref().map(value_of).unwrap_or_default())))
}

/// The index is over a value's first byte; the row's identity makes its entries unique.
fn entry(object: ObjectId, key: &[u8], value: &[u8]) -> Vec<u8> {
    [&value[..value.len().min(1)], &object.to_be_bytes(), key].concat()
}
