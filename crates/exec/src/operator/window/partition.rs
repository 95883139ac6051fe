//! Rows sorted for one window, and where its partitions and peer groups begin and end.

use crate::context::Run;
use crate::key::SortKeys;
use expr::{Expr, SortKey};
use std::ops::Range;
use types::{Batch, Result, Vector};

pub(super) struct Partitions {
    /// Where each row stood before the sort.
    pub order: Vec<usize>,
    pub ranges: Vec<Range<usize>>,
    /// Each row's partition.
    pub of_row: Vec<usize>,
    /// The peer groups of all partitions, in order; a group lies within one partition.
    pub peers: Vec<Range<usize>>,
    /// Each row's peer group.
    pub peers_of_row: Vec<usize>,
    /// Each partition's first and last + 1 peer group.
    pub peer_ranges: Vec<Range<usize>>,
    /// The ORDER BY columns, in the sorted order.
    pub order_columns: Vec<Vector>,
}

impl Partitions {
    /// Sorts `rows` by the window; rows that it cannot tell apart stay in their order.
    pub fn sort(
        rows: &mut Batch,
        partition_by: &[Expr],
        order_by: &[SortKey],
        run: &Run<'_, '_>,
    ) -> Result<Partitions> {
        let partition_columns = run.eval_all(partition_by, rows)?;
        let order_columns = run.eval_all(order_by.iter().map(|key| &key.expr), rows)?;
        let mut partition_keys = SortKeys::by(
            vec![(false, false); partition_by.len()],
            partition_by.iter().map(|expr| expr.data_type()),
        );
        partition_keys.push(&partition_columns, rows.rows)?;
        let mut order_keys = SortKeys::new(order_by);
        order_keys.push(&order_columns, rows.rows)?;

        let mut order: Vec<usize> = (0..rows.rows).collect();
        order.sort_by(|&a, &b| partition_keys.compare(a, b).then_with(|| order_keys.compare(a, b)));
        let mut partitions = Partitions {
            ranges: vec![],
            of_row: Vec::with_capacity(order.len()),
            peers: vec![],
            peers_of_row: Vec::with_capacity(order.len()),
            peer_ranges: vec![],
            order_columns: order_columns.iter().map(|column| column.take(&order)).collect(),
            order: vec![],
        };
        for (position, &row) in order.iter().enumerate() {
            let before = position.checked_sub(1).map(|before| order[before]);
            let new_partition = before.is_none_or(|before| partition_keys.compare(before, row).is_ne());
            let new_peers =
                new_partition || before.is_none_or(|before| order_keys.compare(before, row).is_ne());
            if new_peers {
                partitions.peers.push(position..position);
            }
            if new_partition {
                partitions.ranges.push(position..position);
                partitions.peer_ranges.push(partitions.peers.len() - 1..partitions.peers.len());
            }
            if let (Some(range), Some(peers)) = (partitions.ranges.last_mut(), partitions.peers.last_mut()) {
                range.end = position + 1;
                peers.end = position + 1;
            }
            partitions.of_row.push(partitions.ranges.len() - 1);
            partitions.peers_of_row.push(partitions.peers.len() - 1);
            if let Some(peer_range) = partitions.peer_ranges.last_mut() {
                peer_range.end = partitions.peers.len();
            }
        }
        *rows = rows.take(&order);
        partitions.order = order;
        Ok(partitions)
    }

    /// The row's partition.
    pub fn partition(&self, row: usize) -> Range<usize> {
        self.ranges[self.of_row[row]].clone()
    }

    /// The rows that ORDER BY cannot tell from this one, itself included.
    pub fn peers(&self, row: usize) -> Range<usize> {
        self.peers[self.peers_of_row[row]].clone()
    }
}
