//! COPY FROM's rows, as the session parses them.

use crate::context::Run;
use plan::Plan;
use types::{Batch, Error, Result};

pub(super) fn next(plan: &Plan, run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
    *out = Batch::new(plan.types.iter().map(|ty| ty.data_type));
    match &mut *run.shared.copy_input.borrow_mut() {
        Some(input) => input(out),
        None => Err(Error::internal("COPY without input")),
    }
}
