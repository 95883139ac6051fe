//! The store on a disk that fails: many seeds, each a life of transactions, errors, full disks, crashes and damage.
//!
//! ```text
//!   workload ──> Store (memory index) ──> [planted bug] ──> FaultyDisk
//!      │            │ after each reopening
//!      └──> model <─┘ log, states AS OF, index, histories, every checkpoint ever signed
//! ```
//! A seed fixes the disk's faults, the workload with its interleaving of sessions, the salts and the clock: the store
//! runs without threads of its own ([`Store::open_still`]), and what they would do is a step of the workload. So a seed
//! repeats its life to the byte. What no seed fixes is the timing of threads: `concurrent` has sessions in threads of
//! their own, whose groups of commits differ from run to run, and checks what holds for each order.
//!
//! ```text
//!   STELE_SEEDS=20000 cargo test --release -p stele-kv --test faults every_life -- --nocapture      the long form
//!   STELE_SEED=4711 ...                         one seed again
//!   STELE_FAULT_SECONDS=600 ...                 as many fresh seeds as fit
//! ```
//! Its last result is in `docs/durability.md`.
//!
//! [`Store::open_still`]: kv::Store::open_still

extern crate stele_kv as kv;

mod concurrent;
mod damage;
mod disk_full;
mod life;
mod model;
#[path = "../shared/one_index.rs"]
mod one_index;
mod planted;
mod prepared;
mod tally;
mod workload;

use planted::Bug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tally::Tally;

/// Always run.
const FIXED_SEEDS: u64 = 100;
/// For fresh ones.
const DEFAULT_SECONDS: u64 = 8;

/// A panic of the store is a failure as any other.
fn live_safely(seed: u64, bug: Option<Bug>) -> model::Verdict<Tally> {
    catch_unwind(AssertUnwindSafe(|| life::live(seed, bug))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// Lives `first..`, until there are `count` or the time is up. On the first failure it says how to repeat it.
fn lives(first: u64, count: u64, deadline: Option<Instant>, workers: usize) -> Tally {
    let next = AtomicU64::new(0);
    let total = Mutex::new(Tally::default());
    let failure: Mutex<Option<String>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let in_time = || deadline.is_none_or(|deadline| Instant::now() < deadline);
                while in_time() && failure.lock().unwrap().is_none() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let seed = first.wrapping_add(number);
                    if number > 0 && number.is_multiple_of(1_000) {
                        eprintln!("{number} lives");
                    }
                    match live_safely(seed, None) {
                        Ok(tally) => *total.lock().unwrap() += tally,
                        Err(what) => {
                            failure.lock().unwrap().get_or_insert(format!(
                                "seed {seed}: {what}\nrepeat it with: STELE_SEED={seed} cargo test -p stele-kv \
                                 --test faults every_life -- --nocapture"
                            ));
                        }
                    }
                }
            });
        }
    });
    if let Some(failure) = failure.into_inner().unwrap() {
        panic!("{failure}");
    }
    total.into_inner().unwrap()
}

#[test]
fn every_life_keeps_what_was_acknowledged() {
    if let Some(seed) = setting("STELE_SEED") {
        print!("{}", lives(seed, 1, None, 1));
        return;
    }
    let all = std::thread::available_parallelism().map_or(1, |count| count.get());
    let long = setting("STELE_SEEDS");
    let started = Instant::now();
    let mut total = lives(0, long.unwrap_or(FIXED_SEEDS), None, if long.is_some() { all } else { 1 });
    let seconds = setting("STELE_FAULT_SECONDS").unwrap_or(if long.is_some() { 0 } else { DEFAULT_SECONDS });
    let fresh: [u8; 8] = host::random::bytes(&host::RealRandom::new());
    let deadline = Instant::now() + Duration::from_secs(seconds);
    total += lives(u64::from_be_bytes(fresh), u64::MAX, Some(deadline), 1);
    println!("{total}in {} s", started.elapsed().as_secs());
    let Tally {
        lives,
        stops,
        torn,
        refused,
        cut_acknowledged,
        disk_full,
        unacknowledged_lost,
        prepared_resumed,
        ..
    } = total;
    for (count, what) in [
        (stops, "stops"),
        (torn, "torn ends"),
        (refused, "refusals"),
        (disk_full, "full disks"),
        (unacknowledged_lost, "unacknowledged commits lost"),
        (prepared_resumed, "prepared transactions found at an opening"),
        (cut_acknowledged * 10, "uncovered ends"),
    ] {
        assert!(lives < 50 || count > lives / 20, "{count} {what} in {lives} lives: too easy a test");
    }
}

#[test]
fn a_seed_repeats_its_life() {
    for seed in 0..5 {
        assert_eq!(life::live(seed, None), life::live(seed, None));
    }
}
