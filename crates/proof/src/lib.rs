//! What is hashed and what is proven: hash rules, the log tree, checkpoints, proof bundles, verification.
//!
//! Pure, `no_std`, total: any input is accepted or rejected with a reason, never a panic. Small enough to audit in an
//! evening. It never sees the engine. The rules are `docs/proofs.md`; RFC 9162 2.1 for trees; C2SP for notes.
//!
//! ```text
//!   hash ── layout (T, E) ──┐
//!   portable (SHA-256)      ├── bundle (P1, P3, P4) ── Bundle::verify(&Trust) -> Verified
//!   tree ── note ── checkpoint ── consistency (P2, P7)
//! ```
#![cfg_attr(not(test), no_std)]
// A build without dependencies compiles with Rust 1.63, which browsers' toolchains of distributions still have.
#![allow(clippy::manual_is_multiple_of, clippy::unnecessary_map_or)]
extern crate alloc;
// The test ledger is written against the public interface.
#[cfg(test)]
extern crate self as proof;

pub mod bundle;
pub mod checkpoint;
pub mod consistency;
pub mod hash;
pub mod layout;
pub mod meta;
pub mod note;
pub mod portable;
mod reader;
pub mod rejection;
pub mod text;
pub mod tree;
pub mod trust;

pub use rejection::Rejection;

#[cfg(test)]
mod tests;
