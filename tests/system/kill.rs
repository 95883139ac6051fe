//! kill -9 of the server at random moments under load: every acknowledged commit is there, and none by half.
//!
//! STELE_KILLS gives the number of rounds.

use crate::promises::{Bench, Promises, assert_sound};
use std::thread;
use std::time::Duration;
use stele_tests::random::Random;
use stele_tests::server::Server;
use stele_tests::{full_load, rounds};

#[test]
fn every_acknowledged_commit_survives_kill_9() {
    let rounds = rounds("STELE_KILLS", 4, 500);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let promises = Promises::tables(&server);
    let mut bench = Bench::tables(&server);
    server.stop();

    let mut random = Random::of_now();
    for round in 0..rounds {
        let when = format!("round {round}");
        let server = Server::start(folder.path());
        promises.check(&server, &when);
        bench.iter_mut().for_each(|bench| bench.check(&server, &when));
        let benching = bench.as_ref().map(|bench| bench.start(&server));
        let writing = promises.write(server.address());
        thread::sleep(Duration::from_millis(random.below(700)));
        server.kill();
        let errors = writing.end();
        assert!(errors.is_empty(), "{when}: {errors:?}");
        bench.iter_mut().zip(benching).for_each(|(bench, child)| bench.ended(child));
        if full_load() && round % 50 == 49 {
            assert_sound(folder.path());
        }
    }
    let server = Server::start(folder.path());
    let total = promises.check(&server, "at the end");
    bench.iter_mut().for_each(|bench| bench.check(&server, "at the end"));
    assert!(total > i64::from(rounds), "only {total} transactions in {rounds} rounds");
    println!("{rounds} rounds, {total} transactions and those of pgbench");
    server.stop();
    assert_sound(folder.path());
}
