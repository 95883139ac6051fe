//! UNION ALL: one input after the other.

use super::Operator;
use crate::context::Run;
use plan::Plan;
use types::{Batch, Result};

pub(super) struct Append {
    inputs: Vec<Operator>,
    current: usize,
}

impl Append {
    pub fn new(inputs: Vec<Operator>) -> Append {
        Append { inputs, current: 0 }
    }

    pub fn next(&mut self, inputs: &[Plan], run: &Run<'_, '_>, out: &mut Batch) -> Result<bool> {
        while let (Some(operator), Some(plan)) = (self.inputs.get_mut(self.current), inputs.get(self.current))
        {
            if operator.next_rows(plan, run, out)? {
                return Ok(true);
            }
            self.current += 1;
        }
        Ok(false)
    }
}
