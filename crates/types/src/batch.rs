//! Some rows, column by column.

use crate::{DataType, Value, Vector};

/// How many rows an operator aims to put into one batch.
pub const BATCH_ROWS: usize = 1024;

/// Columns of equal length. A batch without columns still has a number of rows (`SELECT FROM t`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    pub columns: Vec<Vector>,
    pub rows: usize,
}

impl Batch {
    pub fn new(types: impl IntoIterator<Item = DataType>) -> Batch {
        Batch { columns: types.into_iter().map(Vector::new).collect(), rows: 0 }
    }

    pub fn from_columns(columns: Vec<Vector>, rows: usize) -> Batch {
        debug_assert!(columns.iter().all(|column| column.len() == rows));
        Batch { columns, rows }
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(Vector::clear);
        self.rows = 0;
    }

    pub fn push_row(&mut self, row: &[Value]) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        self.rows += 1;
    }

    pub fn row(&self, row: usize) -> Vec<Value> {
        self.columns.iter().map(|column| column.get(row)).collect()
    }

    pub fn take(&self, rows: &[usize]) -> Batch {
        Batch { columns: self.columns.iter().map(|column| column.take(rows)).collect(), rows: rows.len() }
    }

    pub fn append(&mut self, other: &Batch) {
        self.columns.iter_mut().zip(&other.columns).for_each(|(mine, theirs)| mine.append(theirs));
        self.rows += other.rows;
    }

    pub fn types(&self) -> Vec<DataType> {
        self.columns.iter().map(|column| column.data_type).collect()
    }
}
