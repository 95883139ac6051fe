//! Random transactions against ordered maps of versions: every state that ever was, from every side.

use crate::*;
use host::SeededRandom;
use kv::{At, Isolation, Op, Savepoint, Transaction};
use std::collections::BTreeMap;
use std::ops::Bound;

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a transaction has written: None = deleted.
type Touched = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Oldest first.
type Chain = Vec<(TxId, Option<Vec<u8>>)>;

/// By key: (transaction, value or deleted), oldest first.
#[derive(Default)]
struct Model {
    versions: BTreeMap<Vec<u8>, Chain>,
    /// After each transaction.
    states: BTreeMap<TxId, State>,
}

impl Model {
    fn newest(&self) -> State {
        self.states.values().next_back().cloned().unwrap_or_default()
    }

    fn commit(&mut self, tx: TxId, state: &State, touched: &Touched) {
        for (key, value) in touched {
            let chain = self.versions.entry(key.clone()).or_default();
            if value.is_some() || chain.last().is_some_and(|(_, before)| before.is_some()) {
                chain.push((tx, value.clone()));
            }
        }
        self.states.insert(tx, state.clone());
    }
}

/// Keys that are prefixes of each other, and that look like history keys.
fn key(random: &SeededRandom) -> Vec<u8> {
    let mut key = [&b"a"[..], b"b", b"ab", b"", b"a\xff", b"b\x00"][random.below(6) as usize].to_vec();
    match random.below(4) {
        0 => key.extend_from_slice(&(!random.below(30)).to_be_bytes()),
        1 => key.push(random.below(4) as u8),
        _ => {}
    }
    key
}

fn span(random: &SeededRandom) -> Span {
    let bound = || match random.below(4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key(random)),
        _ => Bound::Included(key(random)),
    };
    if random.chance(30) { Span::prefix(&key(random)) } else { Span { from: bound(), to: bound() } }
}

fn within(state: &State, span: &Span, backward: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let is_in = |key: &Vec<u8>| {
        (match &span.from {
            Bound::Included(from) => key >= from,
            Bound::Excluded(from) => key > from,
            Bound::Unbounded => true,
        }) && match &span.to {
            Bound::Included(to) => key <= to,
            Bound::Excluded(to) => key < to,
            Bound::Unbounded => true,
        }
    };
    let mut rows: Vec<_> =
        state.iter().filter(|(key, _)| is_in(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    if backward {
        rows.reverse();
    }
    rows
}

fn entries(mut cursor: Box<dyn kv::snapshot::IndexCursor + Send>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    while let Some(entry) = cursor.next().unwrap() {
        entries.push(entry);
    }
    entries
}

fn indexed(state: &State) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries: Vec<_> =
        state.iter().map(|(key, value)| ([&value[..], key].concat(), key.clone())).collect();
    entries.sort();
    entries
}

/// An open transaction beside what it should see.
struct Running {
    transaction: Transaction,
    state: State,
    touched: Touched,
    savepoints: Vec<(Savepoint, State, Touched)>,
}

impl Running {
    fn step(&mut self, random: &SeededRandom) {
        let key = key(random);
        match random.below(12) {
            0..=4 => {
                self.write_key(key, random);
            }
            5..=7 => {
                let old = self.state.remove(&key);
                self.transaction.delete(TABLE, &key, None, derived(&key, old.as_deref(), None)).unwrap();
                self.touched.insert(key, None);
            }
            8 => {
                let savepoint = self.transaction.savepoint();
                self.savepoints.push((savepoint, self.state.clone(), self.touched.clone()));
            }
            9 if !self.savepoints.is_empty() => {
                let at = random.below(self.savepoints.len() as u64) as usize;
                self.savepoints.truncate(at + 1);
                let (savepoint, state, touched) = self.savepoints[at].clone();
                self.transaction.rollback_to(savepoint);
                (self.state, self.touched) = (state, touched);
            }
            10 => {
                // A cursor keeps its moment while the transaction writes on.
                let span = span(random);
                let backward = random.chance(50);
                let expected = within(&self.state, &span, backward);
                let cursor = self.transaction.scan(TABLE, &span, backward);
                let index_cursor = self.transaction.scan_index(INDEX, &Span::all(), false);
                let expected_entries = indexed(&self.state);
                for _ in 0..random.below(4) {
                    self.write(random);
                }
                assert_eq!(rows(cursor), expected, "own scan");
                assert_eq!(entries(index_cursor), expected_entries, "own index scan");
            }
            _ => {
                let version = self.transaction.get(TABLE, &key).unwrap();
                let found = version.and_then(|version| version.cells).as_ref().map(value_of);
                assert_eq!(found.as_ref(), self.state.get(&key));
                let newest = self.transaction.newest(TABLE, &key).unwrap();
                assert_eq!(
                    newest.and_then(|version| version.cells).as_ref().map(value_of).as_ref(),
                    self.state.get(&key)
                );
                assert_eq!(self.transaction.wrote(TABLE, &key).unwrap(), self.touched.contains_key(&key));
            }
        }
    }

    fn write(&mut self, random: &SeededRandom) {
        self.write_key(key(random), random);
    }

    fn write_key(&mut self, key: Vec<u8>, random: &SeededRandom) {
        let new = vec![b'0' + random.below(5) as u8];
        let old = self.state.insert(key.clone(), new.clone());
        let changes = derived(&key, old.as_deref(), Some(&new));
        // Nobody else writes: a key without a version stays so.
        let written = match self.transaction.newest(TABLE, &key).unwrap() {
            None => self.transaction.put_new(TABLE, &key, cells(&new), 1, changes),
            Some(_) => self.transaction.put(TABLE, &key, cells(&new), 1, changes),
        };
        written.unwrap();
        self.touched.insert(key, Some(new));
    }
}

fn run(store: &Store, model: &mut Model, random: &SeededRandom, transactions: u64) {
    for _ in 0..transactions {
        let mut running = Running {
            transaction: store.begin(Isolation::ReadCommitted),
            state: model.newest(),
            touched: BTreeMap::new(),
            savepoints: Vec::new(),
        };
        running.transaction.refresh();
        for _ in 0..random.below(14) {
            running.step(random);
        }
        let Running { transaction, state, touched, .. } = running;
        if random.chance(15) {
            transaction.rollback();
            continue;
        }
        let committed = transaction.commit(Meta::default(), random.chance(80)).unwrap();
        match committed.tx {
            Some(tx) => {
                model.commit(tx, &state, &touched);
                store.wait_durable(tx).unwrap();
            }
            None => assert!(
                touched.iter().all(|(key, value)| value.is_none() && !model.newest().contains_key(key))
            ),
        }
    }
}

fn compare(store: &Store, model: &Model, random: &SeededRandom) {
    for (&tx, state) in &model.states {
        let snapshot = store.snapshot(At::Transaction(tx)).unwrap();
        for backward in [false, true] {
            let expected = within(state, &Span::all(), backward);
            assert_eq!(rows(snapshot.scan(TABLE, &Span::all(), backward)), expected, "at {tx}");
            let span = span(random);
            let expected = within(state, &span, backward);
            assert_eq!(rows(snapshot.scan(TABLE, &span, backward)), expected, "at {tx} {span:?} {backward}");
        }
        assert_eq!(entries(snapshot.scan_index(INDEX, &Span::all(), false)), indexed(state), "index at {tx}");
        for key in model.versions.keys() {
            let version = snapshot.get(TABLE, key).unwrap();
            assert_eq!(
                version.and_then(|version| version.cells).as_ref().map(value_of).as_ref(),
                state.get(key)
            );
        }
    }
    let last = model.states.keys().next_back().copied().unwrap_or(0);
    for _ in 0..20 {
        let (from, to, at) = (random.below(last + 2), random.below(last + 2), random.below(last + 1));
        let span = span(random);
        let mut expected = Vec::new();
        for (key, versions) in &model.versions {
            if within(&State::from([(key.clone(), Vec::new())]), &span, false).is_empty() {
                continue;
            }
            let visible: Vec<_> = versions.iter().filter(|(tx, _)| *tx <= at).collect();
            for (number, (tx, value)) in visible.iter().enumerate() {
                let end = visible.get(number + 1).map(|next| next.0);
                let upper = to.min(at);
                let made = (from..=upper).contains(tx);
                let alive = value.is_some() && *tx <= upper && end.is_none_or(|end| end > from);
                if made || alive {
                    expected.push((key.clone(), *tx, value.clone(), end));
                }
            }
        }
        let snapshot = store.snapshot(At::Transaction(at)).unwrap();
        let mut cursor = snapshot.versions(TABLE, &span, from, to);
        let mut found = Vec::new();
        while let Some((key, version)) = cursor.next().unwrap() {
            assert_eq!(version.op == Op::Delete, version.cells.is_none());
            found.push((key, version.tx, version.cells.as_ref().map(value_of), version.end));
        }
        assert_eq!(found, expected, "versions {from}..={to} at {at} of {span:?}");
    }
    assert_eq!(kv::index::check_index(store, &BY_VALUE, None).unwrap(), []);
}

/// Each key's chain in the log: prev_tx, one salt, an op that fits the state before.
fn check_chains(store: &Store) {
    let mut last: BTreeMap<Vec<u8>, (TxId, [u8; 16], Op)> = BTreeMap::new();
    store
        .ledger()
        .replay(0, &mut |record| {
            let tx = record.tx;
            for change in record.changes {
                match last.get(&change.key) {
                    None => assert_eq!((change.prev_tx, change.op), (0, Op::Insert)),
                    Some((tx, salt, op)) => {
                        assert_eq!((change.prev_tx, change.key_salt), (*tx, *salt));
                        assert_eq!(change.op == Op::Insert, *op == Op::Delete);
                    }
                }
                last.insert(change.key, (tx, change.key_salt, change.op));
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
}

#[test]
fn every_state_is_what_the_model_says_and_stays_so() {
    for seed in 0..12 {
        let random = SeededRandom::new(seed);
        let host = Host::memory(seed);
        let mut model = Model::default();
        // All in memory; each write in a run of its own; some of it here and some there.
        let memory_bytes = [1 << 20, 1, 1_500][seed as usize % 3];
        for _ in 0..2 {
            let store = store_of(&host, memory_bytes);
            run(&store, &mut model, &random, 40);
            compare(&store, &model, &random);
            check_chains(&store);
        }
        compare(&store_of(&host, memory_bytes), &model, &random);
    }
}

#[test]
fn long_ranges_are_read_in_pages_from_both_ends() {
    let host = Host::memory(1);
    let store = memory_store(&host);
    let mut transaction = store.begin(Isolation::ReadCommitted);
    for number in 0..2_000u32 {
        transaction.put(TABLE, &number.to_be_bytes(), cells(b"1"), 1, Vec::new()).unwrap();
    }
    let first = transaction.commit(Meta::default(), true).unwrap().tx.unwrap();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    for number in (0..2_000u32).step_by(3) {
        transaction.delete(TABLE, &number.to_be_bytes(), None, Vec::new()).unwrap();
    }
    let mut expected: Vec<u32> = (0..2_000).filter(|number| number % 3 != 0).collect();
    let number = |(key, _): (Vec<u8>, Vec<u8>)| u32::from_be_bytes(key.try_into().unwrap());
    let numbers = |cursor| rows(cursor).into_iter().map(number).collect::<Vec<u32>>();
    assert_eq!(numbers(transaction.scan(TABLE, &Span::all(), false)), expected);
    transaction.commit(Meta::default(), true).unwrap();
    let (now, then) = (store.snapshot(At::Latest).unwrap(), store.snapshot(At::Transaction(first)).unwrap());
    assert_eq!(numbers(now.scan(TABLE, &Span::all(), false)), expected);
    assert_eq!(numbers(then.scan(TABLE, &Span::all(), false)), (0..2_000).collect::<Vec<u32>>());
    expected.reverse();
    assert_eq!(numbers(now.scan(TABLE, &Span::all(), true)), expected);
}
