//! Reading a table: spans to cursors, cells straight into column vectors.

use crate::transaction::RowKey;
use std::sync::Arc;
use types::schema::{ColumnId, Relation};
use types::{Batch, Moment, Oid, Result, Value};

/// What to read.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    pub relation: Arc<Relation>,
    /// Output columns in order: real and hidden ids. Only these are decoded.
    pub columns: Vec<ColumnId>,
    pub access: Access,
    pub backward: bool,
    pub versions: Versions,
}

#[derive(Debug, Clone)]
pub enum Access {
    All,
    Primary(Vec<KeyRange>),
    Index(Oid, Vec<KeyRange>),
}

/// Evaluated: no NULLs, values of the key columns' types.
#[derive(Debug, Clone, Default)]
pub struct KeyRange {
    pub equal: Vec<Value>,
    pub lower: Option<(Value, bool)>,
    pub upper: Option<(Value, bool)>,
}

#[derive(Debug, Clone, Copy)]
pub enum Versions {
    Snapshot,
    At(Moment),
    /// Every version that overlaps the range; None = unbounded. `closed`: `to` itself included.
    Range { from: Option<Moment>, to: Option<Moment>, closed: bool },
}

/// An open scan.
pub struct Scan {
    // ...
}

impl Scan {
    /// Replaces `out` with up to `limit` next rows and, if asked, `keys` with their keys. False, with `out` empty, at
    /// the end.
    pub fn next(&mut self, _out: &mut Batch, _keys: Option<&mut Vec<RowKey>>, _limit: usize) -> Result<bool> {
        todo!()
    }
}
