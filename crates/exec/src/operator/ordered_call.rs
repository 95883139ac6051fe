//! Aggregate calls that care about their rows' order: DISTINCT and ORDER BY.
//!
//! Their rows are held to the end. DISTINCT drops what a group has already seen, and sorts by the arguments, as
//! PostgreSQL's sort-based DISTINCT does: `array_agg(DISTINCT x)` is in order.

use super::aggregate::accumulator;
use crate::context::Run;
use crate::key::{self, KeySet, SortKeys};
use expr::AggregateCall;
use types::batch::BATCH_ROWS;
use types::vector::Data;
use types::{Batch, DataType, Result, Vector};

pub(super) struct OrderedCall {
    groups: Vec<usize>,
    args: Batch,
    /// By group, then as the call says: the order of evaluation.
    keys: SortKeys,
    seen: KeySet,
}

impl OrderedCall {
    pub fn new(call: &AggregateCall) -> OrderedCall {
        let mut directions = vec![(false, false)];
        let mut types = vec![DataType::Int8];
        directions.extend(call.order_by.iter().map(|key| (key.descending, key.nulls_first)));
        types.extend(call.order_by.iter().map(|key| key.expr.data_type()));
        if call.distinct {
            directions.extend(call.args.iter().map(|_| (false, false)));
            types.extend(call.args.iter().map(|arg| arg.data_type()));
        }
        OrderedCall {
            groups: vec![],
            args: Batch::new(call.args.iter().map(|arg| arg.data_type())),
            keys: SortKeys::by(directions, types.into_iter()),
            seen: KeySet::default(),
        }
    }

    /// Row i of `args` and `order_keys` belongs to `groups[i]`.
    pub fn collect(
        &mut self,
        call: &AggregateCall,
        groups: &[usize],
        args: &[Vector],
        order_keys: &[Vector],
    ) -> Result<()> {
        let mut kept = Vec::with_capacity(groups.len());
        let mut row_key = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            if call.distinct {
                row_key.clear();
                row_key.extend_from_slice(&group.to_be_bytes());
                key::hash_key(args, row, &mut row_key)?;
                if self.seen.contains(row_key.as_slice()) {
                    continue;
                }
                self.seen.insert(row_key.as_slice().into());
            }
            kept.push(row);
        }
        let args: Vec<Vector> = args.iter().map(|arg| arg.take(&kept)).collect();
        let numbers: Vec<i64> = kept.iter().map(|&row| groups[row] as i64).collect();
        self.groups.extend(kept.iter().map(|&row| groups[row]));
        let mut columns = vec![Vector { data_type: DataType::Int8, data: Data::I64(numbers), nulls: None }];
        columns.extend(order_keys.iter().map(|column| column.take(&kept)));
        if call.distinct {
            columns.extend(args.iter().cloned());
        }
        self.keys.push(&columns, kept.len())?;
        self.args.append(&Batch { columns: args, rows: kept.len() });
        Ok(())
    }

    pub fn finish(self, call: &AggregateCall, group_count: usize, run: &Run<'_, '_>) -> Result<Vector> {
        let mut accumulator = accumulator(call);
        let order = self.keys.order(self.groups.len());
        for rows in order.chunks(BATCH_ROWS) {
            let groups: Vec<usize> = rows.iter().map(|&row| self.groups[row]).collect();
            let args = self.args.take(rows);
            accumulator.update(&groups, group_count, &args.columns, &run.context())?;
        }
        accumulator.finish(group_count, &run.context())
    }
}
