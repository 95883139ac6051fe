//! A disk whose fsync fails, under the real server.
//!
//! A failed fsync of what is promised stops the server, with a message and exit code 3; one of derived files loses nothing
//! either. STELE_FAILED_FSYNCS gives the number of rounds.

use crate::power::{self, start};
use crate::promises::{Promises, assert_sound};
use std::thread;
use std::time::{Duration, Instant};
use stele_tests::power_loss::{Loss, PowerLoss};
use stele_tests::random::Random;
use stele_tests::rounds;

#[test]
fn a_failed_fsync_stops_the_server_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut power) = PowerLoss::new(folder.path()) else { return };
    let mut random = Random::new(power::seed());
    let server = start(&power).unwrap();
    let promises = Promises::tables(&server);
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
