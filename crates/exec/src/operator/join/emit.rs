//! From candidate pairs to joined rows: one place for what INNER, LEFT, RIGHT, FULL, SEMI and ANTI mean.

use crate::context::Run;
use plan::JoinKind;
use plan::node::Join;
use types::{Batch, ColumnType, Result, Value, Vector};

/// Pairs of a left and a right row, and marks for "no more pairs of this left row", in the left side's order.
#[derive(Default)]
pub(super) struct Candidates {
    /// `END` as the right row is the mark.
    pairs: Vec<(usize, usize)>,
}

const END: usize = usize::MAX;

impl Candidates {
    pub fn len(&self) -> usize {
        self.pairs.len()
    }
    pub fn pair(&mut self, left: usize, right: usize) {
        self.pairs.push((left, right));
    }
    pub fn end(&mut self, left: usize) {
        self.pairs.push((left, END));
    }
}

/// Replaces `out` with what `candidates` bring. `null_row` is the row of `right` that is all NULLs, for kinds that
/// need one. The matched flags remember across calls what one call cannot see.
#[allow(clippy::too_many_arguments)]
pub(super) fn emit(
    node: &Join,
    left: &Batch,
    right: &Batch,
    null_row: usize,
    candidates: &Candidates,
    left_matched: &mut [bool],
    right_matched: &mut [bool],
    run: &Run<'_, '_>,
    out: &mut Batch,
) -> Result<()> {
    let passed = match &node.filter {
        Some(filter) => {
            let pairs: Vec<(usize, usize)> =
                candidates.pairs.iter().copied().filter(|(_, right)| *right != END).collect();
            let joined = join(left, right, &pairs);
            let mut passed = vec![false; pairs.len()];
            run.eval_filter(filter, &joined)?.into_iter().for_each(|pair| passed[pair] = true);
            Some(passed)
        }
        None => None,
    };
    let (mut rows, mut pair) = (Vec::with_capacity(candidates.len()), 0);
    for &(left, right) in &candidates.pairs {
        if right == END {
            let alone =
                matches!(node.kind, JoinKind::Left | JoinKind::Full | JoinKind::Anti) && !left_matched[left];
            if alone {
                rows.push((left, null_row));
            }
            continue;
        }
        let matches = passed.as_ref().is_none_or(|passed| passed[pair]);
        pair += 1;
        if !matches {
            continue;
        }
        let first = !std::mem::replace(&mut left_matched[left], true);
        match node.kind {
            JoinKind::Inner | JoinKind::Left => rows.push((left, right)),
            JoinKind::Right | JoinKind::Full => {
                right_matched[right] = true;
                rows.push((left, right));
            }
            JoinKind::Semi if first => rows.push((left, right)),
            JoinKind::Semi | JoinKind::Anti => {}
        }
    }
    *out = match node.kind {
        JoinKind::Semi | JoinKind::Anti => left.take(&rows.iter().map(|(left, _)| *left).collect::<Vec<_>>()),
        _ => join(left, right, &rows),
    };
    Ok(())
}

fn join(left: &Batch, right: &Batch, pairs: &[(usize, usize)]) -> Batch {
    let (left_rows, right_rows): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
    let mut columns: Vec<Vector> = left.columns.iter().map(|column| column.take(&left_rows)).collect();
    columns.extend(right.columns.iter().map(|column| column.take(&right_rows)));
    Batch { columns, rows: pairs.len() }
}

pub(super) fn null_columns(types: &[ColumnType], rows: usize) -> Vec<Vector> {
    types.iter().map(|ty| Vector::repeat(ty.data_type, &Value::Null, rows)).collect()
}

/// Adds the row of NULLs that stands beside a left row without a match.
pub(super) fn push_null_row(rows: &mut Batch) {
    rows.columns.iter_mut().for_each(Vector::push_null);
    rows.rows += 1;
}
