//! A stretch of keys that nobody has: rows that come in key order are new without being looked for one by one.
//!
//! What was found free stays free until another transaction is ordered; and who has locked a key's value knows that no
//! transaction that may have made it is still on its way.

use crate::history::{Family, split_storage_key, storage_span};
use crate::index::Index;
use crate::index::page::Reach;
use crate::{Span, TxId};
use std::ops::Bound;
use types::Result;

/// Free keys of one object, as one transaction has found them.
#[derive(Default)]
pub(crate) struct Gap {
    /// The last key asked for, and how many have come in order and were free before it.
    last: Option<Vec<u8>>,
    in_order: u32,
    /// From after a storage key up to another, or to the object's end; as of an ordered transaction.
    free: Option<(Vec<u8>, Option<Vec<u8>>, TxId)>,
}

/// A look for the next key costs as much as looking for some keys one by one.
const IN_ORDER_ENOUGH: u32 = 32;

impl Gap {
    /// Whether a storage key is known to have no version. `ordered`: the newest transaction in the log's order now.
    pub(crate) fn covers(&self, key: &[u8], ordered: TxId) -> bool {
        self.free.as_ref().is_some_and(|(after, before, as_of)| {
            *as_of == ordered
                && key > after.as_slice()
                && before.as_ref().is_none_or(|before| key < before.as_slice())
        })
    }

    /// A storage key had no version as of `ordered`. After enough of them in order the keys that follow are looked at.
    pub(crate) fn note(&mut self, key: &[u8], ordered: TxId, index: &Index) -> Result<()> {
        let follows = self.last.as_deref().is_some_and(|last| last < key && last.get(..4) == key.get(..4));
        self.in_order = if follows { self.in_order + 1 } else { 0 };
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        if self.in_order < IN_ORDER_ENOUGH {
            return Ok(());
        }
        self.in_order = 0;
        let (object, own) = split_storage_key(key);
        let after = Span { from: Bound::Excluded(own.to_vec()), to: Bound::Unbounded };
        let (from, to) = storage_span(object, &after);
        let mut reach = Reach { family: Family::Row, id: object, from, to, backward: false };
        let (keys, done) = index.keys(&mut reach, 1)?;
        let next = keys.into_iter().next().map(|(key, _)| key);
        self.free = (next.is_some() || done).then(|| (key.to_vec(), next, ordered));
        Ok(())
    }
}
