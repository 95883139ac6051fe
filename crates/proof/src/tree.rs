//! The log tree (RFC 9162 2.1): roots, audit paths, a compact range that grows, and verification.
//!
//! To be written: `Compact<S>` (append leaf hash, root, size, and the nodes that each append completes),
//! `root::<S>(leaves)`, `inclusion_path(index, size, node: impl FnMut(level, index) -> Result<Hash, E>)` over any node store,
//! `consistency_path(..)`, `verify_inclusion`, `verify_consistency`.
