//! Aggregates: accumulators over groups, a batch at a time.

use crate::context::Context;
use crate::expr::{Expr, SortKey};
use crate::function::Argument;
use std::fmt;
use types::{ColumnType, DataType, Result, Vector};

/// An aggregate function of the catalog. Static.
pub struct Aggregate {
    pub name: &'static str,
    pub oid: types::Oid,
    pub args: &'static [Argument],
    pub returns: Argument,
    /// A new accumulator for these argument types (after coercion).
    pub accumulator: fn(args: &[DataType], returns: DataType) -> Box<dyn Accumulator>,
}

impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
impl PartialEq for Aggregate {
    fn eq(&self, other: &Aggregate) -> bool {
        std::ptr::eq(self, other)
    }
}

/// The states of one aggregate over all groups of a query.
pub trait Accumulator: Send {
    /// Row i of `args` belongs to group `groups[i]`; `group_count` is larger than every group so far.
    /// NULLs are the accumulator's business.
    fn update(&mut self, groups: &[usize], group_count: usize, args: &[Vector], context: &Context<'_>) -> Result<()>;
    /// The result of groups `0..group_count`. May be called again after more updates (window frames that grow).
    fn finish(&mut self, group_count: usize, context: &Context<'_>) -> Result<Vector>;
}

/// A call in a query: `sum(DISTINCT x ORDER BY y) FILTER (WHERE z)`. `count(*)` has no arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    pub aggregate: &'static Aggregate,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub order_by: Vec<SortKey>,
    pub filter: Option<Expr>,
    pub ty: ColumnType,
}

/// An aggregate chosen for some argument types.
#[derive(Debug, Clone)]
pub struct ResolvedAggregate {
    pub aggregate: &'static Aggregate,
    pub arguments: Vec<DataType>,
    pub returns: DataType,
}

/// None if no aggregate has this name; Err (42883, 42725) if one does but not for these types. `star` = `count(*)`.
pub fn resolve(_name: &str, _args: &[DataType], _star: bool) -> Option<Result<ResolvedAggregate>> {
    todo!()
}
