//! One row by its whole primary key: one look into the store, its cells straight into vectors.

use crate::row::decode_columns;
use crate::scan::point_key;
use crate::transaction::{RowKey, Transaction};
use std::sync::Arc;
use types::schema::{ColumnId, Relation};
use types::{Batch, Result, Value};

impl Transaction {
    /// Replaces `out` with the row, if there is one: `columns` are real ones, in any order. `key` has a value for each column
    /// of the primary key, of its type; a NULL among them means no row. Returns the row's key.
    pub fn point(
        &self,
        relation: &Arc<Relation>,
        columns: &[ColumnId],
        key: &[Value],
        out: &mut Batch,
    ) -> Result<Option<RowKey>> {
        out.clear();
        let table = self.shared.table(relation)?;
        let Some(key) = point_key(&table, key)? else { return Ok(None) };
        let found = match &self.past {
            None => self.kv.get(relation.object_id, &key)?,
            Some(past) => past.get(relation.object_id, &key)?,
        };
        let Some(cells) = found.and_then(|version| version.cells) else { return Ok(None) };
        *out = Batch::from_columns(decode_columns(&table, columns, &cells)?, 1);
        Ok(Some(key))
    }
}
