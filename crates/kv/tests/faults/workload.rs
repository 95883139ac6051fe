//! A random workload: a few logical sessions in one thread, their transactions open side by side.
//!
//! No lock is ever waited for: a key that another session holds is left alone. So the order of everything is the seed's.

use crate::model::{
    BY_LABEL, Key, Model, OBJECTS, State, Value, Verdict, Writes, cells, ensure, unexpected, value_of,
};
use crate::planted::Bug;
use crate::prepared::Waiting;
use host::{ManualClock, SeededRandom};
use kv::{At, Derive, Isolation, LockStrength, LockWait, Meta, Savepoint, Snapshot, Store, Transaction};
use std::collections::BTreeSet;
use std::sync::Arc;
use types::{Error, SqlState};

const SESSIONS: usize = 3;

/// What a run of the workload has met.
#[derive(Debug, Default, Clone, Copy)]
pub struct Met {
    pub commits: u64,
    pub disk_errors: u64,
    pub disk_full: u64,
    pub conflicts: u64,
    pub prepared: u64,
    pub prepared_resumed: u64,
    pub prepared_committed: u64,
    pub prepared_rolled_back: u64,
}

pub struct Workload<'a> {
    pub store: &'a Store,
    pub model: &'a mut Model,
    pub random: &'a SeededRandom,
    pub clock: &'a ManualClock,
    /// Whether the disk may say no.
    pub faulty: bool,
    pub bug: Option<Bug>,
    /// Whether transactions outgrow their memory.
    pub spills: bool,
    pub met: Met,
}

pub struct Session {
    pub transaction: Transaction,
    pub writes: Writes,
    pub locked: BTreeSet<Key>,
    savepoints: Vec<(Savepoint, Writes, BTreeSet<Key>)>,
}

/// Few enough to be written often; some are prefixes of others.
pub fn key(random: &SeededRandom) -> Key {
    let object = OBJECTS[random.below(OBJECTS.len() as u64) as usize];
    let mut key = [&b"a"[..], b"ab", b"", b"b\x00\xff"][random.below(4) as usize].to_vec();
    if random.chance(60) {
        key.push(random.below(4) as u8);
    }
    (object, key)
}

/// Label, a number that no other value has, filler: sometimes more than a part of a large transaction takes, and half of
/// the time nothing that compression makes shorter.
fn value(random: &SeededRandom) -> Value {
    let bytes = match random.below(100) {
        0..70 => random.below(40),
        70..96 => random.below(700),
        _ => 1_000 + random.below(5_000),
    };
    let mut value = vec![b'a' + random.below(4) as u8];
    value.extend_from_slice(&random.next_u64().to_be_bytes());
    if random.chance(50) {
        value.extend((0..bytes).map(|_| random.next_u64() as u8));
    } else {
        value.extend((0..bytes).map(|at| (at * 7) as u8));
    }
    value.into()
}

impl Workload<'_> {
    pub fn run(&mut self, steps: u64) -> Verdict {
        if self.store.fatal().is_some() {
            return self.after_the_end();
        }
        let mut waiting = self.resume_all()?;
        let mut sessions: [Option<Session>; SESSIONS] = [None, None, None];
        for _ in 0..steps {
            if self.store.fatal().is_some() {
                return self.after_the_end();
            }
            let at = self.random.below(SESSIONS as u64) as usize;
            match self.random.below(100) {
                0..66 => match sessions[at].take() {
                    None => sessions[at] = Some(self.begin()),
                    Some(session) => sessions[at] = self.step(session, &mut waiting)?,
                },
                66..70 => self.end_one(&mut waiting)?,
                70..76 => self.sync()?,
                76..84 => {
                    let applied = self.store.apply();
                    self.unless_the_disk_said_no("applying", applied)?;
                }
                84..90 => self.publish()?,
                90..94 => self.read_the_past()?,
                94..97 => self.read_the_log()?,
                _ => self.clock.advance_us(self.random.below(3_000_000)),
            }
        }
        Ok(())
    }

    fn begin(&self) -> Session {
        let isolation = match self.random.below(10) {
            0..6 => Isolation::ReadCommitted,
            6..8 => Isolation::RepeatableRead,
            _ => Isolation::Serializable,
        };
        // A session that commits without waiting reads what it has committed.
        let at_least = if self.random.chance(50) { self.model.size() - 1 } else { 0 };
        let mut transaction = self.store.begin_at_least(isolation, at_least);
        transaction.refresh();
        Session { transaction, writes: Writes::new(), locked: BTreeSet::new(), savepoints: Vec::new() }
    }

    fn step(&mut self, mut session: Session, waiting: &mut Vec<Waiting>) -> Verdict<Option<Session>> {
        match self.random.below(100) {
            0..50 => {
                if !self.write(&mut session, waiting)? {
                    // A statement without an outcome: its transaction is over.
                    return Ok(None);
                }
            }
            50..58 => {
                let savepoint = session.transaction.savepoint();
                session.savepoints.push((savepoint, session.writes.clone(), session.locked.clone()));
            }
            58..64 if !session.savepoints.is_empty() => {
                let at = self.random.below(session.savepoints.len() as u64) as usize;
                session.savepoints.truncate(at + 1);
                let (savepoint, writes, locked) = session.savepoints[at].clone();
                session.transaction.rollback_to(savepoint);
                (session.writes, session.locked) = (writes, locked);
            }
            64..72 => self.read(&mut session)?,
            72..76 => {
                session.transaction.rollback();
                return Ok(None);
            }
            76..80 => {
                self.prepare(session, waiting)?;
                return Ok(None);
            }
            _ => {
                self.commit(session)?;
                return Ok(None);
            }
        }
        Ok(Some(session))
    }

    /// False: the disk said no to what a transaction of many writes puts aside.
    fn write(&mut self, session: &mut Session, waiting: &[Waiting]) -> Verdict<bool> {
        let Session { transaction, writes, locked, .. } = session;
        for _ in 0..1 + self.random.below(4) {
            let key = key(self.random);
            let granted = transaction
                .lock_row(key.0, &key.1, LockStrength::Update, LockWait::SkipLocked)
                .map_err(unexpected("a lock"))?;
            if !granted {
                continue;
            }
            let prepared = waiting.iter().find(|waiting| waiting.locks(self.model, &key));
            ensure!(prepared.is_none(), "{key:?} is locked, and a prepared transaction's");
            locked.insert(key.clone());
            let newest = transaction.newest(key.0, &key.1);
            let Some(newest) = self.unless_the_disk_said_no("a read", newest)? else { return Ok(false) };
            let is_new = newest.is_none();
            let old = newest.and_then(|version| version.cells);
            let expected = over(self.model.newest(), writes, &key);
            ensure!(old.as_ref().map(value_of).as_deref() == expected, "{key:?} is {old:?} under its lock");
            let new = self.random.chance(70).then(|| value(self.random));
            let mut derived = Vec::new();
            let (new_cells, old_cells) = (new.as_deref().map(cells), old.as_ref());
            BY_LABEL
                .derive(0, key.0, &key.1, old_cells, new_cells.as_ref(), &mut derived)
                .map_err(unexpected("deriving"))?;
            let written = match new_cells {
                Some(cells) if is_new => transaction.put_new(key.0, &key.1, cells, 1, derived),
                Some(cells) => transaction.put(key.0, &key.1, cells, 1, derived),
                None => transaction.delete(key.0, &key.1, None, derived),
            };
            match written {
                Ok(()) => {
                    writes.insert(key, new);
                }
                // SERIALIZABLE says so at a statement's first write.
                Err(error) if error.state == SqlState::SerializationFailure => {
                    self.conflict(transaction, &error)?;
                    return Ok(true);
                }
                Err(error) => {
                    self.disk_said_no(&error)?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// None: a run could not be written or read.
    fn unless_the_disk_said_no<T>(&mut self, what: &str, outcome: types::Result<T>) -> Verdict<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.spills => self.disk_said_no(&error).map(|()| None),
            Err(error) => Err(unexpected(what)(error)),
        }
    }

    fn conflict(&mut self, transaction: &Transaction, error: &Error) -> Verdict {
        let expected = transaction.isolation() == Isolation::Serializable
            && error.state == SqlState::SerializationFailure;
        ensure!(expected, "{}: {error}", error.state.code());
        self.met.conflicts += 1;
        Ok(())
    }

    fn read(&mut self, session: &mut Session) -> Verdict {
        session.transaction.refresh();
        let tx = session.transaction.snapshot().tx();
        let key = key(self.random);
        let read = session.transaction.get(key.0, &key.1);
        let Some(read) = self.unless_the_disk_said_no("a read", read)? else { return Ok(()) };
        let state = self.model.states.get(tx as usize).ok_or(format!("a snapshot of {tx}"))?;
        let fresh = session.transaction.isolation() == Isolation::ReadCommitted;
        ensure!(!fresh || tx + 1 >= self.model.durable, "{tx} is seen, {} acknowledged", self.model.durable);
        let read = read.and_then(|version| version.cells).as_ref().map(value_of);
        let expected = over(state, &session.writes, &key);
        ensure!(read.as_deref() == expected, "{key:?} at {tx} is {read:?}");
        Ok(())
    }

    fn commit(&mut self, session: Session) -> Verdict {
        let Session { transaction, writes, .. } = session;
        let writes = self.net(writes);
        let (empty, serializable) = (writes.is_empty(), transaction.isolation() == Isolation::Serializable);
        let durable = self.random.chance(65);
        let attempt = self.model.attempt(writes);
        let meta = Meta { reason: Some(attempt.to_string()), ..Meta::default() };
        let committed = transaction.commit(meta, durable);
        match committed {
            Ok(committed) => {
                ensure!(committed.tx.is_none() == empty, "a commit of nothing, or nothing of a commit");
                let Some(tx) = committed.tx else {
                    self.model.refused(attempt);
                    return Ok(());
                };
                ensure!(tx == self.model.size(), "transaction {tx} after {}", self.model.size() - 1);
                self.model.given(attempt, tx)?;
                self.model.follows(attempt, committed.committed_at.ok_or("a commit without a time")?);
                self.met.commits += 1;
                if durable {
                    self.model.acknowledged(tx + 1);
                }
            }
            Err(error) if serializable && error.state == SqlState::SerializationFailure => {
                self.met.conflicts += 1;
                self.model.refused(attempt);
            }
            Err(error) => self.failed(attempt, &error)?,
        }
        Ok(())
    }

    /// A delete of what is not there is nothing.
    pub fn net(&self, mut writes: Writes) -> Writes {
        writes.retain(|key, value| value.is_some() || self.model.newest().contains_key(key));
        writes
    }

    /// An attempt met an error of the disk.
    pub fn failed(&mut self, attempt: usize, error: &Error) -> Verdict {
        self.disk_said_no(error)?;
        // Only the end of writing leaves anything open.
        if self.store.fatal().is_none() {
            self.model.refused(attempt);
        }
        Ok(())
    }

    fn disk_said_no(&mut self, error: &Error) -> Verdict {
        let code = error.state.code();
        ensure!(self.faulty, "{code}: {error}");
        match code {
            "53100" => {
                self.met.disk_full += 1;
                ensure!(self.store.fatal().is_none(), "a full disk was fatal: {error}");
            }
            "58030" => self.met.disk_errors += 1,
            _ => return Err(format!("a failing disk gives {code}: {error}")),
        }
        Ok(())
    }

    /// What the publisher's thread does for commits that nobody waits for.
    fn sync(&mut self) -> Verdict {
        let size = self.model.size();
        match self.store.wait_durable(size - 1) {
            Ok(()) => self.model.acknowledged(size),
            Err(error) => {
                self.disk_said_no(&error)?;
                ensure!(self.store.fatal().is_some(), "a failed fsync was not the end: {error}");
            }
        }
        Ok(())
    }

    fn publish(&mut self) -> Verdict {
        match self.store.ledger().checkpoint() {
            Ok(note) => self.model.signed(&note),
            Err(error) => self.disk_said_no(&error),
        }
    }

    fn read_the_past(&self) -> Verdict {
        let at = match self.random.below(3) {
            0 => At::Latest,
            _ => At::Transaction(self.random.below(self.model.durable)),
        };
        let snapshot = self.store.snapshot(at).map_err(unexpected("a snapshot"))?;
        ensure!(snapshot.tx() < self.model.size(), "a snapshot of {}", snapshot.tx());
        ensure!(
            at != At::Latest || snapshot.tx() + 1 >= self.model.durable,
            "what was acknowledged is not seen"
        );
        self.compare(&snapshot)
    }

    fn compare(&self, snapshot: &Snapshot) -> Verdict {
        // A run that the index does not have yet may be out of reach.
        if self.faulty && self.spills { Ok(()) } else { self.model.compare(snapshot) }
    }

    /// Whatever the disk does, what was written is read, or an error of the disk.
    fn read_the_log(&self) -> Verdict {
        let tx = self.random.below(self.model.size());
        match self.store.ledger().read(tx) {
            Ok(record) => ensure!(record.tx == tx, "transaction {} for {tx}", record.tx),
            Err(error) => {
                let code = error.state.code();
                ensure!(self.faulty && code == "58030", "reading transaction {tx}: {code}: {error}");
            }
        }
        Ok(())
    }

    /// Nothing can be written any more. Reads go on, at the last durable state or the one in flight.
    fn after_the_end(&mut self) -> Verdict {
        let snapshot = self.store.snapshot(At::Latest).map_err(unexpected("a snapshot after the end"))?;
        let seen = snapshot.tx() + 1;
        ensure!(seen >= self.model.durable, "{seen} of {} are seen after the end", self.model.durable);
        self.compare(&snapshot)?;
        let mut transaction = self.store.begin(Isolation::ReadCommitted);
        let (object, key) = (OBJECTS[0], b"after the end");
        let put = transaction.put(object, key, cells(b"x"), 1, Vec::new());
        self.unless_the_disk_said_no("a write", put)?;
        ensure!(transaction.commit(Meta::default(), false).is_err(), "a commit after the end");
        Ok(())
    }
}

/// What a transaction sees of a key: its own writes over a state.
fn over<'a>(state: &'a State, writes: &'a Writes, key: &Key) -> Option<&'a [u8]> {
    let value: Option<&Arc<[u8]>> = match writes.get(key) {
        Some(own) => own.as_ref(),
        None => state.get(key),
    };
    value.map(|value| &value[..])
}
