//! The right side of a join, held: as a hash table by key, or as a list.

use super::emit::push_null_row;
use crate::context::Run;
use crate::key::{self, KeyMap};
use crate::operator::Operator;
use plan::JoinKind;
use plan::node::{Join, JoinMethod};
use types::{Batch, Error, Result};

pub(super) struct Table {
    /// The right rows, then (LEFT, FULL) a row of NULLs. Without columns where only their number matters.
    pub rows: Batch,
    /// How many right rows there are. As a row number: none, and the row of NULLs.
    pub count: usize,
    chains: Option<Chains>,
}

/// Rows of one key are linked in their order.
struct Chains {
    /// First and last row of each key.
    ends: KeyMap<(usize, usize)>,
    next: Vec<usize>,
}

const LAST: usize = usize::MAX;

impl Table {
    pub fn build(node: &Join, right: &mut Operator, run: &Run<'_, '_>) -> Result<Table> {
        let keys = match &node.method {
            JoinMethod::Hash { right, .. } => Some(right),
            JoinMethod::NestedLoop => None,
            JoinMethod::Apply { .. } => return Err(Error::internal("an apply is not a join of two inputs")),
        };
        let counts_only = matches!(node.kind, JoinKind::Semi | JoinKind::Anti) && node.filter.is_none();
        let mut rows = Batch::new(node.right.types.iter().map(|ty| ty.data_type));
        if counts_only {
            rows.columns.clear();
        }
        let mut chains = keys.map(|_| Chains { ends: KeyMap::default(), next: vec![] });
        let (mut batch, mut row_key) = (Batch::default(), Vec::new());
        while right.next_rows(&node.right, run, &mut batch)? {
            if let (Some(keys), Some(chains)) = (keys, &mut chains) {
                let columns = run.eval_all(keys, &batch)?;
                for row in 0..batch.rows {
                    row_key.clear();
                    let number = chains.next.len();
                    chains.next.push(LAST);
                    if key::hash_key_not_null(&columns, row, &mut row_key)? {
                        chains.link(&row_key, number);
                    }
                }
            }
            rows.append(&batch);
        }
        let count = rows.rows;
        if matches!(node.kind, JoinKind::Left | JoinKind::Full) {
            push_null_row(&mut rows);
        }
        Ok(Table { rows, count, chains })
    }

    /// Each left row's first candidate; `count` or more = none.
    pub fn heads(&self, node: &Join, left_rows: &Batch, run: &Run<'_, '_>) -> Result<Vec<usize>> {
        let (Some(chains), JoinMethod::Hash { left, right }) = (&self.chains, &node.method) else {
            return Ok(vec![0; left_rows.rows]);
        };
        let columns = run.eval_all(left, left_rows)?;
        key::check_hash_keys(&columns, &right.iter().map(|key| key.data_type()).collect::<Vec<_>>())?;
        let mut heads = Vec::with_capacity(left_rows.rows);
        let mut row_key = Vec::new();
        for row in 0..left_rows.rows {
            row_key.clear();
            let found = match key::hash_key_not_null(&columns, row, &mut row_key)? {
                true => chains.ends.get(row_key.as_slice()),
                false => None,
            };
            heads.push(found.map_or(LAST, |(first, _)| *first));
        }
        Ok(heads)
    }

    /// The candidate after `row`; `count` or more = none.
    pub fn after(&self, row: usize) -> usize {
        match &self.chains {
            Some(chains) => chains.next[row],
            None => row + 1,
        }
    }
}

impl Chains {
    fn link(&mut self, row_key: &[u8], number: usize) {
        match self.ends.get_mut(row_key) {
            Some((_, last)) => {
                self.next[*last] = number;
                *last = number;
            }
            None => {
                self.ends.insert(row_key.into(), (number, number));
            }
        }
    }
}
