//! The order of rows: what a subtree promises, what its reader wants.

use crate::rel::{Number, Numbers};
use expr::{Expr, SortKey};

/// One column of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrderKey {
    pub number: Number,
    pub descending: bool,
    pub nulls_first: bool,
}

/// What rows a subtree promises to give in which order; columns in `constant` have one value throughout.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    pub keys: Vec<OrderKey>,
    pub constant: Numbers,
}

/// What the reader would like: an order that saves it a sort, and how many rows it will read.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub keys: Vec<OrderKey>,
    pub limit: Option<f64>,
}

impl Order {
    /// Rows in this order are in that one.
    pub fn satisfies(&self, wanted: &[OrderKey]) -> bool {
        let mut mine = self.keys.iter().filter(|key| !self.constant.contains(&key.number));
        wanted.iter().filter(|key| !self.constant.contains(&key.number)).all(|key| mine.next() == Some(key))
    }

    pub fn reversed(&self) -> Order {
        let flip = |key: &OrderKey| OrderKey {
            number: key.number,
            descending: !key.descending,
            nulls_first: !key.nulls_first,
        };
        Order { keys: self.keys.iter().map(flip).collect(), constant: self.constant.clone() }
    }
}

/// Sort keys that are plain columns; None if one is not.
pub(super) fn order_keys(keys: &[SortKey]) -> Option<Vec<OrderKey>> {
    keys.iter()
        .map(|key| match key.expr {
            Expr::Column { index, .. } => {
                Some(OrderKey { number: index, descending: key.descending, nulls_first: key.nulls_first })
            }
            _ => None,
        })
        .collect()
}
