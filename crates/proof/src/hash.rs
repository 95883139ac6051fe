//! SHA-256 behind a trait, and the hash rules of the ledger.
//!
//! Every hashed structure starts with its own eight-byte tag, everything of variable length carries its length, and
//! leaves and nodes have their RFC 6962 prefixes: no bytes can be read as two different things.

#[cfg(any(test, feature = "sha2"))]
use sha2::Digest;

/// A 32-byte SHA-256 hash.
pub type Hash = [u8; 32];

/// SHA-256, by the `sha2` crate or the portable implementation.
pub trait Sha256: Default {
    fn update(&mut self, bytes: &[u8]);
    fn finish(self) -> Hash;
}

/// A row's commitment is zeros when there is no row: a delete.
pub const NO_ROW: Hash = [0; 32];

/// H(0x00 ‖ bytes): a leaf of the log tree or of a transaction's tree.
pub fn leaf<S: Sha256>(bytes: &[u8]) -> Hash {
    digest::<S>(&[&[0], bytes])
}

/// H(0x01 ‖ left ‖ right).
pub fn node<S: Sha256>(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    digest::<S>(&[&bytes])
}

/// H(""): the root of a tree without leaves.
pub fn empty<S: Sha256>() -> Hash {
    S::default().finish()
}

/// A cell's salt, from its row's. Disclosing one says nothing about the others.
pub fn cell_salt<S: Sha256>(row_salt: &[u8; 32], column: u32) -> [u8; 16] {
    let hash = digest::<S>(&[b"stele1sa", row_salt, &column.to_be_bytes()]);
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    salt
}

/// C: one cell, by its type code and canonical bytes.
pub fn cell_commit<S: Sha256>(cell_salt: &[u8; 16], column: u32, code: u8, value: &[u8]) -> Hash {
    let mut head = [0; 33];
    head[..8].copy_from_slice(b"stele1ce");
    head[8..24].copy_from_slice(cell_salt);
    head[24..28].copy_from_slice(&column.to_be_bytes());
    head[28] = code;
    head[29..].copy_from_slice(&length(value));
    digest::<S>(&[&head, value])
}

/// A row version: its cells (column, C), ascending by column, NULL cells included.
pub fn row_commit<S: Sha256>(
    schema_tx: u64,
    object: u32,
    cells: impl ExactSizeIterator<Item = (u32, Hash)>,
) -> Hash {
    debug_assert!(cells.len() <= u16::MAX as usize, "a row has at most 65535 cells");
    let mut head = [0; 22];
    head[..8].copy_from_slice(b"stele1ro");
    head[8..16].copy_from_slice(&schema_tx.to_be_bytes());
    head[16..20].copy_from_slice(&object.to_be_bytes());
    head[20..].copy_from_slice(&(cells.len() as u16).to_be_bytes());
    let mut state = S::default();
    state.update(&head);
    for (column, commit) in cells {
        let mut cell = [0; 36];
        cell[..4].copy_from_slice(&column.to_be_bytes());
        cell[4..].copy_from_slice(&commit);
        state.update(&cell);
    }
    state.finish()
}

/// A row's identity: its object and key.
pub fn key_commit<S: Sha256>(key_salt: &[u8; 16], object: u32, key: &[u8]) -> Hash {
    digest::<S>(&[b"stele1ky", key_salt, &object.to_be_bytes(), &length(key), key])
}

/// Who and why: a transaction's meta bytes.
pub fn meta_commit<S: Sha256>(salt: &[u8; 32], meta: &[u8]) -> Hash {
    digest::<S>(&[b"stele1md", salt, &length(meta), meta])
}

/// H of the parts, one after the other.
pub fn digest<S: Sha256>(parts: &[&[u8]]) -> Hash {
    let mut state = S::default();
    for part in parts {
        state.update(part);
    }
    state.finish()
}

/// The length in front of variable bytes. Limits far below 4 GiB are kept where bytes enter.
fn length(bytes: &[u8]) -> [u8; 4] {
    debug_assert!(bytes.len() <= u32::MAX as usize, "hashed bytes are shorter than 4 GiB");
    (bytes.len() as u32).to_be_bytes()
}

/// The `sha2` crate, which uses the processor's instructions where it has them.
#[cfg(any(test, feature = "sha2"))]
#[derive(Clone, Default)]
pub struct Sha2(sha2::Sha256);

#[cfg(any(test, feature = "sha2"))]
impl Sha256 for Sha2 {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(&mut self.0, bytes);
    }
    fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

pub use crate::portable::Portable;

/// The fastest implementation of this build.
#[cfg(any(test, feature = "sha2"))]
pub type Default256 = Sha2;
#[cfg(not(any(test, feature = "sha2")))]
pub type Default256 = Portable;
