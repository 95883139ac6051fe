//! Rows of one cell and an index over them: what the test targets of the store share.

use kv::{Cell, Cells, Derive, IndexChange, IndexId, ObjectId, TxId};
use std::ops::RangeInclusive;

pub fn cells(value: &[u8]) -> Cells {
    Cells::new([Cell { column: 1, code: 0x1a, bytes: value }])
}

pub fn value_of(cells: &Cells) -> Vec<u8> {
    cells.iter().next().map(|cell| cell.bytes.to_vec()).unwrap_or_default()
}

/// An entry for each row of some objects.
pub struct OneIndex {
    pub index: IndexId,
    pub objects: RangeInclusive<ObjectId>,
    /// Of an object's key and value.
    pub entry: fn(ObjectId, &[u8], &[u8]) -> Vec<u8>,
}

impl Derive for OneIndex {
    fn derive(
        &self,
        _: TxId,
        object: ObjectId,
        key: &[u8],
        old: Option<&Cells>,
        new: Option<&Cells>,
        out: &mut Vec<IndexChange>,
    ) -> types::Result<()> {
        if self.objects.contains(&object) && old != new {
            for (cells, add) in [(old, false), (new, true)] {
                let Some(cells) = cells else { continue };
                let entry = (self.entry)(object, key, &value_of(cells));
                out.push(IndexChange { index: self.index, key: entry, primary_key: key.to_vec(), add });
            }
        }
        Ok(())
    }
}
