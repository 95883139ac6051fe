//! Plan and snapshot to batches: an operator per file, pulled, synchronous.
//!
//! ```text
//!   Arc<Query> ── Execution::new ──> operators (state only) ── next(plan, run, &mut Batch) ──> rows
//!     (immutable)                        │ expr::eval over batches
//!                                        └ catalog::Transaction: scan, insert, update, delete, lock
//! ```
//! Three lifetimes are kept apart: the plan (immutable, shared by sessions), the operators (owned by one
//! [`Execution`], across pulls), and a `context::Run` (what may be used during one pull, the transaction among it).
//! So a portal can rest between pulls and hold nothing of the session.
//!
//! It never sees keys or bytes of storage: a row key is an opaque column.

mod context;
mod execution;
mod key;
mod operator;
mod shape;
mod subplan;
#[cfg(test)]
mod tests;

pub mod run;

pub use execution::Execution;
pub use run::{CopyInput, Functions, NodeStatistics, Statistics, Surroundings, run};
