//! How many values a column has, about: asked of an index that begins with it.
//!
//! A few values are counted by skipping from each to the next. Where there are more, the first entries tell how many rows
//! a value has.

use crate::database::{Shared, lock};
use codec::stored_key::{KeyColumn, decode_columns};
use kv::{At, IndexId, Snapshot, Span};
use std::ops::Bound;
use std::sync::Arc;
use types::schema::{ColumnId, Index, IndexKey, Relation};
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
        let walk = self.walk(relation, column).ok().flatten()?;
        let values = walk.values(rows).ok().flatten();
        lock(&self.distincts).insert(place, Known { rows, values });
        values
    }

    fn walk(&self, relation: &Arc<Relation>, column: ColumnId) -> Result<Option<Walk>> {
        let table = self.table(relation)?;
        let first = |columns: &[KeyColumn]| columns.get(..1).unwrap_or_default().to_vec();
        let (index, columns) = if relation.primary_key.first() == Some(&column) {
            (None, first(&table.key_columns))
        } else {
            let begins = |index: &&Index| {
                let key = index.columns.first().map(|first| &first.key);
                let is_whole = !index.primary && index.predicate.is_none();
                is_whole && matches!(key, Some(IndexKey::Column(id)) if *id == column)
            };
            let index = relation.indexes.iter().find(begins).and_then(|index| table.index(index.oid));
            let Some(index) = index else { return Ok(None) };
            (Some(index.oid), first(&index.columns))
        };
        let snapshot = self.store.snapshot(At::Latest)?;
        Ok(Some(Walk { snapshot, object: relation.object_id, index, columns }))
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
    /// How many values there are among about so many rows.
    fn values(&self, rows: f64) -> Result<Option<f64>> {
        let mut values = 0.0;
        let mut from = self.start();
        for _ in 0..SKIPS {
            let Some(first) = self.first_value(from)? else { return Ok((values > 0.0).then_some(values)) };
            values += 1.0;
            let Bound::Excluded(next) = Span::prefix(&first).to else { return Ok(Some(values)) };
            from = Bound::Included(next);
        }
        let (entries, found) = self.runs()?;
        Ok(Some((rows * found / entries.max(1.0)).max(values).min(rows)))
    }

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
        let mut next: Box<dyn FnMut() -> Result<Option<Vec<u8>>>> = match self.index {
            Some(index) => {
                let mut cursor = self.snapshot.scan_index(index, &span, false);
                Box::new(move || Ok(cursor.next()?.map(|(key, _)| key)))
            }
            None => {
                let mut cursor = self.snapshot.scan(self.object, &span, false);
                Box::new(move || Ok(cursor.next()?.map(|(key, _)| key)))
            }
        };
        std::iter::from_fn(|| next().transpose()).take(count).collect()
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
