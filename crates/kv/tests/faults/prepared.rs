//! Prepared transactions of the workload: set aside, found again by whoever opens the store, ended once.
//!
//! The harness is the owner here that a session's cluster is in the server: it resumes what the rows say before anybody
//! locks, and keeps it for the run. A run's end forgets it, as a crash does.

use crate::model::{Key, Model, PREPARED, Value, Verdict, cells, ensure, unexpected, value_of};
use crate::planted::Bug;
use crate::workload::{Session, Workload, key};
use host::Clock;
use kv::prepared::RowPlace;
use kv::{Isolation, LockStrength, LockWait, Meta, Prepared};
use types::SqlState;

/// As many as there can be at once; names are used again.
const NAMES: [&[u8]; 4] = [b"p", b"q", b"q1", b"r"];

/// A prepared transaction.
pub struct Waiting {
    prepared: Option<Prepared>,
    row: Key,
    /// The attempt that prepared it.
    number: usize,
}

impl Waiting {
    pub fn locks(&self, model: &Model, key: &Key) -> bool {
        model.aside(self.number).is_some_and(|aside| aside.locked.contains(key))
    }
}

fn place(row: &Key) -> RowPlace {
    RowPlace { object: row.0, key: row.1.clone() }
}

impl Workload<'_> {
    /// What is prepared, with its locks: nobody has any yet.
    pub fn resume_all(&mut self) -> Verdict<Vec<Waiting>> {
        let mut all = Vec::new();
        for (row, value, number) in self.model.prepared()? {
            // What the store itself holds, which may not be durable yet.
            let reader = self.store.begin(Isolation::ReadCommitted);
            let found = reader.newest(row.0, &row.1).map_err(unexpected("reading what is prepared"))?;
            let state = found.and_then(|version| version.cells).as_ref().map(value_of);
            ensure!(state.as_deref() == Some(&value[..]), "{row:?} is prepared as {state:?}");
            let resumed = self.store.resume(place(&row), &value).map_err(unexpected("resuming"))?;
            let prepared = match self.bug {
                Some(Bug::ForgetsPrepared) if all.is_empty() => None,
                _ => Some(resumed),
            };
            all.push(Waiting { prepared, row, number });
            self.met.prepared_resumed += 1;
        }
        self.check_locks(&all, true)?;
        Ok(all)
    }

    /// Their rows are locked, and before anybody else locks no others.
    fn check_locks(&self, waiting: &[Waiting], alone: bool) -> Verdict {
        let asides = waiting.iter().filter_map(|waiting| self.model.aside(waiting.number));
        let mut keys: Vec<Key> = asides.flat_map(|aside| aside.locked.iter().cloned()).collect();
        if alone {
            keys.extend((0..4).map(|_| key(self.random)));
        }
        for key in keys {
            let expected = waiting.iter().any(|waiting| waiting.locks(self.model, &key));
            let mut other = self.store.begin(Isolation::ReadCommitted);
            let granted = other
                .lock_row(key.0, &key.1, LockStrength::KeyShare, LockWait::SkipLocked)
                .map_err(unexpected("a lock"))?;
            ensure!(
                granted != expected,
                "{key:?}: locked {}, by a prepared transaction {expected}",
                !granted
            );
        }
        Ok(())
    }

    fn ordered(&mut self, attempt: usize, committed_at: i64, durable: bool) -> Verdict {
        let tx = self.model.size();
        self.model.given(attempt, tx)?;
        self.model.follows(attempt, committed_at);
        self.met.commits += 1;
        if durable {
            self.model.acknowledged(tx + 1);
        }
        Ok(())
    }

    pub fn prepare(&mut self, session: Session, waiting: &mut Vec<Waiting>) -> Verdict {
        let Session { transaction, writes, locked, .. } = session;
        let is_free = |name: &&&[u8]| waiting.iter().all(|waiting| waiting.row.1 != **name);
        let Some(name) = NAMES.iter().find(is_free) else { return Ok(()) };
        let row: Key = (PREPARED, name.to_vec());
        let serializable = transaction.isolation() == Isolation::Serializable;
        let number = self.model.next_attempt();
        let meta = Meta { reason: Some(number.to_string()), ..Meta::default() };
        let attempt = self.model.prepares(row.clone(), self.net(writes), locked);
        let time = self.model.commit_time(self.clock.now_us());
        let prepared = transaction.prepare(meta, place(&row), |state| {
            self.model.prepared_as(attempt, Value::from(&state[..]));
            Ok(cells(&state))
        });
        match prepared {
            Ok(prepared) => {
                self.ordered(attempt, time, true)?;
                self.met.prepared += 1;
                waiting.push(Waiting { prepared: Some(prepared), row, number });
            }
            Err(error) if serializable && error.state == SqlState::SerializationFailure => {
                self.met.conflicts += 1;
                self.model.refused(attempt);
            }
            Err(error) if self.spills && error.state == SqlState::ProgramLimitExceeded => {
                self.model.refused(attempt);
            }
            Err(error) => self.failed(attempt, &error)?,
        }
        Ok(())
    }

    /// Ends one of those that wait, if the disk lets it.
    pub fn end_one(&mut self, waiting: &mut Vec<Waiting>) -> Verdict {
        if waiting.is_empty() {
            return Ok(());
        }
        let at = self.random.below(waiting.len() as u64) as usize;
        let Waiting { prepared: Some(prepared), row, number } = &mut waiting[at] else { return Ok(()) };
        let time = self.model.commit_time(self.clock.now_us());
        let (commits, durable) = (self.random.chance(60), self.random.chance(65));
        let (attempt, ended) = if commits {
            let attempt = self.model.commits_prepared(row.clone(), *number);
            let committed = prepared.commit(durable);
            (attempt, committed.map(|committed| committed.tx == Some(self.model.size())))
        } else {
            let attempt = self.model.attempt([(row.clone(), None)].into());
            let meta = Meta { reason: Some(attempt.to_string()), ..Meta::default() };
            (attempt, prepared.rollback(meta).map(|()| true))
        };
        match ended {
            Ok(next) => {
                ensure!(next, "a prepared transaction was given another number than the next");
                self.ordered(attempt, time, durable || !commits)?;
                let ended = if commits {
                    &mut self.met.prepared_committed
                } else {
                    &mut self.met.prepared_rolled_back
                };
                *ended += 1;
                waiting.remove(at);
            }
            Err(error) => self.failed(attempt, &error)?,
        }
        self.check_locks(waiting, false)
    }
}
