//! What an operator is.

use types::{Batch, Result};

/// Produces rows, a batch at a time.
pub trait Operator {
    /// Replaces `out` with the next rows. Returns false, with `out` empty, at the end.
    fn next(&mut self, out: &mut Batch) -> Result<bool>;
}
