//! WITH RECURSIVE: `base`, then `step` over the last round's rows until a round brings nothing.
//!
//! UNION drops rows that were seen in any round, which is what ends a walk over a graph with cycles.

use super::{Numbers, Operator};
use crate::context::Run;
use crate::key::{self, KeySet};
use plan::Plan;
use std::sync::Arc;
use types::{Batch, Error, Result};

pub(super) struct RecursiveUnion {
    /// None: the base is done.
    base: Option<Operator>,
    step: Option<Operator>,
    step_number: usize,
    seen: KeySet,
    /// What this round has brought.
    round: Vec<Arc<Batch>>,
}

impl RecursiveUnion {
    pub fn new(base: Operator, step_number: usize) -> RecursiveUnion {
        RecursiveUnion { base: Some(base), step: None, step_number, seen: KeySet::default(), round: vec![] }
    }

    pub fn next(
        &mut self,
        cte: usize,
        base: &Plan,
        step: &Plan,
        all: bool,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        let Some(work) = run.shared.state.work.get(cte) else {
            return Err(Error::internal("a recursive query that is not a WITH query"));
        };
        loop {
            let more = match (&mut self.base, &mut self.step) {
                (Some(operator), _) => operator.next_rows(base, run, out)?,
                (None, Some(operator)) => operator.next_rows(step, run, out)?,
                (None, None) => return Ok(false),
            };
            if more {
                if !all {
                    *out = out.take(&key::unseen(&mut self.seen, out)?);
                }
                if out.rows > 0 {
                    self.round.push(Arc::new(out.clone()));
                }
                return Ok(true);
            }
            self.base = None;
            let round = std::mem::take(&mut self.round);
            self.step = (!round.is_empty())
                .then(|| Operator::new(step, usize::MAX, &mut Numbers::resumed(self.step_number, run)));
            *work.borrow_mut() = round;
        }
    }
}
