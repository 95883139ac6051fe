//! Which keys a run does not have, without a look at its file: ten bits a key, wrong for one in a hundred.

use crate::history::Family;
use std::hash::{DefaultHasher, Hash, Hasher};

pub(crate) struct Bloom {
    words: Vec<u64>,
}

const BITS_PER_KEY: u64 = 10;
const HASHES: u64 = 6;

impl Bloom {
    pub(crate) fn new(keys: u64) -> Bloom {
        let words = (keys.saturating_mul(BITS_PER_KEY) / 64 + 1).min(1 << 32);
        Bloom { words: vec![0; words as usize] }
    }

    pub(crate) fn add(&mut self, family: Family, key: &[u8]) {
        for (word, bit) in self.places(family, key) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(crate) fn may_have(&self, family: Family, key: &[u8]) -> bool {
        self.places(family, key).all(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.words.len() * 8
    }

    fn places(&self, family: Family, key: &[u8]) -> impl Iterator<Item = (usize, u64)> + use<> {
        // The same in every process: a simulation must not depend on it.
        let mut hasher = DefaultHasher::new();
        (family, key).hash(&mut hasher);
        let hash = hasher.finish();
        let bits = self.words.len() as u64 * 64;
        let (first, step) = (hash, hash.rotate_left(32) | 1);
        (0..HASHES).map(move |n| {
            let bit = first.wrapping_add(step.wrapping_mul(n)) % bits;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }
}
