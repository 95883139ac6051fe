//! Aggregates over frames.
//!
//! ```text
//!   every frame a whole partition   one pass, a group per partition          sum(x) OVER (PARTITION BY p)
//!   frames that only grow           one accumulator, read at every step      sum(x) OVER (ORDER BY t)
//!   any other                       each frame from scratch, a group per row  sum(x) OVER (ROWS 3 PRECEDING)
//! ```

use super::frame::Frames;
use super::partition::Partitions;
use crate::context::Run;
use crate::operator::aggregate::accumulator;
use expr::{AggregateCall, Runtime, WindowCall};
use types::{Batch, Result, Vector};

/// How many (frame, row) pairs are fed to an accumulator at a time.
const PAIRS: usize = 64 * 1024;

/// One value per row; `rows` are in the window's order.
pub(super) fn evaluate(
    aggregate: &AggregateCall,
    call: &WindowCall,
    rows: &Batch,
    partitions: &Partitions,
    run: &Run<'_, '_>,
) -> Result<Vector> {
    let frames = Frames::new(call, partitions, run)?;
    let args = run.eval_all(&aggregate.args, rows)?;
    let mut counted = vec![aggregate.filter.is_none(); rows.rows];
    if let Some(filter) = &aggregate.filter {
        run.eval_filter(filter, rows)?.into_iter().for_each(|row| counted[row] = true);
    }
    let input = Input { aggregate, args, counted, run };
    if rows.rows == 0 {
        return Ok(Vector::new(call.ty.data_type));
    }
    if frames.is_plain() && (0..rows.rows).all(|row| frames.bounds(row) == partitions.partition(row)) {
        let of_partition = input.by_partition(partitions)?;
        return Ok(of_partition.take(&partitions.of_row));
    }
    let grows = |row: usize| {
        let (frame, partition) = (frames.bounds(row), partitions.partition(row));
        frame.start == partition.start && (row == partition.start || frame.end >= frames.bounds(row - 1).end)
    };
    if frames.is_plain() && (0..rows.rows).all(grows) {
        return input.growing(&frames, partitions, call);
    }
    input.each_anew(&frames, rows.rows, call)
}

struct Input<'a, 'r, 't> {
    aggregate: &'a AggregateCall,
    args: Vec<Vector>,
    /// FILTER.
    counted: Vec<bool>,
    run: &'a Run<'r, 't>,
}

impl Input<'_, '_, '_> {
    fn args(&self, rows: &[usize]) -> Vec<Vector> {
        self.args.iter().map(|arg| arg.take(rows)).collect()
    }

    fn by_partition(&self, partitions: &Partitions) -> Result<Vector> {
        let mut state = accumulator(self.aggregate);
        let rows: Vec<usize> = (0..self.counted.len()).filter(|&row| self.counted[row]).collect();
        let groups: Vec<usize> = rows.iter().map(|&row| partitions.of_row[row]).collect();
        let count = partitions.ranges.len();
        state.update(&groups, count, &self.args(&rows), &self.run.context())?;
        state.finish(count, &self.run.context())
    }

    fn growing(&self, frames: &Frames<'_>, partitions: &Partitions, call: &WindowCall) -> Result<Vector> {
        let context = self.run.context();
        let mut out = Vector::new(call.ty.data_type);
        for partition in &partitions.ranges {
            self.run.check_interrupt()?;
            let mut state = accumulator(self.aggregate);
            let mut fed = partition.start;
            let mut last = None;
            for row in partition.clone() {
                let end = frames.bounds(row).end;
                if let Some(last) = last.as_ref().filter(|_| end <= fed) {
                    out.push(last);
                    continue;
                }
                let rows: Vec<usize> = (fed..end).filter(|&row| self.counted[row]).collect();
                state.update(&vec![0; rows.len()], 1, &self.args(&rows), &context)?;
                fed = end;
                let value = state.finish(1, &context)?.get(0);
                out.push(&value);
                last = Some(value);
            }
        }
        Ok(out)
    }

    fn each_anew(&self, frames: &Frames<'_>, count: usize, call: &WindowCall) -> Result<Vector> {
        let mut out = Vector::new(call.ty.data_type);
        let mut row = 0;
        while row < count {
            self.run.check_interrupt()?;
            let (mut groups, mut rows, first) = (Vec::new(), Vec::new(), row);
            while row < count && rows.len() < PAIRS {
                for part in frames.rows(row) {
                    let counted = part.filter(|&row| self.counted[row]);
                    rows.extend(counted);
                }
                groups.resize(rows.len(), row - first);
                row += 1;
            }
            let mut state = accumulator(self.aggregate);
            state.update(&groups, row - first, &self.args(&rows), &self.run.context())?;
            out.append(&state.finish(row - first, &self.run.context())?);
        }
        Ok(out)
    }
}
