//! Index against log: every current and superseded version must be what a replay gives.

use super::checkpoint::Place;
use super::lsm::LsmEngine;
use super::memory::MemoryEngine;
use super::page::{describe, raw_page};
use super::{Index, Keyspace};
use crate::fault::disk_error;
use crate::ledger::{Ledger, Progress};
use crate::store::{INDEX_FOLDER, IndexEngine};
use crate::{Derive, TxId};
use host::Host;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use types::Result;

/// Something that the index says and the log does not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub keyspace: &'static str,
    /// The object (a table's storage generation), or the secondary index.
    pub id: u32,
    pub key: Vec<u8>,
    /// The transaction of the version in question.
    pub tx: TxId,
    pub what: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { keyspace, id, key, tx, what } = self;
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "index keyspace {keyspace}, object {id}, key {key}, transaction {tx}: {what}")
    }
}

/// Compares the whole index with a replay of the log, which is put beside an index that has files. Entries of an index
/// that are older than the first that the replay derives were made by its CREATE INDEX, and are not judged.
pub fn check_index(
    store: &crate::Store,
    derive: &dyn Derive,
    progress: Option<&Progress>,
) -> Result<Vec<Finding>> {
    store.settle()?;
    let index = store.index();
    let _applying = crate::guard::lock(&index.applying);
    let Some(place) = &index.place else {
        let model = Index::new(Box::new(MemoryEngine::default()), None, index.spool.clone(), 0);
        return compare(index, &model, store.ledger(), derive, progress);
    };
    let (disk, folder) = (&place.host.disk, place.folder.join("model"));
    let clear = || match disk.is_dir(&folder) {
        true => disk.remove_dir_all(&folder).map_err(|error| disk_error("could not remove", &folder, &error)),
        false => Ok(()),
    };
    clear()?;
    disk.create_dir_all(&folder).map_err(|error| disk_error("could not create", &folder, &error))?;
    let engine = LsmEngine::open(&place.host, &folder, MODEL_MEMORY_BYTES)?;
    let model = Index::new(Box::new(engine), None, index.spool.clone(), 0);
    let findings = compare(index, &model, store.ledger(), derive, progress);
    drop(model);
    clear().and(findings)
}

const MODEL_MEMORY_BYTES: u64 = 64 << 20;

/// Removes what is derived, index and tiles, of the store in `dir`, which must not be open: the next open makes it again
/// from the log. The folders that were removed.
pub fn remove_derived(host: &Host, dir: &Path) -> Result<Vec<PathBuf>> {
    let _lock = host.disk.lock(dir).map_err(|error| disk_error("could not lock", dir, &error))?;
    let mut removed = Vec::new();
    for folder in [dir.join(INDEX_FOLDER), crate::ledger::Paths::new(dir).tiles] {
        if host.disk.is_dir(&folder) {
            host.disk
                .remove_dir_all(&folder)
                .map_err(|error| disk_error("could not remove", &folder, &error))?;
            removed.push(folder);
        }
    }
    Ok(removed)
}

/// What keeps the index of the store in `dir`. None: it is new, or will be made again.
pub fn engine_of(host: &Host, dir: &Path) -> Option<IndexEngine> {
    let engine = place_of(host, dir).read()?.engine;
    super::open::ON_DISK.into_iter().find(|known| known.name() == engine)
}

/// What the index of the store in `dir` holds was found to be wrong: the next open rebuilds it.
pub fn distrust_index(host: &Host, dir: &Path) -> Result<()> {
    place_of(host, dir).remove()
}

fn place_of(host: &Host, dir: &Path) -> Place {
    Place { host: host.clone(), folder: dir.join(INDEX_FOLDER) }
}

fn compare(
    index: &Index,
    model: &Index,
    ledger: &Ledger,
    derive: &dyn Derive,
    progress: Option<&Progress>,
) -> Result<Vec<Finding>> {
    let size = index.applied.load(Ordering::Acquire) + 1;
    model.replay(ledger, derive, 0, size, true, progress)?;
    let first_derived = first_derived(model)?;
    let mut findings = Vec::new();
    for keyspace in Keyspace::ALL {
        if keyspace == Keyspace::Meta {
            continue;
        }
        let is_entry = matches!(keyspace, Keyspace::Entry | Keyspace::EntryDead | Keyspace::EntryHistory);
        let mut report = |key: &[u8], value: &[u8], what| {
            let (id, key, tx) = describe(keyspace, key, value);
            findings.push(Finding { keyspace: keyspace.name(), id, key, tx, what });
        };
        let mut ours = Entries::new(index, keyspace);
        let mut theirs = Entries::new(model, keyspace);
        let (mut have, mut want) = (ours.next()?, theirs.next()?);
        loop {
            match (have.take(), want.take()) {
                (None, None) => break,
                (Some(h), Some(w)) if h.0 == w.0 => {
                    if h.1 != w.1 {
                        report(&h.0, &w.1, "differs from the log");
                    }
                    (have, want) = (ours.next()?, theirs.next()?);
                }
                (Some(h), w) if w.as_ref().is_none_or(|w| h.0 < w.0) => {
                    let (id, _, tx) = describe(keyspace, &h.0, &h.1);
                    let judged = !is_entry || first_derived.get(&id).is_some_and(|&first| tx >= first);
                    if judged {
                        report(&h.0, &h.1, "is not in the log");
                    }
                    (have, want) = (ours.next()?, w);
                }
                (h, Some(w)) => {
                    report(&w.0, &w.1, "is in the log and missing here");
                    (have, want) = (h, theirs.next()?);
                }
                (Some(_), None) => break,
            }
        }
    }
    Ok(findings)
}

/// By index, the transaction of the first entry that a replay makes.
fn first_derived(model: &Index) -> Result<BTreeMap<u32, TxId>> {
    let mut first = BTreeMap::new();
    for keyspace in [Keyspace::Entry, Keyspace::EntryDead, Keyspace::EntryHistory] {
        let mut entries = Entries::new(model, keyspace);
        while let Some((key, value)) = entries.next()? {
            let (id, _, tx) = describe(keyspace, &key, &value);
            let known = first.entry(id).or_insert(tx);
            *known = tx.min(*known);
        }
    }
    Ok(first)
}

/// All entries of a keyspace, read in pages.
struct Entries<'a> {
    index: &'a Index,
    keyspace: Keyspace,
    page: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    last: Option<Vec<u8>>,
}

impl<'a> Entries<'a> {
    fn new(index: &'a Index, keyspace: Keyspace) -> Entries<'a> {
        Entries { index, keyspace, page: Vec::new().into_iter(), last: None }
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        if self.page.len() == 0 {
            let from = self.last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            self.page = raw_page(self.index, self.keyspace, from, Bound::Unbounded)?.into_iter();
        }
        let next = self.page.next();
        if let Some((key, _)) = &next {
            self.last = Some(key.clone());
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Write;
    use crate::ledger::LedgerOptions;
    use crate::store::{IndexEngine, Options};
    use crate::{Cell, Cells, Isolation, Meta, NoDerive, Store};
    use std::sync::Arc;

    fn store() -> Store {
        let ledger = LedgerOptions {
            origin: "test.example/check".into(),
            create: true,
            accept_missing_checkpoint: false,
            accept_clock: false,
            segment_size_bytes: 1 << 20,
            progress: None,
        };
        let options = Options {
            ledger,
            index: IndexEngine::Memory,
            index_cache_bytes: 0,
            transaction_memory_bytes: 1 << 20,
            derive: Arc::new(NoDerive),
        };
        Store::open(Host::memory(1), Path::new("/db"), options).unwrap()
    }

    fn commit(store: &Store, key: &[u8], value: Option<&[u8]>) {
        let mut transaction = store.begin(Isolation::ReadCommitted);
        match value {
            Some(bytes) => {
                let cells = Cells::new([Cell { column: 1, code: 0x1a, bytes }]);
                transaction.put(7, key, cells, 1, Vec::new()).unwrap();
            }
            None => transaction.delete(7, key, None, Vec::new()).unwrap(),
        }
        transaction.commit(Meta::default(), true).unwrap();
    }

    #[test]
    fn every_difference_from_the_log_is_named() {
        let store = store();
        commit(&store, b"a", Some(b"1"));
        commit(&store, b"a", Some(b"2"));
        commit(&store, b"b", Some(b"3"));
        commit(&store, b"b", None);
        assert_eq!(check_index(&store, &NoDerive, None).unwrap(), []);
        let findings = |keyspace, key: &[u8], value: Option<&[u8]>| {
            let key = key.to_vec();
            let engine = &store.index().engine;
            let before = engine.get(keyspace, &key).unwrap();
            let write = |value: Option<Vec<u8>>| Write { keyspace, key: key.clone(), value };
            engine.apply(&[write(value.map(<[u8]>::to_vec))]).unwrap();
            let findings = check_index(&store, &NoDerive, None).unwrap();
            engine.apply(&[write(before)]).unwrap();
            findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
        };
        let row = |tx: u64| crate::history::value(tx, &[1; 34]);
        assert_eq!(
            findings(Keyspace::Row, b"\0\0\0\x07a", Some(&row(2))),
            "index keyspace row, object 7, key 61, transaction 2: differs from the log"
        );
        assert_eq!(
            findings(Keyspace::Row, b"\0\0\0\x07a", None),
            "index keyspace row, object 7, key 61, transaction 2: is in the log and missing here"
        );
        assert_eq!(
            findings(Keyspace::Row, b"\0\0\0\x07z", Some(&row(9))),
            "index keyspace row, object 7, key 7a, transaction 9: is not in the log"
        );
        let older = crate::history::history_key(b"\0\0\0\x07a", 1);
        assert_eq!(
            findings(Keyspace::History, &older, None),
            "index keyspace history, object 7, key 61, transaction 1: is in the log and missing here"
        );
        assert_eq!(
            findings(Keyspace::Dead, b"\0\0\0\x07b", None),
            "index keyspace dead, object 7, key 62, transaction 4: is in the log and missing here"
        );
        assert_eq!(check_index(&store, &NoDerive, None).unwrap(), []);
    }
}
