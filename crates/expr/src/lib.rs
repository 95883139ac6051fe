//! Bound expressions and the one evaluator.
//!
//! ```text
//!   catalog of functions, operators, aggregates          the planner looks up by name and argument types
//!        │
//!   Expr (bound: every node knows its type)  ── eval ──> Vector, a batch at a time
//!        │                                                │
//!        └── used by plan, catalog (CHECK, DEFAULT,       └── what it cannot know (sequences, names, subplans)
//!            index expressions) and exec                      it asks of a `Runtime`
//! ```
//! There is no second evaluator: constant folding is `eval` over no columns.
//! This crate never sees storage and never parses SQL.

pub mod aggregate;
mod aggregates;
mod columnwise;
pub mod context;
pub mod eval;
pub mod expr;
pub mod function;
pub mod functions;
pub mod operator;
mod operator_table;
pub mod resolution;
mod signature;
pub mod window;

pub use aggregate::{Accumulator, Aggregate, AggregateCall};
pub use context::{Context, Runtime};
pub use eval::{eval, eval_constant, eval_filter, eval_set};
pub use expr::{Expr, SortKey, SubplanKind};
pub use function::{Binder, Function, Implementation, Volatility};
pub use functions::series::Integers;
pub use window::{Frame, FrameBound, FrameExclusion, FrameMode, WindowCall, WindowFunction};

#[cfg(test)]
mod tests;
