//! Sessions in threads of their own, with the store's threads: commits in groups, an fsync for several of them, power
//! loss in the middle.
//!
//! The seed fixes what each session does and what the disk does at which call, not who comes first. The model takes the
//! order from the log, and asks what must hold for each: what was acknowledged is at the number that was given, whole.

use crate::life::{FOLDER, Life};
use crate::model::{BY_LABEL, Model, OBJECTS, Verdict, Writes, cells, ensure, unexpected, value_of};
use crate::planted::Bug;
use host::SeededRandom;
use host::faulty::Failure;
use kv::audit::audit;
use kv::{Derive, Isolation, LockStrength, LockWait, Meta, Store};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

const SESSIONS: u64 = 5;
const TRANSACTIONS: u64 = 12;

/// One session: transactions over a few keys that all sessions write, locked in order.
fn session(store: &Store, model: &Mutex<Model>, seed: u64) -> Verdict {
    let random = SeededRandom::new(seed);
    // Or, where transactions outgrow their memory, what became of the index when a run could not be read.
    let refusals = ["58030", "53100", "XX002"];
    'transactions: for _ in 0..TRANSACTIONS {
        let mut keys: Vec<_> =
            (0..1 + random.below(3)).map(|_| (OBJECTS[0], vec![random.below(12) as u8])).collect();
        keys.sort();
        keys.dedup();
        let mut transaction = store.begin(Isolation::ReadCommitted);
        let mut writes = Writes::new();
        for key in keys {
            let (object, bytes) = &key;
            transaction
                .lock_row(*object, bytes, LockStrength::Update, LockWait::Block)
                .map_err(unexpected("a lock"))?;
            let newest = match transaction.newest(*object, bytes) {
                Err(error) if refusals.contains(&error.state.code()) => continue 'transactions,
                newest => newest.map_err(unexpected("a read"))?,
            };
            let old = newest.and_then(|version| version.cells);
            let delete = old.is_some() && random.chance(30);
            let value =
                [&b"abcd"[random.below(4) as usize..][..1], &random.next_u64().to_be_bytes()].concat();
            let new = (!delete).then(|| cells(&value));
            let mut derived = Vec::new();
            BY_LABEL
                .derive(0, *object, bytes, old.as_ref(), new.as_ref(), &mut derived)
                .map_err(unexpected("deriving"))?;
            let written = match new.clone() {
                Some(cells) => transaction.put(*object, bytes, cells, 1, derived),
                None => transaction.delete(*object, bytes, None, derived),
            };
            match written {
                Err(error) if refusals.contains(&error.state.code()) => continue 'transactions,
                written => written.map_err(unexpected("a write"))?,
            }
            writes.insert(key, new.as_ref().map(value_of).map(Into::into));
        }
        let durable = random.chance(70);
        let attempt = model.lock().unwrap().attempt(writes);
        let meta = Meta { reason: Some(attempt.to_string()), ..Meta::default() };
        match transaction.commit(meta, durable) {
            Ok(committed) => {
                let tx = committed.tx.ok_or("a commit of nothing")?;
                let mut model = model.lock().unwrap();
                model.given(attempt, tx)?;
                if durable {
                    model.acknowledged(tx + 1);
                }
            }
            Err(error) => {
                let code = error.state.code();
                ensure!(refusals.contains(&code), "{code}: {error}");
                if code == "53100" {
                    model.lock().unwrap().refused(attempt);
                }
            }
        }
    }
    Ok(())
}

/// Blocks and transactions of the log in the end.
fn live(seed: u64, bug: Option<Bug>) -> Verdict<(u64, u64)> {
    let mut life = Life::new(seed, bug);
    life.disk.set_writes_take(Duration::from_micros(100));
    for run in 0..3 {
        let store =
            Store::open(life.host(), Path::new(FOLDER), life.options()).map_err(unexpected("opening"))?;
        life.model.settle(&store, life.model.durable)?;
        life.model.compare_all(&store, &life.random)?;
        match life.random.below(6) {
            0 => life.disk.fail_at(1 + life.random.below(60), Failure::Forever),
            1 => life.disk.fail_at(1 + life.random.below(60), Failure::Once),
            2 => life.disk.fail_at(1 + life.random.below(60), Failure::Full),
            3 => life.disk.fail_at(1 + life.random.below(60), Failure::Often(20)),
            _ => {}
        }
        let power = Duration::from_micros(life.random.below(20_000));
        let power_fails = life.random.chance(60);
        let model = Mutex::new(std::mem::replace(&mut life.model, Model::new()));
        let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
            let sessions: Vec<_> = (0..SESSIONS)
                .map(|number| {
                    let (store, model) = (&store, &model);
                    let seed = seed.wrapping_mul(1_000) + run * SESSIONS + number;
                    scope.spawn(move || session(store, model, seed))
                })
                .collect();
            if power_fails {
                std::thread::sleep(power);
                life.disk.crash();
            }
            sessions.into_iter().map(|session| session.join().unwrap_or(Err("a panic".into()))).collect()
        });
        life.model = model.into_inner().unwrap();
        verdicts.into_iter().collect::<Verdict>()?;
        life.disk.crash();
        drop(store);
    }
    drop(life.reopen()?);
    let report = audit(&life.host(), Path::new(FOLDER), None).map_err(unexpected("auditing"))?;
    ensure!(report.is_sound(), "{report}");
    Ok((report.blocks, report.transactions))
}

#[test]
fn sessions_in_threads_lose_nothing_that_was_acknowledged() {
    let (mut blocks, mut transactions) = (0, 0);
    for seed in 0..crate::setting("STELE_SEEDS").map_or(15, |seeds| seeds / 20) {
        let (b, t) = live(seed, None).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        // Parts and runs of transactions that outgrow their memory are blocks and writes of their own.
        if !Life::new(seed, None).spills() {
            blocks += b;
            transactions += t;
        }
    }
    println!("{transactions} transactions in {blocks} blocks");
    assert!(transactions > blocks * 11 / 10, "{transactions} transactions in {blocks} blocks: no groups");
}

#[test]
fn an_fsync_that_is_not_done_is_caught_among_threads() {
    let caught = (0..40).find_map(|seed| live(seed, Some(Bug::SkipsSync)).err());
    println!("{}", caught.expect("not caught by 40 seeds"));
}
