//! What the recursive term sees of itself: the rows of the last round.

use crate::context::Run;
use types::{Batch, Error, Result};

#[derive(Default)]
pub(super) struct WorkTable {
    position: usize,
}

impl WorkTable {
    pub fn next(&mut self, cte: usize, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        let Some(work) = run.shared.state.work.get(cte) else {
            return Err(Error::internal("a recursive reference outside of its query"));
        };
        let work = work.borrow();
        let Some(rows) = work.get(self.position) else { return Ok(false) };
        self.position += 1;
        out.clone_from(rows);
        Ok(true)
    }
}
