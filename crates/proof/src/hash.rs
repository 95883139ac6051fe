//! SHA-256 behind a trait, and the hash rules of the ledger.

/// A 32-byte SHA-256 hash.
pub type Hash = [u8; 32];

/// SHA-256, by the `sha2` crate or the portable implementation.
pub trait Sha256: Default {
    fn update(&mut self, bytes: &[u8]);
    fn finish(self) -> Hash;
}

// What follows is generic over S: Sha256. To be written: `Sha2` (feature sha2), `Portable`, and
//   leaf::<S>(bytes) node::<S>(left, right) empty::<S>()
//   cell_salt::<S>(row_salt: &[u8; 32], column: u32) -> [u8; 16]
//   cell_commit::<S>(cell_salt: &[u8; 16], column: u32, code: u8, value: &[u8]) -> Hash
//   row_commit::<S>(schema_tx: u64, object: u32, cells: impl ExactSizeIterator<Item = (u32, Hash)>) -> Hash
//   key_commit::<S>(key_salt: &[u8; 16], object: u32, key: &[u8]) -> Hash
//   meta_commit::<S>(salt: &[u8; 32], meta: &[u8]) -> Hash
