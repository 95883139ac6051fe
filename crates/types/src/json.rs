//! json (text, verbatim) and jsonb (canonical binary: keys ordered by length then bytes, duplicates dropped, numbers
//! as `Numeric`).
//!
//! The binary form of a document (big-endian; the length of a node is known from where it stands):
//! ```text
//!   null    00
//!   false   01
//!   true    02
//!   number  03 ‖ the ledger's canonical bytes of the numeric (finite; its scale is kept: 1.0 is not 1)
//!   string  04 ‖ UTF-8, without U+0000
//!   array   05 ‖ u16 depth ‖ u32 n ‖ (u32 end)*n ‖ elements
//!   object  06 ‖ u16 depth ‖ u32 n ‖ (u32 key end ‖ u32 value end)*n ‖ keys ‖ values
//! ```
//! An end counts from the start of the elements, keys or values: node i lies between end i-1 (0 for the first) and
//! end i. depth is 1 + the largest depth inside, 0 for scalars, at most [`MAX_DEPTH`]. Keys ascend by length, then by
//! bytes, without duplicates. So each document has one form: equal text (up to blanks, key order, dropped duplicates
//! and the spelling of numbers and escapes) means equal bytes. `1` and `1.0` are equal in [`compare()`], not in bytes.
//!
//! [`Node`] reads the binary form in place, [`Tree`] builds it; json text is read by [`raw`] without being rewritten.

mod access;
mod binary;
mod build;
mod edit;
mod format;
mod lexer;
mod order;
mod parse;
pub mod raw;
mod tree;

pub use access::*;
pub use binary::{ArrayNode, Node, ObjectNode, validate};
pub use build::{to_json_text, to_jsonb, to_tree};
pub use edit::*;
pub use format::{format, format_pretty, push_string};
pub use order::{compare, hash};
pub use parse::{check_text, parse};
pub use tree::Tree;

/// How deeply a document may nest (54001 beyond): walking one never exhausts a stack.
pub const MAX_DEPTH: u16 = 1000;

pub(crate) fn too_deep() -> crate::Error {
    crate::err!(StatementTooComplex, "stack depth limit exceeded")
        .detail(format!("A json document may nest {MAX_DEPTH} levels."))
}

#[cfg(test)]
mod tests;
