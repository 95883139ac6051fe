//! One row without columns: `SELECT 1`.

use types::{Batch, Result};

#[derive(Default)]
pub(super) struct OneRow {
    done: bool,
}

impl OneRow {
    pub fn next(&mut self, out: &mut Batch) -> Result<bool> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(false);
        }
        *out = expr::context::one_row();
        Ok(true)
    }
}
