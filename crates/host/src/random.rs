//! Randomness for salts, nonces and keys.

pub trait Random: Send + Sync {
    /// Cryptographically secure in the real host.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}
