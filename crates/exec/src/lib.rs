//! Plan and snapshot to batches: an operator per file, pulled, synchronous.
//!
//! ```text
//!   Query ── build ──> Operator tree ── next(&mut Batch) ──> rows
//!                          │ expr::eval over batches
//!                          └ catalog::Transaction: scan, insert, update, delete, lock
//! ```
//! It never sees keys or bytes of storage: a row key is an opaque column.

pub mod operator;
pub mod run;

pub use operator::Operator;
pub use run::{Execution, Statistics, run};
