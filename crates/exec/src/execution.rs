//! A running query that can rest between pulls.
//!
//! ```text
//!   Execution (owned: operators, CTE rows, subquery results)            outlives pulls: portals, cursors
//!       └ next(transaction, surroundings) ──> Run (borrows, one pull)   operators, expr::Runtime
//! ```

use crate::context::{Run, Shared, State};
use crate::operator::{Numbers, Operator};
use crate::run::{NodeStatistics, Statistics, Surroundings};
use crate::shape;
use catalog::Transaction;
use plan::Query;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Batch, Result, Value};

/// A running query. It borrows nothing between pulls, so a portal or a cursor can keep it; every pull must be given the
/// same transaction, parameters and settings. Dropped = abandoned.
pub struct Execution {
    query: Arc<Query>,
    root: Operator,
    state: State,
    slots: Vec<Value>,
    /// Rows that were made but not yet asked for.
    kept: VecDeque<Batch>,
    returned: u64,
    finished: bool,
}

impl Execution {
    /// `statistics`: collect what EXPLAIN ANALYZE shows.
    pub fn new(query: Arc<Query>, statistics: bool) -> Execution {
        let mut numbers = Numbers::new(statistics);
        let root = Operator::new(&query.plan, usize::MAX, &mut numbers);
        let state = State::new(query.clone(), numbers);
        let slots = vec![Value::Null; query.slots];
        Execution { query, root, state, slots, kept: VecDeque::new(), returned: 0, finished: false }
    }

    /// Replaces `out` with up to `limit` next rows (`usize::MAX`: as many as come; the rest is kept for the next
    /// call). False, with `out` empty, at the end. A command that writes does all its work in the first call, so that
    /// no row of RETURNING is seen of a command that failed.
    pub fn next(
        &mut self,
        transaction: &mut Transaction,
        surroundings: &mut Surroundings<'_>,
        limit: usize,
        out: &mut Batch,
    ) -> Result<bool> {
        self.pull(Some(transaction), surroundings, limit, out)
    }

    /// Rows that the command affected; for a SELECT, rows returned so far.
    pub fn rows(&self) -> u64 {
        self.root.affected().unwrap_or(self.returned)
    }

    /// Empty unless asked for.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            nodes: self.state.statistics.as_ref().map(|all| all.borrow().clone()).unwrap_or_default(),
        }
    }

    /// [`Execution::next`]; without a transaction for plans that need no storage.
    pub(crate) fn pull(
        &mut self,
        transaction: Option<&mut Transaction>,
        surroundings: &mut Surroundings<'_>,
        limit: usize,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.kept.is_empty() && !self.finished {
            self.work(transaction, surroundings, out)?;
            if out.rows <= limit {
                self.returned += out.rows as u64;
                return Ok(out.rows > 0);
            }
            self.kept.push_front(std::mem::take(out));
        }
        out.clear();
        let Some(mut batch) = self.kept.pop_front() else { return Ok(false) };
        if batch.rows > limit {
            self.kept.push_front(batch.take(&(limit..batch.rows).collect::<Vec<_>>()));
            batch = batch.take(&(0..limit).collect::<Vec<_>>());
        }
        self.returned += batch.rows as u64;
        *out = batch;
        Ok(out.rows > 0)
    }

    /// The next batch that is not empty; a query that writes runs to its end and leaves later batches in `kept`.
    fn work(
        &mut self,
        transaction: Option<&mut Transaction>,
        surroundings: &mut Surroundings<'_>,
        out: &mut Batch,
    ) -> Result<()> {
        let Execution { query, root, state, slots, kept, finished, .. } = self;
        let shared = Shared {
            transaction: RefCell::new(transaction),
            functions: surroundings.functions,
            parameters: surroundings.parameters,
            settings: surroundings.settings,
            system: surroundings.system,
            copy_input: RefCell::new(match &mut surroundings.copy_input {
                Some(rows) => Some(&mut **rows),
                None => None,
            }),
            state,
        };
        let run = Run { shared: &shared, slots, pins: &[] };
        if !shape::query_writes(query) {
            *finished = !root.next_rows(&query.plan, &run, out)?;
            return Ok(());
        }
        *finished = true;
        run.transaction()?.pin_reads();
        let done = write_all(query, root, &run, kept);
        run.transaction()?.unpin_reads();
        done?;
        match kept.pop_front() {
            Some(first) => *out = first,
            None => out.clear(),
        }
        Ok(())
    }
}

/// Runs a query that writes to its end.
fn write_all(
    query: &Query,
    root: &mut Operator,
    run: &Run<'_, '_>,
    rows: &mut VecDeque<Batch>,
) -> Result<()> {
    let mut batch = Batch::default();
    while root.next_rows(&query.plan, run, &mut batch)? {
        rows.push_back(std::mem::take(&mut batch));
    }
    // A WITH query that writes runs to its end whether or not it was read.
    for (number, cte) in query.ctes.iter().enumerate() {
        if shape::writes(cte) {
            run.finish_cte(number)?;
        }
    }
    Ok(())
}

impl State {
    fn new(query: Arc<Query>, mut numbers: Numbers) -> State {
        let subplans =
            query.subplans.iter().map(|plan| RefCell::new(crate::subplan::Subplan::new(numbers.skip(plan))));
        let subplans = subplans.collect();
        let ctes = query.ctes.iter().map(|plan| RefCell::new(crate::context::Cte::new(numbers.skip(plan))));
        let ctes = ctes.collect();
        let work = query.ctes.iter().map(|_| RefCell::default()).collect();
        let statistics =
            numbers.collecting().then(|| RefCell::new(vec![NodeStatistics::default(); numbers.count()]));
        State { query, subplans, ctes, work, system: RefCell::default(), statistics }
    }
}
