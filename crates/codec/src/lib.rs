//! Keys, rows and descriptors as bytes and back.
//!
//! Keys are prefix-free and order-preserving: equal SQL keys <=> equal bytes, byte order = SQL order
//! (docs/key-encoding.md has annotated hex). Rows are cells of canonical bytes; descriptors are rows of system tables.
//! Decoding is total: any bytes give a value or XX001. No I/O.

pub mod key;
