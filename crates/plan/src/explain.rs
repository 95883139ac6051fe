//! EXPLAIN: a plan as text, as PostgreSQL prints it.

use crate::Query;
use crate::statement::ExplainOptions;

/// What EXPLAIN ANALYZE measured of a node: sums over all loops. In pre-order: the plan's nodes, each subplan's, each
/// CTE's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Actual {
    pub rows: u64,
    pub loops: u64,
    pub time_us: u64,
}

/// The plan as text (or JSON). `actual`: what was measured, and the whole time in microseconds.
pub fn explain(_query: &Query, _options: &ExplainOptions, _actual: Option<(&[Actual], u64)>) -> String {
    todo!()
}
