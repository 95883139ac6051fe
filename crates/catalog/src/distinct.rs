//! How many values a column has, about: asked of an index that begins with it.
//!
//! A few values are counted by skipping from each to the next. Where there are more, the first entries tell how many rows
//! a value has.

use crate::database::{Shared, lock};
use codec::stored_key::{KeyColumn, decode_columns};
use kv::{At, IndexId, Snapshot, Span};
use std::ops::Bound;
use std::sync::Arc;
use types::schema::{ColumnId, IndexKey, Relation};
use types::{Error, Result};

/// Values that are counted one by one.
const SKIPS: usize = 32;
/// Entries that are looked at beyond these.
const ENTRIES: usize = 1_000;
/// What was found is asked for again when the table has grown or shrunk so much.
const GROWTH: f64 = 4.0;

/// What was found, and how many rows the table had then.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    rows: f64,
    values: Option<f64>,
}

impl Shared {
    /// None: no index begins with the column, or it is empty.
    pub fn distinct_values(&self, relation: &Arc<Relation>, column: ColumnId) -> Option<f64> {
        let place = (relation.object_id, column);
        let rows = self.estimated_rows(relation.object_id).max(1.0);
        if let Some(known) = lock(&self.distincts).get(&place)
            && rows <= known.rows * GROWTH
            && rows >= known.rows / GROWTH
        {
            return known.values;
        }
        // It is an estimate: who reads what is wrong with the index will hear of it.
        let values = self.count_values(relation, column, rows).ok().flatten();
        lock(&self.distincts).insert(place, Known { rows, values });
        values
    }

    fn count_values(&self, relation: &Arc<Relation>, column: ColumnId, rows: f64) -> Result<Option<f64>> {
        let table = self.table(relation)?;
        let snapshot = self.store.snapshot(At::Latest)?;
        let walk = if relation.primary_key.first() == Some(&column) {
            let columns = table.key_columns.get(..1).unwrap_or_default().to_vec();
            Walk { snapshot, object: relation.object_id, index: None, columns }
        } else {
            let begins = |index: &&types::schema::Index| {
                let first = index.columns.first().map(|first| &first.key);
                !index.primary
                    && index.predicate.is_none()
                    && matches!(first, Some(IndexKey::Column(id)) if *id == column)
            };
            let Some(index) = relation.indexes.iter().find(begins) else { return Ok(None) };
            let columns = match table.index(index.oid) {
                Some(index) => index.columns.get(..1).unwrap_or_default().to_vec(),
                None => return Ok(None),
            };
            Walk { snapshot, object: relation.object_id, index: Some(index.oid), columns }
        };
        let mut values = 0.0;
        let mut from = walk.start();
        for _ in 0..SKIPS {
            let Some(first) = walk.first_value(from)? else { return Ok((values > 0.0).then_some(values)) };
            values += 1.0;
            from = Span::prefix(&first).to;
            if let Bound::Excluded(next) = from {
                from = Bound::Included(next);
            }
        }
        let (entries, found) = walk.runs()?;
        Ok(Some((rows * found / entries.max(1.0)).max(values).min(rows)))
    }
}

/// Entries of an index, or rows by their primary key.
struct Walk {
    snapshot: Snapshot,
    object: kv::ObjectId,
    index: Option<IndexId>,
    /// The first column.
    columns: Vec<KeyColumn>,
}

impl Walk {
    fn start(&self) -> Bound<Vec<u8>> {
        match self.index {
            Some(_) => Bound::Included(self.object.to_be_bytes().to_vec()),
            None => Bound::Unbounded,
        }
    }

    fn keys(&self, from: Bound<Vec<u8>>, count: usize) -> Result<Vec<Vec<u8>>> {
        let to = match self.index {
            Some(_) => Span::prefix(&self.object.to_be_bytes()).to,
            None => Bound::Unbounded,
        };
        let span = Span { from, to };
        let mut keys = vec![];
        match self.index {
            Some(index) => {
                let mut cursor = self.snapshot.scan_index(index, &span, false);
                while keys.len() < count
                    && let Some((key, _)) = cursor.next()?
                {
                    keys.push(key);
                }
            }
            None => {
                let mut cursor = self.snapshot.scan(self.object, &span, false);
                while keys.len() < count
                    && let Some((key, _)) = cursor.next()?
                {
                    keys.push(key);
                }
            }
        }
        Ok(keys)
    }

    /// A key up to the end of its first column.
    fn value_of<'a>(&self, key: &'a [u8]) -> Result<&'a [u8]> {
        let head = if self.index.is_some() { 4 } else { 0 };
        let rest = key.get(head..).ok_or_else(|| Error::corrupted("an index entry without its table"))?;
        let (_, rest) = decode_columns(rest, &self.columns)?;
        Ok(&key[..key.len() - rest.len()])
    }

    fn first_value(&self, from: Bound<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        let keys = self.keys(from, 1)?;
        keys.first().map(|key| self.value_of(key).map(<[u8]>::to_vec)).transpose()
    }

    /// How many of the first entries there are, and values in them.
    fn runs(&self) -> Result<(f64, f64)> {
        let keys = self.keys(self.start(), ENTRIES)?;
        let mut values: Vec<&[u8]> = keys.iter().map(|key| self.value_of(key)).collect::<Result<_>>()?;
        values.dedup();
        Ok((keys.len() as f64, values.len() as f64))
    }
}
