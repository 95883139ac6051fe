//! count.

use crate::aggregate::Accumulator;
use crate::columnwise::column;
use crate::context::Context;
use types::vector::Data;
use types::{DataType, Result, Vector};

/// `count(*)` has no argument; `count(x)` counts what is not NULL.
struct Count(Vec<i64>);

pub(super) fn count(_: &[DataType], _: DataType) -> Box<dyn Accumulator> {
    Box::new(Count(Vec::new()))
}

impl Accumulator for Count {
    fn update(
        &mut self,
        groups: &[usize],
        group_count: usize,
        args: &[Vector],
        _: &Context<'_>,
    ) -> Result<()> {
        self.0.resize(group_count.max(self.0.len()), 0);
        match args.first().and_then(|arg| arg.nulls.as_ref()) {
            None => groups.iter().for_each(|&group| self.0[group] += 1),
            Some(nulls) => {
                groups.iter().zip(nulls).for_each(|(&group, null)| self.0[group] += i64::from(!null))
            }
        }
        Ok(())
    }

    fn finish(&mut self, group_count: usize, _: &Context<'_>) -> Result<Vector> {
        let mut counts = self.0.clone();
        counts.resize(group_count, 0);
        Ok(column(DataType::Int8, Data::I64(counts)))
    }
}
