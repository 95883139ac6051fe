//! Keys, rows and descriptors as bytes and back.
//!
//! ```text
//!   key         one column of a key: order-preserving, prefix-free        docs/key-encoding.md
//!   stored_key  whole keys as the catalog stores them, and as text
//!   descriptor  a table's descriptor as the cells of its catalog row      docs/file-format.md, "System tables"
//! ```
//! Equal SQL keys <=> equal bytes, byte order = SQL order. Decoding is total: any bytes give a value or XX001. No I/O.

pub mod bytes;
pub mod descriptor;
pub mod key;
pub mod stored_key;

pub use stored_key::StoredKey;
