//! The index after every way of ending: it equals one that is made again from the log, or is made again and says so, or
//! refuses to answer. Never a wrong answer.
//!
//! STELE_INDEX_CRASHES gives the number of rounds, STELE_SEED the seed of what is done.

use crate::power::{self, World, start};
use crate::promises::assert_sound;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use stele_tests::power_loss::Loss;
use stele_tests::random::Random;
use stele_tests::rounds;
use stele_tests::server::run;

/// What happens to the index between two runs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Kept,
    /// One of its files loses its end.
    Truncated,
    /// One of its files is gone.
    Removed,
    /// Bytes of one of its files are others.
    Overwritten,
    PowerLost,
}

const FATES: [Fate; 5] = [Fate::Kept, Fate::Truncated, Fate::Removed, Fate::Overwritten, Fate::PowerLost];

#[test]
fn the_index_is_right_or_is_made_again() {
    let Some(World { _folder, mut power, mut random, server, promises }) = power::world() else { return };
    server.stop();
    let index = power.data().join("databases/stele/index");
    let rounds = rounds("STELE_INDEX_CRASHES", 5, 200);
    let mut counts = [0; 3];
    for round in 0..rounds {
        let server = start(&power).unwrap();
        let writing = promises.write(server.address());
        thread::sleep(Duration::from_millis(200 + random.below(400)));
        let closed = random.one_in(3);
        let ended = if closed { server.stop() } else { server.kill() };
        writing.end();
        assert!(!ended.errors.contains("WARNING"), "{}", ended.errors);
        let fate = FATES[random.below(5) as usize];
        let when = format!("round {round}: {fate:?}, closed in order: {closed}");
        match fate {
            Fate::Kept => {}
            Fate::PowerLost => drop(power.cut(Loss::Some, &mut random)),
            _ => damage(&index, fate, &mut random),
        }
        let server = start(&power).unwrap_or_else(|ended| panic!("{when}: {}", ended.errors));
        // Damage in a page shows when the page is read: an error, never a wrong answer.
        let answers = catch_unwind(AssertUnwindSafe(|| promises.check(&server, &when)));
        let refused = answers.err().map(|panic| *panic.downcast::<String>().unwrap());
        let ended = server.stop();
        let made_again = ended.errors.contains("the index was made again");
        let sound = check_index(power.data());
        let said = refused.or(sound.err());
        if let Some(said) = &said {
            assert!(said.contains(UNUSABLE) && !said.contains("[damaged"), "{when}: {said}");
            assert!(matches!(fate, Fate::Truncated | Fate::Overwritten), "{when}: {said}");
        }
        assert!(!made_again || fate != Fate::Kept, "{when}: {}", ended.errors);
        counts[if made_again {
            0
        } else if said.is_some() {
            1
        } else {
            2
        }] += 1;
        // What nobody has read yet no start can know.
        if said.is_some() {
            assert!(rebuild_index(power.data()), "{when}");
        }
        // Whatever it was, the next start knows.
        let server = start(&power).unwrap_or_else(|ended| panic!("{when}: {}", ended.errors));
        promises.check(&server, &when);
        server.stop();
        assert_sound(power.data());
        // What was done to its files is no part of the journal.
        power.begin();
    }
    let [made_again, said, right] = counts;
    println!("{rounds} rounds: made again {made_again} times, refused {said} times, right {right} times");
}

/// What a damaged page is called.
const UNUSABLE: &str = "the index cannot be used";

/// `stele check`; what it says, if it finds anything.
fn check_index(data: &Path) -> Result<(), String> {
    let output = run("stele", &["check", "--data", data.to_str().unwrap()]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(text) }
}

fn rebuild_index(data: &Path) -> bool {
    run("stele", &["check", "--rebuild-index", "--data", data.to_str().unwrap()]).status.success()
}

fn damage(index: &Path, fate: Fate, random: &mut Random) {
    let mut files = files(index);
    files.sort();
    let path = files.swap_remove(random.below(files.len() as u64) as usize);
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len() as u64;
    match fate {
        Fate::Truncated => bytes.truncate(random.below(length.max(1)) as usize),
        Fate::Overwritten => {
            for _ in 0..1 + random.below(200).min(length) {
                if let Some(byte) = bytes.get_mut(random.below(length.max(1)) as usize) {
                    *byte ^= 1 + random.below(255) as u8;
                }
            }
        }
        _ => return fs::remove_file(path).unwrap(),
    }
    fs::write(path, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}
