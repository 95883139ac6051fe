//! Changes as leaves of a transaction's tree: most of what sealing costs, so that many are shared with other processors.

use super::{Change, check, derived_salt, entry};
use proof::hash::{self, Hash, Sha2};
use std::sync::OnceLock;
use std::thread;
use types::{Error, Result};

/// Fewer are hashed sooner than a thread begins.
const SHARE_CHANGES: usize = 128;
/// More than this many threads are for other transactions.
const THREADS_MAX: usize = 4;

/// The hash of each; `first` is the number of the first of them.
pub(super) fn of(seed: &[u8; 32], first: u32, changes: &[Change]) -> Result<Vec<Hash>> {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    let processors = *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
    in_parts(seed, first, changes, (changes.len() / SHARE_CHANGES).min(processors).clamp(1, THREADS_MAX))
}

/// Part after part: this thread takes the first, others the rest.
fn in_parts(seed: &[u8; 32], first: u32, changes: &[Change], parts: usize) -> Result<Vec<Hash>> {
    if parts < 2 {
        return each(seed, first, changes);
    }
    let (mine, others) = changes.split_at(changes.len() / parts);
    let next = first + mine.len() as u32;
    let (mine, others) = thread::scope(|scope| {
        let helper = thread::Builder::new().spawn_scoped(scope, || in_parts(seed, next, others, parts - 1));
        let mine = each(seed, first, mine);
        let others = match helper {
            Ok(helper) => helper.join().unwrap_or_else(|_| Err(Error::internal("hashing ended in a panic"))),
            // There is no thread to be had.
            Err(_) => each(seed, next, others),
        };
        (mine, others)
    });
    let mut all = mine?;
    all.append(&mut others?);
    Ok(all)
}

fn each(seed: &[u8; 32], first: u32, changes: &[Change]) -> Result<Vec<Hash>> {
    let mut commits = Vec::new();
    let hashed = (first..).zip(changes).map(|(number, change)| {
        check(change)?;
        let entry = entry(change, &derived_salt(seed, number), &mut commits);
        Ok(hash::leaf::<Sha2>(&entry.encode()))
    });
    hashed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::rows;

    #[test]
    fn leaves_are_the_same_however_many_hash_them() {
        let keys: Vec<String> = (0..1_000).map(|number: u32| format!("{number:04}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let changes = rows(&keys, b"text", &host::SeededRandom::new(1)).changes;
        let alone = each(&[9; 32], 5, &changes).unwrap();
        for parts in [1, 2, 3, 4, 7] {
            assert!(in_parts(&[9; 32], 5, &changes, parts).unwrap() == alone, "{parts}");
        }
        assert!(of(&[9; 32], 6, &changes).unwrap() != alone);
        let mut wrong = changes;
        wrong[999].cells = None;
        assert_eq!(in_parts(&[9; 32], 5, &wrong, 4).unwrap_err().state, types::SqlState::InternalError);
    }
}
