//! A disk that is full, and one whose fsync fails, under the real server.
//!
//! Full: writers get 53100 and reads go on, and so do the writers once there is space. Nothing is lost. A failed fsync of
//! what is promised stops the server, with a message and exit code 3; one of derived files loses nothing either.
//! STELE_FULL_DISKS and STELE_FAILED_FSYNCS give the numbers of rounds.

use crate::power::{self, World, start};
use crate::promises::{Writing, assert_sound};
use std::thread;
use std::time::{Duration, Instant};
use stele_tests::power_loss::Loss;
use stele_tests::rounds;
use stele_tests::server::{Server, psql};

/// The SQLSTATE that a statement ends with; None: it succeeds.
fn state(server: &Server, sql: &str) -> Option<String> {
    let mut command = psql(&server.connection(), sql);
    let output = command.args(["-v", "VERBOSITY=sqlstate"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then(|| text.trim().trim_start_matches("ERROR:").trim().to_owned())
}

/// All writers have ended, if with an error then with 53100.
fn only_a_full_disk(writing: Writing, when: &str) {
    for error in writing.end() {
        assert_eq!(error.code().code(), "53100", "{when}: {error:?}");
    }
}

#[test]
fn a_full_disk_stops_writers_and_nobody_else() {
    let Some(World { _folder, mut power, mut random, mut server, promises }) = power::world() else { return };
    let rounds = rounds("STELE_FULL_DISKS", 2, 60);
    server.psql("CREATE TABLE filler (n int)");
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let when = format!("round {round}");
        let space = if random.one_in(4) { random.below(2_000) } else { random.below(1_500_000) };
        let writing = promises.write(server.address());
        power.set_space(Some(space));
        let full = Instant::now();
        while !writing.has_ended() {
            assert!(full.elapsed() < Duration::from_secs(120), "{when}: {space} bytes are not used up");
            thread::sleep(Duration::from_millis(20));
        }
        only_a_full_disk(writing, &when);
        power.set_space(Some(0));
        let statements = [
            "INSERT INTO filler SELECT 0 FROM generate_series(1, 100)".to_owned(),
            format!("CREATE TABLE other_{round} (id int PRIMARY KEY)"),
            "CREATE INDEX ON recent (number)".to_owned(),
        ];
        // What a write that failed has left is cut off by the next one, which may fit then; but not for ever.
        let is_refused = |sql: &str| match state(&server, sql).as_deref() {
            None => false,
            Some("53100") => true,
            Some(other) => panic!("{when}: {sql}: {other}"),
        };
        assert!((0..1_000).any(|_| is_refused(&statements[0])), "{when}: the disk is not full");
        for sql in &statements {
            is_refused(sql);
        }
        assert_eq!(state(&server, "SELECT sum(newest) FROM writer"), None, "{when}");
        // Nobody need wait for the next start.
        thread::sleep(Duration::from_millis(random.below(1_500)));
        power.set_space(None);
        let (resumed, before) = (Instant::now(), promises.total());
        let mut writing = promises.write(server.address());
        while promises.total() < before + 20 {
            assert!(resumed.elapsed() < Duration::from_secs(60), "{when}: no service");
            thread::sleep(Duration::from_millis(20));
            if writing.has_ended() {
                // What waited for room may wait a moment more.
                let again = promises.write(server.address());
                only_a_full_disk(std::mem::replace(&mut writing, again), &when);
            }
        }
        longest = longest.max(resumed.elapsed());
        let ended = server.kill();
        only_a_full_disk(writing, &when);
        assert!(!ended.errors.contains("stopping"), "{when}: {}", ended.errors);
        if random.one_in(2) {
            power.cut(Loss::Some, &mut random);
        }
        // It starts on a full disk, and reads.
        power.set_space(Some(random.below(3_000)));
        server = start(&power).unwrap_or_else(|ended| panic!("{when}: {}", ended.errors));
        promises.check(&server, &when);
        server.kill();
        power.set_space(None);
        server = start(&power).unwrap_or_else(|ended| panic!("{when}: {}", ended.errors));
        promises.check(&server, &when);
    }
    println!("{rounds} full disks; service at most {longest:?} after there was room again");
    server.stop();
    assert_sound(power.data());
}

#[test]
fn a_failed_fsync_stops_the_server_and_loses_nothing() {
    let Some(World { _folder, mut power, mut random, server, promises }) = power::world() else { return };
    server.stop();
    // Files, and whether their failure must stop the server once it serves.
    let kinds = [
        ("databases/stele/log/*.seg", true),
        ("databases/stele/checkpoint.tmp", true),
        ("databases/stele/tiles/L0", true),
        ("databases/stele", true),
        ("databases/stele/index/*", false),
        ("databases/system/*", false),
    ];
    let mut stopped = 0;
    for round in 0..rounds("STELE_FAILED_FSYNCS", kinds.len() as u32, 120) {
        let (pattern, stops) = kinds[round as usize % kinds.len()];
        // Checkpoints are made once a second.
        let nth = 1 + random.below(if pattern.ends_with(".seg") { 40 } else { 3 }) as u32;
        let when = format!("round {round}: fsync {nth} of {pattern} fails");
        power.fail_fsync(pattern, nth);
        match start(&power) {
            Err(ended) => {
                let clear = ended.errors.contains("could not") && ended.errors.contains("Input/output error");
                assert!(ended.status.code().is_some() && clear, "{when}: {ended:?}");
            }
            Ok(server) => {
                let writing = promises.write(server.address());
                let until = Instant::now() + Duration::from_secs(if stops { 15 } else { 1 });
                while !writing.has_ended() && Instant::now() < until {
                    thread::sleep(Duration::from_millis(20));
                }
                let ended = server.end_within(Duration::from_secs(5));
                for error in writing.end() {
                    assert_eq!(error.code().code(), "58030", "{when}: {error:?}");
                }
                if stops || ended.status.code().is_some() {
                    assert_eq!(ended.status.code(), Some(3), "{when}: {ended:?}");
                    assert!(ended.errors.contains("stele: stopping: "), "{when}: {}", ended.errors);
                    stopped += 1;
                }
            }
        }
        power.tell_the_truth();
        power.cut([Loss::Everything, Loss::Some][random.below(2) as usize], &mut random);
        let server = start(&power).unwrap_or_else(|ended| panic!("{when}: {}", ended.errors));
        promises.check(&server, &when);
        server.stop();
    }
    assert!(stopped > 0, "nothing was tested");
    assert_sound(power.data());
}
