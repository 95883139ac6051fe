//! SERIALIZABLE: what a transaction has read, checked when it writes and at commit against what was written since its
//! snapshot.
//!
//! A transaction that writes is serialised at its commit, so everything it read must still be what it read. Readers
//! are serialised at their snapshot and need no check. This aborts more than PostgreSQL does: any write that hits a
//! read key or span counts, whether or not it closes a cycle; spans count whole, even where a scan stopped early; and
//! beyond a limit a table (or an index) counts as read whole.

use crate::history::{Family, KeyRange, as_slices, split_storage_key, storage_key, storage_span};
use crate::lock::Owner;
use crate::recent::{Batch, Shared};
use crate::spool::Run;
use crate::{Span, TxId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use types::{Error, Result, SqlState};

/// Keys and spans of one table before it counts as a whole.
const KEYS_LIMIT: usize = 4_096;
const SPANS_LIMIT: usize = 256;

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Reads(pub(crate) HashMap<(Family, u32), Extent>);

/// What was read of one object or index: storage keys.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Extent {
    pub(crate) whole: bool,
    pub(crate) keys: HashSet<Vec<u8>>,
    pub(crate) spans: Vec<KeyRange>,
}

impl Reads {
    pub(crate) fn key(&mut self, family: Family, id: u32, key: &[u8]) {
        let extent = self.0.entry((family, id)).or_default();
        if !extent.whole {
            extent.keys.insert(storage_key(id, key));
            extent.coarsen();
        }
    }

    pub(crate) fn span(&mut self, family: Family, id: u32, span: &Span) {
        let extent = self.0.entry((family, id)).or_default();
        if !extent.whole {
            let span = storage_span(id, span);
            if !extent.spans.contains(&span) {
                extent.spans.push(span);
            }
            extent.coarsen();
        }
    }

    /// Whether a transaction has written something that was read.
    pub(crate) fn hit_by(&self, batch: &Batch) -> bool {
        if let Some(run) = &batch.run {
            // What cannot be read may have been hit.
            return self
                .0
                .iter()
                .any(|((family, id), extent)| extent.hit_by_run(*family, *id, run).unwrap_or(true));
        }
        Family::ALL.into_iter().any(|family| {
            // Sorted by storage key, so each object's changes are one run.
            batch.family(family).chunk_by(|a, b| split_storage_key(&a.0).0 == split_storage_key(&b.0).0).any(
                |run| {
                    let Some((key, _)) = run.first() else { return false };
                    let (id, _) = split_storage_key(key);
                    self.0.get(&(family, id)).is_some_and(|extent| extent.hit_by(run))
                },
            )
        })
    }
}

impl Extent {
    fn coarsen(&mut self) {
        if self.keys.len() > KEYS_LIMIT || self.spans.len() > SPANS_LIMIT {
            *self = Extent { whole: true, ..Extent::default() };
        }
    }

    fn hit_by_run(&self, family: Family, id: u32, run: &Arc<Run>) -> Result<bool> {
        for key in &self.keys {
            if run.get(family, key)?.is_some() {
                return Ok(true);
            }
        }
        let whole = self.whole.then(|| storage_span(id, &Span::all()));
        for (from, to) in self.spans.iter().chain(&whole) {
            let (from, to) = as_slices(from, to);
            if run.has_within(family, from, to)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn hit_by(&self, run: &[(Shared, Shared)]) -> bool {
        if self.whole || run.iter().any(|(key, _)| self.keys.contains(&key[..])) {
            return true;
        }
        self.spans.iter().any(|(from, to)| {
            let (from, to) = as_slices(from, to);
            let first = run.partition_point(|(key, _)| match from {
                Bound::Included(from) => &key[..] < from,
                Bound::Excluded(from) => &key[..] <= from,
                Bound::Unbounded => false,
            });
            run.get(first).is_some_and(|(key, _)| match to {
                Bound::Included(to) => &key[..] <= to,
                Bound::Excluded(to) => &key[..] < to,
                Bound::Unbounded => true,
            })
        })
    }
}

/// The writes of recent transactions, for as long as a serializable transaction may ask for them.
#[derive(Default)]
pub(crate) struct WriteLog {
    written: VecDeque<(TxId, Arc<Batch>)>,
    /// What prepared transactions have read. They cannot be refused any more, so who would overwrite it is.
    prepared: HashMap<Owner, Reads>,
}

impl WriteLog {
    pub(crate) fn push(&mut self, tx: TxId, batch: Arc<Batch>) {
        self.written.push_back((tx, batch));
    }

    /// Nobody asks for what is not newer than `tx`.
    pub(crate) fn forget(&mut self, tx: TxId) {
        while self.written.front().is_some_and(|(written, _)| *written <= tx) {
            self.written.pop_front();
        }
    }

    /// Whether something that was read at `snapshot` has been written since.
    pub(crate) fn hits(&self, snapshot: TxId, reads: &Reads) -> bool {
        let from = self.written.partition_point(|(tx, _)| *tx <= snapshot);
        self.written.range(from..).any(|(_, batch)| reads.hit_by(batch))
    }

    pub(crate) fn prepare(&mut self, owner: Owner, reads: Reads) {
        self.prepared.insert(owner, reads);
    }

    pub(crate) fn end_prepared(&mut self, owner: Owner) {
        self.prepared.remove(&owner);
    }

    pub(crate) fn hits_prepared(&self, batch: &Batch) -> bool {
        self.prepared.values().any(|reads| reads.hit_by(batch))
    }
}

pub(crate) fn serialization_failure() -> Error {
    let message = "could not serialize access due to read/write dependencies among transactions";
    Error::new(SqlState::SerializationFailure, message)
        .detail("Reason code: Canceled on identification as a pivot, during commit attempt.")
        .hint("The transaction might succeed if retried.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(keys: &[(u32, &[u8])]) -> Batch {
        let body: Shared = vec![1].into();
        let rows = keys.iter().map(|(id, key)| (storage_key(*id, key).into(), body.clone())).collect();
        Batch { rows, ..Batch::default() }
    }

    #[test]
    fn a_read_is_hit_by_a_write_of_its_key_or_within_its_span() {
        let mut reads = Reads::default();
        reads.key(Family::Row, 1, b"k");
        reads.span(
            Family::Row,
            2,
            &Span { from: Bound::Included(b"b".to_vec()), to: Bound::Excluded(b"d".to_vec()) },
        );
        assert!(reads.hit_by(&batch(&[(1, b"j"), (1, b"k")])));
        assert!(!reads.hit_by(&batch(&[(1, b"j"), (1, b"l"), (2, b"a"), (2, b"d"), (3, b"k")])));
        assert!(reads.hit_by(&batch(&[(2, b"a"), (2, b"c"), (2, b"d")])));
        assert!(reads.hit_by(&batch(&[(2, b"b")])));
    }

    #[test]
    fn beyond_the_limit_a_table_counts_whole() {
        let mut reads = Reads::default();
        for key in 0..=KEYS_LIMIT as u64 {
            assert!(!reads.hit_by(&batch(&[(1, b"other")])));
            reads.key(Family::Row, 1, &key.to_be_bytes());
        }
        assert!(reads.hit_by(&batch(&[(1, b"other")])));
        assert!(!reads.hit_by(&batch(&[(2, b"other")])));
    }

    #[test]
    fn only_what_came_after_the_snapshot_counts() {
        let mut log = WriteLog::default();
        log.push(5, Arc::new(batch(&[(1, b"k")])));
        let mut reads = Reads::default();
        reads.key(Family::Row, 1, b"k");
        assert!(log.hits(4, &reads));
        assert!(!log.hits(5, &reads));
        log.forget(5);
        assert!(!log.hits(4, &reads));
    }
}
