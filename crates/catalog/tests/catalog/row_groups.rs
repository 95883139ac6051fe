//! Whatever columns are kept, a scan finds what a model of all states says.

use crate::support::*;
use catalog::{Access, Begin, ColumnCache, Database, KeyRange, Scan, ScanRequest, Transaction, Versions};
use host::Host;
use kv::Isolation;
use kv::store::IndexEngine;
use std::collections::BTreeMap;
use std::path::Path;
use types::{Batch, Moment, TextSettings, Value};

/// a -> (b, c)
type State = BTreeMap<i32, (Option<i32>, String)>;

/// splitmix64
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

const KEYS: u64 = 300;

/// A transaction that reads, with what it sees.
struct Reader {
    transaction: Box<Transaction>,
    state: State,
}

/// A scan under way: what it has found, and what it shall find.
struct Walk {
    scan: Scan,
    found: Vec<Vec<Value>>,
    expected: Vec<Vec<Value>>,
    /// What it is, for messages.
    what: String,
}

struct Life {
    random: Random,
    database: Database,
    /// By transaction.
    states: BTreeMap<u64, State>,
    readers: Vec<Reader>,
    walks: Vec<Walk>,
}

impl Life {
    fn new(seed: u64) -> Life {
        // In every other life not all groups have room.
        let memory_bytes = if seed.is_multiple_of(2) { 1 << 20 } else { 3 << 10 };
        let columns = ColumnCache { memory_bytes, group_rows: 16 };
        let database = open_with(&Host::memory(seed), Path::new("/db"), IndexEngine::Memory, columns);
        let made = ddl(&database, create("t", &["a int4", "b int4", "c text"], &["primary key a"])).unwrap();
        Life {
            random: Random(seed),
            database,
            states: BTreeMap::from([(made, State::new())]),
            readers: vec![],
            walks: vec![],
        }
    }

    fn newest(&self) -> State {
        self.states.last_key_value().map(|(_, state)| state.clone()).unwrap_or_default()
    }

    /// A transaction of some changes.
    fn write(&mut self) {
        let mut state = self.newest();
        let mut transaction = begin(&self.database);
        // Appended, scattered, or all over the place.
        let count = [1, 5, 60][self.random.below(3) as usize];
        let appends = self.random.chance(2);
        for _ in 0..count {
            let end = state.keys().next_back().map_or(0, |last| last + 1);
            let key = if appends { end } else { self.random.below(KEYS) as i32 };
            let row = (
                (!self.random.chance(5)).then(|| self.random.below(9) as i32),
                // Now and then more than a transaction may hold in memory.
                "x".repeat(if self.random.chance(400) { 1 << 20 } else { self.random.below(9) as usize }),
            );
            let values = |key: i32, row: &(Option<i32>, String)| {
                vec![int(key), row.0.map_or(Value::Null, int), text(&row.1)]
            };
            let relation = table(&transaction, "t");
            match state.get(&key) {
                None => insert(&mut transaction, "t", &values(key, &row)).unwrap(),
                Some(old) => {
                    let name = relation.clone();
                    let mut encoded = vec![];
                    codec::key::encode(&int(key), types::DataType::Int4, false, false, &mut encoded).unwrap();
                    if self.random.chance(2) {
                        transaction.delete(&name, &encoded, &values(key, old)).unwrap();
                        state.remove(&key);
                        continue;
                    }
                    transaction.update(&name, &encoded, &values(key, old), &values(key, &row)).unwrap();
                }
            }
            state.insert(key, row);
        }
        if self.random.chance(8) {
            return;
        }
        // Own writes are seen.
        if self.random.chance(4) {
            assert_eq!(rows(&transaction, "t"), expected(&state, &[0, 1, 2], None));
        }
        let tx = commit(transaction).unwrap();
        if tx > 0 {
            self.states.insert(tx, state);
        }
    }

    fn read_on(&mut self) {
        let isolation = [Isolation::RepeatableRead, Isolation::Serializable][self.random.below(2) as usize];
        let transaction = begin_at(&self.database, isolation);
        let state = self.newest();
        self.readers.push(Reader { transaction, state });
        if self.readers.len() > 4 {
            let at = self.random.below(4) as usize;
            self.readers.remove(at);
        }
    }

    /// Begins a scan: of now, of the past, or of a transaction that has been reading for a while.
    fn scan(&mut self) {
        let columns: &[usize] = [&[0, 1, 2][..], &[1], &[2, 0], &[], &[1, 1]][self.random.below(5) as usize];
        let low = self.random.below(KEYS) as i32;
        let range = self.random.chance(3).then(|| (low, low + self.random.below(KEYS) as i32));
        let kind = self.random.below(3);
        let mut fresh = begin(&self.database);
        let (transaction, versions, state, what) = match kind {
            0 => (&fresh, Versions::Snapshot, self.newest(), "now".to_owned()),
            1 => {
                let at = self.random.below(self.states.len() as u64) as usize;
                let (tx, state) = self.states.iter().nth(at).map(|(tx, state)| (*tx, state.clone())).unwrap();
                if self.random.chance(2) {
                    let as_of = Some(Moment::Transaction(tx));
                    let isolation = Isolation::ReadCommitted;
                    fresh = self.database.begin(Begin { isolation, read_only: true, as_of }).unwrap();
                    fresh.begin_statement(&TextSettings::default()).unwrap();
                    (&fresh, Versions::Snapshot, state, format!("as of {tx}"))
                } else {
                    (&fresh, Versions::At(Moment::Transaction(tx)), state, format!("at {tx}"))
                }
            }
            _ => match self.readers.len() {
                0 => return,
                count => {
                    let reader = &self.readers[self.random.below(count as u64) as usize];
                    let what = format!("reader of {}", reader.transaction.snapshot_tx());
                    (&reader.transaction, Versions::Snapshot, reader.state.clone(), what)
                }
            },
        };
        let relation = table(transaction, "t");
        let access = match range {
            None => Access::All,
            Some((low, high)) => Access::Primary(vec![KeyRange {
                equal: vec![],
                lower: Some((int(low), true)),
                upper: Some((int(high), false)),
            }]),
        };
        let columns_asked = columns.iter().map(|at| relation.columns[*at].id).collect();
        let request = ScanRequest { relation, columns: columns_asked, access, backward: false, versions };
        let scan = transaction.scan(&request).unwrap();
        let expected = expected(&state, columns, range);
        self.walks.push(Walk {
            scan,
            found: vec![],
            expected,
            what: format!("{what} {columns:?} {range:?}"),
        });
    }

    /// Goes on with a scan.
    fn go_on(&mut self) {
        if self.walks.is_empty() {
            return;
        }
        let at = self.random.below(self.walks.len() as u64) as usize;
        for _ in 0..1 + self.random.below(9) {
            let limit = [1, 7, 100, 1024][self.random.below(4) as usize];
            let walk = &mut self.walks[at];
            let (mut batch, mut keys) = (Batch::default(), vec![]);
            if !walk.scan.next(&mut batch, Some(&mut keys), limit).unwrap() {
                let Walk { found, expected, what, .. } = self.walks.remove(at);
                assert!(found == expected, "{what}: {}", differences(&found, &expected));
                return;
            }
            assert!(batch.rows <= limit);
            assert_eq!(keys.len(), batch.rows);
            assert!(keys.is_sorted());
            walk.found.extend((0..batch.rows).map(|row| batch.row(row)));
        }
    }
}

/// The first rows that one of them alone has.
fn differences(found: &[Vec<Value>], expected: &[Vec<Value>]) -> String {
    let mut alone = found.iter().zip(expected).filter(|(found, expected)| found != expected);
    format!("{} rows, not {}; first {:?}", found.len(), expected.len(), alone.next())
}

fn expected(state: &State, columns: &[usize], range: Option<(i32, i32)>) -> Vec<Vec<Value>> {
    let inside = |key: i32| range.is_none_or(|(low, high)| key >= low && key < high);
    let row = |(key, (b, c)): (&i32, &(Option<i32>, String))| {
        let whole = [int(*key), b.map_or(Value::Null, int), text(c)];
        columns.iter().map(|at| whole[*at].clone()).collect()
    };
    state.iter().filter(|(key, _)| inside(**key)).map(row).collect()
}

#[test]
fn scans_agree_with_a_model_of_all_states() {
    let seeds = std::env::var("STELE_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(10);
    let mut kept = 0;
    for seed in 0..seeds {
        let mut life = Life::new(seed);
        for _ in 0..400 {
            match life.random.below(10) {
                0 | 1 => life.write(),
                2 => life.read_on(),
                3 | 4 => life.scan(),
                _ => life.go_on(),
            }
        }
        while !life.walks.is_empty() {
            life.go_on();
        }
        kept += usize::from(life.database.column_cache_bytes() > 0);
    }
    assert!(kept * 2 > seeds as usize, "hardly any columns were kept: in {kept} of {seeds} lives");
}

#[test]
fn columns_are_kept_within_their_memory_and_let_go_when_rows_change() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4", "b int4"], &["primary key a"])).unwrap();
    run(&database, |transaction| (0..100).try_for_each(|a| insert(transaction, "t", &[int(a), int(0)])))
        .unwrap();
    assert_eq!(database.column_cache_bytes(), 0);
    assert_eq!(all(&database, "t").len(), 100);
    let whole = database.column_cache_bytes();
    assert!(whole > 0);
    // One row of sixteen: asked for by itself. Nine of them: the group goes.
    let raise = |rows: std::ops::Range<i32>| {
        run(&database, |transaction| {
            rows.clone().try_for_each(|a| update(transaction, "t", &int(a), |row| row[1] = int(1)))
        })
        .unwrap();
    };
    raise(0..1);
    assert_eq!(database.column_cache_bytes(), whole);
    raise(1..9);
    assert!(database.column_cache_bytes() < whole);
    let ones = all(&database, "t").iter().filter(|row| row[1] == int(1)).count();
    assert_eq!(ones, 9);
    assert!(database.column_cache_bytes() >= whole);
}

#[test]
fn a_dropped_column_is_not_made_again_with_its_group() {
    let (_, database) = memory();
    ddl(&database, create("t", &["a int4", "b int4", "c int4"], &["primary key a"])).unwrap();
    let row = |a: i32| [int(a), int(1), int(2)];
    run(&database, |transaction| (0..100).try_for_each(|a| insert(transaction, "t", &row(a)))).unwrap();
    let column = |name: &str| {
        let transaction = begin(&database);
        let relation = table(&transaction, "t");
        let id = relation.column_named(name).unwrap().id;
        let request = ScanRequest { columns: vec![id], ..request(&relation) };
        scan(&transaction, &request).unwrap().0.len()
    };
    assert_eq!(column("b"), 100);
    assert!(database.column_cache_bytes() > 0);
    ddl(&database, drop_column("t", "b")).unwrap();
    assert_eq!(column("c"), 100);
    assert_eq!(column("c"), 100);
}
