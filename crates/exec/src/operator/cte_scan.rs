//! Reads a WITH query's rows, which are made once and shared by its readers.

use crate::context::Run;
use types::{Batch, Result};

#[derive(Default)]
pub(super) struct CteScan {
    position: usize,
}

impl CteScan {
    pub fn next(&mut self, cte: usize, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        if self.position == 0 {
            run.open_cte(cte)?;
        }
        let Some(rows) = run.cte_rows(cte, self.position)? else { return Ok(false) };
        self.position += 1;
        out.clone_from(&rows);
        Ok(true)
    }
}
