//! Rows that were read by their key, in memory, in front of the engine.
//!
//! ```text
//!   reader    look: a ticket ──> engine.get ──> keep, unless its shard has changed since the ticket
//!   applier   engine.apply ──> changed ──> the table of recent versions lets go
//! ```
//!
//! What is kept is what the engine would say: a key's newest live version. Who meets a version here that the engine has
//! just left behind meets the newer one among the recent versions, as one does who asked the engine a moment earlier.

use super::{Keyspace, Write};
use crate::TxId;
use crate::guard;
use crate::history::Stored;
use foldhash::fast::RandomState;
use quick_cache::Weighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use std::hash::BuildHasher;
use std::sync::Mutex;

/// Enough that two threads seldom meet in one.
const SHARDS: u64 = 64;
/// What a row takes beside its bytes: its place in the table, two allocations.
const ROW_BYTES: u64 = 96;

pub(crate) struct Hot {
    /// Larger ones are not kept.
    row_bytes_max: usize,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

struct Shard {
    rows: Cache<Box<[u8]>, Row, Bytes, RandomState>,
    /// Grows with each change that the engine gets.
    changes: u64,
}

struct Row {
    tx: TxId,
    body: Box<[u8]>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Box<[u8]>, Row> for Bytes {
    fn weight(&self, key: &Box<[u8]>, row: &Row) -> u64 {
        ROW_BYTES + (key.len() + row.body.len()) as u64
    }
}

/// What a reader found.
pub(crate) enum Look {
    Found(Stored),
    /// Nothing: what the engine says may be kept with this.
    Missing(Ticket),
}

/// The state of a shard before the engine was asked.
pub(crate) struct Ticket {
    shard: usize,
    changes: u64,
}

impl Hot {
    pub(crate) fn new(memory_bytes: u64) -> Hot {
        let hasher = RandomState::default();
        let shard_bytes = memory_bytes / SHARDS;
        let shard = |_| {
            let rows = (shard_bytes / (2 * ROW_BYTES)) as usize;
            let rows = Cache::with(rows, shard_bytes, Bytes, hasher.clone(), DefaultLifecycle::default());
            Mutex::new(Shard { rows, changes: 0 })
        };
        let row_bytes_max = usize::try_from(shard_bytes / 4).unwrap_or(usize::MAX);
        Hot { row_bytes_max, shards: (0..SHARDS).map(shard).collect(), hasher }
    }

    pub(crate) fn look(&self, key: &[u8]) -> Look {
        let at = self.shard_of(key);
        let shard = guard::lock(&self.shards[at]);
        match shard.rows.get(key) {
            Some(row) => Look::Found(Stored { tx: row.tx, body: row.body.to_vec() }),
            None => Look::Missing(Ticket { shard: at, changes: shard.changes }),
        }
    }

    /// Keeps what the engine said, unless it may say something else by now.
    pub(crate) fn keep(&self, key: &[u8], stored: &Stored, ticket: Ticket) {
        if stored.body.len() > self.row_bytes_max {
            return;
        }
        let mut shard = guard::lock(&self.shards[ticket.shard]);
        if shard.changes == ticket.changes {
            shard.rows.insert(key.into(), Row { tx: stored.tx, body: stored.body.as_slice().into() });
        }
    }

    /// The engine has got these: what is kept follows.
    pub(crate) fn changed(&self, writes: &[Write]) {
        for write in writes.iter().filter(|write| write.keyspace == Keyspace::Row) {
            let mut shard = guard::lock(&self.shards[self.shard_of(&write.key)]);
            shard.changes += 1;
            let key = write.key.as_slice();
            match write.value.as_deref().and_then(<[u8]>::split_first_chunk) {
                Some((tx, body)) if body.len() <= self.row_bytes_max => {
                    if let Some(mut kept) = shard.rows.get_mut(key) {
                        *kept = Row { tx: TxId::from_be_bytes(*tx), body: body.into() };
                    }
                }
                _ => drop(shard.rows.remove(key)),
            }
        }
    }

    fn shard_of(&self, key: &[u8]) -> usize {
        (self.hasher.hash_one(key) % SHARDS) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;
    use crate::history::{Family, RowBody, storage_key, value};
    use crate::index::memory::MemoryEngine;
    use crate::index::{Engine, Index, Visit};
    use crate::recent::Batch;
    use crate::spool::Spool;
    use std::ops::Bound;
    use std::path::Path;
    use std::sync::Arc;
    use types::Result;

    fn stored(tx: u64, body: &str) -> Stored {
        Stored { tx, body: body.into() }
    }

    fn put(key: &str, tx: u64, body: &str) -> Write {
        Write { keyspace: Keyspace::Row, key: key.into(), value: Some(value(tx, body.as_bytes())) }
    }

    fn found(hot: &Hot, key: &str) -> Option<Stored> {
        match hot.look(key.as_bytes()) {
            Look::Found(stored) => Some(stored),
            Look::Missing(_) => None,
        }
    }

    fn ticket(hot: &Hot, key: &str) -> Ticket {
        match hot.look(key.as_bytes()) {
            Look::Found(_) => panic!("{key} is kept"),
            Look::Missing(ticket) => ticket,
        }
    }

    #[test]
    fn what_was_read_is_kept_and_follows_the_engine() {
        let hot = Hot::new(1 << 20);
        hot.changed(&[put("k", 1, "never read, not kept")]);
        hot.keep(b"k", &stored(1, "one"), ticket(&hot, "k"));
        assert_eq!(found(&hot, "k"), Some(stored(1, "one")));
        hot.changed(&[put("k", 2, "two"), put("other", 2, "not kept")]);
        assert_eq!(found(&hot, "k"), Some(stored(2, "two")));
        assert_eq!(found(&hot, "other"), None);
        hot.changed(&[put("k", 3, &"large ".repeat(1 << 10))]);
        assert_eq!(found(&hot, "k"), None);
        hot.keep(b"k", &stored(3, &"large ".repeat(1 << 10)), ticket(&hot, "k"));
        assert_eq!(found(&hot, "k"), None);
        hot.keep(b"k", &stored(4, "four"), ticket(&hot, "k"));
        hot.changed(&[Write { value: None, ..put("k", 5, "") }]);
        assert_eq!(found(&hot, "k"), None);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let hot = Hot::new(1 << 20);
        let before = ticket(&hot, "k");
        hot.changed(&[put("k", 2, "two")]);
        hot.keep(b"k", &stored(1, "one"), before);
        assert_eq!(found(&hot, "k"), None);
    }

    type Hook = Mutex<Option<Box<dyn FnOnce() + Send>>>;

    /// An engine in memory; what somebody else does comes between a reader's look and its answer.
    struct Interrupted(MemoryEngine, Arc<Hook>);

    impl Engine for Interrupted {
        fn name(&self) -> &'static str {
            self.0.name()
        }
        fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
            let found = self.0.get(keyspace, key);
            let hook = guard::lock(&self.1).take();
            hook.into_iter().for_each(|hook| hook());
            found
        }
        fn scan(
            &self,
            keyspace: Keyspace,
            from: Bound<&[u8]>,
            to: Bound<&[u8]>,
            backward: bool,
            visit: &mut Visit,
        ) -> Result<()> {
            self.0.scan(keyspace, from, to, backward, visit)
        }
        fn apply(&self, writes: &[Write]) -> Result<()> {
            self.0.apply(writes)
        }
        fn checkpoint(&self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_version_that_comes_while_the_engine_is_asked_is_not_missed() {
        let spool = Spool::open(&host::Host::memory(1), Path::new("/spool"), 1 << 20).unwrap();
        let hook: Arc<Hook> = Arc::default();
        let engine = Interrupted(MemoryEngine::default(), hook.clone());
        let index = Arc::new(Index::new(Box::new(engine), None, Arc::new(spool), 1 << 20));
        let key = storage_key(7, b"k");
        let commit = |index: &Index, key: &[u8], tx: TxId, op: Op| {
            let body = RowBody {
                op,
                key_salt: [0; 16],
                schema_tx: 1,
                prev_tx: tx - 1,
                moved_to: None,
                cells: Some(b""),
            };
            let rows = vec![(key.into(), body.encode().into())];
            let batch = Arc::new(Batch { rows, ..Batch::default() });
            index.remember(tx, &batch);
            index.apply(&[(tx, batch)], true).unwrap();
        };
        commit(&index, &key, 1, Op::Insert);
        let (later, same) = (index.clone(), key.clone());
        *guard::lock(&hook) = Some(Box::new(move || commit(&later, &same, 2, Op::Update)));
        let seen = |tx| index.version_at(Family::Row, &key, tx, false).unwrap().map(|stored| stored.tx);
        assert_eq!(seen(1), Some(1));
        assert!(guard::lock(&hook).is_none(), "nobody came between");
        assert_eq!((seen(2), seen(1)), (Some(2), Some(1)));
        assert_eq!(found(&index.hot, std::str::from_utf8(&key).unwrap()).map(|stored| stored.tx), Some(2));
    }

    #[test]
    fn it_stays_within_its_memory() {
        let hot = Hot::new(64 << 10);
        for number in 0..10_000u64 {
            let key = number.to_be_bytes();
            let Look::Missing(ticket) = hot.look(&key) else { panic!() };
            hot.keep(&key, &stored(1, "some bytes"), ticket);
        }
        let bytes: u64 = hot.shards.iter().map(|shard| guard::lock(shard).rows.weight()).sum();
        assert!(bytes > 32 << 10 && bytes <= 64 << 10, "{bytes}");
    }
}
