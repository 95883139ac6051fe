//! A disk that is full from any call on: 53100 and nothing worse, reads go on, and with room again all goes on.

use crate::life::{FOLDER, Life};
use crate::model::{Verdict, ensure, unexpected};
use host::faulty::Failure;
use kv::audit::audit;
use kv::{At, Store};
use std::cell::Cell;
use std::path::Path;

/// Calls that may come before there is no room: more than any of these runs makes.
const CALLS_MAX: u64 = 2_000;

/// Does it for each call in turn, until `run` says that it made fewer calls than that.
fn at_every_call(run: impl Fn(u64) -> Verdict<bool>) -> u64 {
    let full = (1..CALLS_MAX)
        .take_while(|&nth| run(nth).unwrap_or_else(|what| panic!("a full disk from call {nth} on: {what}")));
    full.count() as u64
}

/// Lets time pass on a full disk, then on one with room. Whether it was ever full.
fn work(life: &mut Life, store: &Store, nth: u64) -> Verdict<bool> {
    let before = life.disk.calls();
    life.disk.fail_at(nth, Failure::Full);
    life.run(store, 90, true)?;
    let full = life.disk.calls() >= before + nth;
    ensure!(life.tally.disk_errors == 0, "an error other than 53100");
    life.model.compare(&store.snapshot(At::Latest).map_err(unexpected("a snapshot"))?)?;
    life.disk.heal();
    life.run(store, 20, false)?;
    ensure!(store.fatal().is_none(), "a full disk was fatal");
    Ok(full)
}

#[test]
fn a_store_that_runs() {
    for seed in 0..3 {
        let refused = Cell::new(0);
        let calls = at_every_call(|nth| {
            let mut life = Life::new(seed, None);
            let store = life.open().map_err(unexpected("opening"))?;
            life.run(&store, 20, false)?;
            let full = work(&mut life, &store, nth)?;
            refused.set(refused.get() + life.tally.disk_full);
            life.disk.crash();
            drop(store);
            life.reopen()?;
            Ok(full)
        });
        assert!(calls > 20 && refused.get() > calls / 2, "{} refusals at {calls} calls", refused.get());
    }
}

#[test]
fn a_store_that_is_made() {
    let calls = at_every_call(|nth| {
        let mut life = Life::new(nth, None);
        life.disk.fail_at(nth, Failure::Full);
        if let Err(error) = life.open() {
            ensure!(error.state.code() == "53100", "{error}");
        }
        let full = life.disk.calls() >= nth;
        life.disk.heal();
        life.reopen()?;
        Ok(full)
    });
    assert!(calls > 20, "{calls} calls");
}

/// With a torn end, tiles that are gone and nothing signed since long: all that an opening may have to write. It opens and is
/// read; what is written is 53100 until there is room.
#[test]
fn a_store_that_is_opened() {
    let (opened_full, refused) = (Cell::new(0), Cell::new(0));
    for seed in 0..6 {
        at_every_call(|nth| {
            let mut life = Life::new(seed, None);
            let store = life.open().map_err(unexpected("opening"))?;
            life.run(&store, 60, false)?;
            life.disk.crash();
            drop(store);
            if seed % 2 == 0 {
                life.disk.overwrite(&Path::new(FOLDER).join("tiles/L0"), None);
            }
            let before = life.disk.calls();
            life.disk.fail_at(nth, Failure::Full);
            let store = match life.open() {
                // An index that is made of transactions that outgrow their memory takes room.
                Err(error) if life.spills() && error.state.code() == "53100" => {
                    life.disk.heal();
                    drop(life.reopen()?);
                    return Ok(true);
                }
                opened => opened.map_err(unexpected("opening on a full disk"))?,
            };
            let full = life.disk.calls() >= before + nth;
            life.model.settle(&store, life.model.durable)?;
            life.model.compare(&store.snapshot(At::Latest).map_err(unexpected("a snapshot"))?)?;
            life.run(&store, 40, true)?;
            opened_full.set(opened_full.get() + u64::from(full));
            refused.set(refused.get() + life.tally.disk_full);
            life.disk.heal();
            life.run(&store, 20, false)?;
            ensure!(store.fatal().is_none() && life.tally.disk_errors == 0, "a full disk was fatal");
            store.ledger().publish().map_err(unexpected("signing"))?;
            life.disk.crash();
            drop(store);
            drop(life.reopen()?);
            let report = audit(&life.host(), Path::new(FOLDER), None).map_err(unexpected("auditing"))?;
            ensure!(report.is_sound(), "{report}");
            Ok(full)
        });
    }
    let (opened_full, refused) = (opened_full.get(), refused.get());
    assert!(opened_full > 60 && refused > opened_full, "{refused} refusals in {opened_full} stores");
}
