//! Loss of power at random moments, start and recovery included: what was acknowledged is there, nothing is there by
//! half, and `stele check` and `stele audit` find nothing.
//!
//! STELE_POWER_CUTS gives the number of rounds, STELE_SEED the seed of what is lost.

use crate::promises::{Bench, Promises, assert_sound};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use stele_tests::power_loss::{Loss, Lost, PowerLoss};
use stele_tests::random::Random;
use stele_tests::server::{Ended, Server, run};
use stele_tests::{full_load, rounds};
use tempfile::TempDir;

fn seed() -> u64 {
    let given = std::env::var("STELE_SEED").ok().map(|seed| seed.parse().expect("STELE_SEED"));
    let seed = given.unwrap_or_else(|| Random::of_now().below(1 << 32));
    println!("STELE_SEED={seed}");
    seed
}

/// A server whose disk can lose power, and its tables. None where that is not possible.
pub struct World {
    pub _folder: TempDir,
    pub power: PowerLoss,
    pub random: Random,
    pub server: Server,
    pub promises: Promises,
}

pub fn world() -> Option<World> {
    let folder = tempfile::tempdir().unwrap();
    let power = PowerLoss::new(folder.path())?;
    let random = Random::new(seed());
    let server = start(&power).unwrap();
    let promises = Promises::tables(&server);
    Some(World { _folder: folder, power, random, server, promises })
}

/// With little memory for the index, so that it is often written.
pub fn start(power: &PowerLoss) -> Result<Server, Ended> {
    Server::run(Server::command(power.data()).args(["--index-cache-mib", "1"]).envs(power.environment()))
}

/// The server works until it dies or `time` is over, and is killed.
fn work(power: &PowerLoss, promises: &Promises, mut bench: Option<&mut Bench>, time: Duration) {
    let server = match start(power) {
        Ok(server) => server,
        Err(ended) => {
            // It died as it was told to.
            assert_eq!(ended.status.code(), None, "{}", ended.errors);
            return;
        }
    };
    let benching = bench.as_ref().map(|bench| bench.start(&server));
    let writing = promises.write(server.address());
    let until = Instant::now() + time;
    while Instant::now() < until && !writing.has_ended() {
        thread::sleep(Duration::from_millis(5));
    }
    server.kill();
    let errors = writing.end();
    assert!(errors.is_empty(), "{errors:?}");
    bench.iter_mut().zip(benching).for_each(|(bench, child)| bench.ended(child));
}

/// What `stele check` says of a folder as the crash left it.
fn check_as_it_is(data: &Path, when: &str) {
    let output = run("stele", &["check", "--data", data.to_str().unwrap()]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("damaged") && output.status.code() != Some(2), "{when}: {text}");
}

#[test]
fn every_acknowledged_commit_survives_loss_of_power() {
    let Some(World { _folder, mut power, mut random, server, promises }) = world() else { return };
    let rounds = rounds("STELE_POWER_CUTS", 5, 300);
    let mut bench = if full_load() { Bench::tables(&server) } else { None };
    server.kill();
    let mut lost = Lost::default();
    let mut round = 0;
    // A few cuts may lose almost nothing: the rounds go on until they have tested something.
    while round < rounds || (lost.changes <= rounds as usize && round < 10 * rounds) {
        round += 1;
        let loss = [Loss::Everything, Loss::Some, Loss::Some, Loss::Newest][random.below(4) as usize];
        let when = format!("round {round}, {loss:?}");
        loop {
            // Half of the time it dies at a change of a file, often before it serves at all.
            let changes = if random.one_in(2) { 60 } else { 1_500 };
            power.die_after(random.one_in(2).then(|| random.below(changes)));
            work(&power, &promises, bench.as_mut(), Duration::from_millis(random.below(700)));
            // Sometimes it only dies, and its successor finds what no fsync covers.
            if !random.one_in(4) {
                break;
            }
        }
        let now = power.cut(loss, &mut random);
        lost.changes += now.changes;
        lost.names += now.names;
        let thorough = !full_load() || random.one_in(10);
        if thorough {
            check_as_it_is(power.data(), &when);
        }
        let server = start(&power).unwrap_or_else(|ended| panic!("{when}: {}", ended.errors));
        promises.check(&server, &when);
        bench.iter_mut().for_each(|bench| bench.check(&server, &when));
        if thorough {
            server.stop();
            assert_sound(power.data());
        } else {
            server.kill();
        }
    }
    let total = promises.total();
    println!("{round} rounds, {total} transactions, {} changes and {} names lost", lost.changes, lost.names);
    assert!(total > i64::from(rounds) && lost.changes > rounds as usize, "nothing was tested");
}

/// A harness that loses nothing, or the wrong things, would find nothing.
#[test]
fn an_fsync_that_was_not_done_is_noticed() {
    for (pattern, noticed) in
        [("*stele/log/*.seg", "log"), ("*/log", "log"), ("*stele/checkpoint.tmp", "checkpoint")]
    {
        let folder = tempfile::tempdir().unwrap();
        let Some(mut power) = PowerLoss::new(folder.path()) else { return };
        power.lie_about(pattern);
        let server = start(&power).unwrap();
        let promises = Promises::tables(&server);
        let writing = promises.write(server.address());
        thread::sleep(Duration::from_millis(1_500));
        server.kill();
        writing.end();
        assert!(promises.total() > 0);
        power.cut(Loss::Everything, &mut Random::new(1));
        power.tell_the_truth();
        let outcome = start(&power).map(|server| server.psql("SELECT sum(newest) FROM writer"));
        match outcome {
            Err(ended) => assert!(ended.errors.contains(noticed), "{pattern}: {}", ended.errors),
            Ok(total) => panic!("{pattern}: the server started, with {total} of {}", promises.total()),
        }
    }
}

/// Nothing goes past the journal: without a single fsync the folder is what it was, byte for byte.
#[test]
fn the_journal_knows_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut power) = PowerLoss::new(folder.path()) else { return };
    let server = start(&power).unwrap();
    let promises = Promises::tables(&server);
    server.stop();
    let mut random = Random::new(1);
    power.cut(Loss::Newest, &mut random);
    let before = files(power.data());
    power.tear_journal();
    work(&power, &promises, None, Duration::from_millis(800));
    assert_ne!(files(power.data()), before);
    power.cut(Loss::Fsyncs, &mut random);
    assert!(files(power.data()) == before, "the folder is another one");
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    files
}
