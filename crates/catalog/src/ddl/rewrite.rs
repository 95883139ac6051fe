//! Every row of a table written anew: for a new key, a new column type, a default that has to be computed.

use crate::constraint::{check_not_null, not_unique};
use crate::row::{decode_row, encode_row};
use crate::transaction::Transaction;
use kv::Span;
use std::sync::Arc;
use types::schema::Relation;
use types::{Result, Value};

/// A row of the old descriptor to one of the new.
pub(super) type Convert<'a> = &'a mut dyn FnMut(&mut Transaction, Vec<Value>) -> Result<Vec<Value>>;

impl Transaction {
    /// The caller holds AccessExclusive. With another `object_id` the rows go to a new storage generation under their
    /// new keys, and the old ones end with it; else each row gets an update entry.
    pub(super) fn rewrite(&mut self, old: &Arc<Relation>, new: Relation, convert: Convert<'_>) -> Result<()> {
        let old_table = self.shared.table(old)?;
        let mut rows = self.kv.newest_scan(old.object_id, &Span::all());
        let new = self.put_relation(new)?;
        let new_table = self.shared.table(&new)?;
        let moves = new.object_id != old.object_id;
        while let Some((old_key, version)) = rows.next()? {
            let Some(cells) = version.cells else { continue };
            let row = convert(self, decode_row(&old_table, &cells)?)?;
            check_not_null(&new, &row, &self.settings)?;
            let mut derived = vec![];
            let key = match (moves, new_table.has_hidden_key()) {
                (false, _) => old_key,
                (true, true) => self.shared.allocate_row_id(new.object_id)?.to_be_bytes().to_vec(),
                (true, false) => {
                    let key = new_table.row_key(&row)?;
                    if self.kv.wrote(new.object_id, &key)?
                        && let Some(index) = new_table.indexes.first()
                    {
                        let values = index.values(&new_table, &row)?.unwrap_or_default();
                        return Err(not_unique(&new_table, index, &values, &self.settings));
                    }
                    key
                }
            };
            if moves {
                for index in new_table.indexes.iter().filter(|index| old_table.index(index.oid).is_some()) {
                    if !index.primary {
                        index.derive(&new_table, None, Some((&key, &row)), &mut derived)?;
                    }
                }
            }
            self.kv.put(new.object_id, &key, encode_row(&new_table, &row)?, 0, derived)?;
            self.written.insert(new.object_id);
            self.reencode.insert(new.object_id);
            self.check_interrupt()?;
        }
        if moves {
            self.discard_own_rows(old.object_id)?;
        }
        // Indexes that did not exist before, or that a changed column made new.
        for index in new.indexes.iter().filter(|index| !index.primary && old_table.index(index.oid).is_none())
        {
            self.build_index(&new, index.oid)?;
        }
        Ok(())
    }
}
