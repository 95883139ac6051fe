//! Reading one state: `current` for versions not newer than it, `history` for older ones.
//!
//! A snapshot is a transaction number and a handle on the index. It holds no lock and keeps nothing from going on;
//! a cursor owns what it needs and reads a page at a time.

use crate::guard;
use crate::history::{Family, Stored, storage_key, storage_span};
use crate::index::Index;
use crate::index::page::{Chained, Own, Reach};
use crate::{Cells, IndexId, ObjectId, Op, Span, TxId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::Result;

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// [`crate::history::UNCOMMITTED`] where the reading transaction wrote it itself.
    pub tx: TxId,
    /// What made it.
    pub op: Op,
    pub schema_tx: TxId,
    /// None for a delete.
    pub cells: Option<Cells>,
    pub moved_to: Option<Vec<u8>>,
    /// The transaction that superseded it; None while current (as of the snapshot).
    pub end: Option<TxId>,
}

/// A state of the database, after transaction `tx`. Holds nothing back but purging; never blocks.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) index: Arc<Index>,
    pub(crate) tx: TxId,
}

/// Walks a range in key order. Pull-style; reads ahead in pages.
pub trait Cursor {
    /// The next live row: its key and version. None at the end.
    fn next(&mut self) -> Result<Option<(Vec<u8>, Version)>>;
}

/// Walks an index in entry order.
pub trait IndexCursor {
    /// The next entry: its key, and the row's primary key. None at the end.
    fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>>;
}

impl Snapshot {
    /// The newest transaction it sees.
    pub fn tx(&self) -> TxId {
        self.tx
    }

    /// The live version of a key.
    pub fn get(&self, object: ObjectId, key: &[u8]) -> Result<Option<Version>> {
        match self.index.version_at(Family::Row, &storage_key(object, key), self.tx, false)? {
            Some(stored) if stored.is_live() => Ok(Some(stored.into_version()?)),
            _ => Ok(None),
        }
    }

    /// Whether a row of the object may have been deleted after this state and not after transaction `until`.
    pub fn may_miss_deleted(&self, object: ObjectId, until: TxId) -> bool {
        let applied = self.index.applied.load(Ordering::Acquire);
        applied < until || guard::read(&self.index.deaths).last(Family::Row, object) > self.tx
    }

    /// Live rows of a span, in key order or backwards.
    pub fn scan(&self, object: ObjectId, span: &Span, backward: bool) -> Box<dyn Cursor + Send> {
        Box::new(RowCursor(Walk::new(self, Family::Row, object, span, backward)))
    }

    /// Entries of an index that are valid at this state: (entry key, primary key), in entry order or backwards.
    pub fn scan_index(&self, index: IndexId, span: &Span, backward: bool) -> Box<dyn IndexCursor + Send> {
        Box::new(EntryCursor(Walk::new(self, Family::Entry, index, span, backward)))
    }

    /// Every version (deletes included) of every key of a span that was alive or made within `from..=to` transactions:
    /// by key, oldest first. `end` is set on all but a key's newest.
    pub fn versions(&self, object: ObjectId, span: &Span, from: TxId, to: TxId) -> Box<dyn Cursor + Send> {
        let (low, high) = storage_span(object, span);
        let reach = Reach { family: Family::Row, id: object, from: low, to: high, backward: false };
        let to = to.min(self.tx);
        let (keys, found) = (VecDeque::new(), VecDeque::new());
        Box::new(VersionCursor { snapshot: self.clone(), reach, from, to, keys, found, done: false })
    }
}

/// A cursor's place in a range.
pub(crate) struct Walk {
    index: Arc<Index>,
    reach: Reach,
    tx: TxId,
    own: Option<Own>,
    /// Raised to the newest transaction met.
    seen: Option<Arc<AtomicU64>>,
    page: std::vec::IntoIter<(Vec<u8>, Stored)>,
    page_keys: usize,
    done: bool,
}

/// A point read must not pay for a page, nor a long scan for many.
const FIRST_PAGE_KEYS: usize = 8;
const LAST_PAGE_KEYS: usize = 256;

impl Walk {
    pub(crate) fn new(snapshot: &Snapshot, family: Family, id: u32, span: &Span, backward: bool) -> Walk {
        let (from, to) = storage_span(id, span);
        Walk {
            index: snapshot.index.clone(),
            reach: Reach { family, id, from, to, backward },
            tx: snapshot.tx,
            own: None,
            seen: None,
            page: Vec::new().into_iter(),
            page_keys: FIRST_PAGE_KEYS,
            done: false,
        }
    }

    /// With a transaction's own writes over it.
    pub(crate) fn over(mut self, own: Option<Own>) -> Walk {
        self.own = own;
        self
    }

    pub(crate) fn seen(mut self, seen: Arc<AtomicU64>) -> Walk {
        self.seen = Some(seen);
        self
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, Stored)>> {
        loop {
            if let Some((mut key, stored)) = self.page.next() {
                key.drain(..key.len().min(4));
                return Ok(Some((key, stored)));
            }
            if self.done {
                return Ok(None);
            }
            let page = self.index.page(&mut self.reach, self.tx, self.own.as_ref(), self.page_keys)?;
            if let Some(seen) = &self.seen {
                seen.fetch_max(page.newest, Ordering::Relaxed);
            }
            self.page_keys = (self.page_keys * 4).min(LAST_PAGE_KEYS);
            self.done = page.done;
            self.page = page.items.into_iter();
        }
    }
}

pub(crate) struct RowCursor(pub Walk);

impl Cursor for RowCursor {
    fn next(&mut self) -> Result<Option<(Vec<u8>, Version)>> {
        match self.0.next()? {
            Some((key, stored)) => Ok(Some((key, stored.into_version()?))),
            None => Ok(None),
        }
    }
}

pub(crate) struct EntryCursor(pub Walk);

impl IndexCursor for EntryCursor {
    fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        Ok(self.0.next()?.map(|(key, stored)| (key, stored.into_primary_key())))
    }
}

struct VersionCursor {
    snapshot: Snapshot,
    reach: Reach,
    from: TxId,
    to: TxId,
    keys: VecDeque<Chained>,
    found: VecDeque<(Vec<u8>, Version)>,
    done: bool,
}

impl Cursor for VersionCursor {
    fn next(&mut self) -> Result<Option<(Vec<u8>, Version)>> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Ok(Some(found));
            }
            if let Some((key, only)) = self.keys.pop_front() {
                let chain = match only {
                    Some(only) => vec![only],
                    None => self.snapshot.index.chain(Family::Row, &key)?,
                };
                self.expand(&key, chain)?;
            } else if self.done {
                return Ok(None);
            } else {
                let (keys, done) = self.snapshot.index.keys(&mut self.reach, LAST_PAGE_KEYS)?;
                self.keys = keys.into();
                self.done = done;
            }
        }
    }
}

impl VersionCursor {
    fn expand(&mut self, key: &[u8], mut chain: Vec<Stored>) -> Result<()> {
        chain.retain(|stored| stored.tx <= self.snapshot.tx);
        let ends: Vec<Option<TxId>> =
            chain.iter().skip(1).map(|next| Some(next.tx)).chain(std::iter::once(None)).collect();
        let key = key.get(4..).unwrap_or_default();
        for (stored, end) in chain.into_iter().zip(ends) {
            let made_within = stored.tx >= self.from && stored.tx <= self.to;
            let alive_within =
                stored.is_live() && stored.tx <= self.to && end.is_none_or(|end| end > self.from);
            if made_within || alive_within {
                let version = Version { end, ..stored.into_version()? };
                self.found.push_back((key.to_vec(), version));
            }
        }
        Ok(())
    }
}
