//! The index on disk, over each engine: when it is kept, when it is replayed, when it is rebuilt.

use crate::*;
use kv::store::IndexEntry;
use kv::{At, Isolation};
use std::path::PathBuf;
use std::sync::Mutex;

/// A store on a real disk that remembers how much of the log was brought into the index at open.
struct Real {
    engine: IndexEngine,
    folder: tempfile::TempDir,
}

impl Real {
    fn new(engine: IndexEngine) -> Real {
        Real { engine, folder: tempfile::tempdir().unwrap() }
    }

    /// One for each engine.
    fn each() -> [Real; 2] {
        [IndexEngine::Lsm, IndexEngine::Sled].map(Real::new)
    }

    fn engine_folder(&self) -> PathBuf {
        self.database().join(if self.engine == IndexEngine::Lsm { "index/lsm" } else { "index/sled" })
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("db")
    }

    fn checkpoint(&self) -> PathBuf {
        self.database().join("index/index.checkpoint")
    }

    /// Opens; None = nothing was replayed.
    fn open(&self) -> (Store, Option<u64>) {
        let replayed = Arc::new(Mutex::new(None));
        let seen = replayed.clone();
        let mut options = options(self.engine);
        options.ledger.progress = Some(Arc::new(move |what: &str, _, total| {
            if what == "index" {
                *seen.lock().unwrap() = Some(total);
            }
        }));
        let store = Store::open(Host::real(), &self.database(), options).unwrap();
        let replayed = *replayed.lock().unwrap();
        (store, replayed)
    }

    /// Closed in order once and written to since; and how many transactions came since.
    fn with_a_tail(&self) -> (Store, u64) {
        let (store, _) = self.open();
        fill(&store, 0, 20);
        drop(store);
        let (store, _) = self.open();
        let whole = store.ledger().size();
        fill(&store, 20, 50);
        let tail = store.ledger().size() - whole;
        (store, tail)
    }

    /// A copy of the files as they are now: what a crash of the process leaves.
    fn crash(&self) -> Real {
        let copy = Real::new(self.engine);
        copy_folder(&self.database(), &copy.database());
        copy
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn fill(store: &Store, from: u8, to: u8) {
    for number in from..to {
        put(store, &[number % 16], &[b'0' + number % 7]);
        if number % 5 == 0 {
            delete(store, &[number % 16]);
        }
    }
}

fn check(store: &Store, expected: &[(Vec<u8>, Vec<u8>)]) {
    assert_eq!(all(store), expected);
    assert_eq!(kv::index::check_index(store, &BY_VALUE, None).unwrap(), []);
}

#[test]
fn an_index_that_was_closed_in_order_is_taken_as_it_is() {
    for real in Real::each() {
        let (store, replayed) = real.open();
        assert_eq!(replayed, Some(1));
        fill(&store, 0, 40);
        let expected = all(&store);
        drop(store);
        assert!(std::fs::read_to_string(real.checkpoint()).unwrap().contains("clean yes"));
        let (store, replayed) = real.open();
        assert_eq!(replayed, None);
        assert!(std::fs::read_to_string(real.checkpoint()).unwrap().contains("clean no"));
        check(&store, &expected);
        // Deletes of before are found without a memory of them.
        assert!(store.snapshot(At::Transaction(3)).unwrap().get(TABLE, &[0]).unwrap().is_none());
        fill(&store, 40, 60);
        let expected = all(&store);
        check(&store, &expected);
    }
}

#[test]
fn after_a_crash_of_the_process_the_tail_is_replayed() {
    for real in Real::each() {
        let (store, tail) = real.with_a_tail();
        let expected = all(&store);
        for _ in 0..3 {
            let crashed = real.crash();
            let (reopened, replayed) = crashed.open();
            assert_eq!(replayed, Some(tail), "from the checkpoint on, and no more");
            check(&reopened, &expected);
            fill(&reopened, 50, 60);
            check(&reopened, &all(&reopened));
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    }
}

/// Writes a line of the checkpoint anew.
fn edit(real: &Real, line: &str, new: &str) {
    let text = std::fs::read_to_string(real.checkpoint()).unwrap();
    let mut body: String = text
        .lines()
        .filter(|text| !text.starts_with("crc32c"))
        .map(|text| if text.starts_with(line) { format!("{new}\n") } else { format!("{text}\n") })
        .collect();
    let crc = crc32c::crc32c(body.as_bytes());
    body.push_str(&format!("crc32c {crc:08x}\n"));
    std::fs::write(real.checkpoint(), body).unwrap();
}

#[test]
fn after_a_crash_of_the_system_an_engine_that_survives_it_is_replayed() {
    let real = Real::new(IndexEngine::Lsm);
    let (store, tail) = real.with_a_tail();
    let expected = all(&store);
    let crashed = real.crash();
    edit(&crashed, "boot", "boot 00000000-0000-0000-0000-000000000000");
    let (store, replayed) = crashed.open();
    assert_eq!(replayed, Some(tail));
    assert_eq!(store.index_damage(), None);
    check(&store, &expected);
}

#[test]
fn whatever_is_in_doubt_is_rebuilt() {
    for real in Real::each() {
        let (store, _) = real.open();
        fill(&store, 0, 30);
        let expected = all(&store);
        let size = store.ledger().size();
        let rebuilt = |what: &str, spoil: &dyn Fn(&Real)| {
            let crashed = real.crash();
            spoil(&crashed);
            let (store, replayed) = crashed.open();
            assert_eq!(replayed, Some(size), "{what}");
            check(&store, &expected);
            drop(store);
            assert_eq!(crashed.open().1, None, "{what}: and then it is whole");
        };
        rebuilt("no checkpoint", &|real| std::fs::remove_file(real.checkpoint()).unwrap());
        rebuilt("a damaged checkpoint", &|real| {
            std::fs::write(real.checkpoint(), "stele index 1\n").unwrap()
        });
        let another_boot = |real: &Real| edit(real, "boot", "boot 00000000-0000-0000-0000-000000000000");
        if real.engine == IndexEngine::Sled {
            rebuilt("another boot", &another_boot);
        }
        rebuilt("another engine", &|real| edit(real, "engine", "engine another 1"));
        rebuilt("another log", &|real| edit(real, "root", &format!("root {}", "ab".repeat(32))));
        rebuilt("no engine files", &|real| {
            std::fs::remove_dir_all(real.engine_folder()).unwrap();
        });
        rebuilt("an engine file cut off", &|real| {
            let path = match real.engine {
                IndexEngine::Sled => real.engine_folder().join("db"),
                _ => {
                    let tables = std::fs::read_dir(real.engine_folder().join("tables")).unwrap();
                    tables.last().unwrap().unwrap().path()
                }
            };
            std::fs::File::options().write(true).open(path).unwrap().set_len(100).unwrap();
        });
        rebuilt("an engine behind its checkpoint", &|real| {
            edit(real, "applied", &format!("applied {}", size))
        });
    }
}

#[test]
fn rebuilding_on_request_needs_a_closed_store() {
    for real in Real::each() {
        let (store, _) = real.open();
        fill(&store, 0, 10);
        let (expected, size) = (all(&store), store.ledger().size());
        assert!(kv::index::remove_derived(&Host::real(), &real.database()).is_err());
        drop(store);
        kv::index::remove_derived(&Host::real(), &real.database()).unwrap();
        let (store, replayed) = real.open();
        assert_eq!(replayed, Some(size));
        check(&store, &expected);
    }
}

#[test]
fn a_half_written_snapshot_of_sled_does_no_harm() {
    let real = Real::new(IndexEngine::Sled);
    let (store, _) = real.open();
    fill(&store, 0, 10);
    let expected = all(&store);
    drop(store);
    std::fs::write(real.database().join("index/sled/snap.00FFFFFFFFFFFFFF.generating"), b"half").unwrap();
    let (store, replayed) = real.open();
    assert_eq!(replayed, None);
    check(&store, &expected);
}

#[test]
fn an_index_is_built_over_history_and_dropped() {
    for real in Real::each() {
        const BUILT: kv::IndexId = 40_000;
        let (store, _) = real.open();
        fill(&store, 0, 30);
        let mut entries = Vec::new();
        for key in 0..16u8 {
            let history = store.history(TABLE, &[key]).unwrap();
            for (number, version) in history.iter().enumerate() {
                let Some(cells) = &version.cells else { continue };
                let to = history.get(number + 1).map(|next| next.tx);
                let entry = [&value_of(cells)[..], &[key]].concat();
                entries.push(IndexEntry {
                    index: BUILT,
                    key: entry,
                    primary_key: vec![key],
                    from: version.tx,
                    to,
                });
            }
        }
        // In any order, row by row.
        entries.reverse();
        entries.sort_by_key(|entry| entry.key.len() as u64 ^ (entry.from * 7 % 5));
        entries.sort_by_key(|entry| entry.primary_key[0] ^ 5);
        assert!(!store.is_index_built(BUILT).unwrap());
        store.build_index(&mut entries.into_iter().map(Ok)).unwrap();
        let compare = |store: &Store| {
            assert!(store.is_index_built(BUILT).unwrap());
            for tx in 0..store.ledger().size() {
                let snapshot = store.snapshot(At::Transaction(tx)).unwrap();
                let (mut built, mut derived) = (
                    snapshot.scan_index(BUILT, &Span::all(), false),
                    snapshot.scan_index(INDEX, &Span::all(), false),
                );
                loop {
                    let (built, derived) = (built.next().unwrap(), derived.next().unwrap());
                    assert_eq!(built, derived, "at {tx}");
                    if built.is_none() {
                        break;
                    }
                }
            }
        };
        compare(&store);
        // A crash right after leaves all of it, or says so.
        let (crashed, _) = real.crash().open();
        if crashed.is_index_built(BUILT).unwrap() {
            compare(&crashed);
        }
        drop(store);
        let (store, replayed) = real.open();
        assert_eq!(replayed, None);
        compare(&store);
        store.drop_index(BUILT).unwrap();
        let first = |index| {
            let snapshot = store.begin(Isolation::ReadCommitted).snapshot().clone();
            snapshot.scan_index(index, &Span::all(), false).next().unwrap()
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while first(BUILT).is_some() {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(first(INDEX).is_some());
    }
}

/// Writes until killed, saying on stdout what was acknowledged. Runs only as a child of the test below.
#[test]
fn child_that_writes() {
    let Ok(folder) = std::env::var("STELE_TEST_KILLED_STORE") else { return };
    let engine = if std::env::var("STELE_TEST_SLED").is_ok() { IndexEngine::Sled } else { IndexEngine::Lsm };
    let store = Store::open(Host::real(), Path::new(&folder), options(engine)).unwrap();
    for number in 0u64.. {
        put(&store, &(number % 50).to_be_bytes(), &number.to_be_bytes());
        if number % 7 == 0 {
            delete(&store, &(number % 50).to_be_bytes());
        }
        println!("acknowledged {number}");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    for real in Real::each() {
        for round in 0..3 {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "on_disk::child_that_writes", "--nocapture"])
                .env("STELE_TEST_KILLED_STORE", real.database())
                .envs((real.engine == IndexEngine::Sled).then_some(("STELE_TEST_SLED", "1")))
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
            let number = |line: &str| {
                line.rsplit_once("acknowledged ").and_then(|(_, number)| number.parse::<u64>().ok())
            };
            let mut acknowledged = None;
            while acknowledged < Some(60 + round * 25) {
                acknowledged = lines.next().unwrap().ok().as_deref().and_then(number).or(acknowledged);
            }
            child.kill().unwrap();
            child.wait().unwrap();
            for line in lines.map_while(|line| line.ok()) {
                acknowledged = number(&line).or(acknowledged);
            }
            let (store, replayed) = real.open();
            assert!(replayed.is_some(), "a killed process leaves a tail");
            assert_eq!(kv::index::check_index(&store, &BY_VALUE, None).unwrap(), []);
            let last = acknowledged.unwrap();
            for number in last.saturating_sub(49)..=last {
                let found =
                    store.snapshot(At::Latest).unwrap().get(TABLE, &(number % 50).to_be_bytes()).unwrap();
                let found = found.and_then(|version| version.cells).map(|cells| value_of(&cells));
                // The next one may have come through without a word; it writes the oldest of these keys.
                let expected = (number % 7 != 0).then(|| number.to_be_bytes().to_vec());
                assert!(found == expected || number + 49 == last, "{number} of {last}: {found:?}");
            }
        }
    }
}

#[test]
fn scans_are_whole_on_disk_too() {
    for real in Real::each() {
        let (store, _) = real.open();
        crate::concurrency::generations(&store, 60);
        drop(store);
        let (store, _) = real.open();
        assert_eq!(kv::index::check_index(&store, &kv::NoDerive, None).unwrap(), []);
    }
}

#[test]
fn a_second_opening_is_refused() {
    for real in Real::each() {
        let (store, _) = real.open();
        let error =
            Store::open(Host::real(), &real.database(), options(real.engine)).map(|_| ()).unwrap_err();
        assert_eq!(error.state, types::SqlState::ObjectInUse);
        drop(store);
        real.open();
    }
}
